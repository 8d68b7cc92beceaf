"""Pods in a table: the word for how a Pod is doing, which kubectl's STATUS column shows.

Models      pkg/printers/internalversion/printers.go (printPod)
Leaves out  nothing
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.api.printers.words import NONE, Cells, Look, condition_is, is_going, name_of, spec_of, status_of
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.timestamps import parse

COMPLETED = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


class Restarts(NamedTuple):
    """How often containers were started again, and when one last ended."""

    times: int = 0
    last: str = ""

    def plus(self, status: Obj) -> Restarts:
        ended = ((status.get("lastState") or EMPTY).get("terminated") or EMPTY).get("finishedAt") or ""
        later = ended if ended and (not self.last or parse(ended) > parse(self.last)) else self.last
        return Restarts(self.times + status.get("restartCount", 0), later)

    def text(self, look: Look) -> str:
        return f"{self.times} ({look.since(self.last)} ago)" if self.times and self.last else str(self.times)


def row_conditions(pod: Obj) -> list[Obj]:
    """What a client may leave out of a list: Pods that have ended."""
    phase = status_of(pod).get("phase", "")
    if phase not in COMPLETED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": COMPLETED[phase]}]


def _ended(state: Obj) -> str:
    """`Completed`, `Signal:9`, `ExitCode:1`."""
    if state.get("reason"):
        return str(state["reason"])
    if state.get("signal"):
        return f"Signal:{state['signal']}"
    return f"ExitCode:{state.get('exitCode', 0)}"


def _initial(pod: Obj, reason: str) -> tuple[str, bool, int, Restarts, Restarts]:
    """What init containers say: the word, whether they are at work, ready sidecars, restarts (all, sidecars)."""
    spec = spec_of(pod)
    initial = spec.get("initContainers") or []
    sidecars = {one.get("name") for one in initial if one.get("restartPolicy") == "Always"}
    ready, of_all, of_sidecars = 0, Restarts(), Restarts()
    for index, status in enumerate(status_of(pod).get("initContainerStatuses") or ()):
        of_all = of_all.plus(status)
        sidecar = status.get("name") in sidecars
        if sidecar:
            of_sidecars = of_sidecars.plus(status)
        state = status.get("state") or EMPTY
        ended, waiting = state.get("terminated"), (state.get("waiting") or EMPTY).get("reason", "")
        if ended is not None and not ended.get("exitCode", 0):
            continue
        if sidecar and status.get("started"):
            ready += bool(status.get("ready"))
            continue
        if ended is not None:
            reason = f"Init:{_ended(ended)}"
        elif waiting and waiting != "PodInitializing":
            reason = f"Init:{waiting}"
        else:
            reason = f"Init:{index}/{len(initial)}"
        return reason, True, ready, of_all, of_sidecars
    return reason, False, ready, of_all, of_sidecars


def _regular(pod: Obj, reason: str, restarts: Restarts) -> tuple[str, int, Restarts]:
    """What the other containers say, the last of them first."""
    running, failure, ready = False, "", 0
    for status in reversed(status_of(pod).get("containerStatuses") or []):
        restarts = restarts.plus(status)
        state = status.get("state") or EMPTY
        ended, waiting = state.get("terminated"), (state.get("waiting") or EMPTY).get("reason", "")
        if waiting:
            reason = waiting
        elif ended is not None:
            reason = _ended(ended)
            if ended.get("exitCode", 0):
                failure = reason
        elif status.get("ready") and state.get("running") is not None:
            running = True
            ready += 1
    if reason == "Completed":
        conditions = status_of(pod).get("conditions") or ()
        if running and any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions):
            reason = "Running"
        elif failure:
            reason = failure
        elif running:
            reason = "NotReady"
    return reason, ready, restarts


def pod(obj: Obj, look: Look) -> Cells:
    spec, status = spec_of(obj), status_of(obj)
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    sidecars = sum(one.get("restartPolicy") == "Always" for one in spec.get("initContainers") or ())
    total = len(spec.get("containers") or ()) + sidecars
    reason, initializing, ready, restarts, of_sidecars = _initial(obj, reason)
    if not initializing or condition_is(status.get("conditions"), "Initialized"):
        reason, more, restarts = _regular(obj, reason, of_sidecars)
        ready += more
    if is_going(obj):
        if status.get("reason") == "NodeLost":
            reason = "Unknown"
        elif phase not in ("Succeeded", "Failed"):
            reason = "Terminating"
    cells: Cells = [name_of(obj), f"{ready}/{total}", reason, restarts.text(look), look.age(obj)]
    if look.wide:
        addresses = status.get("podIPs") or [EMPTY]
        cells += [
            addresses[0].get("ip") or NONE,
            spec.get("nodeName") or NONE,
            status.get("nominatedNodeName") or NONE,
            _gates(spec.get("readinessGates") or [], status.get("conditions") or []),
        ]
    return cells


def _gates(gates: list[Obj], conditions: list[Obj]) -> str:
    met = sum(condition_is(conditions, gate.get("conditionType", "")) for gate in gates)
    return f"{met}/{len(gates)}" if gates else NONE
