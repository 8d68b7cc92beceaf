"""NodeAffinity: nodeSelector and node affinity, required and preferred.

Models      pkg/scheduler/framework/plugins/nodeaffinity/node_affinity.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, labels_of, name_of
from apps.cluster.apimachinery.node_selector import RequiredNodeAffinity, preferred_terms
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Handle, Hints, Plugin, default_normalize
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, SchedulerError, Status


class NodeAffinity(Plugin):
    name: ClassVar[str] = "NodeAffinity"
    weight: ClassVar[int] = 2
    filters: ClassVar[bool] = True
    scores: ClassVar[bool] = True
    local: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(
        UNRESOLVABLE, ("node(s) didn't match Pod's node affinity/selector",), "NodeAffinity"
    )
    CONFLICT: ClassVar[Status] = Status(UNRESOLVABLE, ("pod affinity terms conflict",), "NodeAffinity")
    ENFORCED: ClassVar[Status] = Status(
        UNRESOLVABLE, ("node(s) didn't match scheduler-enforced node affinity",), "NodeAffinity"
    )

    def __init__(self, handle: Handle, added: Obj | None = None) -> None:
        """`added`: the argument addedAffinity, which every Pod must also meet; the default profile has none."""
        super().__init__(handle)
        spec = {"affinity": {"nodeAffinity": added or {}}}
        enforced = RequiredNodeAffinity(spec)
        self._enforced = None if enforced.trivial else enforced
        self._favoured = preferred_terms(spec) or []

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        """The framework reads `PodClass.nodes` itself; empty means that the terms name no common node."""
        if pod.kind.affinity.trivial and self._enforced is None:
            return SKIPPED
        if pod.kind.nodes is not None and not pod.kind.nodes:
            return self.CONFLICT
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if self._enforced is not None and not self._enforced.matches(node.name, node.labels):
            return self.ENFORCED
        affinity = pod.kind.affinity
        return None if affinity.trivial or affinity.matches(node.name, node.labels) else self.REJECTED

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        preferred = pod.kind.preferred_nodes
        if preferred is None:
            return None if self._favoured else SKIPPED
        if any(term.broken for _, term in preferred):
            raise SchedulerError("parsing preferred node affinity: invalid term")
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """The sum of the weights of the preferred terms that match."""
        preferred = pod.kind.preferred_nodes
        if not preferred and not self._favoured:
            return 0
        terms = [*self._favoured, *(preferred or ())]
        return sum(weight for weight, term in terms if term.matches(node.name, node.labels))

    def normalize(self, state: CycleState, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        return default_normalize(scores, reverse=False)

    def hints(self) -> Hints:
        return {"node/add": self._after_node_change, "node/label": self._after_node_change}

    def _after_node_change(self, pod: Obj, old: Obj | None, new: Obj | None) -> bool:
        if new is not None and self._enforced is not None and not self._enforced.matches(name_of(new), labels_of(new)):
            return False
        return after_node_change(pod, old, new)


def after_node_change(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    affinity = RequiredNodeAffinity(pod["spec"])
    if new is None or not affinity.matches(name_of(new), labels_of(new)):
        return False
    return old is None or not affinity.matches(name_of(old), labels_of(old))
