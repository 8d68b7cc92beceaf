"""Which peers the BGPPeers give a node: those of all nodes, its own, and the way back of those that point at it.

Models      confd/pkg/backends/calico/client.go (updatePeersV1, nodeAsBGPPeers, nodesWithIPPortAndAS)
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.bird.datastore import Datastore, as_number, seconds

Peers = dict[tuple[str, int], "Peering"]


class Peering(NamedTuple):
    """One peer, as confd notes it down before it is written for BIRD."""

    address: str
    asn: str
    port: int = 0
    local_asn: str = "0"
    source: str = ""
    keep_next_hop: bool = False
    next_hop_mode: str = ""
    calico_node: bool = False
    ttl: int = 0
    filters: tuple[str, ...] = ()
    allow_local_as: int = 0
    reachable_by: str = ""
    cluster_id: str = ""
    password: str | None = None
    restart: str = ""
    keepalive: str = ""
    local: bool = False

    @property
    def family(self) -> int:
        return 6 if ":" in self.address else 4


def peerings(store: Datastore, node: str) -> tuple[Peers, Peers]:
    """The peers of every node, and those of this one alone; an address is in one of them, explicit before reverse."""
    everywhere: Peers = {}
    here: Peers = {}
    for name, spec in store.peers.items():
        if not spec.get("nodeSelector") and not spec.get("node"):
            for peer in _named(store, name, spec):
                everywhere.setdefault((peer.address, peer.port), peer)
    for name, spec in store.peers.items():
        if (spec.get("nodeSelector") or spec.get("node")) and node in _sides(store, spec):
            _add(here, everywhere, _named(store, name, spec))
    for spec in store.peers.values():
        if spec.get("reversePeering") != "Manual" and not spec.get("localWorkloadSelector"):
            _add(here, everywhere, _reverse(store, node, spec))
    return everywhere, here


def _add(here: Peers, everywhere: Peers, peers: Iterator[Peering]) -> None:
    for peer in peers:
        key = (peer.address, peer.port)
        if key not in everywhere:
            here.setdefault(key, peer)


def _sides(store: Datastore, spec: Obj) -> list[str]:
    """The nodes that a BGPPeer is about."""
    if spec.get("nodeSelector"):
        return store.matching(spec["nodeSelector"])
    return [spec["node"]] if spec.get("node") else list(store.nodes)


def _named(store: Datastore, name: str, spec: Obj) -> Iterator[Peering]:
    """The peers that a BGPPeer names: workloads of the node, nodes by their labels, or one address."""
    if spec.get("localWorkloadSelector"):
        yield from _workloads(store, name, spec)
    elif spec.get("peerSelector"):
        for other in store.matching(spec["peerSelector"]):
            for peer in _of_node(store, other, (4, 6), spec):
                yield _configured(store, peer, spec)
    else:
        found = _by_address(store, spec)
        if found is not None:
            yield _configured(store, found, spec)


def _workloads(store: Datastore, name: str, spec: Obj) -> Iterator[Peering]:
    for local in store.local_peers:
        for address in local.addresses if local.peer == name else ():
            if address:
                yield Peering(
                    str(ip_address(address)),
                    as_number(spec.get("asNumber") or 0),
                    local_asn=as_number(spec.get("localASNumber") or 0),
                    source="None",
                    filters=tuple(spec.get("filters") or ()),
                    local=True,
                )


def _by_address(store: Datastore, spec: Obj) -> Peering | None:
    host, port = split_port(spec.get("peerIP") or "")
    try:
        address = ip_address(host)
        reachable = ip_address(spec["reachableBy"]) if spec.get("reachableBy") else None
    except ValueError:
        return None
    if reachable is not None and reachable.version != address.version:
        return None
    if not port:
        nodes = _nodes_at(store, host, spec, port)
        port = store.port(nodes[0]) if nodes else 0
    mode = spec.get("nextHopMode")
    return Peering(
        str(address),
        as_number(spec.get("asNumber") or 0),
        port,
        as_number(spec.get("localASNumber") or 0),
        keep_next_hop=mode is None and bool(spec.get("keepOriginalNextHop")),
        next_hop_mode=mode or "",
        calico_node=any(host in node.addresses for node in store.nodes.values()),
        ttl=spec.get("ttlSecurity") or 0,
        filters=tuple(spec.get("filters") or ()),
        allow_local_as=spec.get("numAllowedLocalASNumbers") or 0,
        reachable_by=spec.get("reachableBy") or "",
    )


def split_port(text: str) -> tuple[str, int]:
    """
    >>> split_port("10.0.0.1:179"), split_port("[fd00::1]:80"), split_port("fd00::1")
    (('10.0.0.1', 179), ('fd00::1', 80), ('fd00::1', 0))
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        return text, 0
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    return (text, 0) if ":" in host else (host, int(port))


def _nodes_at(store: Datastore, host: str, spec: Obj, port: int) -> list[str]:
    """The nodes that have an address, an AS number and, where one is asked for, a port."""
    asn = as_number(spec.get("asNumber") or 0)
    asn = store.default_as() if asn == "0" else asn
    default = int(store.defaults.get("listenPort") or 0)
    found = []
    for name, node in store.nodes.items():
        if host not in node.addresses or store.as_of(name) != asn:
            continue
        own = store.own_port(name)
        if port and ((own and own != port) or (default and default != port)):
            continue
        found.append(name)
    return found


def _of_node(store: Datastore, name: str, families: tuple[int, ...], spec: Obj) -> Iterator[Peering]:
    node = store.nodes.get(name)
    mode = spec.get("nextHopMode")
    for family in families if node is not None else ():
        assert node is not None
        if node.address(family):
            yield Peering(
                node.address(family),
                store.as_of(name),
                store.port(name),
                keep_next_hop=mode is None and bool(spec.get("keepOriginalNextHop")),
                next_hop_mode=mode or "",
                ttl=spec.get("ttlSecurity") or 0,
                filters=tuple(spec.get("filters") or ()),
                reachable_by=spec.get("reachableBy") or "",
                cluster_id=node.cluster_id,
            )


def _reverse(store: Datastore, node: str, spec: Obj) -> Iterator[Peering]:
    """Where a BGPPeer names this node as the peer: the nodes that peer with it are its peers too."""
    families: tuple[int, ...] = (4, 6)
    if spec.get("peerSelector"):
        named = store.matching(spec["peerSelector"])
    else:
        host, port = split_port(spec.get("peerIP") or "")
        named = _nodes_at(store, host, spec, port)
        families = (6,) if ":" in host else (4,)
    if node in named:
        for other in _sides(store, spec):
            for peer in _of_node(store, other, families, spec):
                yield _configured(store, peer, spec)


def _configured(store: Datastore, peer: Peering, spec: Obj) -> Peering:
    return peer._replace(
        password=store.password(spec.get("password")),
        source=spec.get("sourceAddress") or "UseNodeIP",
        restart=seconds(spec["maxRestartTime"]) if spec.get("maxRestartTime") else "",
        keepalive=seconds(spec["keepaliveTime"]) if spec.get("keepaliveTime") else "",
    )
