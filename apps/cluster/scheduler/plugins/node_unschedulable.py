"""NodeUnschedulable: no new Pods on a cordoned node.

Models      pkg/scheduler/framework/plugins/nodeunschedulable/node_unschedulable.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, uid_of
from apps.cluster.apimachinery.node_selector import tolerates
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Hints, Plugin
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import UNRESOLVABLE, Status

TAINT: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


class NodeUnschedulable(Plugin):
    name: ClassVar[str] = "NodeUnschedulable"
    filters: ClassVar[bool] = True
    local: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(UNRESOLVABLE, ("node(s) were unschedulable",), "NodeUnschedulable")

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        if not node.unschedulable or any(tolerates(toleration, TAINT) for toleration in pod.kind.tolerations):
            return None
        return self.REJECTED

    def hints(self) -> Hints:
        return {"node/add": after_node_change, "node/taint": after_node_change, "pod/toleration": _after_toleration}


def after_node_change(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    """Whether the node came, or became, schedulable."""
    if new is None or (new.get("spec") or {}).get("unschedulable"):
        return False
    return old is None or bool((old.get("spec") or {}).get("unschedulable"))


def _after_toleration(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    if new is None or uid_of(new) != uid_of(pod):
        return False
    return any(tolerates(toleration, TAINT) for toleration in new["spec"].get("tolerations") or ())
