"""What a Job's spec says about failed Pods and about success: podFailurePolicy, successPolicy, podReplacementPolicy.

Models      pkg/controller/job/pod_failure_policy.go, success_policy.go, job_controller.go (isPodFailed,
            onlyReplaceFailedPods)
Leaves out  nothing

Pure: no client, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj, name_of, namespace_of
from apps.cluster.controllers.job.indexes import Intervals, parse, total


class Verdict(NamedTuple):
    """What the failure policy makes of one failed Pod."""

    failure: str = ""  # the Job's failure message, when a FailJob rule applies
    counts: bool = True  # towards backoffLimit and backoffLimitPerIndex
    action: str = ""  # of the rule that applies


def only_replaces_failed(job: Obj) -> bool:
    """Whether a Pod is replaced only once it has ended, and not as soon as it is being deleted."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def is_pod_failed(pod: Obj, job: Obj) -> bool:
    """Whether the Pod counts as failed: it has, or it is being deleted and that is as good as failed."""
    phase = (pod.get("status") or {}).get("phase")
    if phase == "Failed":
        return True
    if only_replaces_failed(job):
        return False
    return "deletionTimestamp" in pod["metadata"] and phase != "Succeeded"


def judge(policy: Obj | None, pod: Obj) -> Verdict:
    """The first rule of a podFailurePolicy that fits a failed Pod decides; without one the failure counts."""
    for number, rule in enumerate((policy or {}).get("rules") or ()):
        action = rule["action"]
        if rule.get("onExitCodes") is not None:
            container = _ended_as(pod, rule["onExitCodes"])
            if container is None:
                continue
            told = f"Container {container['name']} for pod {namespace_of(pod)}/{name_of(pod)} failed with exit code"
            told = f"{told} {container['state']['terminated'].get('exitCode', 0)}"
        elif rule.get("onPodConditions"):
            condition = _condition_of(pod, rule["onPodConditions"])
            if condition is None:
                continue
            told = f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {condition['type']}"
        else:
            continue
        if action == "FailJob":
            return Verdict(f"{told} matching {action} rule at index {number}", counts=True, action=action)
        return Verdict(counts=action != "Ignore", action=action)
    return Verdict()


def _ended_as(pod: Obj, requirement: Obj) -> Obj | None:
    """The first container, ordinary ones before init containers, whose exit code the rule names."""
    status = pod.get("status") or {}
    wanted, values = requirement.get("containerName"), requirement.get("values") or ()
    for container in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        terminated = (container.get("state") or {}).get("terminated")
        if terminated is None or (wanted is not None and wanted != container["name"]):
            continue
        code = terminated.get("exitCode", 0)
        if code and (code in values) == (requirement["operator"] == "In"):
            return container  # type: ignore[no-any-return]
    return None


def _condition_of(pod: Obj, patterns: Sequence[Obj]) -> Obj | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if any(condition["type"] == one["type"] and condition["status"] == one["status"] for one in patterns):
            return condition  # type: ignore[no-any-return]
    return None


def success_met(policy: Obj | None, completions: int, succeeded: Intervals) -> str:
    """The message of the first rule of a successPolicy that is met; empty while none is."""
    if policy is None or not succeeded:
        return ""
    for number, rule in enumerate(policy.get("rules") or ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is not None:
            needed = parse(rule["succeededIndexes"], completions)
            if not needed:
                continue
            there = _overlap(needed, succeeded)
            met = there == total(needed) or (count is not None and there >= count)
        else:
            met = count is not None and total(succeeded) >= count
        if met:
            return f"Matched rules at index {number}"
    return ""


def _overlap(one: Intervals, other: Intervals) -> int:
    """How many indexes are in both."""
    common = place = 0
    for first, last in one:
        while place < len(other) and other[place][1] < first:
            place += 1
        at = place
        while at < len(other) and other[at][0] <= last:
            common += min(last, other[at][1]) - max(first, other[at][0]) + 1
            at += 1
    return common
