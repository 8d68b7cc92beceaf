"""NodeResourcesFit: is there room, and how much is left over (LeastAllocated).

Models      pkg/scheduler/framework/plugins/noderesources/fit.go and resource_allocation.go
Leaves out  extended resources served by dynamic resource allocation; ignoredResources
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, uid_of
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import MAX_SCORE, CycleState, Handle, Hints, Plugin
from apps.cluster.scheduler.plugins.resource_scoring import Scorer, least_allocated
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.resources import DEFAULT_MEMORY, DEFAULT_MILLI_CPU, Resource, pod_requests, requested
from apps.cluster.scheduler.status import UNRESOLVABLE, UNSCHEDULABLE, Status

MAX_WEIGHT = 100  # of a resource in the plugin's arguments
DEFAULT_RESOURCES = (("cpu", 1), ("memory", 1))


class NodeResourcesFit(Plugin):
    name: ClassVar[str] = "NodeResourcesFit"
    weight: ClassVar[int] = 1
    filters: ClassVar[bool] = True
    scores: ClassVar[bool] = True
    local: ClassVar[bool] = True

    def __init__(
        self,
        handle: Handle,
        scorer: Scorer = least_allocated,
        resources: Sequence[tuple[str, int]] = DEFAULT_RESOURCES,
    ) -> None:
        super().__init__(handle)
        for name, weight in resources:
            if not 1 <= weight <= MAX_WEIGHT:
                raise ValueError(f"resource weight of {name} not in valid range [1, {MAX_WEIGHT}]")
        self.scorer = scorer
        self.resources = tuple(resources)
        self._usual = scorer is least_allocated and self.resources == DEFAULT_RESOURCES
        self._known: dict[tuple[tuple[str, ...], bool], Status] = {}

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        request = pod.kind.request
        if (
            len(node.pods) < node.max_pods
            and request.cpu <= node.cpu - node.requested_cpu
            and request.memory <= node.memory - node.requested_memory
            and not request.ephemeral
            and not request.scalar
        ):
            return None
        short = insufficient(request, node)
        if not short:
            return None
        # The same few answers come again and again; one object each.
        key = (tuple(reason for reason, _ in short), any(hopeless for _, hopeless in short))
        status = self._known.get(key)
        if status is None:
            status = self._known[key] = Status(UNRESOLVABLE if key[1] else UNSCHEDULABLE, key[0], self.name)
        return status

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        kind = pod.kind
        if self._usual:
            points = have = 0
            if node.cpu:
                have = 1
                left = node.cpu - node.non_zero_cpu - kind.non_zero_cpu
                if left > 0:
                    points = left * MAX_SCORE // node.cpu
            if node.memory:
                have += 1
                left = node.memory - node.non_zero_memory - kind.non_zero_memory
                if left > 0:
                    points += left * MAX_SCORE // node.memory
            return points // have if have else 0
        amounts = pod_requests(pod.pod["spec"], {"cpu": DEFAULT_MILLI_CPU, "memory": DEFAULT_MEMORY})
        used = {"cpu": node.non_zero_cpu, "memory": node.non_zero_memory}
        after, _, capacity = usage(node, amounts, used, [name for name, _ in self.resources])
        return self.scorer(after, capacity, [weight for _, weight in self.resources])

    def hints(self) -> Hints:
        return {
            "node/add": _after_node_change,
            "node/allocatable": _after_node_change,
            "pod/delete": lambda pod, old, new: True,
            "pod/scale-down": _after_scale_down,
        }


def insufficient(request: Resource, node: NodeInfo) -> list[tuple[str, bool]]:
    """What the node lacks: a reason each, and whether even the empty node would lack it."""
    short: list[tuple[str, bool]] = []
    if len(node.pods) + 1 > node.max_pods:
        short.append(("Too many pods", False))
    if request.nothing:
        return short
    if request.cpu and request.cpu > node.cpu - node.requested_cpu:
        short.append(("Insufficient cpu", request.cpu > node.cpu))
    if request.memory and request.memory > node.memory - node.requested_memory:
        short.append(("Insufficient memory", request.memory > node.memory))
    if request.ephemeral and request.ephemeral > node.ephemeral - node.requested_ephemeral:
        short.append(("Insufficient ephemeral-storage", request.ephemeral > node.ephemeral))
    for name, amount in request.scalar:
        have = node.scalar.get(name, 0)
        if amount and amount > have - node.requested_scalar.get(name, 0):
            short.append((f"Insufficient {name}", amount > have))
    return short


def usage(
    node: NodeInfo, amounts: dict[str, int], used: dict[str, int], names: Sequence[str]
) -> tuple[list[int], list[int], list[int]]:
    """Per resource: used with the Pod, used without it, and what there is; all zero for what takes no part."""
    after: list[int] = []
    before: list[int] = []
    capacity: list[int] = []
    for name in names:
        amount = amounts.get(name, 0)
        if name == "cpu":
            have, now = node.cpu, used["cpu"]
        elif name == "memory":
            have, now = node.memory, used["memory"]
        elif name == "ephemeral-storage":
            have, now = node.ephemeral, node.requested_ephemeral
        else:
            have, now = (node.scalar.get(name, 0), node.requested_scalar.get(name, 0)) if amount else (0, 0)
        after.append(now + amount if have else 0)
        before.append(now if have else 0)
        capacity.append(have)
    return after, before, capacity


def _empty(node: Obj) -> NodeInfo:
    info = NodeInfo("")
    info.set_node(node)
    return info


def _after_node_change(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    """Whether the node, were it empty, has room, and more than before of something the Pod asks for."""
    if new is None:
        return False
    request = requested(pod["spec"])
    now = _empty(new)
    if insufficient(request, now):
        return False
    if old is None:
        return True
    was = _empty(old)
    if now.max_pods > was.max_pods:
        return True
    return (
        (request.cpu > 0 and now.cpu > was.cpu)
        or (request.memory > 0 and now.memory > was.memory)
        or (request.ephemeral > 0 and now.ephemeral > was.ephemeral)
        or any(amount and now.scalar.get(name, 0) > was.scalar.get(name, 0) for name, amount in request.scalar)
    )


def _after_scale_down(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    if old is None or new is None:
        return False
    if uid_of(new) == uid_of(pod):
        return True
    if not new["spec"].get("nodeName"):
        return False
    was, now = pod_requests(old["spec"]), pod_requests(new["spec"])
    return any(amount and was.get(name, 0) > now.get(name, 0) for name, amount in pod_requests(pod["spec"]).items())
