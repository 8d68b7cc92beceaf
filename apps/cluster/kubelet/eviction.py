"""Eviction: which thresholds are met, whom to let go first, and what to say.

Models      pkg/kubelet/eviction/helpers.go, defaults_linux.go
Leaves out  soft thresholds (none by default); inodes and process ids, which are never short here; separate disks for
            images and containers

Pure. `pressure.py` looks at the machine and acts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from apps.cluster.apimachinery.quantity import BINARY_SI, Quantity, value
from apps.cluster.kubelet.criticality import is_critical, priority
from apps.cluster.kubelet.resources import pod_amounts

Obj = dict[str, Any]

REASON = "Evicted"
MEMORY_AVAILABLE, NODEFS_AVAILABLE, IMAGEFS_AVAILABLE, CONTAINERFS_AVAILABLE = (
    "memory.available",
    "nodefs.available",
    "imagefs.available",
    "containerfs.available",
)
CONDITIONS = {
    MEMORY_AVAILABLE: "MemoryPressure",
    "allocatableMemory.available": "MemoryPressure",
    NODEFS_AVAILABLE: "DiskPressure",
    IMAGEFS_AVAILABLE: "DiskPressure",
    CONTAINERFS_AVAILABLE: "DiskPressure",
    "nodefs.inodesFree": "DiskPressure",
    "imagefs.inodesFree": "DiskPressure",
    "containerfs.inodesFree": "DiskPressure",
    "pid.available": "PIDPressure",
}
RESOURCES = {
    MEMORY_AVAILABLE: "memory",
    "allocatableMemory.available": "memory",
    NODEFS_AVAILABLE: "ephemeral-storage",
    IMAGEFS_AVAILABLE: "ephemeral-storage",
    CONTAINERFS_AVAILABLE: "ephemeral-storage",
    "nodefs.inodesFree": "inodes",
    "imagefs.inodesFree": "inodes",
    "containerfs.inodesFree": "inodes",
    "pid.available": "pids",
}
_MEMORY_SIGNALS = (MEMORY_AVAILABLE, "allocatableMemory.available")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A hard threshold: less than `quantity` bytes, or than `percentage` of what there is."""

    signal: str
    quantity: int = 0
    percentage: float = 0.0
    min_reclaim: int = 0

    def amount(self, capacity: int) -> int:
        return int(capacity * self.percentage) if self.percentage else self.quantity


# What a kubelet has by default, in the order it looks.
HARD = (
    Threshold(MEMORY_AVAILABLE, quantity=100 << 20),
    Threshold(NODEFS_AVAILABLE, percentage=0.1),
    Threshold(IMAGEFS_AVAILABLE, percentage=0.15),
    Threshold(CONTAINERFS_AVAILABLE, percentage=0.1),
)

Observations = Mapping[str, tuple[int, int]]  # signal -> (available, capacity)


def thresholds_met(thresholds: Iterable[Threshold], seen: Observations, *, reclaim: bool = False) -> list[Threshold]:
    """Those that are crossed. `reclaim`: and by less than their minimum reclaim.

    >>> [met.signal for met in thresholds_met(HARD, {"memory.available": (50 << 20, 8 << 30)})]
    ['memory.available']
    """
    out = []
    for threshold in thresholds:
        observed = seen.get(threshold.signal)
        if observed is None:
            continue
        available, capacity = observed
        wanted = threshold.amount(capacity) + (threshold.min_reclaim if reclaim else 0)
        if wanted > available:
            out.append(threshold)
    return out


def node_conditions(thresholds: Iterable[Threshold]) -> list[str]:
    """The conditions that they stand for, each once."""
    out: list[str] = []
    for threshold in thresholds:
        condition = CONDITIONS.get(threshold.signal)
        if condition is not None and condition not in out:
            out.append(condition)
    return out


def last_observed(conditions: Iterable[str], before: Mapping[str, int], now: int) -> dict[str, int]:
    """When each condition was seen last."""
    return {**before, **dict.fromkeys(conditions, now)}


def observed_since(observed: Mapping[str, int], period_ms: int, now: int) -> list[str]:
    """Conditions seen within the period: they are reported as long."""
    return [condition for condition, at in observed.items() if now - at < period_ms]


