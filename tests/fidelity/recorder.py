"""Our own recordings: what happened in one namespace of a simulated cluster, in the form of those of a real one.

A recording is `{"timeline": [{t, rv, ev, obj, by, d}…], "events": [{t, ev, type, reason, obj, msg, count}…]}`: every
change of every object in the order of resourceVersion, then every Event.

The real recordings were made with stand-ins for kubelets, which report a Pod once, when its containers run (or cannot).
Ours is a real one's model and says more on the way there. So a kubelet's reports are folded: none is recorded
until the Pod is ready, has ended, or waits for an image in vain, and then all that came before is one change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from apps.cluster.cluster import Cluster
from apps.cluster.engine import Step
from apps.diagrams.narration import RUNTIMES
from tests.fidelity.flat import Fields, difference, flat, new_pod

Obj = dict[str, Any]
SHORT_KINDS = {"PersistentVolumeClaim": "PVC", "PersistentVolume": "PV"}
KUBELETS = ("kubelet", *RUNTIMES)
STUCK = ("ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError")
# Of a kubelet's report the stand-ins' recordings keep these fields.
REPORTED = (
    "].status",
    "].reason",
    "].ready",
    "state.waiting.reason",
    "state.terminated.reason",
    "state.terminated.exitCode",
)


def record(
    cluster: Cluster,
    namespace: str,
    since: int = 0,
    *,
    kinds: Collection[str] | None = None,
    events_about: Collection[str] | None = None,
) -> dict[str, Any]:
    """The recording of `namespace` from the revision after `since` on; times count from that instant.

    `kinds` (as the recording names them: PVC) and `events_about` leave out objects and Events of other kinds.
    """
    steps = cluster.trace.between(since, cluster.revision)
    start = steps[0].time_ms if steps else 0
    timeline: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    reported: dict[str, Obj] = {}
    for step in _within(steps, namespace):
        at = round((step.time_ms - start) / 1000, 3)
        if step.rank == "event":
            event = _event(step)
            if events_about is None or event["obj"].partition("/")[0] in events_about:
                events.append({"t": at, **event})
            continue
        entry = _pod_entry(step, reported) if step.ref.startswith("pods/") else _entry(step)
        if entry is not None and (kinds is None or entry["obj"].partition("/")[0] in kinds):
            timeline.append({"t": at, "rv": step.revision, **entry})
    return {"timeline": timeline, "events": events}


def _within(steps: Iterable[Step], namespace: str) -> Iterable[Step]:
    for step in steps:
        if step.rank not in ("change", "event"):
            continue
        key = step.ref.partition("/")[2]
        if key.startswith(f"{namespace}/") or step.ref == f"namespaces/{namespace}":
            yield step


def _name(obj: Obj) -> str:
    return f"{SHORT_KINDS.get(obj['kind'], obj['kind'])}/{obj['metadata']['name']}"


def _entry(step: Step) -> dict[str, Any] | None:
    before, after = step.before, step.after
    if after is None:
        assert before is not None
        return {"ev": "DELETED", "obj": _name(before), "d": {}}
    if before is None:
        return {"ev": "ADDED", "obj": _name(after), "by": [manager(step)], "d": flat(after, template=False)}
    changed = difference(flat(before, template=True), flat(after, template=True))
    return {"ev": "MODIFIED", "obj": _name(after), "by": [manager(step)], "d": changed}


def _pod_entry(step: Step, reported: dict[str, Obj]) -> dict[str, Any] | None:
    """A Pod's change. `reported` holds, by name, the Pod as the recording last showed it."""
    before, after = step.before, step.after
    if after is None:
        reported.pop(step.ref, None)
        return _entry(step)
    if before is None:
        reported[step.ref] = after
        return {"ev": "ADDED", "obj": _name(after), "by": [manager(step)], "d": new_pod(after)}
    shown = reported.get(step.ref, before)
    if step.component in KUBELETS and step.subresource == "status":
        if not _worth_a_report(after):
            return None
        reported[step.ref] = after
        changed = _as_reported(difference(flat(shown, template=True), flat(after, template=True)))
        return {"ev": "MODIFIED", "obj": _name(after), "by": ["kubelet"], "d": changed} if changed else None
    # Somebody else's change: shown alone, on top of what has been shown so far.
    reported[step.ref] = {**after, "status": shown["status"]} if after["status"] is before["status"] else after
    changed = difference(flat(before, template=True), flat(after, template=True))
    return {"ev": "MODIFIED", "obj": _name(after), "by": [manager(step)], "d": changed}


def _worth_a_report(pod: Obj) -> bool:
    """Whether the stand-ins would have reported this: ready or not again, ended, or stuck before it ever ran."""
    status = pod["status"]
    if "deletionTimestamp" in pod["metadata"]:
        return False  # the stand-ins let a Pod go without saying so
    if status.get("phase") in ("Succeeded", "Failed"):
        return True
    if any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()):
        return True
    waiting = [(c.get("state") or {}).get("waiting") or {} for c in status.get("containerStatuses") or ()]
    return any(state.get("reason") in STUCK for state in waiting)


def _as_reported(changed: Fields) -> Fields:
    return {
        path: value
        for path, value in changed.items()
        if path.lstrip("+-") == "status.phase"
        or path.endswith(REPORTED)
        or (path.endswith("].started") and path[0] != "+")  # told when it changes, not when it begins
    }


def manager(step: Step) -> str:
    """The field manager that a real cluster would note for this write."""
    if step.component == "kubectl":
        return "kubectl-create" if step.verb == "create" else "kubectl-patch"
    if step.component in ("kube-scheduler", *KUBELETS):
        return step.component
    return "kube-controller-manager"


def _event(step: Step) -> dict[str, Any]:
    event = step.after or step.before
    assert event is not None
    about = event["involvedObject"]
    return {
        "ev": "ADDED" if step.before is None else "MODIFIED",
        "type": event["type"],
        "reason": event["reason"],
        "obj": f"{about['kind']}/{about['name']}",
        "msg": event["message"],
        "count": event.get("count"),
    }
