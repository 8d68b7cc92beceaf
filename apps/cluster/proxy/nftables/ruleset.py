"""One node's table, kept current as Services and EndpointSlices change.

Models      pkg/proxy/nftables/proxier.go: syncProxyRules (the first sync writes everything, the later ones the chains
            and elements of what changed; a chain that nobody needs is emptied, and deleted by a later sync)
Leaves out  that Go walks the Services in no order, and the kernel keeps chains in the order they were made in: here
            they are in the order of the Services' names; that the later sync has to come a second after, or more
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from apps.cluster.network.nftables.table import Chain, Element, Map, Set, Table
from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.listening import Listening
from apps.cluster.proxy.nftables import names
from apps.cluster.proxy.nftables.base import base_chains, base_sets
from apps.cluster.proxy.nftables.service import Built, build, ip
from apps.cluster.proxy.service_ports import PortName
from apps.cluster.proxy.tracking import ServiceName

At = tuple[str, str]  # a set or map, and a key in it


class Synced(NamedTuple):
    """What one sync did to the table."""

    full: bool
    services: tuple[ServiceName, ...]  # whose chains were written anew
    written: tuple[str, ...]  # chains
    deleted: tuple[str, ...]  # chains that were emptied, to be deleted the next time
    conntrack_cleanup: bool
    added: tuple[At, ...]  # elements
    removed: tuple[At, ...]


class Ruleset(Listening):
    """What one kube-proxy has heard, and what it has made of it. `service` and `slice_` are heard, `sync` acts."""

    def __init__(self, config: ProxyConfig) -> None:
        super().__init__(config)
        self._built: dict[ServiceName, dict[PortName, Built]] = {}
        self._holders: Counter[At] = Counter()  # how many ports have put an element there
        self.stale: tuple[str, ...] = ()  # chains that are empty, and still there

    def sync(self) -> Synced:
        """Write what changed since the last sync; everything the first time."""
        full = not self._synced
        changed, heard = self._take()
        written: dict[str, None] = {}
        gone: dict[str, None] = {}
        before: dict[At, Element] = {}
        after: dict[At, Element] = {}
        for key in dict.fromkeys((*sorted(self._services), *changed)) if full else changed:
            known = self.endpoints.known.get(key, {})
            for built in self._built.pop(key, {}).values():
                gone.update(dict.fromkeys(built.chains))
                self._holders.subtract(_elements(built).keys())
                before |= _elements(built)
            made = {
                name: build(name, port, known.get(name, []), self.config)
                for name, port in self._services.get(key, {}).items()
            }
            if made:
                self._built[key] = made
            for built in made.values():
                written.update(dict.fromkeys(built.chains))
                self._holders.update(_elements(built).keys())
                after |= _elements(built)
        self._synced = True
        deleted = tuple(chain for chain in gone if chain not in written)
        self.stale = deleted
        removed = tuple(at for at in before if not self._holders[at])
        for at in removed:
            del self._holders[at]
        added = tuple(at for at, element in after.items() if before.get(at) != element)
        return Synced(full, tuple(changed), tuple(written), deleted, heard.conntrack_cleanup, added, removed)

    # ---- what it has written -------------------------------------------------------------------

    def built(self) -> Iterable[Built]:
        """What the ports made of the table, in the order of the Services' names."""
        for key in sorted(self._built):
            yield from self._built[key].values()

    def table(self) -> Table:
        """The table as the kernel has it."""
        built = list(self.built())
        common = base_sets(self.config)
        elements: dict[str, dict[str, Element]] = {name: dict(one.elements) for name, one in common.items()}
        chains = base_chains(self.config)
        affinity: dict[str, Set] = {}
        for each in built:
            for where, found in each.elements.items():
                elements[where].update(found)
            chains.update(each.chains)
            affinity.update(each.sets)
        chains.update({name: Chain() for name in self.stale if name not in chains})
        sets: dict[str, Set | Map] = {name: one._replace(elements=elements[name]) for name, one in common.items()}
        return Table(ip(self.config), names.TABLE, "rules for kube-proxy", {**sets, **affinity}, chains)


def _elements(built: Built) -> dict[At, Element]:
    return {(where, key): element for where, found in built.elements.items() for key, element in found.items()}
