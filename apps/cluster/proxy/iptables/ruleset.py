"""One node's tables, kept current as Services and EndpointSlices change.

Models      pkg/proxy/iptables/proxier.go: syncProxyRules (the first sync writes everything, the later ones
            the chains of what changed)
Leaves out  that Go walks the Services in no order: here they are in the order of their names; that a very large cluster
            lets chains that nothing refers to any more lie for a while
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from apps.cluster.network.addresses import is_loopback
from apps.cluster.proxy.config import DROPPED_INVALID, ProxyConfig
from apps.cluster.proxy.iptables import names
from apps.cluster.proxy.iptables.service import Built, Rules, build
from apps.cluster.proxy.listening import Listening
from apps.cluster.proxy.service_ports import PortName
from apps.cluster.proxy.tracking import ServiceName


class Jump(NamedTuple):
    """A rule that kube-proxy puts in front of a built-in chain."""

    table: str
    source: str
    target: str
    comment: str
    new_only: bool = False

    @property
    def rule(self) -> str:
        new = "-m conntrack --ctstate NEW " if self.new_only else ""
        said = f'-m comment --comment "{self.comment}" ' if self.comment else ""
        return f"{new}{said}-j {self.target}"


PORTALS, OUTSIDE = "kubernetes service portals", "kubernetes externally-visible service portals"
BALANCERS = "kubernetes load balancer firewall"
# In the order in which they are made; each is put in front of those before it.
JUMPS = (
    Jump("filter", "INPUT", names.EXTERNAL_SERVICES, OUTSIDE, True),
    Jump("filter", "FORWARD", names.EXTERNAL_SERVICES, OUTSIDE, True),
    Jump("filter", "INPUT", names.NODE_PORTS, "kubernetes health check service ports"),
    Jump("filter", "FORWARD", names.SERVICES, PORTALS, True),
    Jump("filter", "OUTPUT", names.SERVICES, PORTALS, True),
    Jump("filter", "FORWARD", names.FORWARD, "kubernetes forwarding rules"),
    Jump("filter", "INPUT", names.PROXY_FIREWALL, BALANCERS, True),
    Jump("filter", "OUTPUT", names.PROXY_FIREWALL, BALANCERS, True),
    Jump("filter", "FORWARD", names.PROXY_FIREWALL, BALANCERS, True),
    Jump("nat", "OUTPUT", names.SERVICES, PORTALS),
    Jump("nat", "PREROUTING", names.SERVICES, PORTALS),
    Jump("nat", "POSTROUTING", names.POSTROUTING, "kubernetes postrouting rules"),
    Jump("filter", "INPUT", names.KUBELET_FIREWALL, ""),
    Jump("filter", "OUTPUT", names.KUBELET_FIREWALL, ""),
)
BLOCK_LOCALNET = (
    '-m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack'
    " ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
)
LAST = '"kubernetes service nodeports; NOTE: this must be the last rule in this chain"'


def jumps_of(jumps: Iterable[Jump]) -> dict[str, dict[str, Rules]]:
    """Each put in front of those before it: table -> built-in chain -> rules."""
    found: dict[str, dict[str, Rules]] = {"filter": {}, "nat": {}}
    for jump in jumps:
        chains = found[jump.table]
        chains[jump.source] = (jump.rule, *chains.get(jump.source, ()))
    return found


class Synced(NamedTuple):
    """What one sync did to the tables."""

    full: bool
    services: tuple[ServiceName, ...]  # whose chains were written anew
    written: tuple[str, ...]  # chains of the nat table
    deleted: tuple[str, ...]
    conntrack_cleanup: bool


class Ruleset(Listening):
    """What one kube-proxy has heard, and what it has made of it. `service` and `slice_` are heard, `sync` acts."""

    def __init__(self, config: ProxyConfig) -> None:
        super().__init__(config)
        self._built: dict[ServiceName, dict[PortName, Built]] = {}
        self._counts: dict[ServiceName, int] = {}
        self._total = 0
        self._large = False

    # ---- acting --------------------------------------------------------------------------------

    def sync(self) -> Synced:
        """Write what changed since the last sync; everything the first time."""
        full = not self._synced
        changed, heard = self._take()
        for key in self._services if full else changed:
            self._count(key)
        large = self._total > self.config.large
        if large != self._large:  # every rule of an endpoint has its comment, or none has
            self._large, full = large, True
        written: dict[str, None] = {}
        gone: dict[str, None] = {}
        for key in dict.fromkeys((*sorted(self._services), *changed)) if full else changed:
            known = self.endpoints.known.get(key, {})
            for built in self._built.pop(key, {}).values():
                gone.update(dict.fromkeys(built.chains))
            made = {
                name: build(name, port, known.get(name, []), self.config, large=large)
                for name, port in self._services.get(key, {}).items()
            }
            if made:
                self._built[key] = made
            for built in made.values():
                written.update(dict.fromkeys(built.chains))
        self._synced = True
        deleted = tuple(chain for chain in gone if chain not in written)
        return Synced(full, tuple(changed), tuple(written), deleted, heard.conntrack_cleanup)

    def _count(self, key: ServiceName) -> None:
        known = self.endpoints.known.get(key, {})
        count = sum(len(known.get(name, ())) for name in self._services.get(key, ()))
        self._total += count - self._counts.get(key, 0)
        self._counts[key] = count

    # ---- what it has written -------------------------------------------------------------------

    def built(self) -> Iterable[Built]:
        """What the ports made of the tables, in the order of the Services' names."""
        for key in sorted(self._built):
            yield from self._built[key].values()

    def tables(self) -> dict[str, dict[str, Rules]]:
        """All of its own chains: table -> chain -> rules, as `network.iptables` reads them."""
        built = list(self.built())

        def of_all(part: str) -> Rules:
            return tuple(rule for each in built for rule in getattr(each, part))

        filter_: dict[str, Rules] = {
            names.SERVICES: of_all("refused"),
            names.EXTERNAL_SERVICES: of_all("refused_outside"),
            names.FORWARD: self._forwarding(),
            names.NODE_PORTS: of_all("health_checks"),
            names.PROXY_FIREWALL: of_all("firewall"),
        }
        if self.config.family == 4 and self.config.localhost_node_ports:
            filter_[names.KUBELET_FIREWALL] = (BLOCK_LOCALNET,)
        mark = self.config.masquerade_mark
        nat: dict[str, Rules] = {
            names.SERVICES: (*of_all("services"), *self._node_port_jumps()),
            names.NODE_PORTS: of_all("node_ports"),
            names.POSTROUTING: (
                f"-m mark ! --mark {mark}/{mark} -j RETURN",
                f"-j MARK --xor-mark {mark}",
                '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE'
                + (" --random-fully" if self.config.random_fully else ""),
            ),
            names.MARK_MASQ: (f"-j MARK --or-mark {mark}",),
        }
        for each in built:
            nat.update(each.chains)
        return {"filter": filter_, "nat": nat}

    def jumps(self) -> dict[str, dict[str, Rules]]:
        """The rules in the built-in chains that lead to ours: the last one made stands first."""
        there = self.tables()["filter"]
        return jumps_of(
            jump for jump in JUMPS if jump.target != names.KUBELET_FIREWALL or names.KUBELET_FIREWALL in there
        )

    def _forwarding(self) -> Rules:
        mark = self.config.masquerade_mark
        rules = []
        if not self.config.conntrack_tcp_liberal:
            counter = f" -m nfacct --nfacct-name {DROPPED_INVALID}" if DROPPED_INVALID in self.config.counters else ""
            rules.append(f"-m conntrack --ctstate INVALID{counter} -j DROP")
        rules.append(f'-m comment --comment "kubernetes forwarding rules" -m mark --mark {mark}/{mark} -j ACCEPT')
        rules.append(
            '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED'
            " -j ACCEPT"
        )
        return tuple(rules)

    def _node_port_jumps(self) -> Rules:
        config = self.config
        addresses = config.node_port_ips()
        if addresses is None:
            local = "-m addrtype --dst-type LOCAL"
            if config.family == 6:
                local += " ! -d ::1/128"
            elif not config.localhost_node_ports:
                local += " ! -d 127.0.0.0/8"
            return (f"-m comment --comment {LAST} {local} -j {names.NODE_PORTS}",)
        return tuple(
            f"-m comment --comment {LAST} -d {address} -j {names.NODE_PORTS}"
            for address in addresses
            if not is_loopback(address) or (config.family == 4 and config.localhost_node_ports)
        )
