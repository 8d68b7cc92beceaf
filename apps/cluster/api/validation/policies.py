"""LimitRange and ResourceQuota.

Models      pkg/apis/core/validation/validation.go (ValidateLimitRange, ValidateResourceQuota)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.fields import (
    IMMUTABLE,
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
)
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update
from apps.cluster.api.validation.resources import amount, container_resource, is_huge, overcommits, resource_name
from apps.cluster.apimachinery import names, quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
SCOPES = {
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
}
KINDS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
QUOTA_ONLY = "must be a standard resource for quota"
QUOTA = {
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
}


def _limit_names(errors: Errors, at: str, limit: Obj) -> None:
    kind = limit.get("type", "")
    for name in KINDS:
        found = limit.get(name) or {}
        if kind == "Pod" and name in ("default", "defaultRequest"):
            if found:
                forbidden(errors, f"{at}.{name}", "may not be specified when `type` is 'Pod'")
            continue
        for resource in sorted(found):
            where = f"{at}.{name}[{resource}]"
            if kind in ("Pod", "Container"):
                container_resource(errors, where, resource)
            else:
                resource_name(errors, where, resource)
    if kind == "PersistentVolumeClaim" and "storage" not in {**(limit.get("min") or {}), **(limit.get("max") or {})}:
        detail = "either minimum or maximum storage value is required, but neither was provided"
        required(errors, f"{at}.limits", detail)


# low, high, where to say it, whose value to show, words for each.
_ORDERED = (
    ("min", "max", "min", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min", "min value", "default value"),
    ("default", "max", "default", "max", "default value", "max value"),
)


def _limit_order(errors: Errors, at: str, limit: Obj) -> None:
    found = {name: limit.get(name) or {} for name in KINDS}
    if limit.get("type") == "Pod":
        found["default"] = found["defaultRequest"] = {}
    for resource in sorted({resource for amounts in found.values() for resource in amounts}):
        for low, high, where, shown, low_word, high_word in _ORDERED:
            small, big = found[low].get(resource), found[high].get(resource)
            if small is not None and big is not None and quantity.nano(small) > quantity.nano(big):
                detail = f"{low_word} {small} is greater than {high_word} {big}"
                invalid(errors, f"{at}.{where}[{resource}]", found[shown][resource], detail)
        ratio, least, most = (found[name].get(resource) for name in ("maxLimitRequestRatio", "min", "max"))
        if ratio is not None:
            path = f"{at}.maxLimitRequestRatio[{resource}]"
            if quantity.nano(ratio) < 10**9:
                invalid(errors, path, ratio, f"ratio {ratio} is less than 1")
            if least is not None and most is not None and quantity.milli(least):
                widest = quantity.milli(most) / quantity.milli(least)
                if quantity.milli(ratio) / 1000 > widest:
                    invalid(errors, path, ratio, f"ratio {ratio} is greater than max/min = {widest:f}")
        default, request = found["default"].get(resource), found["defaultRequest"].get(resource)
        if overcommits(resource) or default is None or request is None:
            continue
        if quantity.nano(default) != quantity.nano(request):
            detail = f"default value {default} must equal to defaultRequest value {request} in {resource}"
            invalid(errors, f"{at}.defaultRequest[{resource}]", request, detail)


def limit_range(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    seen: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or EMPTY).get("limits") or ()):
        at, kind = f"spec.limits[{index}]", limit.get("type", "")
        problems = names.qualified_name(kind)
        all_invalid(errors, f"{at}.type", kind, problems)
        if not problems and "/" not in kind and kind not in LIMIT_TYPES:
            invalid(errors, f"{at}.type", kind, "must be a standard limit type or fully qualified")
        if kind in seen:
            duplicate(errors, f"{at}.type", kind)
        seen.add(kind)
        _limit_names(errors, at, limit)
        _limit_order(errors, at, limit)
    return errors


COMPUTE = {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
SCOPED = {
    "Terminating": {"pods", *COMPUTE},
    "NotTerminating": {"pods", *COMPUTE},
    "NotBestEffort": {"pods", *COMPUTE},
    "PriorityClass": {"pods", *COMPUTE},
    "CrossNamespacePodAffinity": {"pods", *COMPUTE},
    "BestEffort": {"pods"},
    "VolumeAttributesClass": {"persistentvolumeclaims", "requests.storage"},
}


def _is_standard(name: str) -> bool:
    return name in QUOTA or is_huge(name.removeprefix("requests."))


def _out_of_scope(errors: Errors, at: str, scope: str, hard: Obj, shown: object) -> None:
    """A quota of a scope counts only what has that scope."""
    if scope not in SCOPED:
        return
    for name in sorted(hard):
        if _is_standard(name) and name not in SCOPED[scope]:
            invalid(errors, at, shown, "unsupported scope applied to resource")


def _scopes(errors: Errors, at: str, scopes: list[str], shown: list[str] | None) -> None:
    for pair in (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")):
        if set(pair) <= set(scopes):
            invalid(errors, at, shown, "conflicting scopes")


def _selector(errors: Errors, at: str, spec: Obj, scopes: list[str] | None) -> None:
    selector = spec["scopeSelector"]
    expressions, hard = selector.get("matchExpressions") or [], spec.get("hard") or EMPTY
    for expression in expressions:
        scope, operator = expression.get("scopeName", ""), expression.get("operator", "")
        values = expression.get("values") or []
        if scope not in SCOPES:
            invalid(errors, f"{at}.scopeName", scope, "unsupported scope")
        _out_of_scope(errors, at, scope, hard, written("ScopeSelector", selector))
        if scope not in ("PriorityClass", "VolumeAttributesClass") and scope in SCOPES and operator != "Exists":
            detail = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating,"
                " ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or"
                " ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            invalid(errors, f"{at}.operator", operator, detail)
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                required(errors, f"{at}.values", detail)
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                invalid(errors, f"{at}.values", values, detail)
        else:
            invalid(errors, f"{at}.operator", operator, "not a valid selector operator")
    _scopes(errors, at, [expression.get("scopeName", "") for expression in expressions], scopes)


def _quota_names(errors: Errors, at: str, amounts: dict[str, str]) -> None:
    for name in sorted(amounts):
        where = f"{at}[{name}]"
        # `count/deployments.apps` is a qualified name, and so fine.
        problems = names.qualified_name(name)
        all_invalid(errors, where, name, problems)
        if "/" not in name and not _is_standard(name):
            if not problems and name != "storage":
                invalid(errors, where, name, "must be a standard resource type or fully qualified")
            invalid(errors, where, name, QUOTA_ONLY)
        amount(errors, where, name, amounts[name])


def _quota_spec(errors: Errors, spec: Obj) -> None:
    _quota_names(errors, "spec.hard", spec.get("hard") or {})
    scopes = spec.get("scopes")
    for scope in scopes or ():
        if scope not in SCOPES:
            invalid(errors, "spec.scopes", scopes, "unsupported scope")
        _out_of_scope(errors, "spec.scopes", scope, spec.get("hard") or EMPTY, scopes)
    _scopes(errors, "spec.scopes", scopes or [], scopes)
    if spec.get("scopeSelector") is not None:
        _selector(errors, "spec.scopeSelector.matchExpressions", spec, scopes)


def _quota_status(errors: Errors, status: Obj) -> None:
    for kind in ("hard", "used"):
        _quota_names(errors, f"status.{kind}", status.get(kind) or {})


def resource_quota(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _quota_spec(errors, obj.get("spec") or EMPTY)
    _quota_status(errors, obj.get("status") or EMPTY)
    return errors


def resource_quota_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    if new.get("spec") is not old.get("spec"):
        _quota_spec(errors, new.get("spec") or EMPTY)
        scopes, before = ((one.get("spec") or EMPTY).get("scopes") for one in (new, old))
        if set(scopes or ()) != set(before or ()):
            invalid(errors, "spec.scopes", scopes, IMMUTABLE)
    return errors


def resource_quota_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    if not new["metadata"].get("resourceVersion"):
        required(errors, "resourceVersion")
    _quota_status(errors, new.get("status") or EMPTY)
    return errors
