"""What every workload controller asks of a Pod: is it active, ready, available, and which one goes first.

Models      pkg/controller/controller_utils.go, pkg/api/v1/pod/util.go (1.36)
Leaves out  the age-ratio metric of scale-downs

All pure: no client, no clock. Times are milliseconds of virtual time, as `timestamps.parse` gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from math import log2
from typing import Any

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj

POD_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_PHASE_ORDER = {"Pending": 0, "": 0, "Unknown": 1, "Running": 2}
_TERMINAL = ("Succeeded", "Failed")
_INT32_MAX = 2**31 - 1
_MAX_NAME = 253  # a DNS subdomain; "<controller>-" must still fit


def ready_condition(pod: Obj) -> Obj | None:
    """The Pod's Ready condition, or None."""
    status = pod.get("status")
    if status and (conditions := status.get("conditions")):
        condition: Obj
        for condition in conditions:
            if condition["type"] == "Ready":
                return condition
    return None


def is_pod_ready(pod: Obj) -> bool:
    """Whether the Ready condition says True."""
    condition = ready_condition(pod)
    return condition is not None and condition["status"] == "True"


def is_pod_available(pod: Obj, min_ready_seconds: int, now_ms: int) -> bool:
    """Whether the Pod has been ready for at least `min_ready_seconds`."""
    condition = ready_condition(pod)
    if condition is None or condition["status"] != "True":
        return False
    if min_ready_seconds <= 0:
        return True
    since = condition.get("lastTransitionTime")
    return since is not None and timestamps.parse(since) + min_ready_seconds * 1000 <= now_ms


def is_pod_terminal(pod: Obj) -> bool:
    """Whether the Pod is done for good: Succeeded or Failed."""
    status = pod.get("status")
    return status is not None and status.get("phase") in _TERMINAL


def is_pod_active(pod: Obj) -> bool:
    """Whether the Pod counts as a replica: neither done nor being deleted."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    status = pod.get("status")
    return status is None or status.get("phase") not in _TERMINAL


def is_pod_terminating(pod: Obj) -> bool:
    """Whether the Pod is being deleted and still holds its place (`status.terminatingReplicas`)."""
    return "deletionTimestamp" in pod["metadata"] and not is_pod_terminal(pod)


def next_pod_availability_check(pod: Obj, min_ready_seconds: int, now_ms: int) -> int | None:
    """Milliseconds until this ready Pod becomes available; None when it already is, or is not ready."""
    if min_ready_seconds <= 0:
        return None
    condition = ready_condition(pod)
    if condition is None or condition["status"] != "True" or not condition.get("lastTransitionTime"):
        return None
    left = timestamps.parse(condition["lastTransitionTime"]) + min_ready_seconds * 1000 - now_ms
    return left if left > 0 else None


def find_min_next_pod_availability_check(
    pods: Iterable[Obj], min_ready_seconds: int, evaluated_ms: int, now_ms: int
) -> int | None:
    """Milliseconds until the first of these Pods becomes available.

    The Pod is chosen as of `evaluated_ms`, when the owner's status was worked out; 0 when it became
    available between then and `now_ms`, so that the owner looks again at once.
    """
    first: tuple[int, Obj] | None = None
    for pod in pods:
        wait = next_pod_availability_check(pod, min_ready_seconds, evaluated_ms)
        if wait is not None and (first is None or wait < first[0]):
            first = (wait, pod)
    if first is None:
        return None
    return next_pod_availability_check(first[1], min_ready_seconds, now_ms) or 0


def pod_deletion_cost(pod: Obj) -> int:
    """The annotation's 32 bit integer; 0 when absent or not one (a leading + or 0 does not count)."""
    text = (pod["metadata"].get("annotations") or {}).get(POD_DELETION_COST)
    if not text or text[0] in "+0":
        return 0
    digits = text[1:] if text[0] == "-" else text
    if not (digits.isascii() and digits.isdigit()):
        return 0
    cost = int(text)
    return cost if -_INT32_MAX - 1 <= cost <= _INT32_MAX else 0


