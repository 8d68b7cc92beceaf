"""What the objects of a namespace use of one quota, counted anew.

Models      staging/src/k8s.io/apiserver/pkg/quota/v1/resources.go (CalculateUsage),
            pkg/controller/resourcequota/resource_quota_controller.go (syncResourceQuota),
            pkg/quota/v1/install/update_filter.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apps.cluster.apimachinery.resourcelist import Amounts, add, amounts, masked, same, written
from apps.cluster.apiserver.quota import counted_resources, evaluator_for
from apps.cluster.apiserver.quota.claims import needs_recount
from apps.cluster.apiserver.quota.pods import is_terminating, still_counts

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
Listing = Callable[[str, str], Sequence[Obj]]  # group and resource -> the objects of the quota's namespace


def kinds_of(hard: Sequence[str]) -> list[tuple[str, str]]:
    """(group, resource) of the kinds that a quota's names may be about."""
    kinds = list(counted_resources())
    for name in hard:
        if name.startswith("count/"):
            resource, _, group = name[len("count/") :].partition(".")
            if (group, resource) not in kinds:
                kinds.append((group, resource))
    return kinds


def used_of(quota: Obj, listing: Listing, now_ms: int) -> Amounts:
    """Usage under every name that some kind answers for."""
    spec = quota.get("spec") or NOTHING
    hard = sorted(spec.get("hard") or ())
    used: Amounts = {}
    for group, resource in kinds_of(hard):
        evaluator = evaluator_for(group, resource)
        names = evaluator.matching(hard) if evaluator is not None else []
        if evaluator is not None and names:
            total = evaluator.total(spec, names, listing(group, resource), now_ms)
            used = add(used, masked(total, names))
    return used


def status_of(quota: Obj, listing: Listing, now_ms: int) -> Obj | None:
    """The status to write, None when it says so already."""
    spec, status = quota.get("spec") or NOTHING, quota.get("status") or NOTHING
    hard = amounts(spec.get("hard"))
    before = amounts(status.get("used"))
    used = masked({**before, **used_of(quota, listing, now_ms)}, sorted(hard))
    known = status.get("hard") is not None and status.get("used") is not None
    if known and same(amounts(status.get("hard")), hard) and same(used, before):
        return None
    return {"hard": written(hard), "used": written(used)}


def frees(resource: str, old: Obj, new: Obj, now_ms: int) -> bool:
    """Whether a change of an object may change what it uses."""
    if resource == "pods":
        if _resources_changed(old, new) or is_terminating(old) != is_terminating(new):
            return True
        return still_counts(old, now_ms) and not still_counts(new, now_ms)
    if resource == "services":
        return _kind(old) != _kind(new)
    return resource == "persistentvolumeclaims" and needs_recount(new, old)


def _kind(service: Obj) -> str:
    kind = (service.get("spec") or NOTHING).get("type", "")
    return kind if kind in ("NodePort", "LoadBalancer") else ""


def _resources_changed(old: Obj, new: Obj) -> bool:
    before, after = old.get("status") or NOTHING, new.get("status") or NOTHING
    for field in ("containerStatuses", "initContainerStatuses"):
        now = {status["name"]: status for status in after.get(field) or ()}
        for status in before.get(field) or ():
            there = now.get(status["name"])
            if there is not None and (status.get("resources") or None) != (there.get("resources") or None):
                return True
    return False
