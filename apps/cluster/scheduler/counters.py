"""Counts of placed Pods, kept up to date Pod by Pod, so that no plugin walks all Pods of the cluster.

Models      nothing upstream: its PreFilter counts again for every Pod (podtopologyspread, interpodaffinity)
Leaves out  -

A `Counter` counts the Pods that a question is about ("in namespace default with app=web") by node, and on demand by
the value of any node label. A `TermGroup` counts Pods that carry the same affinity terms, since those bear on every
Pod still to come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from apps.cluster.scheduler.affinity_term import AffinityTerms
from apps.cluster.scheduler.pod_info import PodClass

if TYPE_CHECKING:
    from apps.cluster.scheduler.node_info import NodeInfo

Matches = Callable[[PodClass], bool]


class Counter:
    """How many Pods match, by node; and by value of a node label for each label asked for."""

    __slots__ = ("_labels_of", "by_node", "by_topology", "matches", "used", "without_terminating")

    def __init__(
        self, matches: Matches, labels_of: Callable[[str], Mapping[str, str]], *, without_terminating: bool
    ) -> None:
        self.matches = matches
        self._labels_of = labels_of
        self.without_terminating = without_terminating
        self.by_node: dict[str, int] = {}
        self.by_topology: dict[str, dict[str, int]] = {}
        self.used = 0  # when it was last asked for; the longest unused is dropped first

    def count(self, node: str, labels: Mapping[str, str], amount: int) -> None:
        by_node = self.by_node
        now = by_node.get(node, 0) + amount
        if now:
            by_node[node] = now
        else:
            by_node.pop(node, None)
        for key, values in self.by_topology.items():
            value = labels.get(key)
            if value is not None:
                now = values.get(value, 0) + amount
                if now:
                    values[value] = now
                else:
                    values.pop(value, None)

    def over(self, topology_key: str) -> dict[str, int]:
        """Label value -> matching Pods on the nodes that carry it. Values without Pods are absent. Read only."""
        values = self.by_topology.get(topology_key)
        if values is None:
            values = self.by_topology[topology_key] = {}
            for node, amount in self.by_node.items():
                value = self._labels_of(node).get(topology_key)
                if value is not None:
                    values[value] = values.get(value, 0) + amount
        return values

    def forget_topology(self) -> None:
        """Some node's labels changed: add up again when asked."""
        self.by_topology = {}


class TermGroup:
    """Placed Pods with the same affinity terms, as one Counter."""

    __slots__ = ("counter", "key", "terms")

    def __init__(self, key: str, terms: AffinityTerms, counter: Counter) -> None:
        self.key = key
        self.terms = terms
        self.counter = counter


class Counters:
    """All counters of a cache. A class of Pods knows which counters count it (`PodClass.counters`)."""

    MOST = 256

    __slots__ = ("_clock", "_labels_of", "all", "groups", "groups_version", "version")

    def __init__(self, labels_of: Callable[[str], Mapping[str, str]]) -> None:
        self._labels_of = labels_of
        self.all: dict[str, Counter] = {}
        self.version = 0  # of `all`: a class finds its counters again when it changed
        self.groups: dict[str, TermGroup] = {}
        self.groups_version = 0  # of the set of groups that count at least one Pod
        self._clock = 0

    def counter(
        self, key: str, matches: Matches, nodes: Mapping[str, NodeInfo], *, without_terminating: bool
    ) -> Counter:
        """The counter of that name, made (and filled from what is placed) when there is none."""
        self._clock += 1
        counter = self.all.get(key)
        if counter is None:
            if len(self.all) >= self.MOST:
                oldest = min(self.all, key=lambda name: self.all[name].used)
                del self.all[oldest]
            counter = Counter(matches, self._labels_of, without_terminating=without_terminating)
            self._fill(counter, nodes)
            self.all[key] = counter
            self.version += 1
        counter.used = self._clock
        return counter

    @staticmethod
    def _fill(counter: Counter, nodes: Mapping[str, NodeInfo]) -> None:
        known: dict[int, bool] = {}
        for name, info in nodes.items():
            for pod in info.pods.values():
                if counter.without_terminating and pod.terminating:
                    continue
                kind = pod.kind
                match = known.get(kind.index)
                if match is None:
                    match = known[kind.index] = counter.matches(kind)
                if match:
                    counter.count(name, info.labels, 1)

    def of(self, kind: PodClass) -> list[Counter]:
        """The counters that count Pods of this class."""
        if kind.counters_version != self.version:
            kind.counters = [counter for counter in self.all.values() if counter.matches(kind)]
            kind.counters_version = self.version
        return kind.counters

    def count_group(self, kind: PodClass, node: str, labels: Mapping[str, str], amount: int) -> None:
        """A Pod with affinity terms came or went."""
        key = kind.terms_key
        group = self.groups.get(key)
        if group is None:
            counter = Counter(lambda _: False, self._labels_of, without_terminating=False)
            group = self.groups[key] = TermGroup(key, kind.terms, counter)
            self.groups_version += 1
        group.counter.count(node, labels, amount)
        if not group.counter.by_node:
            del self.groups[key]
            self.groups_version += 1

    def groups_for(self, kind: PodClass, namespace_labels: Mapping[str, str]) -> list[TermGroup]:
        """The groups with a term that means Pods of this class."""
        if kind.groups_version != self.groups_version:
            labels, namespace = kind.labels, kind.namespace
            kind.groups = [
                group
                for group in self.groups.values()
                if any(term.matches(namespace, labels, namespace_labels) for terms in group.terms for term in terms)
            ]
            kind.groups_version = self.groups_version
        return kind.groups

    def forget_topology(self) -> None:
        for counter in self.all.values():
            counter.forget_topology()
        for group in self.groups.values():
            group.counter.forget_topology()

    def forget_matches(self) -> None:
        """A namespace's labels changed, so which Pods a term means may have."""
        self.all = {}
        self.version += 1
        self.groups_version += 1
