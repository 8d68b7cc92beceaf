"""How many replicas a metric asks for: usage held against a target, with the Pods that say nothing weighed in.

Models      pkg/controller/podautoscaler/replica_calculator.go, metrics/utilization.go
Leaves out  nothing

Pure: no client, no clock. Usage and requests are thousandths (of a core, of a byte), times virtual milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from apps.cluster.apimachinery import quantity, timestamps
from apps.cluster.apimachinery.conditions import find
from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of
from apps.cluster.controllers.pod_helpers import is_pod_ready

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1
Ratio = Callable[[dict[str, "PodMetric"]], float]
NO_PODS = "no pods returned by selector while calculating replica count"
NO_METRICS = "did not receive metrics for targeted pods (pods might be unready)"


class MetricError(Exception):
    """A metric that cannot be had or made sense of; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class PodMetric:
    """One Pod's usage, as of an instant, measured over the time before it."""

    value: int
    timestamp_ms: int = 0
    window_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far usage may be from its target before anything is done."""

    down: float = 0.1
    up: float = 0.1

    def within(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the CPU usage of a Pod that starts is not to be trusted (flags of kube-controller-manager)."""

    now_ms: int
    initialization_ms: int = 300_000  # --horizontal-pod-autoscaler-cpu-initialization-period
    readiness_delay_ms: int = 30_000  # --horizontal-pod-autoscaler-initial-readiness-delay


@dataclass(frozen=True, slots=True)
class Groups:
    """Pods by what their metrics are worth."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def group_pods(pods: Iterable[Obj], metrics: Mapping[str, PodMetric], resource: str, timing: Timing) -> Groups:
    """Ready ones count; ignored ones are going or have failed; of missing ones there is no metric; unready ones are
    pending or, for CPU, still starting."""
    ready = 0
    unready: set[str] = set()
    missing: set[str] = set()
    ignored: set[str] = set()
    for pod in pods:
        name, status = name_of(pod), pod.get("status") or EMPTY
        phase = status.get("phase")
        if pod["metadata"].get("deletionTimestamp") or phase == "Failed":
            ignored.add(name)
        elif phase == "Pending":
            unready.add(name)
        elif name not in metrics:
            missing.add(name)
        elif resource == "cpu" and _starting(status, metrics[name], timing):
            unready.add(name)
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _starting(status: Mapping[str, Obj], metric: PodMetric, timing: Timing) -> bool:
    condition = find(status.get("conditions"), "Ready")  # type: ignore[arg-type]
    start = status.get("startTime")
    if condition is None or not start:
        return True
    started, changed = timestamps.parse(str(start)), _instant(condition.get("lastTransitionTime"))
    if started + timing.initialization_ms > timing.now_ms:
        return condition["status"] == "False" or metric.timestamp_ms < changed + metric.window_ms
    return condition["status"] == "False" and started + timing.readiness_delay_ms > changed


def _instant(text: str | None) -> int:
    """No time at all is Go's year one: before everything."""
    return timestamps.parse(text) if text else -(10**14)


def requests_of(pods: Iterable[Obj], container: str, resource: str) -> dict[str, int]:
    """What each Pod asks for: of one container, or of the Pod as a whole.

    Raises:
        MetricError: a container that has no such request.
    """
    out: dict[str, int] = {}
    for pod in pods:
        own = ((pod["spec"].get("resources") or EMPTY).get("requests")) or EMPTY
        if not container and any(_pod_level(name) for name in own):
            out[name_of(pod)] = _pod_request(pod, own, resource)
        else:
            out[name_of(pod)] = _container_requests(pod, container, resource)
    return out


def _pod_level(resource: str) -> bool:
    return resource in ("cpu", "memory") or resource.startswith("hugepages-")


def _pod_request(pod: Obj, own: Mapping[str, str], resource: str) -> int:
    """What the Pod as a whole asks for; what it does not name is the sum of what its containers name."""
    if resource in own:
        return quantity.milli(str(own[resource]))
    asked = [
        quantity.milli(str(requests[resource]))
        for one in _running(pod["spec"])
        if resource in (requests := ((one.get("resources") or EMPTY).get("requests") or EMPTY))
    ]
    if not asked:
        raise MetricError(f"missing pod-level request for {resource} in Pod {name_of(pod)}")
    return sum(asked)


def _running(spec: Obj) -> list[Obj]:
    """The containers that run side by side: the ordinary ones, and sidecars."""
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *sidecars]


def _container_requests(pod: Obj, container: str, resource: str) -> int:
    total = 0
    for one in _running(pod["spec"]):
        if container in ("", one["name"]):
            asked = ((one.get("resources") or EMPTY).get("requests") or EMPTY).get(resource)
            if asked is None:
                raise MetricError(f"missing request for {resource} in container {one['name']} of Pod {name_of(pod)}")
            total += quantity.milli(str(asked))
        if container == one["name"]:
            return total
    if container:
        raise MetricError(f"container {container} not found in Pod {name_of(pod)}")
    return total


