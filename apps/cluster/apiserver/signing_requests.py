"""CertificateSigningRequests: what a change may touch, and the times of conditions that come without any.

Models      pkg/registry/certificates/certificates/strategy.go (PrepareForUpdate of the object, its status and approval)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery.timestamps import format_ms

Obj = dict[str, Any]
RESOURCE = "certificatesigningrequests"
VERDICTS = ("Approved", "Denied")


def limited(old: Obj, obj: Obj, subresource: str, now_ms: int) -> Obj:
    """What was sent, without what this address does not change. Pure."""
    kept = {**obj, "spec": old.get("spec") or {}}
    conditions = (obj.get("status") or {}).get("conditions")
    if not subresource or not conditions:
        return kept
    before = (old.get("status") or {}).get("conditions") or ()
    if subresource == "status":
        for verdict in VERDICTS:
            conditions = _preserved(conditions, before, verdict)
    kept["status"] = {**obj["status"], "conditions": [_timed(one, before, format_ms(now_ms)) for one in conditions]}
    return kept


def _preserved(conditions: Sequence[Obj], before: Sequence[Obj], verdict: str) -> Sequence[Obj]:
    """A verdict stays as it was, unless one was added or taken away: that is refused later."""
    had = [one for one in before if one.get("type") == verdict]
    if len(had) != sum(one.get("type") == verdict for one in conditions):
        return conditions
    rest = iter(had)
    return [next(rest) if one.get("type") == verdict else one for one in conditions]


def _timed(condition: Obj, before: Sequence[Obj], now: str) -> Obj:
    if condition.get("lastUpdateTime") and condition.get("lastTransitionTime"):
        return condition
    kind, status = condition.get("type"), condition.get("status")
    since = (one.get("lastTransitionTime") for one in before if (one.get("type"), one.get("status")) == (kind, status))
    return {
        **condition,
        "lastUpdateTime": condition.get("lastUpdateTime") or now,
        "lastTransitionTime": condition.get("lastTransitionTime") or next((at for at in since if at), now),
    }
