"""The part of the table that does not depend on any Service: the hooks, the checks, the maps that rules look into.

Models      pkg/proxy/nftables/proxier.go: setupNFTables, nftablesBaseChains, nftablesJumpChains
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.network.addresses import family_of, is_loopback
from apps.cluster.network.nftables.table import DNAT, FILTER, SNAT, Chain, Element, Map, Set
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.nftables import names
from apps.cluster.proxy.nftables.service import ip

# Before the destination is translated, LoadBalancerSourceRanges are held against what was asked for.
BASES = {
    "filter-prerouting-pre-dnat": ("filter", "prerouting", DNAT - 10),
    "filter-output-pre-dnat": ("filter", "output", DNAT - 10),
    "filter-input": ("filter", "input", FILTER),
    "filter-forward": ("filter", "forward", FILTER),
    "filter-output": ("filter", "output", FILTER),
    "nat-prerouting": ("nat", "prerouting", DNAT),
    "nat-output": ("nat", "output", DNAT),
    "nat-postrouting": ("nat", "postrouting", SNAT),
}
NEW = "ct state new "
JUMPS = (
    (names.NODE_PORT_ENDPOINTS_CHECK, "filter-input", NEW),
    (names.SERVICE_ENDPOINTS_CHECK, "filter-input", NEW),
    (names.SERVICE_ENDPOINTS_CHECK, "filter-forward", NEW),
    (names.SERVICE_ENDPOINTS_CHECK, "filter-output", NEW),
    (names.FIREWALL_CHECK, "filter-prerouting-pre-dnat", NEW),
    (names.FIREWALL_CHECK, "filter-output-pre-dnat", NEW),
    (names.SERVICES, "nat-output", ""),
    (names.SERVICES, "nat-prerouting", ""),
    (names.MASQUERADING, "nat-postrouting", ""),
    (names.CLUSTER_IPS_CHECK, "filter-forward", NEW),
    (names.CLUSTER_IPS_CHECK, "filter-output", NEW),
)


def base_sets(config: ProxyConfig) -> dict[str, Set | Map]:
    """The common sets and maps, still empty but for the addresses that node ports answer at."""
    address = f"ipv{config.family}_addr"
    service, node_port = f"{address} . inet_proto . inet_service", "inet_proto . inet_service"
    sets: dict[str, Set | Map] = {
        names.HAIRPIN: Set(f"{address} . {service}", "service hairpin connections"),
        names.CLUSTER_IPS: Set(address, "Active ClusterIPs"),
    }
    at = config.node_port_ips()
    if at is not None:
        here = {one: Element() for one in at if not is_loopback(one)}
        sets[names.NODE_PORT_IPS] = Set(address, "IPs that accept NodePort traffic", here)
    return sets | {
        names.NO_ENDPOINT_SERVICES: Map(service, "vmap to drop or reject packets to services with no endpoints"),
        names.NO_ENDPOINT_NODE_PORTS: Map(
            node_port, "vmap to drop or reject packets to service nodeports with no endpoints"
        ),
        names.FIREWALL_IPS: Map(service, "destinations that are subject to LoadBalancerSourceRanges"),
        names.SERVICE_IPS: Map(service, "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
        names.SERVICE_NODE_PORTS: Map(node_port, "NodePort traffic"),
    }


def base_chains(config: ProxyConfig) -> dict[str, Chain]:
    """All chains but those of Services."""
    jumps: dict[str, list[str]] = {}
    for target, source, extra in JUMPS:
        jumps.setdefault(source, []).append(f"{extra}jump {target}")
    chains = {name: Chain(tuple(jumps[name]), *hook) for name, hook in BASES.items()}
    rules = _rules(config)
    for target, _source, _extra in JUMPS:
        chains.setdefault(target, Chain(tuple(rules[target])))
    comment = "helper for @no-endpoint-services / @no-endpoint-nodeports"
    chains[names.REJECT] = Chain(("reject",), comment=comment)
    return chains


def _rules(config: ProxyConfig) -> dict[str, list[str]]:
    family, mark = ip(config), config.masquerade_mark
    asked, port = f"{family} daddr . meta l4proto . th dport", "meta l4proto . th dport"
    own = f"{family} daddr != {'127.0.0.0/8' if config.family == 4 else '::1'}"
    everywhere = config.node_port_ips() is None
    node_port_ips = f"{family} daddr @{names.NODE_PORT_IPS}"
    cidrs = [cidr for cidr in config.service_cidrs if family_of(cidr.partition("/")[0]) == config.family]
    rules: dict[str, list[str]] = {
        names.MASQUERADING: [
            f"mark and {mark} != 0 mark set mark xor {mark} masquerade fully-random",
            f"ct status dnat {family} saddr . {asked} @{names.HAIRPIN} masquerade fully-random",
        ],
        names.CLUSTER_IPS_CHECK: [
            f'{family} daddr @{names.CLUSTER_IPS} reject comment "Reject traffic to invalid ports of ClusterIPs"'
        ],
        names.SERVICE_ENDPOINTS_CHECK: [f"{asked} vmap @{names.NO_ENDPOINT_SERVICES}"],
        names.NODE_PORT_ENDPOINTS_CHECK: [
            f"{own if everywhere else node_port_ips} {port} vmap @{names.NO_ENDPOINT_NODE_PORTS}"
        ],
        names.FIREWALL_CHECK: [f"{asked} vmap @{names.FIREWALL_IPS}"],
        names.SERVICES: [],
    }
    if cidrs:
        rules[names.CLUSTER_IPS_CHECK].append(
            f'{family} daddr {{ {",".join(cidrs)} }} drop comment "Drop traffic to unallocated ClusterIPs"'
        )
    services = rules[names.SERVICES]
    if config.masquerade_all:
        services.append(
            f'{family} daddr @{names.CLUSTER_IPS} mark set mark or {mark} comment "masquerade all clusterIP traffic"'
        )
    elif config.local_cidr:
        services.append(
            f"{family} daddr @{names.CLUSTER_IPS} {family} saddr != {config.local_cidr} mark set mark or {mark}"
            ' comment "masquerade clusterIP traffic from outside cluster"'
        )
    services.append(f"{asked} vmap @{names.SERVICE_IPS}")
    where = f"fib daddr type local {own}" if everywhere else node_port_ips
    services.append(f"{where} {port} vmap @{names.SERVICE_NODE_PORTS}")
    return rules
