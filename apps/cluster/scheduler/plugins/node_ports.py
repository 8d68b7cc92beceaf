"""NodePorts: a host port can be taken once a node.

Models      pkg/scheduler/framework/plugins/nodeports/node_ports.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.scheduler.node_info import NodeInfo, ports_conflict
from apps.cluster.scheduler.plugins.base import CycleState, Hints, Plugin
from apps.cluster.scheduler.pod_info import PodInfo, host_ports
from apps.cluster.scheduler.status import SKIPPED, UNSCHEDULABLE, Status


class NodePorts(Plugin):
    name: ClassVar[str] = "NodePorts"
    filters: ClassVar[bool] = True
    local: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(
        UNSCHEDULABLE, ("node(s) didn't have free ports for the requested pod ports",), "NodePorts"
    )

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        return None if pod.kind.host_ports else SKIPPED

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        wanted = pod.kind.host_ports
        return self.REJECTED if wanted and ports_conflict(wanted, node.ports) else None

    def hints(self) -> Hints:
        return {"pod/delete": _after_pod_deleted, "node/add": None}


def _after_pod_deleted(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    """Whether the Pod that went held a port that this one wants."""
    return old is not None and ports_conflict(host_ports(pod["spec"]), host_ports(old["spec"]))
