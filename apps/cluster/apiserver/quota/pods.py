"""Pods against a quota: their number, requests and limits, in the scopes that Pods know.

Models      pkg/quota/v1/evaluator/core/pods.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.resourcelist import Amounts, amounts, pod_amounts
from apps.cluster.apiserver.quota.evaluator import NOTHING, ONE, Evaluator, Obj, selected
from apps.cluster.apiserver.strategy import qos_class

COUNT = "count/pods"
NAMES = frozenset(
    {
        COUNT,
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
    }
)
REQUIRED = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
HUGE, REQUESTS = "hugepages-", "requests."
IMPLICIT_DEVICE = "requests.deviceclass.resource.kubernetes.io/"


def is_extended(name: str) -> bool:
    """A resource of a domain of its own: "example.com/gpu"."""
    return "/" in name and not (name.partition("/")[0].endswith("kubernetes.io")) and not name.startswith(REQUESTS)


def _extended_request(name: str) -> bool:
    if not name.startswith(REQUESTS):
        return False
    native = "/" not in name or "kubernetes.io/" in name
    return not native or name.startswith(IMPLICIT_DEVICE)


def is_terminating(pod: Obj) -> bool:
    """In quota's sense: its days are numbered from the start."""
    seconds = (pod.get("spec") or NOTHING).get("activeDeadlineSeconds")
    return seconds is not None and bool(seconds >= 0)


class PodEvaluator(Evaluator):
    """Pods that are finished, or overdue for deletion, only count as objects."""

    def handles(self, operation: str, subresource: str, new: Obj, old: Obj | None) -> bool:
        if subresource == "resize":
            return operation == "UPDATE"
        if subresource:
            return False
        if operation == "UPDATE" and old is not None:
            return is_terminating(old) != is_terminating(new)
        return operation == "CREATE"

    def constraint(self, required: Sequence[str], obj: Obj) -> str:
        spec = obj["spec"]
        if _pod_level(spec):
            return ""
        needed = sorted(REQUIRED.intersection(required))
        missing: dict[str, set[str]] = {}
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or ():
                resources = container.get("resources") or NOTHING
                has = used(amounts(resources.get("requests")), amounts(resources.get("limits")))
                for name in needed:
                    if name not in has:
                        missing.setdefault(name, set()).add(container["name"])
        if not missing:
            return ""
        told = (f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
        return f"must specify {'; '.join(told)}"

    def matching(self, names: Iterable[str]) -> list[str]:
        return [
            name
            for name in names
            if name in NAMES or name.startswith((HUGE, REQUESTS + HUGE)) or _extended_request(name)
        ]

    def in_scope(self, selector: Mapping[str, Any], obj: Obj) -> bool:
        scope = selector.get("scopeName")
        spec = obj.get("spec") or NOTHING
        if scope == "Terminating":
            return is_terminating(obj)
        if scope == "NotTerminating":
            return not is_terminating(obj)
        if scope in ("BestEffort", "NotBestEffort"):
            quality = (obj.get("status") or NOTHING).get("qosClass") or qos_class(spec)
            return (quality == "BestEffort") is (scope == "BestEffort")
        if scope == "PriorityClass":
            name = spec.get("priorityClassName")
            return selected(selector, scope, [name] if name else [])
        return scope == "CrossNamespacePodAffinity" and crosses_namespaces(spec)

    def usage(self, obj: Obj, now_ms: int) -> Amounts:
        counted: Amounts = {COUNT: ONE}
        if not still_counts(obj, now_ms):
            return counted
        status = obj.get("status") or NOTHING
        spec = obj["spec"]
        return counted | used(pod_amounts(spec, "requests", status=status), pod_amounts(spec, "limits", status=status))


def used(requests: Amounts, limits: Amounts) -> Amounts:
    """What requests and limits count as, under every name that a quota may give them."""
    result: Amounts = {"pods": ONE}
    for name in ("cpu", "memory", "ephemeral-storage"):
        if name in requests:
            result[name] = result[REQUESTS + name] = requests[name]
        if name in limits:
            result[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith(HUGE):
            result[name] = result[REQUESTS + name] = amount
        elif is_extended(name):
            result[REQUESTS + name] = amount
    return result


def still_counts(pod: Obj, now_ms: int) -> bool:
    if (pod.get("status") or NOTHING).get("phase") in ("Failed", "Succeeded"):
        return False
    metadata = pod["metadata"]
    grace = metadata.get("deletionGracePeriodSeconds")
    if metadata.get("deletionTimestamp") and grace is not None:
        return bool(now_ms <= timestamps.parse(metadata["deletionTimestamp"]) + grace * 1000)
    return True


def _pod_level(spec: Mapping[str, Any]) -> bool:
    resources = spec.get("resources") or NOTHING
    names = [*(resources.get("requests") or ()), *(resources.get("limits") or ())]
    return any(name in ("cpu", "memory") or name.startswith(HUGE) for name in names)


def crosses_namespaces(spec: Mapping[str, Any]) -> bool:
    affinity = spec.get("affinity") or NOTHING
    for kind in ("podAffinity", "podAntiAffinity"):
        terms = affinity.get(kind) or NOTHING
        required = terms.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        preferred = terms.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        for term in (*required, *(weighted.get("podAffinityTerm") or NOTHING for weighted in preferred)):
            if term.get("namespaces") or term.get("namespaceSelector") is not None:
                return True
    return False
