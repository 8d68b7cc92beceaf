"""PodTopologySpread: like Pods evenly over nodes, zones, or any other domain.

Models      pkg/scheduler/framework/plugins/podtopologyspread (common.go, filtering.go, scoring.go, plugin.go)
Leaves out  list-type default constraints of the plugin's arguments (the system defaults apply: hostname 3, zone 5,
            ScheduleAnyway)

How many Pods match is read from a counter that the cache keeps (see counters.py), not counted anew for every Pod.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log
from typing import Any, ClassVar, NamedTuple

from apps.cluster.apimachinery.meta import Obj, controller_of, labels_of, uid_of
from apps.cluster.apimachinery.node_selector import untolerated
from apps.cluster.apimachinery.selectors import Requirement, Selector, from_label_selector, from_map
from apps.cluster.scheduler.counters import Counter
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import MAX_SCORE, CycleState, Handle, Hints, Plugin
from apps.cluster.scheduler.pod_info import PodClass, PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, UNSCHEDULABLE, Status

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"

DEFAULT_CONSTRAINTS: tuple[Obj, ...] = (
    {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 3},
    {"topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 5},
)

Constraints = Callable[[PodInfo, str], "list[Constraint]"]


class Constraint(NamedTuple):
    """One topologySpreadConstraint, parsed."""

    max_skew: int
    topology_key: str
    selector: Selector
    min_domains: int
    honor_affinity: bool
    honor_taints: bool

    def includes(self, kind: PodClass, node: NodeInfo) -> bool:
        """Whether the node's Pods count (nodeAffinityPolicy, nodeTaintsPolicy)."""
        if self.honor_affinity and not kind.affinity.trivial and not kind.affinity.matches(node.name, node.labels):
            return False
        return not (self.honor_taints and untolerated(node.taints, kind.tolerations) is not None)


