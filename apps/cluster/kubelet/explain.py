"""Which sentence explains a status write: the id and its parameters, from the statuses before and after."""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]


def explain(old: Obj, new: Obj) -> tuple[str, dict[str, Any]]:
    """The message id of a Pod's status change and what to fill in. The Pod's name is known to who says it.

    >>> explain({}, {"phase": "Pending", "containerStatuses": [], "conditions": []})
    ('kubelet.accept', {})
    """
    params: dict[str, Any] = {}
    if "hostIP" not in old:
        return ("kubelet.accept" if new["phase"] == "Pending" else "kubelet.mirror-status"), params
    phase = new["phase"]
    if phase != old.get("phase") and phase in ("Succeeded", "Failed"):
        params["phase"] = phase
        return "kubelet.phase", params
    before = {status["name"]: status for status in _all(old)}
    for status in _all(new):
        state = status["state"]
        was = before.get(status["name"], {})
        if state == was.get("state"):
            continue
        params["container"] = status["name"]
        if "terminated" in state:
            params["code"] = state["terminated"]["exitCode"]
            return "kubelet.container-ended", params
        if "waiting" in state:
            params["reason"] = state["waiting"].get("reason", "")
            return "kubelet.container-waiting", params
    ready = _is_ready(new)
    if ready and not _is_ready(old):
        return "kubelet.pod-ready", {}
    if _is_ready(old) and not ready:
        return "kubelet.pod-not-ready", {}
    if "container" in params:
        return "kubelet.container-running", params
    return "kubelet.status", params


def _all(status: Obj) -> list[Obj]:
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _is_ready(status: Obj) -> bool:
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready":
            return condition["status"] == "True"  # type: ignore[no-any-return]
    return False