def max_container_restarts(pod: Obj) -> tuple[int, int]:
    """The most restarts of an ordinary container, and of a sidecar (an init container that always restarts)."""
    status = pod.get("status", {})
    regular = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    if not status.get("initContainerStatuses"):
        return regular, 0
    inits = pod["spec"].get("initContainers") or ()
    sidecars = {container["name"] for container in inits if container.get("restartPolicy") == "Always"}
    statuses = (c for c in status["initContainerStatuses"] if c["name"] in sidecars)
    return regular, max((c.get("restartCount", 0) for c in statuses), default=0)


def sort_by_deletion(
    pods: Sequence[Obj], ranks: Sequence[int], now_ms: int | None, *, use_deletion_cost: bool = True
) -> list[Obj]:
    """The Pods in the order in which a scale-down deletes them, the most expendable first (ActivePodsWithRanks).

    Not assigned < assigned; Pending < Unknown < Running; not ready < ready; lower deletion cost first;
    higher rank first (`ranks[i]` = Pods of the same owners that share a node with `pods[i]`); ready for less
    time first; more restarts first; younger first. The two times are compared by the power of two they
    fall in, so among Pods of about the same age the uid decides, not the age. `now_ms` None compares
    plain times (LogarithmicScaleDown off).
    """
    facts = [_sort_facts(pod, rank, use_deletion_cost) for pod, rank in zip(pods, ranks, strict=True)]
    key = cmp_to_key(_comparison(now_ms))
    return [pods[position] for position in sorted(range(len(pods)), key=lambda position: key(facts[position]))]


# What the comparison looks at, taken out of a Pod once instead of once a comparison:
# (unassigned first, phase, ready, cost, -rank), ready since, restarts negated, created, uid.
_Facts = tuple[tuple[int, int, int, int, int], int | None, tuple[int, int], int | None, str]


def _sort_facts(pod: Obj, rank: int, use_deletion_cost: bool) -> _Facts:
    condition = ready_condition(pod)
    ready = condition is not None and condition["status"] == "True"
    since: Any = condition.get("lastTransitionTime") if condition is not None and ready else None
    created = pod["metadata"].get("creationTimestamp")
    regular, sidecar = max_container_restarts(pod)
    head = (
        1 if pod["spec"].get("nodeName") else 0,
        _PHASE_ORDER.get(pod.get("status", {}).get("phase", ""), 0),
        1 if ready else 0,
        pod_deletion_cost(pod) if use_deletion_cost else 0,
        -rank,
    )
    return (
        head,
        timestamps.parse(since) if since else None,
        (-regular, -sidecar),
        timestamps.parse(created) if created else None,
        pod["metadata"].get("uid", ""),
    )


def _comparison(now_ms: int | None) -> Callable[[_Facts, _Facts], int]:
    def by_time(a: int | None, b: int | None, a_uid: str, b_uid: str) -> int:
        """The later instant first, and no instant before any; by magnitude of age when there is a now."""
        if a is None or b is None:
            return -1 if a is None else 1
        if now_ms is None:
            return -1 if a > b else 1
        difference = _magnitude(now_ms - a) - _magnitude(now_ms - b)
        return difference or (a_uid > b_uid) - (a_uid < b_uid)

    def compare(a: _Facts, b: _Facts) -> int:
        if a[0] != b[0]:
            return -1 if a[0] < b[0] else 1
        if a[1] != b[1]:
            return by_time(a[1], b[1], a[4], b[4])
        if a[2] != b[2]:
            return -1 if a[2] < b[2] else 1
        return by_time(a[3], b[3], a[4], b[4]) if a[3] != b[3] else 0

    return compare


def _magnitude(age_ms: int) -> int:
    """The power of two an age falls in, counted in nanoseconds as upstream's Duration is."""
    return int(log2(age_ms * 1_000_000)) if age_ms > 0 else -1


def pod_from_template(template: Obj, owner: Obj, controller_ref: Obj) -> Obj:
    """A new Pod of `template`, to be created: named by the server after "<owner>-", owned by `controller_ref`.

    The Pod shares the template's `spec` by identity, so that the API server recognises what it has validated.
    """
    source = template.get("metadata") or {}
    name = owner["metadata"]["name"]
    metadata: Obj = {"generateName": name + "-" if len(name) < _MAX_NAME else name}
    if "namespace" in owner["metadata"]:
        metadata["namespace"] = owner["metadata"]["namespace"]
    for field in ("labels", "annotations", "finalizers"):
        if source.get(field):
            metadata[field] = source[field]
    metadata["ownerReferences"] = [controller_ref]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
