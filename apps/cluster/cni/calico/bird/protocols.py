"""The `protocol bgp` blocks of a node: its peers in the mesh of all nodes, and those that BGPPeers give it.

Models      confd/pkg/backends/calico/bgp_processor.go (processMeshPeers, buildPeerFromData),
            the end of bird.cfg.template
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from apps.cluster.cni.calico.bird.datastore import Datastore, seconds
from apps.cluster.cni.calico.bird.filters import export_filter, import_filter
from apps.cluster.cni.calico.bird.peerings import Peering, peerings


class Protocol(NamedTuple):
    """One block. What is "" or None is not written."""

    name: str
    address: str
    asn: str
    import_filter: list[str]
    export_filter: list[str]
    port: int = 0
    local_asn: str = ""
    source: str = ""
    ttl: int = 0
    passive: bool = False
    restart: str = ""
    keepalive: str = ""
    cluster_id: str = ""  # of this node, when the peer is a client of its route reflector
    password: str = ""
    keep_next_hop: bool = False
    next_hop_self: bool = False
    allow_local_as: int = 0
    filters: tuple[str, ...] = ()  # the BGPFilters that are in the two filters above

    def lines(self) -> Iterator[str]:
        yield f"protocol bgp {self.name} from bgp_template {{"
        if self.local_asn:
            yield f"  local as {self.local_asn};"
        yield f"  neighbor {self.address}{f' port {self.port}' if self.port else ''} as {self.asn};"
        if self.source:
            yield f"  source address {self.source};  # The local address we use for the TCP connection"
        yield f"  ttl security {'on' if self.ttl else 'off'};"
        yield f"  multihop {self.ttl};" if self.ttl else "  multihop;"
        yield from ("  import filter {", *_indented(self.import_filter), "  };")
        export = "  };  # Only want to export routes for workloads."
        yield from ("  export filter {", *_indented(self.export_filter), export)
        if self.passive:
            yield "  passive on;"
        if self.restart:
            yield f"  graceful restart time {self.restart};"
        if self.keepalive:
            yield f"  keepalive time {self.keepalive};"
        if self.cluster_id:
            yield "  rr client;"
            yield f"  rr cluster id {self.cluster_id};"
        if self.password:
            yield f'  password "{self.password}";'
        if self.keep_next_hop:
            yield "  next hop keep;"
        if self.next_hop_self:
            yield "  next hop self;"
        if self.allow_local_as:
            yield f"  allow local as {self.allow_local_as};"
        yield "}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def protocols(store: Datastore, node: str, family: int) -> list[Protocol]:
    """All blocks of a node for one family, in order of their names."""
    everywhere, here = peerings(store, node)
    found = list(_mesh(store, node, family))
    for prefix, peers in (("Global", everywhere), ("Node", here)):
        found += [_explicit(store, node, family, prefix, peer) for peer in peers.values() if peer.family == family]
    own = store.nodes[node].address(family)
    return sorted(one for one in found if one.address != own)


def _named(prefix: str, address: str) -> str:
    return f"{prefix}_{address.replace('.', '_').replace(':', '_')}"


def _mesh(store: Datastore, node: str, family: int) -> Iterator[Protocol]:
    """Every node peers with every other but route reflectors. Of two, that with the higher address (as text) calls."""
    mine = store.nodes[node]
    if mine.cluster_id or store.defaults.get("nodeToNodeMeshEnabled") is False:
        return
    restart = store.defaults.get("nodeMeshMaxRestartTime")
    for name, other in store.nodes.items():
        address = other.address(family)
        if not address or other.cluster_id:
            continue
        asn = other.asn or store.as_of(node)
        same_as = asn == store.as_of(node)
        yield Protocol(
            _named("Mesh", address),
            address,
            asn,
            import_filter(store, (), family, same_as=same_as),
            export_filter(store, (), family, same_as=same_as),
            port=store.port(name),
            source=mine.address(family),
            passive=address > mine.address(family),
            restart=seconds(restart) if restart else "",
            password=store.password(store.defaults.get("nodeMeshPassword")) or "",
        )


def _explicit(store: Datastore, node: str, family: int, prefix: str, peer: Peering) -> Protocol:
    mine = store.nodes[node]
    own_as = store.as_of(node) if peer.local_asn == "0" else peer.local_asn
    same_as = peer.asn == own_as
    prefix = "Local_Workload" if peer.local else prefix
    client = same_as and mine.cluster_id != peer.cluster_id
    called = prefix == "Global" and peer.calico_node and peer.address > mine.address(family)
    return Protocol(
        _named(prefix, peer.address) + (f"_port_{peer.port}" if peer.port else ""),
        peer.address,
        peer.asn,
        import_filter(store, peer.filters, family, same_as=same_as),
        export_filter(store, peer.filters, family, same_as=same_as),
        port=peer.port,
        local_asn="" if peer.local_asn == "0" else peer.local_asn,
        source=mine.address(family) if peer.source == "UseNodeIP" else "",
        ttl=peer.ttl,
        passive=peer.local or called,
        restart=peer.restart,
        keepalive=peer.keepalive,
        cluster_id=mine.cluster_id if client else "",
        password=peer.password or "",
        keep_next_hop=peer.next_hop_mode == "Keep" or (peer.keep_next_hop and not same_as),
        next_hop_self=peer.next_hop_mode == "Self",
        allow_local_as=peer.allow_local_as,
        filters=peer.filters,
    )
