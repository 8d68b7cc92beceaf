"""The routes that BIRD programs into each node's kernel, given the resources and which sessions hold.

`routes(store, up)` is pure. `up(one, other)`: whether what the two nodes have learnt from each other counts: their
session is established, or a graceful restart keeps its routes.

Models      BIRD's decision between paths, its recursive next hops, and the filter calico_kernel_programming;
            krt_tunnel of Calico's fork (sysdep/linux/netlink.c): the tunnel's device, the next hop "onlink" in it
Leaves out  routes that peers outside the cluster announce
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from apps.cluster.cni.calico.bird.datastore import Datastore
from apps.cluster.cni.calico.bird.filters import LARGEST
from apps.cluster.cni.calico.bird.paths import Path, Policy, covers
from apps.cluster.cni.calico.bird.pools import programs, uses_ipip, uses_vxlan
from apps.cluster.cni.calico.bird.sessions import Session, sessions
from apps.cluster.network.addresses import within
from apps.cluster.network.machine import Route

TUNNEL = "tunl0"
Up = Callable[[str, str], bool]


class Link(NamedTuple):
    """How a node reaches other machines."""

    device: str = "eth0"
    gateway: str = ""  # of its default route


def routes(
    store: Datastore,
    up: Up,
    *,
    workloads: Mapping[str, Iterable[str]] | None = None,
    links: Mapping[str, Link] | None = None,
    family: int = 4,
    only: Iterable[str] | None = None,
) -> dict[str, list[Route]]:
    """Node -> its routes by prefix; several with the same prefix are one route with several ways (ECMP).

    `workloads`: node -> addresses of the Pods on it, of which those outside its blocks are announced one by one.
    `only`: the nodes that are asked about; all, where it is left out.
    """
    held = [one for one in sessions(store, family) if one.peer and not one.problem and up(one.node, one.peer)]
    table = spread(store, held, workloads or {}, family)
    asked = [name for name in store.nodes if name in table] if only is None else list(only)
    return {
        name: _programmed(store, name, table.get(name, {}), (links or {}).get(name, Link()), family) for name in asked
    }


def spread(
    store: Datastore, held: Iterable[Session], workloads: Mapping[str, Iterable[str]], family: int
) -> dict[str, dict[str, list[Path]]]:
    """Each node's best paths by prefix once every update has been sent: told and told again until nothing changes."""
    policies = {name: Policy(store, name, family) for name, node in store.nodes.items() if node.address(family)}
    told: dict[str, list[Session]] = {name: [] for name in policies}
    sides = {(one.node, one.peer): one for one in held}
    for (name, peer), side in sides.items():
        if (peer, name) in sides:
            told[name].append(side)
    own = {name: policy.own(workloads.get(name, ())) for name, policy in policies.items()}
    table = {name: best(paths) for name, paths in own.items()}
    handed_on = any(side.client or not side.internal for side in sides.values())
    for _round in range(2 * len(policies) + 2):
        heard = {name: list(paths) for name, paths in own.items()}
        for name, policy in policies.items():
            has = [path for paths in table[name].values() for path in paths]
            for side in told[name]:
                back, listener = sides[side.peer, name], policies[side.peer]
                kept = (listener.imported(sent, back) for sent in policy.update(has, side))
                heard[side.peer] += [path for path in kept if path is not None]
        before, table = table, {name: best(paths) for name, paths in heard.items()}
        if not handed_on or table == before:
            break
    return table


def best(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Of each prefix the paths that nothing is better than: the node's own, and the best that were learnt, one for
    each next hop. BIRD with `add paths` tells them all; into the kernel go the own or, without, the learnt ones."""
    own: dict[str, list[Path]] = {}
    learnt: dict[str, dict[str, Path]] = {}
    for path in paths:
        if path.over is None:
            own.setdefault(path.to, []).append(path)
            continue
        there = learnt.setdefault(path.to, {})
        first = next(iter(there.values()), None)
        if first is not None and path.rank < first.rank:
            continue
        if first is not None and path.rank > first.rank:
            there.clear()
        known = there.get(path.next_hop)
        if known is None or (len(path.clusters), path.over.address) < (len(known.clusters), _address(known)):
            there[path.next_hop] = path
    found = {to: list(those) for to, those in own.items()}
    for to, by_hop in learnt.items():
        found.setdefault(to, []).extend(by_hop[hop] for hop in sorted(by_hop))
    return found


def _address(path: Path) -> str:
    return path.over.address if path.over is not None else ""


def _programmed(store: Datastore, name: str, table: Mapping[str, list[Path]], link: Link, family: int) -> list[Route]:
    kernel = Kernel(store, name, link, family)
    found = [route for to in table for route in kernel.routes(to, table[to])]
    return sorted(found, key=lambda route: (_sortable(route.to), route.via))


def _sortable(to: str) -> tuple[int, ...]:
    address, _slash, length = to.partition("/")
    parts = tuple(int(part) for part in address.split(".")) if "." in address else tuple(address.encode())
    return (*parts, int(length))


class Kernel:
    """calico_kernel_programming of one node."""

    def __init__(self, store: Datastore, name: str, link: Link, family: int) -> None:
        self.store, self.node, self.link, self.family = store, store.nodes[name], link, family
        self.unlearnt = Policy(store, name, family).services.unlearnt
        self.subnet = self.node.networks[family == 6]
        self.encrypted = self._encrypted()

    def _encrypted(self) -> frozenset[str]:
        six = self.family == 6
        if not self.node.wireguard[six]:
            return frozenset()
        others = (one for one in self.store.nodes.values() if one.name != self.node.name and one.wireguard[six])
        return frozenset(one.addresses[six] for one in others)

    def routes(self, to: str, paths: list[Path]) -> list[Route]:
        own = next((path for path in paths if path.over is None), None)
        if own is not None and own.interface:
            return []  # Felix' route is there
        found = [self.route(to, path) for path in ([own] if own else paths)]
        return list(dict.fromkeys(route for route in found if route is not None))

    def route(self, to: str, path: Path) -> Route | None:
        """The route as it goes into the kernel; None where the filter rejects it, or nothing leads to the next hop."""
        next_hop, metric = path.next_hop, LARGEST - path.local_pref
        if any(covers(cidr, to) for cidr in self.unlearnt) or next_hop in self.encrypted:
            return None
        pool = next((pool for pool in self.store.pools if self.subnet and covers(pool["cidr"], to)), None)
        if pool is not None and (uses_vxlan(pool) or not programs(self.store).pool(pool)):
            return None
        if not next_hop:
            return Route(to, kind="blackhole", by="bird")
        near = bool(self.subnet) and within(next_hop, self.subnet)
        tunnelled = pool is not None and self.family == 4 and uses_ipip(pool)
        if tunnelled and pool is not None and (pool["ipipMode"] == "Always" or not near):
            return Route(to, TUNNEL, next_hop, by="bird", on_link=True, metric=metric)
        via = next_hop if near else self.link.gateway
        return Route(to, self.link.device, via, by="bird", metric=metric) if via else None
