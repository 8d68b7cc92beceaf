"""A Service port's part of the table: its elements of the common sets and maps, and chains of its own.

Models      pkg/proxy/nftables/proxier.go: syncProxyRules, the loop over svcPortMap; writeServiceToEndpointDNATs
            and writeServiceToEndpointJumps
Leaves out  nothing
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.network.addresses import canonical, within
from apps.cluster.network.nftables.table import Chain, Element, Set
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.endpoints import Endpoint, categorize
from apps.cluster.proxy.nftables import names
from apps.cluster.proxy.service_ports import PortName, ServicePort

Elements = dict[str, dict[str, Element]]  # set or map -> key -> element


class Built(NamedTuple):
    """What one port makes of the table."""

    elements: Elements = {}
    chains: dict[str, Chain] = {}
    sets: dict[str, Set] = {}  # of session affinity
    no_local_internal: bool = False  # dropped inside for want of an endpoint on this node
    no_local_external: bool = False


def build(name: PortName, port: ServicePort, endpoints: list[Endpoint], config: ProxyConfig) -> Built:
    """The part of one port."""
    usable = categorize(endpoints, port, config.node, config.labels)
    protocol = port.protocol.lower()
    cluster_chain, local_chain = names.cluster_chain(name), names.local_chain(name)
    external, firewall_chain = names.external_chain(name), names.firewall_chain(name)
    inside = local_chain if port.internal_local else cluster_chain
    outside = local_chain if port.external_local else cluster_chain
    has_inside = usable.any and not (port.internal_local and not usable.local)
    has_outside = usable.any and not (port.external_local and not usable.local)
    firewalled = bool(port.load_balancer_ips) and bool(port.source_ranges)
    refused = Element("drop" if usable.any else f"goto {names.REJECT}", str(name))

    elements: Elements = {}

    def put(where: str, key: str, element: Element) -> None:
        elements.setdefault(where, {})[key] = element

    def at(address: str) -> str:
        return f"{address} . {protocol} . {port.port}"

    for endpoint in usable.reachable:
        if endpoint.local:
            key = f"{endpoint.address} . {endpoint.address} . {protocol} . {endpoint.port}"
            put(names.HAIRPIN, key, Element())
    put(names.CLUSTER_IPS, port.cluster_ip, Element())
    if has_inside:
        put(names.SERVICE_IPS, at(port.cluster_ip), Element(f"goto {inside}"))
    else:
        put(names.NO_ENDPOINT_SERVICES, at(port.cluster_ip), refused)
    for address in (*port.external_ips, *port.load_balancer_ips):
        if usable.any:
            put(names.SERVICE_IPS, at(address), Element(f"goto {external}"))
        if not has_outside:
            put(names.NO_ENDPOINT_SERVICES, at(address), refused)
    if firewalled:
        for address in port.load_balancer_ips:
            put(names.FIREWALL_IPS, at(address), Element(f"goto {firewall_chain}"))
    if port.node_port:
        key = f"{protocol} . {port.node_port}"
        if usable.any:
            put(names.SERVICE_NODE_PORTS, key, Element(f"goto {external}"))
        if not has_outside:
            put(names.NO_ENDPOINT_NODE_PORTS, key, refused)

    chains: dict[str, Chain] = {}
    sets: dict[str, Set] = {}
    balance = _by_affinity if port.affinity_seconds else _by_chance
    if usable.cluster and port.uses_cluster_endpoints:
        chains[cluster_chain] = Chain(balance(name, usable.cluster, config))
    if usable.local and port.uses_local_endpoints:
        chains[local_chain] = Chain(balance(name, usable.local, config))
    if usable.any and port.externally_accessible:
        chains[external] = Chain(_external_rules(port, config, cluster_chain, outside if has_outside else ""))
    if port.affinity_seconds:
        for endpoint in usable.reachable:
            remembered = names.affinity_set(name, endpoint)
            sets[remembered] = Set(
                f"ipv{config.family}_addr", flags=("dynamic", "timeout"), timeout=port.affinity_seconds
            )
            chains[names.endpoint_chain(name, endpoint)] = Chain(
                (
                    f"update @{remembered} {{ {ip(config)} saddr }}",
                    f"meta l4proto {protocol} dnat to {endpoint}",
                )
            )
    if firewalled:
        chains[firewall_chain] = Chain((_firewall_rule(port, config),))
    return Built(elements, chains, sets, usable.any and not has_inside, usable.any and not has_outside)


def ip(config: ProxyConfig) -> str:
    return "ip" if config.family == 4 else "ip6"


def _by_chance(name: PortName, endpoints: list[Endpoint], config: ProxyConfig) -> tuple[str, ...]:
    """One rule, however many endpoints: a number by chance, and what stands under it."""
    choices = " , ".join(f"{number} : {ep.address} . {ep.port}" for number, ep in enumerate(endpoints))
    chosen = f"numgen random mod {len(endpoints)} map {{ {choices} }}"
    return (f"meta l4proto {name.protocol.lower()} dnat {ip(config)} addr . port to {chosen}",)


def _by_affinity(name: PortName, endpoints: list[Endpoint], config: ProxyConfig) -> tuple[str, ...]:
    """The endpoint that served this client before, else one by chance; each has a chain, where it remembers."""
    chains = [names.endpoint_chain(name, ep) for ep in endpoints]
    rules = [
        f"{ip(config)} saddr @{names.affinity_set(name, ep)} goto {chain}"
        for ep, chain in zip(endpoints, chains, strict=True)
    ]
    choices = " , ".join(f"{number} : goto {chain}" for number, chain in enumerate(chains))
    return (*rules, f"numgen random mod {len(chains)} vmap {{ {choices} }}")


def _external_rules(port: ServicePort, config: ProxyConfig, cluster_chain: str, onward: str) -> tuple[str, ...]:
    """What came to a node port, a load balancer's or an external address. `onward`: "" when nothing may."""
    mark = f"mark set mark or {config.masquerade_mark}"
    rules: list[str] = []
    if not port.external_local:
        rules.append(f'{mark} comment "masquerade"')
    else:
        if config.local_cidr:
            rules.append(
                f'{ip(config)} saddr {config.local_cidr} goto {cluster_chain} comment "short-circuit pod traffic"'
            )
        rules.append(f'fib saddr type local {mark} comment "masquerade local traffic"')
        rules.append(f'fib saddr type local goto {cluster_chain} comment "short-circuit local traffic"')
    if onward:
        rules.append(f"goto {onward}")
    return tuple(rules)


def _firewall_rule(port: ServicePort, config: ProxyConfig) -> str:
    sources = [canonical(cidr) for cidr in port.source_ranges]
    if config.node_ip and any(within(config.node_ip, cidr) for cidr in port.source_ranges):
        # The balancer's address is often the node's own as well: then that is the source of what the node sends to it.
        sources.extend(port.load_balancer_ips)
    return f"{ip(config)} saddr != {{ {' , '.join(sources)} }} drop"
