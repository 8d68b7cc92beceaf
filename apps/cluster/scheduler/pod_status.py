"""What the scheduler writes into a Pod's status.

Models      pkg/scheduler/schedule_one.go (updatePod) and pkg/api/v1/pod (UpdatePodCondition)
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import conditions
from apps.cluster.apimachinery.meta import EMPTY, Obj

_COMPARED = ("status", "reason", "message", "lastProbeTime")


def pod_condition(pod: Obj, type_: str, status: str, reason: str, message: str) -> dict[str, Any]:
    """A condition as the scheduler states it; `status_patch` adds since when it is so."""
    return {
        "type": type_,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "status": status,
        "lastProbeTime": None,
        "reason": reason,
        "message": message,
    }


def status_patch(pod: Obj, condition: dict[str, Any] | None, nominated: str | None, now: str) -> dict[str, Any]:
    """The part of the status to write, {} when the Pod has all of it already.

    `nominated` is the node to name, "" to name none, None to leave that as it is.
    """
    status = pod.get("status") or EMPTY
    patch: dict[str, Any] = {}
    if condition is not None:
        old = conditions.find(status.get("conditions"), condition["type"])
        if old is None or any(old.get(field) != condition.get(field) for field in _COMPARED):
            kept = old is not None and old.get("status") == condition["status"]
            since = old.get("lastTransitionTime", now) if old is not None and kept else now
            patch["conditions"] = [{**condition, "lastTransitionTime": since}]
    if nominated is not None and nominated != (status.get("nominatedNodeName") or ""):
        patch["nominatedNodeName"] = nominated or None
    return patch
