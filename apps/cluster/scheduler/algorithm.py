"""From a Pod to a node: filter, score, choose.

Models      pkg/scheduler/schedule_one.go (schedulePod, findNodesThatFitPod, prioritizeNodes, numFeasibleNodesToFind)
Leaves out  extenders; nodes are filtered one after the other, so in large clusters the first feasible ones are the
            first in order
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from apps.cluster.scheduler.counters import Counter
from apps.cluster.scheduler.decision import DETAILED_NODES, Sheet
from apps.cluster.scheduler.fit_error import Diagnosis
from apps.cluster.scheduler.framework import Framework, only_named
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Plugin
from apps.cluster.scheduler.plugins.pod_topology_spread import spread_points
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIP
from apps.cluster.scheduler.table import INFEASIBLE, Spread, Table, Tables

MIN_FEASIBLE_NODES = 100
MIN_FEASIBLE_PERCENTAGE = 5

Details = Callable[[], Sheet]


def feasible_nodes_to_find(nodes: int) -> int:
    """How many feasible nodes are enough: looking at all of them would take too long in a large cluster.

    >>> [feasible_nodes_to_find(nodes) for nodes in (50, 1000, 5000, 6000)]
    [50, 420, 500, 300]
    """
    if nodes < MIN_FEASIBLE_NODES:
        return nodes
    percentage = max(50 - nodes // 125, MIN_FEASIBLE_PERCENTAGE)
    return max(nodes * percentage // 100, MIN_FEASIBLE_NODES)


class Result(NamedTuple):
    """A node, or (`node` is "") a diagnosis. `details` works out what was found about each node."""

    node: str
    score: int
    evaluated: int
    feasible: int
    diagnosis: Diagnosis | None
    state: CycleState | None
    details: Details | None
    filters: tuple[str, ...] = ()  # the plugins that did not skip Filter


class Algorithm:
    """Keeps the tables, and where in the order of nodes the last search stopped."""

    def __init__(self, framework: Framework, below: Callable[[int], int]) -> None:
        self.framework = framework
        self.cache = framework.handle.cache
        self.tables = Tables(framework)
        self.start = 0
        self._below = below

    def schedule(self, pod: PodInfo) -> Result:
        """Where the Pod should go. There must be nodes."""
        kind = pod.kind
        status = pod.pod.get("status")
        if (
            not kind.spread
            and kind.terms.none
            and not kind.volumes
            and kind.nodes is None
            and not self.framework.nominator.by_node
            and not (status and status.get("nominatedNodeName"))
            and not self.cache.terms_meaning(kind)
        ):
            result = self._alike(pod)
            if result is not None:
                return result
        return self._one_by_one(pod)

    # Pods for whom a table says it all

    def _alike(self, pod: PodInfo) -> Result | None:
        cache, spread = self.cache, self.framework.spread
        selector, group = spread.default_selector(pod)
        counter: Counter | None = None
        if selector.empty:
            group = ""
        else:
            counter = spread.counter(pod.kind.namespace, selector, group)
        table = self.tables.get(pod, group)
        table.refresh(cache, counter)
        nodes = len(cache.order)
        choice = table.choose(cache, self.start, feasible_nodes_to_find(nodes), self._below)
        if choice.node is None:
            return None  # the other way finds the words for it
        self.start = (self.start + choice.processed) % nodes
        details = _table_details(table, choice.spread, cache.order) if nodes <= DETAILED_NODES else None
        return Result(
            choice.node.name, choice.score, choice.processed, choice.feasible, None, None, details, table.filter_names
        )

    # All others

    def _one_by_one(self, pod: PodInfo) -> Result:
        framework, cache = self.framework, self.cache
        nodes = cache.ordered()
        state, diagnosis = CycleState(), Diagnosis()
        rejected = framework.pre_filter(state, pod, nodes)
        if rejected is not None:
            diagnosis.absent = rejected
            diagnosis.pre_filter = rejected.message
            diagnosis.plugins.add(rejected.plugin)
            return Result("", 0, 0, 0, diagnosis, state, None)
        nominated = (pod.pod.get("status") or {}).get("nominatedNodeName")
        feasible: list[NodeInfo] = []
        if nominated and nominated in cache.nodes and cache.nodes[nominated].index >= 0:
            feasible = self._filter(state, pod, diagnosis, [cache.nodes[nominated]], None)
        table: Table | None = None
        if not feasible:
            among = nodes
            if pod.kind.nodes is not None:
                named = (cache.nodes.get(name) for name in pod.kind.nodes)
                among = sorted(
                    (node for node in named if node is not None and node.index >= 0), key=lambda node: node.index
                )
                diagnosis.absent = only_named(["NodeAffinity"])
                # Which node a daemon's Pod may go to is an event's business too: the node may change.
                diagnosis.plugins.add("NodeAffinity")
            else:
                table = self.tables.get(pod, "")
                table.refresh(cache, None)
            feasible = self._filter(state, pod, diagnosis, among, table)
            self.start = (self.start + len(feasible) + len(diagnosis.statuses)) % len(nodes)
        evaluated = len(feasible) + len(diagnosis.statuses)
        took_part = tuple([plugin.name for plugin in framework.filters if plugin.name not in state.skip_filter])
        if not feasible:
            return Result("", 0, evaluated, 0, diagnosis, state, _details(nodes, diagnosis, [], []), took_part)
        if len(feasible) == 1:
            details = _details(nodes, diagnosis, feasible, [])
            return Result(feasible[0].name, 0, evaluated, 1, diagnosis, state, details, took_part)
        scored, totals = self._score(state, pod, feasible, table)
        best = max(totals)
        places = [i for i, total in enumerate(totals) if total == best]
        place = places[self._below(len(places))] if len(places) > 1 else places[0]
        details = _details(nodes, diagnosis, feasible, scored)
        return Result(feasible[place].name, best, evaluated, len(feasible), diagnosis, state, details, took_part)

    def _filter(
        self, state: CycleState, pod: PodInfo, diagnosis: Diagnosis, nodes: list[NodeInfo], table: Table | None
    ) -> list[NodeInfo]:
        """The first feasible nodes from where the last search stopped; rejections go to the diagnosis."""
        framework = self.framework
        others = [plugin for plugin in framework.other_filters if plugin.name not in state.skip_filter]
        nominated = framework.nominator.by_node
        wanted = feasible_nodes_to_find(len(nodes))
        feasible: list[NodeInfo] = []
        count = len(nodes)
        if table is not None and not others and not nominated and wanted == count:
            for node, status in zip(nodes, table.verdicts, strict=True):
                if status is None:
                    feasible.append(node)
                else:
                    diagnosis.reject(node.name, status)
            return feasible
        if table is not None and not others and not nominated:
            verdicts, start, reject = table.verdicts, self.start % count, diagnosis.reject
            for i in (*range(start, count), *range(start)):
                status = verdicts[i]
                if status is not None:
                    reject(nodes[i].name, status)
                else:
                    feasible.append(nodes[i])
                    if len(feasible) == wanted:
                        break
            return feasible
        for i in range(count):
            node = nodes[(self.start + i) % count]
            if table is None or node.name in nominated:
                status = framework.filter_with_nominated(state, pod, node)
            else:
                status = table.verdicts[node.index]
                if status is None:
                    for plugin in others:
                        status = plugin.filter(state, pod, node)
                        if status is not None:
                            break
            if status is not None:
                diagnosis.reject(node.name, status)
            else:
                feasible.append(node)
                if len(feasible) == wanted:
                    break
        return feasible

    def _score(
        self, state: CycleState, pod: PodInfo, nodes: list[NodeInfo], table: Table | None
    ) -> tuple[list[tuple[Plugin, list[int], list[int]]], list[int]]:
        """Per plugin its raw and normalised scores; and the weighted sums."""
        totals = [0] * len(nodes)
        scored: list[tuple[Plugin, list[int], list[int]]] = []
        for plugin in self.framework.scores:
            if plugin.local and table is not None:
                if plugin not in table.scores:
                    continue
                column = table.scores.index(plugin)
                raws = [table.raws[node.index][column] for node in nodes]
            else:
                skipped = plugin.pre_score(state, pod, nodes)
                if skipped is not None and skipped.code == SKIP:
                    continue
                raws = plugin.score_all(state, pod, nodes)
            points = plugin.normalize(state, nodes, raws)
            weight = plugin.weight
            totals = [total + weight * point for total, point in zip(totals, points, strict=True)]
            scored.append((plugin, raws, points))
        return scored, totals


def _details(
    nodes: list[NodeInfo],
    diagnosis: Diagnosis,
    feasible: list[NodeInfo],
    scored: list[tuple[Plugin, list[int], list[int]]],
) -> Details | None:
    """For a small cluster: how to tell what was found about each node. Holds on to nothing that will change."""
    if len(nodes) > DETAILED_NODES:
        return None
    passed = [node.name for node in feasible]
    statuses = dict(diagnosis.statuses)
    order = [node.name for node in nodes]

    def work_out() -> Sheet:
        named = set(passed)
        evaluated = [name for name in order if name in statuses or name in named]
        rejected = [
            [place, statuses[name].plugin, list(statuses[name].reasons)]
            for place, name in enumerate(evaluated)
            if name in statuses
        ]
        places = {name: place for place, name in enumerate(evaluated)}
        columns = [[plugin.name, plugin.weight, raws, points] for plugin, raws, points in scored]
        return Sheet(evaluated, rejected, [places[name] for name in passed] if scored else [], columns)

    return work_out


def _table_details(table: Table, spread: Spread | None, order: list[NodeInfo]) -> Details:
    """The same from a table, whose lists change with the next Pod and are copied therefore."""
    verdicts, codes, meanings = list(table.verdicts), list(table.codes), table.meanings
    zones = dict(spread.zones) if spread is not None else {}
    plugins = table.scores
    state, weight = table.state, table.spread_weight

    def work_out() -> Sheet:
        names = [node.name for node in order]
        rejected = [
            [place, verdict.plugin, list(verdict.reasons)]
            for place, verdict in enumerate(verdicts)
            if verdict is not None
        ]
        places = [i for i, code in enumerate(codes) if code != INFEASIBLE]
        if len(places) < 2:
            return Sheet(names, rejected)
        columns: list[list[Any]] = []
        for j, plugin in enumerate(plugins):
            raws = [meanings[codes[i]][0][j] for i in places]
            columns.append([plugin.name, plugin.weight, raws, plugin.normalize(state, (), raws)])
        if spread is not None:
            known = spread._replace(zones=zones)
            raws = [known.raw(meanings[codes[i]]) for i in places]
            least, most = min(raws), max(raws)
            columns.append(["PodTopologySpread", weight, raws, [spread_points(raw, least, most) for raw in raws]])
        return Sheet(names, rejected, places, columns)

    return work_out
