"""NodeResourcesBalancedAllocation: prefer the node whose use of CPU and memory the Pod evens out.

Models      pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go
Leaves out  devices of dynamic resource allocation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import MAX_SCORE, CycleState, Handle, Plugin
from apps.cluster.scheduler.plugins.node_resources_fit import DEFAULT_RESOURCES, usage
from apps.cluster.scheduler.plugins.resource_scoring import balanced_allocation
from apps.cluster.scheduler.pod_info import PodClass, PodInfo
from apps.cluster.scheduler.resources import pod_requests
from apps.cluster.scheduler.status import SKIPPED, Status


class NodeResourcesBalancedAllocation(Plugin):
    name: ClassVar[str] = "NodeResourcesBalancedAllocation"
    weight: ClassVar[int] = 1
    scores: ClassVar[bool] = True
    local: ClassVar[bool] = True

    def __init__(self, handle: Handle, resources: Sequence[tuple[str, int]] = DEFAULT_RESOURCES) -> None:
        super().__init__(handle)
        self.names = tuple(name for name, _ in resources)
        self._usual = self.names == ("cpu", "memory")

    def asks_for_nothing(self, kind: PodClass) -> bool:
        """Best-effort Pods do not move the balance, so all nodes are alike to them."""
        request = kind.request
        amounts = {
            "cpu": request.cpu,
            "memory": request.memory,
            "ephemeral-storage": request.ephemeral,
            **dict(request.scalar),
        }
        return not any(amounts.get(name) for name in self.names)

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        return SKIPPED if self.asks_for_nothing(pod.kind) else None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        if self._usual and node.cpu and node.memory:
            request = pod.kind.request
            cpu, memory = node.requested_cpu, node.requested_memory
            before = cpu / node.cpu, memory / node.memory
            after = (cpu + request.cpu) / node.cpu, (memory + request.memory) / node.memory
            half = MAX_SCORE // 2
            return half + (half + _pair(*after) - _pair(*before)) // 2
        used = {"cpu": node.requested_cpu, "memory": node.requested_memory}
        return balanced_allocation(*usage(node, pod_requests(pod.pod["spec"]), used, self.names))


def _pair(first: float, second: float) -> int:
    """What `balance` gives for two resources."""
    return int((1 - abs((min(first, 1.0) - min(second, 1.0)) / 2)) * MAX_SCORE)
