"""Events of core/v1 and of events.k8s.io/v1: one thing in two forms.

Models      pkg/apis/events/v1/conversion.go
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
# core/v1 -> events.k8s.io/v1; what is not here has the same name.
NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
BACK = {new: old for old, new in NAMES.items()}
ALWAYS_CORE: Obj = {
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}


def modern(event: Obj) -> Obj:
    """An Event as events.k8s.io/v1 has it."""
    out = {NAMES.get(name, name): value for name, value in event.items()}
    out["apiVersion"] = "events.k8s.io/v1"
    out.setdefault("eventTime", None)
    out.setdefault("deprecatedSource", {})
    out.setdefault("deprecatedFirstTimestamp", None)
    out.setdefault("deprecatedLastTimestamp", None)
    if not out.get("reportingController"):
        out.pop("reportingController", None)
    if not out.get("reportingInstance"):
        out.pop("reportingInstance", None)
    return out


def written_modern(event: Obj) -> bool:
    """Whether its recorder speaks events.k8s.io: it says when the Event was, to the microsecond, and what was done."""
    return bool(event.get("eventTime") and event.get("action"))


def core(event: Obj) -> Obj:
    """An Event as core/v1 has it."""
    out = {BACK.get(name, name): value for name, value in event.items()}
    out["apiVersion"] = "v1"
    return {**ALWAYS_CORE, **out}