def by_eviction_priority(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """Memory first, what nothing can be reclaimed for last."""
    return sorted(
        thresholds, key=lambda threshold: (threshold.signal not in _MEMORY_SIGNALS, threshold.signal not in RESOURCES)
    )


# ---- whom ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContainerUse:
    """What one container was measured to use, in bytes; None: not measured."""

    name: str
    memory: int | None = None
    disk: int | None = None  # its writable layer and its logs


@dataclass(frozen=True, slots=True)
class PodUse:
    """What a whole Pod uses."""

    memory: int = 0
    disk: int = 0
    processes: int = 0
    containers: tuple[ContainerUse, ...] = ()


Use = Callable[[Obj], "PodUse | None"]
Compare = Callable[[Obj, Obj], int]


def _requested(pod: Mapping[str, Any], resource: str) -> int:
    text = pod_amounts(pod["spec"], "requests").get(resource)
    return value(text) if text else 0


def _first(one: bool, other: bool) -> int:
    """True before False."""
    return 0 if one == other else -1 if one else 1


def _by(*compares: Compare) -> Compare:
    def compare(one: Obj, other: Obj) -> int:
        for each in compares:
            found = each(one, other)
            if found:
                return found
        return 0

    return compare


def _measured(use: Use, what: Callable[[Obj, PodUse, Obj, PodUse], int]) -> Compare:
    """Pods that were not measured come first."""

    def compare(one: Obj, other: Obj) -> int:
        uses, other_uses = use(one), use(other)
        if uses is None or other_uses is None:
            return _first(uses is None, other_uses is None)
        return what(one, uses, other, other_uses)

    return compare


def _by_priority(one: Obj, other: Obj) -> int:
    return priority(one) - priority(other)


def rank_memory(pods: Sequence[Obj], use: Use) -> list[Obj]:
    """Those over their memory request first, then by priority, then by how much they are over it."""

    def exceeds(one: Obj, uses: PodUse, other: Obj, others: PodUse) -> int:
        return _first(uses.memory > _requested(one, "memory"), others.memory > _requested(other, "memory"))

    def most(one: Obj, uses: PodUse, other: Obj, others: PodUse) -> int:
        return (others.memory - _requested(other, "memory")) - (uses.memory - _requested(one, "memory"))

    return sorted(pods, key=cmp_to_key(_by(_measured(use, exceeds), _by_priority, _measured(use, most))))


def rank_disk(pods: Sequence[Obj], use: Use) -> list[Obj]:
    """The same for ephemeral storage."""

    def exceeds(one: Obj, uses: PodUse, other: Obj, others: PodUse) -> int:
        wanted, others_wanted = _requested(one, "ephemeral-storage"), _requested(other, "ephemeral-storage")
        return _first(uses.disk > wanted, others.disk > others_wanted)

    def most(one: Obj, uses: PodUse, other: Obj, others: PodUse) -> int:
        wanted, others_wanted = _requested(one, "ephemeral-storage"), _requested(other, "ephemeral-storage")
        return (others.disk - others_wanted) - (uses.disk - wanted)

    return sorted(pods, key=cmp_to_key(_by(_measured(use, exceeds), _by_priority, _measured(use, most))))


def rank_processes(pods: Sequence[Obj], use: Use) -> list[Obj]:
    """By priority, then by the number of processes."""

    def most(one: Obj, uses: PodUse, other: Obj, others: PodUse) -> int:
        return others.processes - uses.processes

    return sorted(pods, key=cmp_to_key(_by(_by_priority, _measured(use, most))))


RANKS = {"memory": rank_memory, "ephemeral-storage": rank_disk, "pids": rank_processes}


# ---- what to say --------------------------------------------------------------------------------


def amount(number: int) -> str:
    """Bytes as Kubernetes prints them.

    >>> amount(100 << 20), amount(16106127360)
    ('100Mi', '15Gi')
    """
    return Quantity(number, 0, BINARY_SI, False, "").canonical()


def message(
    resource: str, pod: Obj, used: PodUse | None, thresholds: Iterable[Threshold], seen: Observations
) -> tuple[str, dict[str, str]]:
    """Why a Pod was evicted, and the annotations of its Event."""
    text = f"The node was low on resource: {resource}. "
    for threshold in thresholds:
        observed = seen.get(threshold.signal)
        if RESOURCES.get(threshold.signal) == resource and observed is not None:
            available, capacity = observed
            text += f"Threshold quantity: {amount(threshold.amount(capacity))}, available: {amount(available)}. "
            break
    if used is None:
        return text, {}
    annotations: dict[str, str] = {}
    spec = pod["spec"]
    pod_level = (spec.get("resources") or {}).get("requests") or {}
    if resource == "memory" and resource in pod_level:
        name = pod["metadata"].get("name", "")
        text += _larger("Pod", name, amount(used.memory), pod_level[resource], resource)
        annotations |= {"offending_pod": name, "offending_pod_usage": amount(used.memory)}
    specs = {one["name"]: one for one in [*spec["containers"], *(spec.get("initContainers") or ())]}
    names, usages = [], []
    for container in used.containers:
        of_spec = specs.get(container.name)
        uses = {"memory": container.memory, "ephemeral-storage": container.disk}.get(resource)
        if of_spec is None or uses is None:
            continue
        request = ((of_spec.get("resources") or {}).get("requests") or {}).get(resource, "0")
        if uses > value(request):
            text += _larger("Container", container.name, amount(uses), request, resource)
            names.append(container.name)
            usages.append(amount(uses))
    annotations |= {
        "offending_containers": ",".join(names),
        "offending_containers_usage": ",".join(usages),
        "starved_resource": resource,
    }
    return text, annotations


def _larger(kind: str, name: str, usage: str, request: str, resource: str) -> str:
    return f"{kind} {name} was using {usage}, request is {request}, has larger consumption of {resource}. "


def local_storage_excess(pod: Obj, used: PodUse) -> str:
    """Why a Pod has to go that writes more to local storage than it may, "" when it keeps within its limits."""
    limits = pod_amounts(pod["spec"], "limits").get("ephemeral-storage")
    if limits and used.disk > value(limits):
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {limits}. "
    by_name = {one["name"]: one for one in pod["spec"]["containers"]}
    for container in used.containers:
        spec = by_name.get(container.name) or {}
        limit = ((spec.get("resources") or {}).get("limits") or {}).get("ephemeral-storage")
        if limit and value(limit) and container.disk is not None and container.disk > value(limit):
            return f'Container {container.name} exceeded its local ephemeral storage limit "{limit}". '
    return ""


# ---- the kernel's way ---------------------------------------------------------------------------


def oom_score_adjust(pod: Obj, container: Mapping[str, Any], quality: str, capacity: int) -> int:
    """How willing the kernel is to kill a container's processes (GetContainerOOMScoreAdjust).

    >>> asks = {"resources": {"requests": {"memory": "1Gi"}}}
    >>> oom_score_adjust({"metadata": {}, "spec": {}}, asks, "Burstable", 4 << 30)
    750
    """
    spec = pod["spec"]
    node_critical = spec.get("priorityClassName") == "system-node-critical" and is_critical(pod)
    if node_critical or quality == "Guaranteed":
        return -997
    if quality == "BestEffort":
        return 1000
    shared = 0
    pod_level = ((spec.get("resources") or {}).get("requests") or {}).get("memory")
    if pod_level and value(pod_level):
        count = len(spec["containers"]) + len(spec.get("initContainers") or ())
        alone = pod_amounts({**spec, "resources": None, "overhead": None}, "requests").get("memory")
        shared = (value(pod_level) - (value(alone) if alone else 0)) // count
    score = 1000 - 1000 * (_container_request(container) + shared) // capacity
    if _is_sidecar(container):
        least = min(_container_request(one) for one in spec["containers"]) + shared
        score = min(score, 1000 - 1000 * least // capacity)
    if score < 3:
        return 3
    return 999 if score == 1000 else score


def _is_sidecar(container: Mapping[str, Any]) -> bool:
    return container.get("restartPolicy") == "Always"


def _container_request(container: Mapping[str, Any]) -> int:
    text = ((container.get("resources") or {}).get("requests") or {}).get("memory")
    return value(text) if text else 0
