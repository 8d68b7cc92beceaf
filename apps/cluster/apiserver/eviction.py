"""Eviction: a deletion that a PodDisruptionBudget may refuse.

Models      pkg/registry/core/pod/storage/eviction.go, component-helpers/apps/poddisruptionbudget/helpers.go
Leaves out  retries after a conflict (one writer at a time: there is none)

`judge` decides; the API server carries out what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apps.cluster.apimachinery import conditions
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.apimachinery.status import StatusError

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
MAX_DISRUPTED_PODS = 2000
ALLOWED = "DisruptionAllowed"
VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


class Verdict(NamedTuple):
    """What comes of an eviction: refused, or the Pod goes, and with it one of the budget's disruptions."""

    error: StatusError | None = None
    budget: Obj | None = None  # with the disruption counted, to be written before the Pod is deleted


def budgets_of(pod: Obj, budgets: Iterable[Obj]) -> list[Obj]:
    """The budgets of the Pod's namespace that select it."""
    namespace, labels = pod["metadata"]["namespace"], pod["metadata"].get("labels") or NOTHING
    return [
        budget
        for budget in budgets
        if budget["metadata"]["namespace"] == namespace and selects((budget.get("spec") or NOTHING), labels)
    ]


def selects(spec: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """No selector selects nothing; an empty one everything."""
    selector = spec.get("selector")
    return selector is not None and from_label_selector(selector).matches(labels)


def judge(pod: Obj, budgets: Iterable[Obj], now: str) -> Verdict:
    """Whether the Pod may be evicted. Pure."""
    phase = pod.get("status", NOTHING).get("phase")
    if phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]:
        return Verdict()
    mine = budgets_of(pod, budgets)
    if len(mine) > 1:
        return Verdict(StatusError(500, "", SEVERAL))
    if not mine:
        return Verdict()
    budget = mine[0]
    status = budget.get("status") or NOTHING
    if not is_ready(pod):
        if (budget.get("spec") or NOTHING).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
            return Verdict()
        if status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0:
            return Verdict()
    return _count(pod["metadata"]["name"], budget, status, now)


def is_ready(pod: Obj) -> bool:
    found = conditions.find(pod.get("status", NOTHING).get("conditions"), "Ready")
    return found is not None and found.get("status") == "True"


def _count(pod: str, budget: Obj, status: Obj, now: str) -> Verdict:
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        error = errors.too_many_requests(VIOLATES, 10)
        said = f"The disruption budget {name} is still being processed by the server."
        error.details["causes"] = [{"reason": "DisruptionBudget", "message": said}]
        return Verdict(error)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        return Verdict(errors.forbidden("poddisruptionbudget", name, "pdb disruptions allowed is negative", "policy"))
    if len(status.get("disruptedPods") or ()) > MAX_DISRUPTED_PODS:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        return Verdict(errors.forbidden("poddisruptionbudget", name, why, "policy"))
    if allowed == 0:
        error = errors.too_many_requests(VIOLATES)
        error.details["causes"] = [{"reason": "DisruptionBudget", "message": _why_none(name, status)}]
        return Verdict(error)
    counted = {**status, "disruptionsAllowed": allowed - 1}
    if allowed == 1:
        counted["conditions"] = allowed_condition(counted, now)
    counted["disruptedPods"] = {**(status.get("disruptedPods") or NOTHING), pod: now}
    return Verdict(None, {**budget, "status": counted})


def _why_none(name: str, status: Obj) -> str:
    condition = conditions.find(status.get("conditions"), ALLOWED) or NOTHING
    told = condition.get("message") if condition.get("status") == "False" else ""
    if told and condition.get("reason") == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {told}"
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    said = f"The disruption budget {name} does not allow evicting pods currently"
    return f"{said} ({condition.get('reason')}): {told}" if told else said


def allowed_condition(status: Mapping[str, Any], now: str) -> list[Obj]:
    """The conditions of a budget whose `disruptionsAllowed` has been worked out."""
    enough = status.get("disruptionsAllowed", 0) > 0
    condition = {
        "type": ALLOWED,
        "status": "True" if enough else "False",
        "observedGeneration": status.get("observedGeneration", 0),
        "reason": "SufficientPods" if enough else "InsufficientPods",
        "message": "",
    }
    return conditions.set_condition(status.get("conditions"), condition, now)


def condemned(pod: Obj, now: str) -> Obj:
    """The Pod with the condition that says it is being evicted."""
    status = pod.get("status") or NOTHING
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    return {
        **pod,
        "status": {**status, "conditions": conditions.set_condition(status.get("conditions"), condition, now)},
    }
