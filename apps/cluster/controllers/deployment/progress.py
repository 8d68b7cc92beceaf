"""A Deployment's status: the counts, and the conditions Available, Progressing and ReplicaFailure.

Models      pkg/controller/deployment/sync.go (calculateStatus), progress.go, util/deployment_util.go
Leaves out  nothing

Pure. Times are virtual milliseconds; conditions carry them as RFC 3339 text, to the second.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.controllers.deployment.counts import (
    has_progress_deadline,
    max_unavailable,
    replica_count,
    reported_count,
    size,
    terminating_count,
)

NEW_REPLICA_SET_AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"


def condition(type_: str, status: str, reason: str, message: str, now_ms: int) -> Obj:
    """A Deployment condition, which unlike others also says when it was last updated."""
    now = timestamps.format_ms(now_ms)
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


def with_condition(status: Obj, new: Obj) -> Obj:
    """The status with that condition, put last. Same status and reason: unchanged, the message too."""
    current = conditions.find(status.get("conditions"), new["type"])
    if current is not None and current["status"] == new["status"]:
        if current.get("reason") == new["reason"]:
            return status
        new = {**new, "lastTransitionTime": current["lastTransitionTime"]}
    return {**status, "conditions": [*conditions.without(status.get("conditions"), new["type"]), new]}


def without_condition(status: Obj, type_: str) -> Obj:
    if conditions.find(status.get("conditions"), type_) is None:
        return status
    left = conditions.without(status.get("conditions"), type_)
    rest = {key: value for key, value in status.items() if key != "conditions"}
    return {**rest, "conditions": left} if left else rest


def paused_condition(deployment: Obj, now_ms: int) -> Obj | None:
    """The Progressing condition to write when the Deployment was just paused or resumed.

    Without it a Deployment paused for longer than its deadline would seem stuck once resumed.
    """
    if not has_progress_deadline(deployment):
        return None
    current = conditions.find((deployment.get("status") or {}).get("conditions"), "Progressing")
    reason = current.get("reason") if current is not None else None
    if reason == TIMED_OUT:
        return None  # the lack of progress stays reported
    paused = bool(deployment["spec"].get("paused"))
    if paused and reason != PAUSED:
        return condition("Progressing", "Unknown", PAUSED, "Deployment is paused", now_ms)
    if not paused and reason == PAUSED:
        return condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now_ms)
    return None


def calculate_status(deployment: Obj, replica_sets: Sequence[Obj], new: Obj | None, now_ms: int) -> Obj:
    """The counts as the ReplicaSets report them, and the Available condition. Counts of 0 are left out."""
    old_status = deployment.get("status") or {}
    available = reported_count(replica_sets, "availableReplicas")
    counts = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": reported_count(replica_sets, "replicas"),
        "updatedReplicas": reported_count([new] if new is not None else [], "replicas"),
        "readyReplicas": reported_count(replica_sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, replica_count(replica_sets) - available),
    }
    status: Obj = {field: count for field, count in counts.items() if count}
    terminating = terminating_count(replica_sets)
    if terminating is not None:
        status["terminatingReplicas"] = terminating
    if "collisionCount" in old_status:
        status["collisionCount"] = old_status["collisionCount"]
    if old_status.get("conditions"):
        status["conditions"] = old_status["conditions"]
    if available >= size(deployment) - max_unavailable(deployment):
        verdict = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        verdict = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    return with_condition(status, condition("Available", *verdict, now_ms))


def is_complete(deployment: Obj, status: Obj) -> bool:
    """Every Pod asked for is new and available, and no old one runs."""
    wanted = size(deployment)
    return bool(
        status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) == wanted
        and status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    )


def is_progressing(deployment: Obj, status: Obj) -> bool:
    """Since the status last written: more new Pods, fewer old ones, or more ready or available ones."""
    before = deployment.get("status") or {}

    def old(counts: Obj) -> int:
        left: int = counts.get("replicas", 0) - counts.get("updatedReplicas", 0)
        return left

    return bool(
        status.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or old(status) < old(before)
        or status.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or status.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def is_timed_out(deployment: Obj, status: Obj, now_ms: int) -> bool:
    """Whether the deadline has passed since the last sign of progress. A finished rollout cannot time out."""
    current = conditions.find(status.get("conditions"), "Progressing")
    if not has_progress_deadline(deployment) or current is None:
        return False
    reason = current.get("reason")
    if reason == NEW_REPLICA_SET_AVAILABLE:
        return False
    if reason == TIMED_OUT:
        return True
    seconds: int = deployment["spec"]["progressDeadlineSeconds"]
    return timestamps.parse(current["lastUpdateTime"]) + seconds * 1000 < now_ms


def rollout_status(deployment: Obj, replica_sets: Sequence[Obj], new: Obj | None, now_ms: int) -> Obj:
    """The status of a Deployment that is rolling out: counts, and what to say about progress and failures."""
    status = calculate_status(deployment, replica_sets, new, now_ms)
    current = conditions.find((deployment.get("status") or {}).get("conditions"), "Progressing")
    if not has_progress_deadline(deployment):
        status = without_condition(status, "Progressing")
    elif not _was_complete(status, current):
        subject = f'ReplicaSet "{name_of(new)}"' if new is not None else f'Deployment "{name_of(deployment)}"'
        if is_complete(deployment, status):
            message = f"{subject} has successfully progressed."
            told = condition("Progressing", "True", NEW_REPLICA_SET_AVAILABLE, message, now_ms)
            status = with_condition(status, told)
        elif is_progressing(deployment, status):
            told = condition("Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.", now_ms)
            if current is not None:
                # Progress for the same reason still moves lastUpdateTime, from which the deadline counts.
                if current["status"] == "True":
                    told["lastTransitionTime"] = current["lastTransitionTime"]
                status = without_condition(status, "Progressing")
            status = with_condition(status, told)
        elif is_timed_out(deployment, status, now_ms):
            message = f"{subject} has timed out progressing."
            status = with_condition(status, condition("Progressing", "False", TIMED_OUT, message, now_ms))
    failure = replica_failure(replica_sets, new)
    if failure is None:
        return without_condition(status, "ReplicaFailure")
    return with_condition(status, failure)


def _was_complete(status: Obj, current: Obj | None) -> bool:
    """Whether this is no rollout but a look at a finished one, whose progress nobody needs to estimate."""
    return (
        status.get("replicas", 0) == status.get("updatedReplicas", 0)
        and current is not None
        and current.get("reason") == NEW_REPLICA_SET_AVAILABLE
    )


def replica_failure(replica_sets: Sequence[Obj], new: Obj | None) -> Obj | None:
    """The first ReplicaFailure condition, the new ReplicaSet's before the others', as the Deployment's own."""
    for replica_set in [new, *replica_sets] if new is not None else replica_sets:
        found = conditions.find((replica_set.get("status") or {}).get("conditions"), "ReplicaFailure")
        if found is not None:
            since = found.get("lastTransitionTime")
            return {
                "type": "ReplicaFailure",
                "status": found["status"],
                "lastUpdateTime": since,
                "lastTransitionTime": since,
                "reason": found.get("reason", ""),
                "message": found.get("message", ""),
            }
    return None


def deadline_left_ms(deployment: Obj, status: Obj, now_ms: int) -> int | None:
    """Milliseconds until the deadline passes without progress, below 0 once it has; None if none is running."""
    current = conditions.find((deployment.get("status") or {}).get("conditions"), "Progressing")
    if not has_progress_deadline(deployment) or current is None:
        return None
    # Upstream waits for a finished rollout's deadline too when a Pod later fails, in vain: it cannot time out.
    if is_complete(deployment, status) or current.get("reason") in (TIMED_OUT, NEW_REPLICA_SET_AVAILABLE):
        return None
    seconds: int = deployment["spec"]["progressDeadlineSeconds"]
    return timestamps.parse(current["lastUpdateTime"]) + seconds * 1000 - now_ms
