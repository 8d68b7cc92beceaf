"""NodeName: a Pod that names its node goes there or nowhere.

Models      pkg/scheduler/framework/plugins/nodename/node_name.go
Leaves out  nothing known (a Pod created with spec.nodeName never reaches the queue, so this seldom speaks)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Hints, Plugin
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, Status


class NodeName(Plugin):
    name: ClassVar[str] = "NodeName"
    filters: ClassVar[bool] = True
    local: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(UNRESOLVABLE, ("node(s) didn't match the requested node name",), "NodeName")

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        return None if pod.pod["spec"].get("nodeName") else SKIPPED

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        wanted = pod.pod["spec"].get("nodeName")
        return None if not wanted or wanted == node.name else self.REJECTED

    def hints(self) -> Hints:
        return {"node/add": None}
