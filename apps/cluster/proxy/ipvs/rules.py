"""The iptables rules of IPVS mode: as many as there are sets, however many Services there are.

Models      pkg/proxy/ipvs/proxier.go: createAndLinkKubeChain, writeIptablesRules, acceptIPVSTraffic
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.iptables.ruleset import Jump
from apps.cluster.proxy.ipvs import sets

Rules = tuple[str, ...]

SERVICES, NODE_PORT, LOAD_BALANCER = "KUBE-SERVICES", "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER"
POSTROUTING, MARK_MASQ, FORWARD = "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-FORWARD"
FIREWALL, SOURCE_RANGES = "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL"
FILTER, OUT_FILTER = "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER"
CHAINS = {
    "nat": (SERVICES, POSTROUTING, NODE_PORT, LOAD_BALANCER, MARK_MASQ),
    "filter": (FORWARD, NODE_PORT, FIREWALL, SOURCE_RANGES, FILTER, OUT_FILTER),
}
PORTALS, ACCESS = "kubernetes service portals", "kubernetes ipvs access filter"
# In the order in which they are made; each is put in front of those before it.
JUMPS = (
    Jump("nat", "OUTPUT", SERVICES, PORTALS),
    Jump("nat", "PREROUTING", SERVICES, PORTALS),
    Jump("nat", "POSTROUTING", POSTROUTING, "kubernetes postrouting rules"),
    Jump("filter", "FORWARD", FORWARD, "kubernetes forwarding rules"),
    Jump("filter", "INPUT", NODE_PORT, "kubernetes health check rules"),
    Jump("filter", "INPUT", FIREWALL, "kube-proxy firewall rules"),
    Jump("filter", "FORWARD", FIREWALL, "kube-proxy firewall rules"),
    Jump("filter", "INPUT", FILTER, ACCESS),
    Jump("filter", "OUTPUT", OUT_FILTER, ACCESS),
)


def tables(
    filled: Collection[str], blocked: Iterable[tuple[str, str, int]], config: ProxyConfig
) -> dict[str, dict[str, Rules]]:
    """All chains. `filled`: the sets that have members; `blocked`: balancers' addresses this node may not ask."""
    made: dict[str, dict[str, list[str]]] = {table: {chain: [] for chain in chains} for table, chains in CHAINS.items()}
    nat, filter_ = made["nat"], made["filter"]
    mark = config.masquerade_mark

    def match(name: str, how: str, *, said: bool = True) -> str:
        comment = f'-m comment --comment "{sets.SETS[name][1]}" ' if said else ""
        return f"{comment}-m set --match-set {sets.named(name, config.family)} {how}"

    nat[SERVICES].append(f"-s {'127.0.0.0/8' if config.family == 4 else '::1/128'} -j RETURN")
    for one in sets.ASKED:
        if one.name in filled:
            protocol = f"-p {one.protocol} " if one.protocol else ""
            made[one.table][one.chain].append(f"{protocol}{match(one.name, one.match)} -j {one.target}")
    if sets.CLUSTER_IP in filled:
        if config.masquerade_all:
            nat[SERVICES].append(f"{match(sets.CLUSTER_IP, 'dst,dst')} -j {MARK_MASQ}")
        elif config.local_cidr:
            nat[SERVICES].append(f"{match(sets.CLUSTER_IP, 'dst,dst')} ! -s {config.local_cidr} -j {MARK_MASQ}")
        else:
            nat[SERVICES].append(f"{match(sets.CLUSTER_IP, 'src,dst')} -j {MARK_MASQ}")
    for name in (sets.EXTERNAL_IP, sets.EXTERNAL_IP_LOCAL):
        if name in filled:
            asked = match(name, "dst,dst")
            if name == sets.EXTERNAL_IP:
                nat[SERVICES].append(f"{asked} -j {MARK_MASQ}")
            outside = "-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL"
            nat[SERVICES].append(f"{asked} {outside} -j ACCEPT")
            nat[SERVICES].append(f"{asked} -m addrtype --dst-type LOCAL -j ACCEPT")
    nat[SERVICES].append(f"-m addrtype --dst-type LOCAL -j {NODE_PORT}")
    nat[LOAD_BALANCER].append(f"-j {MARK_MASQ}")
    filter_[SOURCE_RANGES].append("-j DROP")
    filter_[OUT_FILTER] += [
        f"-s {address} -m ipvs --vaddr {address} --vproto {protocol} --vport {port} -j DROP"
        for address, protocol, port in blocked
    ]
    nat[SERVICES] += [
        f"{match(name, 'dst,dst', said=False)} -j ACCEPT"
        for name in (sets.CLUSTER_IP, sets.LOAD_BALANCER)
        if name in filled
    ]
    known = '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED'
    filter_[FORWARD] += [
        f'-m comment --comment "kubernetes forwarding rules" -m mark --mark {mark}/{mark} -j ACCEPT',
        f"{known} -j ACCEPT",
    ]
    filter_[NODE_PORT].append(f"{match(sets.HEALTH_CHECK, 'dst')} -j ACCEPT")
    # What is asked of a Service's address that is none of its ports never gets to a program of this machine.
    for name in (sets.LOAD_BALANCER, sets.CLUSTER_IP, sets.EXTERNAL_IP, sets.EXTERNAL_IP_LOCAL):
        filter_[FILTER].append(f"{match(name, 'dst,dst', said=False)} -j RETURN")
    filter_[FILTER].append(f"{match(sets.HEALTH_CHECK, 'dst', said=False)} -j RETURN")
    filter_[FILTER].append(f"-m conntrack --ctstate NEW {match(sets.IPVS_IPS, 'dst', said=False)} -j REJECT")
    masquerade = '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE'
    nat[POSTROUTING] += [
        f"-m mark ! --mark {mark}/{mark} -j RETURN",
        f"-j MARK --xor-mark {mark}",
        masquerade + (" --random-fully" if config.random_fully else ""),
    ]
    nat[MARK_MASQ].append(f"-j MARK --or-mark {mark}")
    return {table: {chain: tuple(rules) for chain, rules in chains.items()} for table, chains in made.items()}
