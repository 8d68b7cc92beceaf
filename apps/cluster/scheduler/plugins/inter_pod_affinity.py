"""InterPodAffinity: near some Pods, away from others; what placed Pods ask for counts as well.

Models      pkg/scheduler/framework/plugins/interpodaffinity (filtering.go, scoring.go, plugin.go)
Leaves out  ignorePreferredTermsOfExistingPods (off by default)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, labels_of
from apps.cluster.scheduler.affinity_term import AffinityTerm, AffinityTerms, affinity_terms
from apps.cluster.scheduler.counters import Counter
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import MAX_SCORE, CycleState, Handle, Hints, Plugin
from apps.cluster.scheduler.pod_info import PodClass, PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, UNSCHEDULABLE, Status

HARD_WEIGHT = 1  # hardPodAffinityWeight: what a required affinity of a placed Pod is worth when scoring

Pairs = dict[tuple[str, str], int]  # (topology key, value) -> matching Pods


class AffinityState:
    """Counts by topology pair. `existing`: placed Pods whose anti-affinity means this Pod."""

    __slots__ = ("affinity", "anti", "existing")

    def __init__(self, existing: Pairs, affinity: Pairs, anti: Pairs) -> None:
        self.existing = existing
        self.affinity = affinity
        self.anti = anti

    def clone(self) -> AffinityState:
        return AffinityState(dict(self.existing), dict(self.affinity), dict(self.anti))


def _add(pairs: Pairs, key: str, labels: Mapping[str, str], amount: int) -> None:
    value = labels.get(key)
    if value is not None:
        pair = (key, value)
        now = pairs.get(pair, 0) + amount
        if now:
            pairs[pair] = now
        else:
            pairs.pop(pair, None)


class InterPodAffinity(Plugin):
    name: ClassVar[str] = "InterPodAffinity"
    weight: ClassVar[int] = 2
    filters: ClassVar[bool] = True
    scores: ClassVar[bool] = True

    EXISTING: ClassVar[Status] = Status(
        UNSCHEDULABLE, ("node(s) didn't satisfy existing pods anti-affinity rules",), "InterPodAffinity"
    )
    AFFINITY: ClassVar[Status] = Status(UNRESOLVABLE, ("node(s) didn't match pod affinity rules",), "InterPodAffinity")
    ANTI: ClassVar[Status] = Status(
        UNSCHEDULABLE, ("node(s) didn't match pod anti-affinity rules",), "InterPodAffinity"
    )

    def __init__(self, handle: Handle, hard_weight: int = HARD_WEIGHT) -> None:
        super().__init__(handle)
        self.hard_weight = hard_weight

    def means(self, term: AffinityTerm, kind: PodClass) -> bool:
        """Whether a term means Pods of this class."""
        return term.matches(kind.namespace, kind.labels, self.handle.cache.namespace_labels(kind.namespace))

    def means_all(self, terms: Sequence[AffinityTerm], kind: PodClass) -> bool:
        return bool(terms) and all(self.means(term, kind) for term in terms)

    def counter(self, terms: Sequence[AffinityTerm]) -> Counter:
        """Placed Pods that every one of the terms means."""
        cache = self.handle.cache
        key = "affinity|" + "|".join(term.key for term in terms)
        return cache.counters.counter(
            key, lambda kind: self.means_all(terms, kind), cache.nodes, without_terminating=False
        )

    # Filter

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        terms = pod.kind.terms
        existing = self.existing_anti_affinity(pod.kind)
        if not existing and not terms.affinity and not terms.anti_affinity:
            return SKIPPED
        state.data[self.name] = AffinityState(existing, self.affinity_pairs(pod.kind), self.anti_pairs(pod.kind))
        return None

    def existing_anti_affinity(self, kind: PodClass) -> Pairs:
        pairs: Pairs = {}
        cache = self.handle.cache
        if not cache.terms_meaning(kind):
            return pairs
        for group in kind.groups:
            for term in group.terms.anti_affinity:
                if self.means(term, kind):
                    for value, amount in group.counter.over(term.topology_key).items():
                        pair = (term.topology_key, value)
                        pairs[pair] = pairs.get(pair, 0) + amount
        return pairs

    def affinity_pairs(self, kind: PodClass) -> Pairs:
        """Pods that all required terms mean, in the domains of each term's key."""
        terms = kind.terms.affinity
        pairs: Pairs = {}
        if terms:
            counter = self.counter(terms)
            for term in terms:
                for value, amount in counter.over(term.topology_key).items():
                    pair = (term.topology_key, value)
                    pairs[pair] = pairs.get(pair, 0) + amount
        return pairs

    def anti_pairs(self, kind: PodClass) -> Pairs:
        pairs: Pairs = {}
        for term in kind.terms.anti_affinity:
            for value, amount in self.counter((term,)).over(term.topology_key).items():
                pair = (term.topology_key, value)
                pairs[pair] = pairs.get(pair, 0) + amount
        return pairs

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        self._update(state.data[self.name], pod.kind, other.kind, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        self._update(state.data[self.name], pod.kind, other.kind, node, -1)

    def _update(self, state: AffinityState, kind: PodClass, other: PodClass, node: NodeInfo, amount: int) -> None:
        labels = node.labels
        for term in other.terms.anti_affinity:
            if self.means(term, kind):
                _add(state.existing, term.topology_key, labels, amount)
        if self.means_all(kind.terms.affinity, other):
            for term in kind.terms.affinity:
                _add(state.affinity, term.topology_key, labels, amount)
        for term in kind.terms.anti_affinity:
            if self.means(term, other):
                _add(state.anti, term.topology_key, labels, amount)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        known: AffinityState = state.data[self.name]
        labels, kind = node.labels, pod.kind
        if not self._near(known, kind, labels):
            return self.AFFINITY
        if known.anti:
            for term in kind.terms.anti_affinity:
                key = term.topology_key
                if key in labels and known.anti.get((key, labels[key]), 0) > 0:
                    return self.ANTI
        if known.existing:
            for pair in labels.items():
                if known.existing.get(pair, 0) > 0:
                    return self.EXISTING
        return None

    def _near(self, known: AffinityState, kind: PodClass, labels: Mapping[str, str]) -> bool:
        found = True
        for term in kind.terms.affinity:
            key = term.topology_key
            if key not in labels:
                return False
            if known.affinity.get((key, labels[key]), 0) <= 0:
                found = False
        # The first of a group that wants to be with its like may go anywhere.
        return found or (not known.affinity and self.means_all(kind.terms.affinity, kind))

    # Score

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        weights = self.topology_weights(pod.kind)
        if not weights:
            return SKIPPED
        state.data[f"{self.name}/score"] = Weights(weights)
        return None

    def topology_weights(self, kind: PodClass) -> dict[str, dict[str, int]]:
        """Topology key -> value -> points, from this Pod's wishes and from those of placed Pods."""
        weights: dict[str, dict[str, int]] = {}

        def add(term: AffinityTerm, counter: Counter, weight: int) -> None:
            # A counter for the term may exist without Pods: then the term says nothing.
            for value, amount in counter.over(term.topology_key).items():
                values = weights.setdefault(term.topology_key, {})
                values[value] = values.get(value, 0) + amount * weight

        for term in kind.terms.preferred:
            add(term, self.counter((term,)), term.weight)
        for term in kind.terms.preferred_anti:
            add(term, self.counter((term,)), -term.weight)
        if self.handle.cache.terms_meaning(kind):
            for group in kind.groups:
                for terms, sign in ((group.terms.preferred, 1), (group.terms.preferred_anti, -1)):
                    for term in terms:
                        if self.means(term, kind):
                            add(term, group.counter, sign * term.weight)
                if self.hard_weight:
                    for term in group.terms.affinity:
                        if self.means(term, kind):
                            add(term, group.counter, self.hard_weight)
        return weights

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        weights: Weights = state.data[f"{self.name}/score"]
        labels = node.labels
        return sum(values.get(labels[key], 0) for key, values in weights.by_key.items() if key in labels)

    def score_all(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> list[int]:
        weights: Weights = state.data[f"{self.name}/score"]
        scores = [0] * len(nodes)
        for key, values in weights.by_key.items():
            scores = [
                score + values.get(node.labels[key], 0) if key in node.labels else score
                for node, score in zip(nodes, scores, strict=True)
            ]
        return scores

    def normalize(self, state: CycleState, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        least, most = min(scores, default=0), max(scores, default=0)
        if most == least:
            return [0] * len(scores)
        return [int(MAX_SCORE * ((score - least) / (most - least))) for score in scores]

    # Hints

    def hints(self) -> Hints:
        return {
            "pod/add": self._after_pod_added,
            "pod/label": self._after_pod_labelled,
            "pod/delete": self._after_pod_deleted,
            "node/add": _after_node,
            "node/label": _after_node,
        }

    def _all(self, terms: Sequence[AffinityTerm], pod: Obj) -> bool:
        namespace = pod["metadata"].get("namespace", "")
        labels, of_namespace = labels_of(pod), self.handle.cache.namespace_labels(namespace)
        return bool(terms) and all(term.matches(namespace, labels, of_namespace) for term in terms)

    def _after_pod_added(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        return new is not None and self._all(_terms(pod).affinity, new)

    def _after_pod_labelled(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        if old is None or new is None:
            return False
        if new["metadata"].get("uid") == pod["metadata"].get("uid"):
            return True
        terms = _terms(pod)
        if not self._all(terms.affinity, old) and self._all(terms.affinity, new):
            return True
        return self._all(terms.anti_affinity, old) and not self._all(terms.anti_affinity, new)

    def _after_pod_deleted(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        if old is None:
            return False
        return self._all(_terms(pod).anti_affinity, old) or self._all(_terms(old).anti_affinity, pod)


class Weights:
    """The outcome of PreScore."""

    __slots__ = ("by_key",)

    def __init__(self, by_key: dict[str, dict[str, int]]) -> None:
        self.by_key = by_key

    def clone(self) -> Weights:
        return self


def _terms(pod: Obj) -> AffinityTerms:
    return affinity_terms(pod["spec"], pod["metadata"].get("namespace", ""))


def _after_node(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    """Whether the node entered, left or changed a domain that the Pod's terms speak of."""
    if new is None:
        return False
    terms = _terms(pod)
    after = labels_of(new)
    if old is None:
        return bool(terms.anti_affinity) or any(term.topology_key in after for term in terms.affinity)
    before = labels_of(old)
    for term in terms.affinity:
        key = term.topology_key
        if key in after and before.get(key) != after[key]:
            return True
    for term in terms.anti_affinity:
        key = term.topology_key
        if key in before and before[key] != after.get(key):
            return True
    return False
