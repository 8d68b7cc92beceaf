"""Filter and Score results kept for Pods that are alike, so that after a placement one node alone is looked at again.

Models      pkg/scheduler/framework/runtime/batch.go (opportunistic batching, KEP-5598), which reuses one result; ours
            keeps all
Leaves out  -

The results of local plugins depend on a Pod's class and on one node. `Local` holds them for every node and reads the
cache's log to learn which nodes changed; the Tables of Pods that ask for the same share one. For Pods that only the
system's default spreading makes look further than one node, nodes that no plugin can tell apart get the same code, so
choosing costs as much as there are different nodes, not as there are nodes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from math import log
from typing import NamedTuple

from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.counters import Counter
from apps.cluster.scheduler.framework import Framework
from apps.cluster.scheduler.local import Local
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.pod_topology_spread import (
    DEFAULT_CONSTRAINTS,
    ZONE,
    spread_points,
    spread_score,
)
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import Status

_HOST_SKEW: int = DEFAULT_CONSTRAINTS[0]["maxSkew"]
_ZONE_SKEW: int = DEFAULT_CONSTRAINTS[1]["maxSkew"]
_MOST_CODES = 8192
_MOST_KNOWN = 1024
INFEASIBLE = -1

# Raw scores of the local plugins, Pods of the same group on the node (-1: it has no hostname label), its zone.
Code = tuple[tuple[int, ...], int, "str | None"]


class Spread(NamedTuple):
    """What the default constraints weigh, for one Pod."""

    host_weight: float
    zone_weight: float
    zones: dict[str, int]

    def raw(self, code: Code) -> int:
        _, on_host, zone = code
        score = 0.0
        if on_host >= 0:
            score += spread_score(on_host, _HOST_SKEW, self.host_weight)
        if zone is not None:
            score += spread_score(self.zones.get(zone, 0), _ZONE_SKEW, self.zone_weight)
        return int(score + 0.5)


class Choice(NamedTuple):
    """What `Table.choose` found. `node` is None when none is feasible."""

    node: NodeInfo | None
    score: int
    feasible: int
    processed: int
    spread: Spread | None


class Table:
    """One kind of Pod on all nodes."""

    def __init__(self, framework: Framework, local: Local) -> None:
        self.local = local
        self.pod = local.pod
        self.state = local.state
        self.filter_names = tuple([plugin.name for plugin in local.filters])
        self.scores = local.scores
        self.spread_weight = framework.spread.weight
        self.codes: list[int] = []
        self.places: dict[int, list[int]] = {}  # code -> nodes that have it, in order
        self.meanings: list[Code] = []
        self._code_of: dict[Code, int] = {}
        self.counter: Counter | None = None
        # Codes among so many feasible nodes -> the best of them and their score, as long as no zones play a part.
        self._known: dict[tuple[tuple[int, ...], int], tuple[tuple[int, ...], int]] = {}
        self._seen = 0
        self._order = -1
        self._images: tuple[int, ...] = ()
        self.used = 0

    @property
    def verdicts(self) -> list[Status | None]:
        return self.local.verdicts

    @property
    def raws(self) -> list[tuple[int, ...]]:
        return self.local.raws

    def refresh(self, cache: Cache, counter: Counter | None) -> None:
        """Take note of every change since the last time. `counter` counts the Pods that default spreading spreads."""
        local = self.local
        local.refresh(cache)
        end = cache.log_start + len(cache.log)
        if (
            self._order != cache.order_version
            or counter is not self.counter
            or self._seen < cache.log_start
            or local.images != self._images
        ):
            self._order, self._images, self.counter = cache.order_version, local.images, counter
            self._rebuild(cache.order)
        elif self._seen < end:
            for info in cache.changed_since(self._seen):
                if info.index >= 0:
                    self._set_code(info.index, self._code(info))
        self._seen = end

    def _rebuild(self, nodes: Sequence[NodeInfo]) -> None:
        self.meanings, self._code_of, self._known = [], {}, {}
        places: dict[int, list[int]] = {}
        self.codes, self.places = [], places
        # As `_code`, for all of them: thousands, whenever the log has been cut since the last look.
        verdicts, raws, known = self.local.verdicts, self.local.raws, self._code_of
        by_node = self.counter.by_node if self.counter is not None else None
        for i, info in enumerate(nodes):
            if verdicts[i] is not None:
                code: int | None = INFEASIBLE
            else:
                on_host = by_node.get(info.name, 0) if by_node is not None and info.has_hostname else -1
                code = known.get((raws[i], on_host, info.zone))
                if code is None:
                    code = self._code(info)
                    known, places = self._code_of, self.places
            assert code is not None
            self.codes.append(code)
            there = places.get(code)
            if there is None:
                places[code] = [i]
            else:
                there.append(i)

    def _code(self, info: NodeInfo) -> int:
        i, local = info.index, self.local
        if local.verdicts[i] is not None:
            return INFEASIBLE
        on_host = -1
        if self.counter is not None and info.has_hostname:
            on_host = self.counter.by_node.get(info.name, 0)
        meaning = (local.raws[i], on_host, info.zone)
        code = self._code_of.get(meaning)
        if code is None:
            if len(self.meanings) >= _MOST_CODES:
                self._recode()
            code = self._code_of[meaning] = len(self.meanings)
            self.meanings.append(meaning)
        return code

    def _set_code(self, i: int, code: int) -> None:
        old = self.codes[i]
        if code == old:
            return
        self.codes[i] = code
        places = self.places
        left = places[old]
        if len(left) == 1:
            del places[old]
        else:
            del left[bisect_left(left, i)]
        joined = places.get(code)
        if joined is None:
            places[code] = [i]
        else:
            insort(joined, i)

    def _recode(self) -> None:
        """Forget codes that no node has any more."""
        meanings: list[Code] = []
        renamed: dict[int, int] = {INFEASIBLE: INFEASIBLE}
        for code in self.codes:
            if code not in renamed:
                renamed[code] = len(meanings)
                meanings.append(self.meanings[code])
        self.codes = [renamed[code] for code in self.codes]
        self.places = {renamed[code]: places for code, places in self.places.items()}
        self._known = {}
        self.meanings = meanings
        self._code_of = {meaning: code for code, meaning in enumerate(meanings)}

    # Choosing, for Pods without any wish that goes beyond one node

    def choose(self, cache: Cache, start: int, wanted: int, below: Callable[[int], int]) -> Choice:
        """The best of the first `wanted` feasible nodes from `start` on; chance decides between equals."""
        nodes = len(self.codes)
        if wanted >= nodes:
            start, length = 0, nodes
        else:
            length = self._window(start, wanted)
        here = {code: self._count(places, start, length) for code, places in self.places.items()}
        infeasible = here.pop(INFEASIBLE, 0)
        distinct = [code for code, count in here.items() if count]
        if not distinct:
            return Choice(None, 0, 0, length, None)
        best, score, spread = self._best(cache, distinct, length - infeasible)
        many = sum([here[code] for code in best])
        pick = below(many) if many > 1 else 0
        for code in best:
            if pick < here[code]:
                break
            pick -= here[code]
        places = self.places[code]
        place = places[(bisect_left(places, start) + pick) % len(places)]
        return Choice(cache.order[place], score, length - infeasible, length, spread)

    def _count(self, places: list[int], start: int, length: int) -> int:
        """How many of the (sorted) places lie in a window that may go round the end."""
        nodes = len(self.codes)
        if length == nodes:
            return len(places)
        end = start + length
        if end <= nodes:
            return bisect_left(places, end) - bisect_left(places, start)
        return len(places) - bisect_left(places, start) + bisect_left(places, end - nodes)

    def _window(self, start: int, wanted: int) -> int:
        """How many nodes from `start` on it takes to find so many feasible ones; all of them if there are fewer."""
        infeasible = self.places.get(INFEASIBLE)
        length, nodes = wanted, len(self.codes)
        if infeasible is not None:
            while (missing := wanted - length + self._count(infeasible, start, length)) and length < nodes:
                length = min(length + missing, nodes)
        return length

    def _best(self, cache: Cache, distinct: list[int], feasible: int) -> tuple[tuple[int, ...], int, Spread | None]:
        """The codes with the highest score among these, and that score."""
        ordered = tuple(sorted(distinct))
        if feasible == 1:
            return ordered, 0, None  # the only one is taken unscored
        spread = self.spread(cache, feasible, distinct) if self.counter is not None else None
        remembered = spread is None or not spread.zones
        if remembered:
            known = self._known.get((ordered, feasible))
            if known is not None:
                return known[0], known[1], spread
        totals = self.totals(ordered, spread)
        score = max(totals)
        best = tuple([code for code, total in zip(ordered, totals, strict=True) if total == score])
        if remembered:
            if len(self._known) >= _MOST_KNOWN:
                self._known = {}
            self._known[ordered, feasible] = (best, score)
        return best, score, spread

    def spread(self, cache: Cache, feasible: int, codes: Sequence[int]) -> Spread:
        """The default constraints' weights over the feasible nodes, and matching Pods by zone."""
        assert self.counter is not None
        zones = {self.meanings[code][2] or "" for code in codes}
        counts: dict[str, int] = {}
        if zones != {""}:
            affinity = self.pod.kind.affinity
            if affinity.trivial:
                counts = self.counter.over(ZONE)
            else:
                for name, amount in self.counter.by_node.items():
                    labels = cache.nodes[name].labels
                    if ZONE in labels and affinity.matches(name, labels):
                        counts[labels[ZONE]] = counts.get(labels[ZONE], 0) + amount
        return Spread(log(feasible + 2), log(len(zones) + 2), counts)

    def totals(self, codes: Sequence[int], spread: Spread | None) -> list[int]:
        """The final score of nodes with these codes, normalised over them."""
        meanings = [self.meanings[code] for code in codes]
        out = [0] * len(codes)
        for j, plugin in enumerate(self.scores):
            points = plugin.normalize(self.state, (), [meaning[0][j] for meaning in meanings])
            weight = plugin.weight
            out = [total + weight * point for total, point in zip(out, points, strict=True)]
        if spread is not None:
            raws = [spread.raw(meaning) for meaning in meanings]
            least, most = min(raws), max(raws)
            weight = self.spread_weight
            out = [total + weight * spread_points(raw, least, most) for total, raw in zip(out, raws, strict=True)]
        return out


class Tables:
    """The tables in use; the one unused for the longest goes first."""

    MOST = 64

    __slots__ = ("_clock", "_framework", "_locals", "_tables")

    def __init__(self, framework: Framework) -> None:
        self._framework = framework
        self._tables: dict[str, Table] = {}
        self._locals: dict[str, Local] = {}
        self._clock = 0

    def get(self, pod: PodInfo, group: str) -> Table:
        """The table for such Pods; `group` names the Pods they are spread with."""
        self._clock += 1
        key = f"{pod.kind.local_key}|{group}"
        table = self._tables.get(key)
        if table is None:
            self._make_room(self._tables)
            table = self._tables[key] = Table(self._framework, self._local(pod))
        table.used = table.local.used = self._clock
        return table

    def _local(self, pod: PodInfo) -> Local:
        local = self._locals.get(pod.kind.local_key)
        if local is None:
            self._make_room(self._locals)
            local = self._locals[pod.kind.local_key] = Local(self._framework, pod)
        return local

    def _make_room(self, kept: dict[str, Table] | dict[str, Local]) -> None:
        if len(kept) >= self.MOST:
            del kept[min(kept, key=lambda name: kept[name].used)]
