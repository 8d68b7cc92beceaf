"""TaintToleration: taints keep Pods away, tolerations let them in; PreferNoSchedule only costs points.

Models      pkg/scheduler/framework/plugins/tainttoleration/taint_toleration.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, uid_of
from apps.cluster.apimachinery.node_selector import tolerates, untolerated
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Handle, Hints, Plugin, default_normalize
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import UNRESOLVABLE, Status


class TaintToleration(Plugin):
    name: ClassVar[str] = "TaintToleration"
    weight: ClassVar[int] = 3
    filters: ClassVar[bool] = True
    scores: ClassVar[bool] = True
    local: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(UNRESOLVABLE, ("node(s) had untolerated taint(s)",), "TaintToleration")

    def __init__(self, handle: Handle, *, compare: bool = False) -> None:
        """`compare`: the feature gate TaintTolerationComparisonOperators, off in 1.36."""
        super().__init__(handle)
        self.compare = compare

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if not node.taints or untolerated(node.taints, pod.kind.tolerations, self.compare) is None:
            return None
        return self.REJECTED

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        """How many PreferNoSchedule taints the Pod does not tolerate: fewer is better."""
        if not node.taints:
            return 0
        tolerations = pod.kind.tolerations_prefer
        return sum(
            taint["effect"] == "PreferNoSchedule"
            and not any(tolerates(toleration, taint, self.compare) for toleration in tolerations)
            for taint in node.taints
        )

    def normalize(self, state: CycleState, nodes: Sequence[NodeInfo], scores: list[int]) -> list[int]:
        return default_normalize(scores, reverse=True)

    def hints(self) -> Hints:
        return {"node/add": _after_node_change, "node/taint": _after_node_change, "pod/toleration": _after_toleration}


def _after_node_change(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    tolerations = pod["spec"].get("tolerations") or ()

    def kept_away(node: Obj | None) -> bool:
        return node is None or untolerated((node.get("spec") or {}).get("taints") or (), tolerations) is not None

    return kept_away(old) and not kept_away(new)


def _after_toleration(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    return new is not None and uid_of(new) == uid_of(pod)
