"""The three modes side by side, for one Service: how much each writes, who chooses, what a change costs.

Models      pkg/proxy/iptables, pkg/proxy/nftables, pkg/proxy/ipvs: nothing here is known, all of it is counted
Leaves out  the time that a kernel takes
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from apps.cluster.network.iptables.evaluate import Host
from apps.cluster.network.iptables.evaluate import run as run_iptables
from apps.cluster.network.nftables.evaluate import run as run_nft
from apps.cluster.network.packet import Packet
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.endpoints import service_of
from apps.cluster.proxy.modes import MODES, InKernel, in_kernel, ruleset_for
from apps.cluster.proxy.service_ports import service_ports

Obj = dict[str, Any]

# Who chooses an endpoint: a chain of rules, each with its probability; a number by chance, looked up in one rule's map;
# a scheduler of the kernel, whose turn it is.
CHOICE = {"iptables": "statistic", "nftables": "numgen", "ipvs": "scheduler"}
OTHERS = "10.200"  # where the cluster IPs of other Services are


class Comparison(NamedTuple):
    """One mode. All but `looked_at` is what the Service adds to what is there without it."""

    mode: str
    rules: int
    chains: int
    elements: int  # of nftables' sets and maps, or of ipsets
    servers: int  # IPVS' virtual servers
    choice: str  # as CHOICE says
    looked_at: int  # rules that the first packet to the cluster IP comes to before the endpoint is chosen, at most
    rewritten: int  # rules, elements and real servers that a sync writes when one endpoint goes
    rewritten_common: int  # of those, the ones that have nothing to do with this Service


def compared(service: Obj, slices: Iterable[Obj], config: ProxyConfig, *, others: int = 0) -> list[Comparison]:
    """The modes, iptables first. `others`: how many Services of one endpoint each there are besides.

    Raises:
        ValueError: kube-proxy does nothing for this Service.
    """
    if not service_ports(service, config.family):
        raise ValueError("no cluster IP")
    slices = [one for one in slices if service_of(one) == _key(service)]
    return [_one(mode, service, slices, config, others) for mode in MODES]


def _key(service: Obj) -> tuple[str, str]:
    return service["metadata"]["namespace"], service["metadata"]["name"]


def _one(mode: str, service: Obj, slices: list[Obj], config: ProxyConfig, others: int) -> Comparison:
    rules = ruleset_for(mode, config)
    for number in range(others):
        other, its = _other(number)
        rules.service(*_key(other), other)
        rules.slice_(its)
    rules.sync()
    without = _size(in_kernel(rules))
    rules.service(*_key(service), service)
    for one in slices:
        rules.slice_(one)
    rules.sync()
    full = in_kernel(rules)
    size = _size(full)
    common = _common(mode, full)
    real = sum(len(one.servers) for one in full.virtual)
    looked_at = _looked_at(full, service, config)
    _less(rules, slices)
    done = rules.sync()
    after = in_kernel(rules)
    if mode == "nftables":
        own = sum(len(after.nft[0].chains[chain].rules) for chain in done.written)
        own += len(getattr(done, "added", ())) + len(getattr(done, "removed", ()))
    elif mode == "ipvs":
        own = real - sum(len(one.servers) for one in after.virtual)
    else:
        own = sum(len(after.tables["nat"][chain]) for chain in done.written)
    return Comparison(
        mode,
        size.rules - without.rules,
        size.chains - without.chains,
        size.elements - without.elements,
        size.servers - without.servers,
        CHOICE[mode],
        looked_at,
        own + common,
        common,
    )


class _Size(NamedTuple):
    rules: int
    chains: int
    elements: int
    servers: int


def _size(made: InKernel) -> _Size:
    chains = [rules for table in made.tables.values() for rules in table.values()]
    chains += [chain.rules for table in made.nft for chain in table.chains.values()]
    elements = sum(len(one.elements) for table in made.nft for one in table.sets.values())
    elements += sum(len(one.members) for one in made.sets.values())
    return _Size(sum(map(len, chains)), len(chains), elements, len(made.virtual))


def _common(mode: str, made: InKernel) -> int:
    """Rules that every sync writes again: iptables' chains that all Services share, all of IPVS mode's."""
    if mode == "nftables":
        return 0
    own = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-EXT-", "KUBE-FW-")
    return sum(
        len(rules)
        for table in made.tables.values()
        for chain, rules in table.items()
        if mode == "ipvs" or not chain.startswith(own)
    )


def _looked_at(made: InKernel, service: Obj, config: ProxyConfig) -> int:
    port = next(iter(service_ports(service, config.family).values()))
    packet = Packet(
        config.local_cidr.partition("/")[0] or config.node_ip, port.cluster_ip, port.protocol.lower(), port.port
    )
    sets = {name: one.members for name, one in made.sets.items()}
    host = Host(frozenset((*config.node_ips, *made.addresses)), sets)
    if made.nft:
        return len(run_nft(made.nft[0], "nat-prerouting", packet, host, lambda _p: False).visits)
    tables = {table: {**made.jumps[table], **chains} for table, chains in made.tables.items()}
    return len(run_iptables(tables, "nat", "PREROUTING", packet, host, lambda _p: False).visits)


def _less(rules: Any, slices: list[Obj]) -> None:
    """One endpoint goes."""
    for one in slices:
        if one.get("endpoints"):
            rules.slice_({**one, "endpoints": one["endpoints"][:-1]})
            return


def _other(number: int) -> tuple[Obj, Obj]:
    metadata = {"namespace": "a", "name": f"other-{number}"}  # before all others, as kube-proxy's rules stand here
    ports = [{"name": "", "port": 80, "protocol": "TCP"}]
    service = {
        "metadata": metadata,
        "spec": {"clusterIP": f"{OTHERS}.{number // 250}.{number % 250 + 1}", "ports": ports},
    }
    labels = {"kubernetes.io/service-name": metadata["name"]}
    return service, {
        "metadata": {**metadata, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"192.168.{number // 250}.{number % 250 + 1}"], "nodeName": "other"}],
        "ports": ports,
    }
