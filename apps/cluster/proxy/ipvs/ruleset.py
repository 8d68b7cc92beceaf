"""One node's virtual servers, kept current as Services and EndpointSlices change.

Models      pkg/proxy/ipvs/proxier.go: syncProxyRules; pkg/proxy/ipvs/graceful_termination.go (a real server that has
            connections stays, with weight 0, until it has none)
Leaves out  that Go walks Services and their endpoints in no order: here they are in the order of their names; the
            minute that passes between two looks at the connections
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from apps.cluster.network.ipvs import IPSet, RealServer, VirtualServer
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.iptables.ruleset import jumps_of
from apps.cluster.proxy.ipvs import rules, sets
from apps.cluster.proxy.ipvs.service import Built, build
from apps.cluster.proxy.listening import Listening
from apps.cluster.proxy.service_ports import PortName
from apps.cluster.proxy.tracking import ServiceName

DEVICE = "kube-ipvs0"
Used = tuple[str, str]  # a virtual server and a real one, as they print


class Synced(NamedTuple):
    """What one sync did to the kernel's table. Chains and sets are gone through whole every time."""

    full: bool
    services: tuple[ServiceName, ...]
    written: tuple[str, ...]  # virtual servers that are new, or have other real servers
    deleted: tuple[str, ...]
    conntrack_cleanup: bool


class Ruleset(Listening):
    """What one kube-proxy has heard, and what it has made of it. `service` and `slice_` are heard, `sync` acts."""

    def __init__(self, config: ProxyConfig) -> None:
        super().__init__(config)
        self._built: dict[ServiceName, dict[PortName, Built]] = {}
        self._leaving: dict[str, dict[str, RealServer]] = {}  # virtual server -> real ones of weight 0
        self.used: Collection[Used] = ()  # which have connections, as the kernel would say

    def sync(self) -> Synced:
        """Write what changed since the last sync; everything the first time."""
        full = not self._synced
        changed, heard = self._take()
        written: list[str] = []
        gone: list[str] = []
        for key in dict.fromkeys((*sorted(self._services), *changed)) if full else changed:
            known = self.endpoints.known.get(key, {})
            before = {str(one): one for built in self._built.pop(key, {}).values() for one in built.servers}
            made = {
                name: build(name, port, known.get(name, []), self.config)
                for name, port in self._services.get(key, {}).items()
            }
            if made:
                self._built[key] = made
            after = {str(one): one for built in made.values() for one in built.servers}
            for name, one in after.items():
                self._retire(before.get(name), one)
            written += [name for name, one in after.items() if before.get(name) != one]
            gone += [name for name in before if name not in after]
        for name in gone:
            self._leaving.pop(name, None)
        self._synced = True
        return Synced(full, tuple(changed), tuple(written), tuple(gone), heard.conntrack_cleanup)

    def _retire(self, before: VirtualServer | None, now: VirtualServer) -> None:
        """A real server that goes keeps the connections that it has, if they are TCP's; one that comes back is new."""
        leaving = self._leaving.get(str(now), {})
        wanted = {str(real) for real in now.servers}
        if before is not None and now.protocol == "tcp":
            leaving = leaving | {str(real): real._replace(weight=0) for real in before.servers}
        kept = {name: real for name, real in leaving.items() if name not in wanted and (str(now), name) in self.used}
        if kept:
            self._leaving[str(now)] = kept
        else:
            self._leaving.pop(str(now), None)

    def expire(self) -> None:
        """Real servers of weight 0 go once nothing uses them; kube-proxy looks every minute."""
        for name, leaving in list(self._leaving.items()):
            kept = {real: one for real, one in leaving.items() if (name, real) in self.used}
            if kept:
                self._leaving[name] = kept
            else:
                del self._leaving[name]

    # ---- what it has written -------------------------------------------------------------------

    def built(self) -> Iterable[Built]:
        """What the ports made of it, in the order of the Services' names."""
        for key in sorted(self._built):
            yield from self._built[key].values()

    def servers(self) -> tuple[VirtualServer, ...]:
        """The kernel's virtual servers; where two Services claim one address and port, the later one's."""
        found = {str(one): one for built in self.built() for one in built.servers}
        return tuple(
            one._replace(servers=(*one.servers, *self._leaving.get(name, {}).values())) for name, one in found.items()
        )

    def addresses(self) -> tuple[str, ...]:
        """What kube-ipvs0 has."""
        return tuple(dict.fromkeys(address for built in self.built() for address in built.bound))

    def sets(self) -> dict[str, IPSet]:
        """All ipsets by name, those without members too."""
        members: dict[str, set[str]] = {name: set() for name in sets.SETS}
        for built in self.built():
            for name, entries in built.members.items():
                members[name].update(entries)
        members[sets.IPVS_IPS] = set(self.addresses())
        family = self.config.family
        return {
            sets.named(name, family): IPSet(kind, frozenset(members[name]), family)
            for name, (kind, _comment) in sets.SETS.items()
        }

    def tables(self) -> dict[str, dict[str, rules.Rules]]:
        """All of its own chains: table -> chain -> rules, as `network.iptables` reads them."""
        built = list(self.built())
        filled = {name for each in built for name in each.members}
        blocked = dict.fromkeys(one for each in built for one in each.blocked)
        return rules.tables(filled, blocked, self.config)

    def jumps(self) -> dict[str, dict[str, rules.Rules]]:
        """The rules in the built-in chains that lead to ours: the last one made stands first."""
        return jumps_of(rules.JUMPS)
