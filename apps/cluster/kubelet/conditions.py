"""The conditions of a Pod that its kubelet owns.

Models      pkg/kubelet/status/generate.go
Leaves out  nothing of its own
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from apps.cluster.kubelet.phase import FAILED, SUCCEEDED, is_sidecar

Condition = dict[str, Any]

READY_TO_START = "PodReadyToStartContainers"
INITIALIZED = "Initialized"
READY = "Ready"
CONTAINERS_READY = "ContainersReady"
SCHEDULED = "PodScheduled"
ALL_RESTARTING = "AllContainersRestarting"
DISRUPTION_TARGET = "DisruptionTarget"
BY_KUBELET = "TerminationByKubelet"

# What the kubelet writes; conditions of any other type belong to somebody else and are kept.
OWNED = frozenset(
    {
        READY_TO_START,
        INITIALIZED,
        READY,
        CONTAINERS_READY,
        SCHEDULED,
        "PodResizeInProgress",
        "PodResizePending",
        ALL_RESTARTING,
    }
)

Finding = tuple[str, str, str]  # status, reason, message
TRUE: Finding = ("True", "", "")
FALSE: Finding = ("False", "", "")


def _listed(names: Iterable[str]) -> str:
    """Names as Go prints a slice of them: `[a b]`."""
    return "[" + " ".join(names) + "]"


def containers_ready(spec: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]], phase: str) -> Finding:
    """Whether every container (sidecars included) is ready; else which are not."""
    unknown: list[str] = []
    unready: list[str] = []
    wanted: Iterable[Mapping[str, Any]] = spec["containers"]
    if spec.get("initContainers"):
        wanted = [*(one for one in spec["initContainers"] if is_sidecar(one)), *spec["containers"]]
    for container in wanted:
        status = by_name.get(container["name"])
        if status is None:
            unknown.append(container["name"])
        elif not status.get("ready"):
            unready.append(container["name"])
    if phase == SUCCEEDED and not unknown:
        return ("False", "PodCompleted", "")
    if phase == FAILED:
        return ("False", "PodFailed", "")
    if not unknown and not unready:
        return TRUE
    parts = []
    if unknown:
        parts.append(f"containers with unknown status: {_listed(unknown)}")
    if unready:
        parts.append(f"containers with unready status: {_listed(unready)}")
    return ("False", "ContainersNotReady", ", ".join(parts))


def ready(gates: Sequence[Mapping[str, Any]], conditions: Sequence[Condition], containers: Finding) -> Finding:
    """ContainersReady, and every readiness gate's condition True."""
    if containers[0] != "True" or not gates:
        return containers
    by_type = {condition["type"]: condition for condition in conditions}
    missing = []
    for gate in gates:
        wanted = gate["conditionType"]
        condition = by_type.get(wanted)
        if condition is None:
            missing.append(f'corresponding condition of pod readiness gate "{wanted}" does not exist.')
        elif condition.get("status") != "True":
            missing.append(f'the status of pod readiness gate "{wanted}" is not "True", but {condition.get("status")}')
    if missing:
        return ("False", "ReadinessGatesNotReady", ", ".join(missing))
    return TRUE


def initialized(
    spec: Mapping[str, Any],
    by_name: Mapping[str, Mapping[str, Any]],
    phase: str,
    before: Sequence[Condition] = (),
) -> Finding:
    """Whether every init container has done its part: ended well, or, for a sidecar, started.

    A Pod that was initialized once stays so, though all its containers may be restarted.
    """
    init = spec.get("initContainers")
    if not init:
        return ("True", "PodCompleted", "") if phase == SUCCEEDED else TRUE
    unknown = []
    incomplete = []
    for container in init:
        status = by_name.get(container["name"])
        if status is None:
            unknown.append(container["name"])
        elif not status.get("started" if is_sidecar(container) else "ready"):
            incomplete.append(container["name"])
    if phase == SUCCEEDED and not unknown:
        return ("True", "PodCompleted", "")
    if _any_regular_has_run(spec, by_name):
        return TRUE
    parts = []
    if unknown:
        parts.append(f"containers with unknown status: {_listed(unknown)}")
    if incomplete:
        parts.append(f"containers with incomplete status: {_listed(incomplete)}")
    if not parts or any(one["type"] == INITIALIZED and one["status"] == "True" for one in before):
        return TRUE
    return ("False", "ContainersNotInitialized", ", ".join(parts))


def all_restarting(phase: str, restarting: bool) -> Finding:
    """Whether every container of the Pod is being removed, to start anew."""
    if phase == SUCCEEDED:
        return ("False", "PodCompleted", "")
    if phase == FAILED:
        return ("False", "PodFailed", "")
    if not restarting:
        return FALSE
    return ("True", "RestartAllContainersStarted", "container exited with restart policy rule")


def with_disruption(before: Sequence[Condition], message: str, generation: int, now: str) -> list[Condition]:
    """The Pod's conditions, and that its kubelet has ended it."""
    made: Condition = {"type": DISRUPTION_TARGET}
    if generation:
        made["observedGeneration"] = generation
    made |= {
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
        "reason": BY_KUBELET,
        "message": message,
    }
    out = []
    for condition in before:
        if condition["type"] == DISRUPTION_TARGET:
            if condition["status"] == "True":
                made["lastTransitionTime"] = condition.get("lastTransitionTime", now)
            continue
        out.append(condition)
    return [*out, made]


def _any_regular_has_run(spec: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]]) -> bool:
    for container in spec["containers"]:
        status = by_name.get(container["name"])
        if status is None:
            continue
        if status.get("lastState", {}).get("terminated") is not None:
            return True
        state = status["state"]
        if "running" in state or "terminated" in state:
            return True
    return False


def merged(
    findings: Sequence[tuple[str, Finding]],
    old: Sequence[Condition],
    generation: int,
    now: str,
    resize: Sequence[Condition] = (),
) -> list[Condition]:
    """The Pod's conditions: what others wrote, as it was, then ours in the kubelet's order, those of a resize first.

    `lastTransitionTime` moves only when the status does. What did not change is the very same dict.
    """
    before = {condition["type"]: condition for condition in old}
    out = [condition for condition in old if condition["type"] not in OWNED]
    out += resize
    for type_, (status, reason, message) in findings:
        previous = before.get(type_)
        same = previous is not None and previous["status"] == status
        if (
            previous is not None
            and same
            and previous.get("reason", "") == reason
            and previous.get("message", "") == message
            and (previous.get("observedGeneration", 0) == generation or type_ == ALL_RESTARTING)
        ):
            out.append(previous)
            continue
        since = previous.get("lastTransitionTime", now) if previous and same else now
        out.append(_condition(type_, 0 if type_ == ALL_RESTARTING else generation, status, since, reason, message))
    return out


@lru_cache(maxsize=1024)
def _condition(type_: str, generation: int, status: str, since: str | None, reason: str, message: str) -> Condition:
    """The same dict for all Pods of which the same is said in the same second."""
    condition: Condition = {"type": type_}
    if generation:
        condition["observedGeneration"] = generation
    condition["status"] = status
    condition["lastProbeTime"] = None
    condition["lastTransitionTime"] = since
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition
