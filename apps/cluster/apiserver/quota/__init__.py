"""Quota: what an object uses of a ResourceQuota, kind by kind.

Models      pkg/quota/v1/evaluator/core/registry.go, pkg/quota/v1/install,
            staging/src/k8s.io/apiserver/pkg/quota/v1/generic
Leaves out  devices of ResourceClaims by their class: claims are counted like any other kind
"""

from __future__ import annotations

from functools import lru_cache

from apps.cluster.apiserver.quota.claims import ClaimEvaluator
from apps.cluster.apiserver.quota.evaluator import Evaluator, Obj, selectors_of
from apps.cluster.apiserver.quota.pods import PodEvaluator
from apps.cluster.apiserver.quota.services import ServiceEvaluator

__all__ = ["IGNORED", "Evaluator", "Obj", "counted_resources", "evaluator_for", "selectors_of"]

IGNORED = frozenset(
    {
        "bindings",
        "componentstatuses",
        "tokenreviews",
        "selfsubjectreviews",
        "subjectaccessreviews",
        "selfsubjectaccessreviews",
        "localsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "events",
    }
)
# Kinds that were counted under a plain name before there was count/….
_ALIASES = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")
_OWN: dict[tuple[str, str], type[Evaluator]] = {
    ("", "pods"): PodEvaluator,
    ("", "services"): ServiceEvaluator,
    ("", "persistentvolumeclaims"): ClaimEvaluator,
}


@lru_cache(maxsize=1024)
def evaluator_for(group: str, resource: str) -> Evaluator | None:
    """How objects of a resource are counted; None for what quotas do not concern. `resource` without its group."""
    if resource in IGNORED:
        return None
    kind = _OWN.get((group, resource))
    if kind is not None:
        return kind()
    counted = f"count/{resource}.{group}" if group else f"count/{resource}"
    return Evaluator((counted, resource) if not group and resource in _ALIASES else (counted,))


def counted_resources() -> tuple[tuple[str, str], ...]:
    """(group, resource) of the kinds that have more to them than a count, or an old name."""
    return (*_OWN, *(("", alias) for alias in _ALIASES))
