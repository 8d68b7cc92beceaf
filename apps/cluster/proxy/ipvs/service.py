"""A Service port's part in IPVS mode: its virtual servers, and what it puts into the ipsets.

Models      pkg/proxy/ipvs/proxier.go: syncProxyRules, the loop over svcPortMap; syncEndpoint
Leaves out  nothing
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.network.addresses import canonical, family_of, is_loopback, within
from apps.cluster.network.ipvs import RealServer, VirtualServer
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.endpoints import Endpoint, categorize
from apps.cluster.proxy.ipvs import sets
from apps.cluster.proxy.service_ports import PortName, ServicePort


class Built(NamedTuple):
    """What one port makes of it. `bound`: addresses for kube-ipvs0."""

    servers: tuple[VirtualServer, ...] = ()
    bound: tuple[str, ...] = ()
    members: dict[str, tuple[str, ...]] = {}  # ipset -> what goes into it
    blocked: tuple[tuple[str, str, int], ...] = ()  # balancers' (address, protocol, port) that this node may not ask
    no_local_internal: bool = False  # no endpoint on this node, where there has to be one
    no_local_external: bool = False


def build(name: PortName, port: ServicePort, endpoints: list[Endpoint], config: ProxyConfig) -> Built:
    """The part of one port. Where the external policy is Local and the node has no endpoint of its own, the others'
    stand in: Pods of this node have to get somewhere, and answers to who asked from outside are lost."""
    usable = categorize(endpoints, port, config.node, config.labels)
    protocol = name.protocol.lower()
    members: dict[str, list[str]] = {}
    servers: list[VirtualServer] = []
    bound: list[str] = []
    blocked: list[tuple[str, str, int]] = []
    missed = False

    def put(where: str, *entries: str) -> None:
        members.setdefault(where, []).extend(entries)

    def serve(address: str, number: int, *, local: bool, bind: bool) -> None:
        nonlocal missed
        missed = missed or (local and not usable.local)
        behind = usable.local if local and usable.local else usable.cluster
        real = tuple(RealServer(ep.address, ep.port) for ep in behind)
        servers.append(VirtualServer(protocol, address, number, real, port.affinity_seconds))
        # An address that another interface has already is not bound.
        if bind and address not in bound:
            bound.append(address)

    def at(address: str) -> str:
        return f"{address},{protocol}:{port.port}"

    for endpoint in endpoints:
        if endpoint.local:
            put(sets.LOOP_BACK, f"{endpoint.address},{protocol}:{endpoint.port},{endpoint.address}")
    put(sets.CLUSTER_IP, at(port.cluster_ip))
    serve(port.cluster_ip, port.port, local=port.internal_local, bind=True)
    for address in port.external_ips:
        put(sets.EXTERNAL_IP_LOCAL if port.external_local else sets.EXTERNAL_IP, at(address))
        serve(address, port.port, local=port.external_local, bind=address not in config.node_ips)
    for address in port.load_balancer_ips:
        put(sets.LOAD_BALANCER, at(address))
        if port.external_local:
            put(sets.LOAD_BALANCER_LOCAL, at(address))
        if port.source_ranges:
            put(sets.LOAD_BALANCER_FW, at(address))
            put(sets.SOURCE_CIDR, *(f"{at(address)},{canonical(cidr)}" for cidr in port.source_ranges))
            if config.node_ip and any(within(config.node_ip, cidr) for cidr in port.source_ranges):
                put(sets.SOURCE_IP, f"{at(address)},{address}")
            else:
                blocked.append((address, protocol, port.port))
        serve(address, port.port, local=port.external_local, bind=address not in config.node_ips)
    if port.node_port:
        here = node_port_ips(config)
        entries = [f"{address},{protocol}:{port.node_port}" for address in here]
        entries = entries if name.protocol == "SCTP" else [str(port.node_port)] if here else []
        put(sets.NODE_PORT[name.protocol], *entries)
        if port.external_local:
            put(sets.NODE_PORT_LOCAL[name.protocol], *entries)
        for address in here:
            serve(address, port.node_port, local=port.external_local, bind=False)
    if port.health_check_node_port:
        put(sets.HEALTH_CHECK, str(port.health_check_node_port))
    return Built(
        tuple(servers),
        tuple(bound),
        {where: tuple(entries) for where, entries in members.items() if entries},
        tuple(blocked),
        missed and usable.any and port.internal_local,
        missed and usable.any and port.external_local,
    )


def node_port_ips(config: ProxyConfig) -> list[str]:
    """The addresses that node ports are served at: virtual servers are made for each, none at localhost."""
    asked = config.node_port_ips()
    here = [ip for ip in config.node_ips if family_of(ip) == config.family] if asked is None else asked
    return [ip for ip in here if not is_loopback(ip)]
