"""The way through one node's rules for a Service's port, chain by chain, as that node's kube-proxy has written it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from apps.cluster.proxy.endpoints import Endpoint
from apps.cluster.proxy.iptables import names as iptables
from apps.cluster.proxy.nftables import names as nftables
from apps.diagrams.balance import Balance


class Link(NamedTuple):
    """`name`: a chain (nftables: or a map; IPVS: a virtual server). `match`: what comes to it; `to`: where it leads."""

    name: str
    match: str
    to: str = ""
    refuses: bool = False


class Names(NamedTuple):
    """What a mode calls its chains."""

    services: str
    node_ports: str
    refused: str
    refused_outside: str
    cluster: str
    local: str
    external: str
    firewall: str


def names_of(mode: str, found: Balance) -> Names:
    assert found.name is not None
    assert found.port is not None
    if mode == "nftables":
        base = nftables.port_base(found.name)
        return Names(
            nftables.SERVICE_IPS,
            nftables.SERVICE_NODE_PORTS,
            nftables.NO_ENDPOINT_SERVICES,
            nftables.NO_ENDPOINT_NODE_PORTS,
            nftables.cluster_chain(found.name),
            nftables.local_chain(found.name),
            nftables.external_chain(found.name),
            f"firewall-{base}",
        )
    text, protocol = str(found.name), found.port.protocol.lower()
    return Names(
        iptables.SERVICES,
        iptables.NODE_PORTS,
        f"filter {iptables.SERVICES}",
        f"filter {iptables.EXTERNAL_SERVICES}",
        iptables.cluster_chain(text, protocol),
        iptables.local_chain(text, protocol),
        iptables.external_chain(text, protocol),
        iptables.firewall_chain(text, protocol),
    )


def endpoint_chain(mode: str, found: Balance, endpoint: Endpoint) -> str:
    """What leads to one endpoint; IPVS has a real server of that address."""
    assert found.name is not None
    assert found.port is not None
    if mode == "nftables":
        return f"endpoint-{nftables.endpoint_base(found.name, endpoint)}"
    if mode == "ipvs":
        return str(endpoint)
    return iptables.endpoint_chain(str(found.name), found.port.protocol.lower(), str(endpoint))


def short(name: str) -> str:
    """A chain without its hash: `KUBE-SVC`."""
    return "-".join(name.split("-")[:2]) if name.startswith("KUBE-") and name.count("-") > 1 else name.split("-")[0]


def links(mode: str, found: Balance) -> list[Link]:
    """From the common chains to those that share connections out among the endpoints."""
    if found.port is None or found.name is None:
        return []
    return list(_virtual(found) if mode == "ipvs" else _chains(names_of(mode, found), found))


def _chains(names: Names, found: Balance) -> Iterator[Link]:
    port = found.port
    assert port is not None
    at = f"{port.cluster_ip}:{port.port}"
    each = "endpoint" if names.services == nftables.SERVICE_IPS else "KUBE-SEP"
    refusal = "REJECT" if not found.any else "DROP"
    addresses = [(ip, names.firewall if port.source_ranges else names.external) for ip in port.load_balancer_ips]
    addresses += [(ip, names.external) for ip in port.external_ips]
    inside = names.local if port.internal_local else names.cluster
    if found.any and found.inside:
        yield Link(names.services, at, inside)
    else:
        yield Link(names.refused, at, refusal, True)
    if found.any:
        for address, chain in addresses[:2]:
            yield Link(names.services, f"{address}:{port.port}", chain)
        if port.node_port:
            yield Link(names.node_ports, f":{port.node_port}", names.external)
    if port.externally_accessible and not (found.any and found.outside):
        match = f":{port.node_port}" if port.node_port else f"{addresses[0][0]}:{port.port}"
        yield Link(names.refused_outside, match, refusal, True)
    if found.any and port.externally_accessible:
        outside = names.local if port.external_local else names.cluster
        match = "! Pod, ! LOCAL" if port.external_local else "MARK-MASQ"
        yield Link(names.external, match, outside if found.outside else "")
    if found.cluster and port.uses_cluster_endpoints:
        yield Link(names.cluster, f"→ {len(found.cluster)} × {each}")
    if found.local and port.uses_local_endpoints:
        yield Link(names.local, f"→ {len(found.local)} × {each}")


def _virtual(found: Balance) -> Iterator[Link]:
    port = found.port
    assert port is not None
    yield Link(f"{port.protocol} {port.cluster_ip}:{port.port}", f"rr × {len(found.inside)}", "", not found.inside)
    if port.node_port:
        many = len(found.outside)
        yield Link(f"{port.protocol} *:{port.node_port}", f"rr × {many}", "", not many)


def chances(mode: str, endpoints: tuple[Endpoint, ...]) -> dict[str, str]:
    """With what probability each is taken, as it is written: of those that are left, the last without any.

    >>> chances("iptables", (Endpoint("10.0.0.1", 80, False, True, True, False),))
    {'10.0.0.1:80': '1'}
    """
    count = len(endpoints)
    if mode == "iptables":
        return {str(one): f"{1 / (count - place):.4g}" for place, one in enumerate(endpoints)}
    return {str(one): f"1/{count}" if count > 1 else "1" for one in endpoints}