def utilization(metrics: Mapping[str, PodMetric], requests: Mapping[str, int], target: int) -> tuple[float, int, int]:
    """(ratio to the target, per cent of what is requested, average usage).

    Raises:
        MetricError: metrics and Pods have nothing in common.
    """
    known = [name for name in metrics if name in requests]
    used = sum(metrics[name].value for name in known)
    asked = sum(requests[name] for name in known)
    if asked == 0:
        raise MetricError("no metrics returned matched known pods")
    percent = used * 100 // asked
    return percent / target, percent, used // len(known)


def usage_ratio(metrics: Mapping[str, PodMetric], target: int) -> tuple[float, int]:
    """(ratio to the target, average usage)."""
    average = sum(metric.value for metric in metrics.values()) // len(metrics)
    return average / target, average


def resource_replicas(
    current: int,
    target: int,
    resource: str,
    pods: Sequence[Obj],
    metrics: Mapping[str, PodMetric],
    tolerances: Tolerances,
    timing: Timing,
    container: str = "",
) -> tuple[int, int, int]:
    """(replicas, utilization in per cent, average usage) for a utilization target.

    Raises:
        MetricError: nothing can be said.
    """
    groups, known = _known(pods, metrics, resource, timing)
    requests = requests_of(pods, container, resource)
    ratio, percent, raw = utilization(known, requests, target)
    # A missing Pod counts as using all it asked for (or the target, if that is more) when that argues against a change.
    full = {name: requests[name] * max(100, target) // 100 for name in groups.missing}
    replicas = _decide(
        current, ratio, groups, known, full, tolerances, lambda filled: utilization(filled, requests, target)[0]
    )
    return replicas, percent, raw


def plain_replicas(
    current: int,
    target: int,
    resource: str,
    pods: Sequence[Obj],
    metrics: Mapping[str, PodMetric],
    tolerances: Tolerances,
    timing: Timing,
) -> tuple[int, int]:
    """(replicas, average usage) for a target that is a plain average. `resource` "" is a metric of another sort.

    Raises:
        MetricError: nothing can be said.
    """
    groups, known = _known(pods, metrics, resource, timing)
    ratio, usage = usage_ratio(known, target)
    full = dict.fromkeys(groups.missing, target)
    replicas = _decide(current, ratio, groups, known, full, tolerances, lambda filled: usage_ratio(filled, target)[0])
    return replicas, usage


def _known(
    pods: Sequence[Obj], metrics: Mapping[str, PodMetric], resource: str, timing: Timing
) -> tuple[Groups, dict[str, PodMetric]]:
    if not pods:
        raise MetricError(NO_PODS)
    groups = group_pods(pods, metrics, resource, timing)
    known = {
        name: metric for name, metric in metrics.items() if name not in groups.ignored and name not in groups.unready
    }
    if not known:
        raise MetricError(NO_METRICS)
    return groups, known


def _decide(
    current: int,
    ratio: float,
    groups: Groups,
    known: dict[str, PodMetric],
    full: Mapping[str, int],
    tolerances: Tolerances,
    again: Ratio,
) -> int:
    """The replicas that a ratio asks for. Pods of which nothing is known make any change smaller, and never turn it."""
    unready_matter = bool(groups.unready) and ratio > 1.0
    if not unready_matter and not groups.missing:
        return current if tolerances.within(ratio) else ceil(ratio * groups.ready)
    filled = dict(known)
    for name in sorted(groups.missing):
        if ratio < 1.0:
            filled[name] = PodMetric(full[name])
        elif ratio > 1.0:
            filled[name] = PodMetric(0)
    if unready_matter:
        filled |= {name: PodMetric(0) for name in sorted(groups.unready)}
    new = again(filled)
    if tolerances.within(new) or (ratio < 1.0 < new) or (new < 1.0 < ratio):
        return current
    replicas = ceil(new * len(filled))
    if (new < 1.0 and replicas > current) or (new > 1.0 and replicas < current):
        return current
    return replicas


def ratio_replicas(current: int, ratio: float, pods: Sequence[Obj], tolerances: Tolerances) -> int:
    """Replicas for a metric of one object, or of something outside the cluster, against a target for the whole.

    Raises:
        MetricError: no Pods.
    """
    if current == 0:
        return ceil(ratio)
    if tolerances.within(ratio):
        return current
    if not pods:
        raise MetricError(f"unable to calculate ready pods: {NO_PODS}")
    ready = sum(1 for pod in pods if (pod.get("status") or EMPTY).get("phase") == "Running" and is_pod_ready(pod))
    wanted = ratio * ready
    return MAX_INT32 if wanted > MAX_INT32 else ceil(wanted)


def per_pod_replicas(status_replicas: int, usage: int, target: int, tolerances: Tolerances) -> tuple[int, int]:
    """(replicas, usage a Pod) for such a metric against a target for each Pod."""
    whole = target * status_replicas
    ratio = usage / whole if whole else (float("inf") if usage else float("nan"))
    replicas = status_replicas if tolerances.within(ratio) else min(ceil(usage / target), MAX_INT32)
    if usage >= MAX_INT64:
        return replicas, MAX_INT64
    # Go makes of a division by zero the least int64; no replicas, nothing to share it.
    return replicas, ceil(usage / status_replicas) if status_replicas else -MAX_INT64 - 1


def total(values: Iterable[int]) -> int:
    """The sum, no more than an int64 holds."""
    return min(sum(values), MAX_INT64)
