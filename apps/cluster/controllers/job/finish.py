"""Whether a Job has come to its end, and to which.

Models      pkg/controller/job/job_controller.go (syncJob's conditions, pastBackoffLimitOnFailure, pastActiveDeadline,
            enactJobFinished, ensureJobConditionStatus)
Leaves out  nothing

Pure. A Job ends in two steps: FailureTarget or SuccessCriteriaMet says that the end is decided, and its remaining Pods
are deleted; Failed or Complete follows when all of them have ended and have been counted.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.job.indexes import total
from apps.cluster.controllers.job.policies import is_pod_failed, judge, success_met
from apps.cluster.controllers.job.turn import Turn, is_suspended

FAILURE_TARGET, SUCCESS_CRITERIA_MET = "FailureTarget", "SuccessCriteriaMet"
COMPLETE, FAILED, SUSPENDED = "Complete", "Failed", "Suspended"


def end_of(turn: Turn) -> Obj | None:
    """The condition that ends the Job, None while it goes on. What an earlier turn decided stays decided."""
    listed = turn.status.get("conditions")
    if turn.has_condition(SUCCESS_CRITERIA_MET):
        return conditions.find(listed, SUCCESS_CRITERIA_MET)
    if turn.has_condition(FAILURE_TARGET):
        target: Any = conditions.find(listed, FAILURE_TARGET)
        return turn.condition(FAILED, target.get("reason", ""), target.get("message", ""))
    return _failure(turn) or _success_by_policy(turn)


def _failure(turn: Turn) -> Obj | None:
    message = _failing_pod(turn)
    if message:
        return turn.condition(FAILURE_TARGET, "PodFailurePolicy", message)
    if turn.failed > turn.spec["backoffLimit"] or past_limit_of_restarts(turn):
        return turn.condition(FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    left = deadline_left_ms(turn)
    if left is not None and left <= 0:
        return turn.condition(FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline")
    if turn.failed_indexes is not None:
        lost, most = total(turn.failed_indexes), turn.spec.get("maxFailedIndexes")
        if most is not None and lost > most:
            told = "Job has exceeded the specified maximal number of failed indexes"
            return turn.condition(FAILURE_TARGET, "MaxFailedIndexesExceeded", told)
        if lost and lost + total(turn.succeeded_indexes) >= (turn.spec.get("completions") or 0):
            return turn.condition(FAILURE_TARGET, "FailedIndexes", "Job has failed indexes")
    return None


def _failing_pod(turn: Turn) -> str:
    """What the failure policy says of the first Pod for which it fails the whole Job."""
    policy = turn.spec.get("podFailurePolicy")
    if policy is None:
        return ""
    for pod in turn.pods:
        if is_pod_failed(pod, turn.job):
            message = judge(policy, pod).failure
            if message:
                return message
    return ""


def _success_by_policy(turn: Turn) -> Obj | None:
    if not turn.indexed:
        return None
    message = success_met(turn.spec.get("successPolicy"), turn.spec.get("completions") or 0, turn.succeeded_indexes)
    return turn.condition(SUCCESS_CRITERIA_MET, "SuccessPolicy", message) if message else None


def past_limit_of_restarts(turn: Turn) -> bool:
    """With restartPolicy OnFailure it is containers that are started again, and their restarts that are limited."""
    if turn.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    restarts = 0
    for pod in turn.pods:
        status = pod["status"]
        if status.get("phase") in ("Running", "Pending"):
            for containers in ("initContainerStatuses", "containerStatuses"):
                restarts += sum(container.get("restartCount", 0) for container in status.get(containers) or ())
    limit: int = turn.spec["backoffLimit"]
    return restarts >= limit if limit else restarts > 0


def deadline_left_ms(turn: Turn) -> int | None:
    """Milliseconds until activeDeadlineSeconds is over; None without one, or while suspended."""
    seconds, start = turn.spec.get("activeDeadlineSeconds"), turn.status.get("startTime")
    if seconds is None or start is None or is_suspended(turn.job):
        return None
    return timestamps.parse(start) + seconds * 1000 - turn.now_ms  # type: ignore[no-any-return]


def completions_reached(turn: Turn) -> Obj | None:
    """The condition of a Job whose Pods have succeeded often enough, none being left active.

    Without `completions` one success is enough, but the Pods that run beside it are awaited.
    """
    wanted = turn.spec.get("completions")
    enough = turn.succeeded > 0 if wanted is None else turn.succeeded >= wanted
    if not enough or turn.active:
        return None
    return turn.condition(SUCCESS_CRITERIA_MET, "CompletionsReached", "Reached expected number of succeeded pods")


def suspended_or_resumed(turn: Turn) -> str:
    """Make the Suspended condition say what the spec does: "Suspended" or "Resumed" when that is news, else "".

    The clock of activeDeadlineSeconds stops while a Job is suspended, and begins anew when it goes on.
    """
    suspended = is_suspended(turn.job)
    status, reason, message = (
        ("True", "JobSuspended", "Job suspended") if suspended else ("False", "JobResumed", "Job resumed")
    )
    listed = ensured(turn.status.get("conditions") or [], turn.condition(SUSPENDED, reason, message, status))
    if listed is None:
        return ""
    turn.status = {**turn.status, "conditions": listed}
    if suspended:
        turn.status.pop("startTime", None)
        return "Suspended"
    turn.status["startTime"] = timestamps.format_ms(turn.now_ms)
    return "Resumed"


def ensured(listed: list[Obj], wanted: Obj) -> list[Obj] | None:
    """The conditions with this one among them; None when nothing changes. What never was True does not become False."""
    for place, condition in enumerate(listed):
        if condition["type"] == wanted["type"]:
            if all(condition.get(name) == wanted.get(name) for name in ("status", "reason", "message")):
                return None
            return [*listed[:place], wanted, *listed[place + 1 :]]
    return [*listed, wanted] if wanted["status"] != "False" else None


def enact(turn: Turn) -> bool:
    """Write the end into the status, when every Pod has ended and has been counted; whether it was."""
    if turn.finished is None or turn.uncounted("succeeded") or turn.uncounted("failed") or turn.terminating > 0:
        return False
    listed = ensured(turn.status.get("conditions") or [], turn.finished)
    if listed is not None:
        turn.status = {**turn.status, "conditions": listed}
    if turn.finished["type"] == COMPLETE:
        turn.status = {**turn.status, "completionTime": turn.finished["lastTransitionTime"]}
    return True