def parse(constraint: Obj, pod_labels: dict[str, str], selector: Selector | None = None) -> Constraint:
    """A constraint as the API gives it; `selector` replaces the one it has not (default constraints)."""
    own = from_label_selector(constraint.get("labelSelector")) if selector is None else selector
    merged = [Requirement(k, "in", (pod_labels[k],)) for k in constraint.get("matchLabelKeys") or () if k in pod_labels]
    if merged and (own.requirements or own.empty):  # what matches nothing still does
        own = Selector((*merged, *own.requirements))
    return Constraint(
        constraint["maxSkew"],
        constraint["topologyKey"],
        own,
        constraint.get("minDomains") or 1,
        constraint.get("nodeAffinityPolicy", "Honor") == "Honor",
        constraint.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


class HardState:
    """Matching Pods by domain, for each DoNotSchedule constraint."""

    __slots__ = ("constraints", "counts", "least")

    def __init__(self, constraints: list[Constraint], counts: list[dict[str, int]]) -> None:
        self.constraints = constraints
        self.counts = counts
        self.least: list[int] | None = None  # the emptiest domain of each, as long as nothing changed

    def clone(self) -> HardState:
        return HardState(self.constraints, [dict(counts) for counts in self.counts])

    def minimum(self, i: int) -> int:
        """The global minimum that skew is measured from."""
        if self.least is None:
            self.least = [
                min(counts.values(), default=2**31 - 1) if len(counts) >= constraint.min_domains else 0
                for constraint, counts in zip(self.constraints, self.counts, strict=True)
            ]
        return self.least[i]


class SoftState:
    """What scoring needs of each ScheduleAnyway constraint."""

    __slots__ = ("constraints", "counters", "counts", "ignored", "weights")

    def __init__(self, constraints: list[Constraint]) -> None:
        self.constraints = constraints
        self.counters: list[Counter] = []
        self.counts: list[dict[str, int]] = []
        self.weights: list[float] = []
        self.ignored: set[str] = set()

    def clone(self) -> SoftState:
        return self


class PodTopologySpread(Plugin):
    name: ClassVar[str] = "PodTopologySpread"
    weight: ClassVar[int] = 2
    filters: ClassVar[bool] = True
    scores: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(
        UNSCHEDULABLE, ("node(s) didn't match pod topology spread constraints",), "PodTopologySpread"
    )
    NO_LABEL: ClassVar[Status] = Status(
        UNRESOLVABLE,
        ("node(s) didn't match pod topology spread constraints (missing required label)",),
        "PodTopologySpread",
    )

    def __init__(self, handle: Handle, default_constraints: Sequence[Obj] = DEFAULT_CONSTRAINTS) -> None:
        super().__init__(handle)
        self.default_constraints = default_constraints
        self.system_defaulted = default_constraints is DEFAULT_CONSTRAINTS
        self._selectors: dict[tuple[str, int], tuple[int, Any, Selector, str]] = {}

    # Constraints

    def constraints(self, pod: PodInfo, action: str) -> list[Constraint]:
        """The Pod's own constraints with that action, or else the default ones."""
        kind = pod.kind
        labels = dict(kind.labels)
        if kind.spread:
            return [parse(c, labels) for c in kind.spread if c["whenUnsatisfiable"] == action]
        if not any(c["whenUnsatisfiable"] == action for c in self.default_constraints):
            return []
        selector, _ = self.default_selector(pod)
        if selector.empty:
            return []
        return [parse(c, labels, selector) for c in self.default_constraints if c["whenUnsatisfiable"] == action]

    def default_selector(self, pod: PodInfo) -> tuple[Selector, str]:
        """What Services and the owning controller say belongs together with this Pod, and its text."""
        owner = controller_of(pod.pod)
        source = self._owner_selector(pod, owner)
        key = (owner["uid"] if owner else "", pod.kind.index)
        known = self._selectors.get(key)
        version = self.handle.selectors_version
        if known is not None and known[0] == version and known[1] == source:
            return known[2], known[3]
        merged: dict[str, str] = {}
        namespace, labels = pod.kind.namespace, pod.kind.labels
        for service in self.handle.lister("services").list(namespace):
            wanted = service["spec"].get("selector")
            if wanted is not None and all(labels.get(name) == value for name, value in wanted.items()):
                merged.update(wanted)
        if source is not None and owner is not None and owner["kind"] == "ReplicationController":
            merged.update(source)
        requirements = from_map(merged).requirements
        if source is not None and owner is not None and owner["kind"] != "ReplicationController":
            requirements += from_label_selector(source).requirements
        selector = Selector(requirements)
        if len(self._selectors) > 4096:
            self._selectors = {}
        text = f"{namespace}|{selector}"
        self._selectors[key] = (version, source, selector, text)
        return selector, text

    def _owner_selector(self, pod: PodInfo, owner: dict[str, Any] | None) -> Any:
        resource = _OWNERS.get((owner["apiVersion"], owner["kind"])) if owner is not None else None
        if owner is None or resource is None:
            return None
        found = self.handle.lister(resource).get(f"{pod.kind.namespace}/{owner['name']}")
        return found["spec"].get("selector") if found is not None else None

    def counter(self, namespace: str, selector: Selector, text: str = "") -> Counter:
        """Pods of the namespace that match and are not being deleted."""
        cache = self.handle.cache

        def matches(kind: PodClass) -> bool:
            return kind.namespace == namespace and selector.matches(kind.labels)

        key = "spread|" + (text or f"{namespace}|{selector}")
        return cache.counters.counter(key, matches, cache.nodes, without_terminating=True)

    # Filter

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        constraints = self.constraints(pod, "DoNotSchedule")
        if not constraints:
            return SKIPPED
        state.data[self.name] = self.hard_state(pod.kind, constraints, nodes)
        return None

    def hard_state(self, kind: PodClass, constraints: list[Constraint], nodes: Sequence[NodeInfo]) -> HardState:
        keys = [constraint.topology_key for constraint in constraints]
        counters = [self.counter(kind.namespace, constraint.selector) for constraint in constraints]
        counts: list[dict[str, int]] = [{} for _ in constraints]
        for node in nodes:
            labels = node.labels
            if not all(key in labels for key in keys):
                continue
            name = node.name
            for i, constraint in enumerate(constraints):
                if constraint.includes(kind, node):
                    here = 0 if constraint.selector.empty else counters[i].by_node.get(name, 0)
                    value = labels[keys[i]]
                    counts[i][value] = counts[i].get(value, 0) + here
        return HardState(constraints, counts)

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        self._update(state.data[self.name], pod, other, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        self._update(state.data[self.name], pod, other, node, -1)

    @staticmethod
    def _update(state: HardState, pod: PodInfo, other: PodInfo, node: NodeInfo, amount: int) -> None:
        labels = node.labels
        if other.kind.namespace != pod.kind.namespace:
            return
        if not all(constraint.topology_key in labels for constraint in state.constraints):
            return
        state.least = None
        for constraint, counts in zip(state.constraints, state.counts, strict=True):
            if constraint.selector.matches(other.kind.labels) and constraint.includes(pod.kind, node):
                value = labels[constraint.topology_key]
                counts[value] = counts.get(value, 0) + amount

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        hard: HardState = state.data[self.name]
        labels = node.labels
        for i, constraint in enumerate(hard.constraints):
            value = labels.get(constraint.topology_key)
            if value is None:
                return self.NO_LABEL
            own = 1 if constraint.selector.matches(pod.kind.labels) else 0
            if hard.counts[i].get(value, 0) + own - hard.minimum(i) > constraint.max_skew:
                return self.REJECTED
        return None

    # Score

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        constraints = self.constraints(pod, "ScheduleAnyway")
        if not constraints:
            return SKIPPED
        kind = pod.kind
        soft = SoftState(constraints)
        # With the system's defaults a node without a zone still takes part in spreading over nodes.
        need_all = bool(kind.spread) or not self.system_defaulted
        keys = [constraint.topology_key for constraint in constraints]
        if need_all:
            soft.ignored = {node.name for node in nodes if not all(key in node.labels for key in keys)}
        ignored = soft.ignored
        counted = len(nodes) - len(ignored)
        for constraint in constraints:
            key = constraint.topology_key
            soft.counters.append(self.counter(kind.namespace, constraint.selector))
            if key == HOSTNAME:
                soft.counts.append({})
                soft.weights.append(log(counted + 2))
            else:
                values = {node.labels.get(key, "") for node in nodes if node.name not in ignored}
                soft.counts.append(dict.fromkeys(sorted(values), 0))
                soft.weights.append(log(len(values) + 2))
        self._count_domains(soft, kind, keys, need_all)
        state.data[f"{self.name}/score"] = soft
        return None

    def _count_domains(self, soft: SoftState, kind: PodClass, keys: list[str], need_all: bool) -> None:
        """Only nodes with matching Pods add anything, so only those are visited; not even they when all nodes count."""
        nodes = self.handle.cache.nodes
        for i, constraint in enumerate(soft.constraints):
            if keys[i] == HOSTNAME or constraint.selector.empty:
                continue
            counts, counter = soft.counts[i], soft.counters[i]
            everywhere = kind.affinity.trivial or not constraint.honor_affinity
            if everywhere and not constraint.honor_taints and (len(keys) == 1 or not need_all):
                for value, amount in counter.over(keys[i]).items():
                    if value in counts:
                        counts[value] = amount
                continue
            for name, amount in counter.by_node.items():
                node = nodes[name]
                labels = node.labels
                value = labels.get(keys[i], "")
                if node.index < 0 or value not in counts or (need_all and not all(key in labels for key in keys)):
                    continue
                if constraint.includes(kind, node):
                    counts[value] += amount

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        soft: SoftState = state.data[f"{self.name}/score"]
        if node.name in soft.ignored:
            return 0
        score = 0.0
        for i, constraint in enumerate(soft.constraints):
            value = node.labels.get(constraint.topology_key)
            if value is not None:
                if constraint.topology_key != HOSTNAME:
                    amount = soft.counts[i][value]
                else:
                    amount = 0 if constraint.selector.empty else soft.counters[i].by_node.get(node.name, 0)
                score += spread_score(amount, constraint.max_skew, soft.weights[i])
        return int(score + 0.5)

    def score_all(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> list[int]:
        soft: SoftState = state.data[f"{self.name}/score"]
        scores = [0.0] * len(nodes)
        for i, constraint in enumerate(soft.constraints):
            key, weight, base = constraint.topology_key, soft.weights[i], constraint.max_skew - 1
            if key == HOSTNAME:
                by_node = {} if constraint.selector.empty else soft.counters[i].by_node
                scores = [
                    score + (by_node.get(node.name, 0) * weight + base) if key in node.labels else score
                    for node, score in zip(nodes, scores, strict=True)
                ]
            else:
                points = {value: amount * weight + base for value, amount in soft.counts[i].items()}
                scores = [
                    score + points.get(node.labels[key], 0.0) if key in node.labels else score
                    for node, score in zip(nodes, scores, strict=True)
                ]
        if soft.ignored:
            return [
                0 if node.name in soft.ignored else int(score + 0.5) for node, score in zip(nodes, scores, strict=True)
            ]
        return [int(score + 0.5) for score in scores]

    def normalize(self, state: CycleState, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        """Fewer matching Pods in the domain, more points; nodes without the labels get none."""
        ignored = state.data[f"{self.name}/score"].ignored
        if not ignored:
            most, least = max(scores, default=0), min(scores, default=0)
            return [spread_points(score, least, most) for score in scores]
        counted = [score for node, score in zip(nodes, scores, strict=True) if node.name not in ignored]
        most, least = max(counted, default=0), min(counted, default=0)
        return [
            0 if node.name in ignored else spread_points(score, least, most)
            for node, score in zip(nodes, scores, strict=True)
        ]

    # Hints

    def hints(self) -> Hints:
        return {
            "pod/add": self._after_pod,
            "pod/label": self._after_pod,
            "pod/delete": self._after_pod,
            "pod/toleration": self._after_toleration,
            "node/add": self._after_node,
            "node/delete": self._after_node,
            "node/label": self._after_node,
            "node/taint": self._after_node,
        }

    @staticmethod
    def _own(pod: Obj) -> list[Constraint]:
        constraints = pod["spec"].get("topologySpreadConstraints") or ()
        return [parse(c, labels_of(pod)) for c in constraints if c["whenUnsatisfiable"] == "DoNotSchedule"]

    def _after_pod(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        other = new if new is not None else old
        if other is None or other["metadata"].get("namespace") != pod["metadata"].get("namespace"):
            return False
        before = labels_of(old) if old is not None else None
        after = labels_of(new) if new is not None else None
        for constraint in self._own(pod):
            matched = before is not None and constraint.selector.matches(before)
            matches = after is not None and constraint.selector.matches(after)
            if matched != matches:
                return True
        return False

    def _after_toleration(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        return new is not None and uid_of(new) == uid_of(pod) and any(c.honor_taints for c in self._own(pod))

    def _after_node(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        keys = [constraint.topology_key for constraint in self._own(pod)]

        def takes_part(node: Obj | None) -> bool:
            return node is not None and all(key in labels_of(node) for key in keys)

        if takes_part(old) != takes_part(new):
            return True
        if old is None or new is None or not takes_part(new):
            return False
        moved = any(labels_of(old).get(key) != labels_of(new).get(key) for key in keys)
        return moved or old["spec"].get("taints") != new["spec"].get("taints")


_OWNERS = {
    ("v1", "ReplicationController"): "replicationcontrollers",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("apps/v1", "StatefulSet"): "statefulsets",
}


def spread_score(amount: int, max_skew: int, weight: float) -> float:
    """What a domain with so many matching Pods adds to a node's raw score: less is better."""
    return amount * weight + (max_skew - 1)


def spread_points(score: int, least: int, most: int) -> int:
    """A raw score as points, over the least and the most of all nodes."""
    return MAX_SCORE if most == 0 else MAX_SCORE * (most + least - score) // most
