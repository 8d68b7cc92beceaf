"""PodDisruptionBudget, RBAC, PriorityClass, Lease, RuntimeClass.

Models      pkg/apis/{policy,rbac,scheduling,coordination,node}/validation
Leaves out  nothing
"""

from __future__ import annotations

import re

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.apps import at_most_all, count_or_percent
from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    immutable,
    invalid,
    nonnegative,
    not_supported,
    required,
    same,
    too_long,
)
from apps.cluster.api.validation.objectmeta import label_name, label_selector, labels, object_meta, path_segment
from apps.cluster.api.validation.paths import dns_label
from apps.cluster.api.validation.resources import requirements
from apps.cluster.api.validation.scheduling import tolerations
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

RESERVED = "priority class names with 'system-' prefix are reserved for system use only. error: "
LEASE_STRATEGIES = ("OldestEmulationVersion",)
STATUSES = ("False", "True", "Unknown")
REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", re.ASCII)
BAD_REASON = names.regex_error(
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
    " characters or '_,:', and must end with an alphanumeric character or '_'",
    REASON.pattern,
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB",
)
LONGEST_REASON, LONGEST_MESSAGE = 1024, 32 * 1024
GROUP = "rbac.authorization.k8s.io"
HIGHEST_PRIORITY = 1_000_000_000
SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


def _budget_spec(errors: Errors, spec: Obj, *, any_value: bool = False) -> None:
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        shown = written("PodDisruptionBudgetSpec", spec, "policy")
        invalid(errors, "spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for field, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            count_or_percent(errors, f"spec.{field}", value)
            at_most_all(errors, f"spec.{field}", value)
    label_selector(errors, "spec.selector", spec.get("selector"), any_value=any_value)
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in ("AlwaysAllow", "IfHealthyBudget"):
        not_supported(errors, "spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))


def disruption_budget(obj: Obj) -> list[FieldError]:
    """Its name need only stand in a path: the kind's own rules say nothing of metadata."""
    errors: Errors = []
    _budget_spec(errors, obj.get("spec") or EMPTY)
    if not errors:
        object_meta(errors, obj["metadata"], True, path_segment)
    return errors


def _was_lax(selector: Obj | None) -> bool:
    """A selector of before has a value that no label may have; then the new one may have such a value too."""
    errors: Errors = []
    label_selector(errors, "", selector)
    return bool(errors)


def disruption_budget_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is not before:
        _budget_spec(errors, spec, any_value=_was_lax(before.get("selector")))
    return errors


def _conditions(errors: Errors, at: str, found: list[Obj]) -> None:
    """Conditions of the kind that all groups share."""
    seen: set[str] = set()
    for index, condition in enumerate(found):
        here, kind, reason = f"{at}[{index}]", condition.get("type", ""), condition.get("reason", "")
        if kind in seen:
            duplicate(errors, f"{here}.type", kind)
        seen.add(kind)
        label_name(errors, f"{here}.type", kind)
        if condition.get("status") not in STATUSES:
            not_supported(errors, f"{here}.status", condition.get("status", ""), STATUSES)
        generation = condition.get("observedGeneration", 0)
        if generation < 0:
            invalid(errors, f"{here}.observedGeneration", generation, "must be greater than or equal to zero")
        if not condition.get("lastTransitionTime"):
            required(errors, f"{here}.lastTransitionTime")
        if not reason:
            required(errors, f"{here}.reason")
        else:
            if not REASON.fullmatch(reason):
                invalid(errors, f"{here}.reason", reason, BAD_REASON)
            if len(reason.encode()) > LONGEST_REASON:
                too_long(errors, f"{here}.reason", LONGEST_REASON)
        if len(condition.get("message", "").encode()) > LONGEST_MESSAGE:
            too_long(errors, f"{here}.message", LONGEST_MESSAGE)


def disruption_budget_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    status = new.get("status") or EMPTY
    _conditions(errors, "status.conditions", status.get("conditions") or [])
    for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        nonnegative(errors, f"status.{field}", status.get(field))
    return errors


def _rules(errors: Errors, rules: list[Obj], namespaced: bool) -> None:
    for index, rule in enumerate(rules):
        at, urls = f"rules[{index}]", rule.get("nonResourceURLs") or []
        if not rule.get("verbs"):
            required(errors, f"{at}.verbs", "verbs must contain at least one value")
        if urls:
            if namespaced:
                detail = "namespaced rules cannot apply to non-resource URLs"
                invalid(errors, f"{at}.nonResourceURLs", urls, detail)
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                detail = "rules cannot apply to both regular resources and non-resource URLs"
                invalid(errors, f"{at}.nonResourceURLs", urls, detail)
            continue
        if not rule.get("apiGroups"):
            required(errors, f"{at}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            required(errors, f"{at}.resources", "resource rules must supply at least one resource")


def role(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, path_segment)
    _rules(errors, obj.get("rules") or [], True)
    return errors


def role_update(new: Obj, old: Obj) -> list[FieldError]:
    return role(new) + metadata_update(new, old)


def cluster_role_update(new: Obj, old: Obj) -> list[FieldError]:
    before = (old.get("aggregationRule") or EMPTY).get("clusterRoleSelectors") or ()
    lax = any(_was_lax(selector) for selector in before)
    return _cluster_role(new, any_value=lax) + metadata_update(new, old)


def cluster_role(obj: Obj) -> list[FieldError]:
    return _cluster_role(obj, any_value=False)


def _cluster_role(obj: Obj, *, any_value: bool) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, path_segment)
    _rules(errors, obj.get("rules") or [], False)
    aggregation = obj.get("aggregationRule")
    if aggregation is not None:
        at = "aggregationRule.clusterRoleSelectors"
        selectors = aggregation.get("clusterRoleSelectors") or []
        if not selectors:
            required(errors, at, "at least one clusterRoleSelector required if aggregationRule is non-nil")
        for index, selector in enumerate(selectors):
            label_selector(errors, f"{at}[{index}]", selector, any_value=any_value)
            if _was_lax(selector) and not any_value:
                invalid(errors, f"{at}[{index}]", None, "invalid label selector.")
    return errors


def _subject(errors: Errors, at: str, subject: Obj, namespaced: bool) -> None:
    kind, name, group = subject.get("kind", ""), subject.get("name", ""), subject.get("apiGroup", "")
    if not name:
        required(errors, f"{at}.name")
    if kind == "ServiceAccount":
        if name:
            all_invalid(errors, f"{at}.name", name, names.dns1123_subdomain(name))
        if group:
            not_supported(errors, f"{at}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            required(errors, f"{at}.namespace")
    elif kind in ("User", "Group"):
        if group != GROUP:
            not_supported(errors, f"{at}.apiGroup", group, (GROUP,))
    else:
        not_supported(errors, f"{at}.kind", kind, ("ServiceAccount", "User", "Group"))


def _binding(obj: Obj, namespaced: bool) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], namespaced, path_segment)
    reference = obj.get("roleRef") or EMPTY
    group, kind, name = reference.get("apiGroup", ""), reference.get("kind", ""), reference.get("name", "")
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    if group != GROUP:
        not_supported(errors, "roleRef.apiGroup", group, (GROUP,))
    if kind not in kinds:
        not_supported(errors, "roleRef.kind", kind, kinds)
    if not name:
        required(errors, "roleRef.name")
    else:
        all_invalid(errors, "roleRef.name", name, path_segment(name))
    for index, subject in enumerate(obj.get("subjects") or ()):
        _subject(errors, f"subjects[{index}]", subject, namespaced)
    return errors


def role_binding(obj: Obj) -> list[FieldError]:
    return _binding(obj, True)


def cluster_role_binding(obj: Obj) -> list[FieldError]:
    return _binding(obj, False)


def _binding_update(new: Obj, old: Obj, namespaced: bool) -> list[FieldError]:
    errors = _binding(new, namespaced) + metadata_update(new, old)
    if not same(new.get("roleRef"), old.get("roleRef")):
        reference = new.get("roleRef") or EMPTY
        fields = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}
        shown = {name: reference.get(field, "") for name, field in fields.items()}
        invalid(errors, "roleRef", shown, "cannot change roleRef")
    return errors


def role_binding_update(new: Obj, old: Obj) -> list[FieldError]:
    return _binding_update(new, old, True)


def cluster_role_binding_update(new: Obj, old: Obj) -> list[FieldError]:
    return _binding_update(new, old, False)


def _preemption(errors: Errors, policy: str | None) -> None:
    if policy is not None and policy not in ("PreemptLowerPriority", "Never"):
        not_supported(errors, "preemptionPolicy", policy, ("PreemptLowerPriority", "Never"))


def priority_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        if SYSTEM_PRIORITIES.get(name) != value:
            known = (
                f"value of {name} PriorityClass must be {SYSTEM_PRIORITIES[name]}" if name in SYSTEM_PRIORITIES else ""
            )
            detail = RESERVED + (known or f"{name} is not a known system priority class")
            forbidden(errors, "metadata.name", detail)
        elif obj.get("globalDefault"):
            detail = f"globalDefault of {name} PriorityClass must be false"
            forbidden(errors, "metadata.name", f"{RESERVED}{detail}")
    elif value > HIGHEST_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"
        forbidden(errors, "value", detail)
    _preemption(errors, obj.get("preemptionPolicy"))
    return errors


def priority_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("value", 0) != old.get("value", 0):
        forbidden(errors, "value", "may not be changed in an update.")
    immutable(errors, "preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))
    return errors


def _lease_spec(errors: Errors, spec: Obj) -> None:
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        invalid(errors, "spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        invalid(errors, "spec.leaseTransitions", transitions, "must be greater than or equal to 0")
    strategy = spec.get("strategy")
    if strategy is not None:
        if "/" in strategy:
            all_invalid(errors, "spec.strategy.strategy", strategy, names.qualified_name(strategy))
        elif strategy not in LEASE_STRATEGIES:
            not_supported(errors, "spec.strategy.strategy", strategy, LEASE_STRATEGIES)
    if spec.get("preferredHolder") and not spec.get("strategy"):
        forbidden(errors, "spec.preferredHolder", "may only be specified if `strategy` is defined")


def lease(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _lease_spec(errors, obj.get("spec") or EMPTY)
    return errors


def lease_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    _lease_spec(errors, new.get("spec") or EMPTY)
    return errors


def _overhead(errors: Errors, overhead: Obj) -> None:
    requirements(errors, "overhead", {"limits": overhead.get("podFixed")}, set())


def runtime_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    handler, scheduling = obj.get("handler", ""), obj.get("scheduling")
    if not handler:
        required(errors, "handler")
    else:
        dns_label(errors, "handler", handler)
    if obj.get("overhead") is not None:
        _overhead(errors, obj["overhead"])
    if scheduling is not None:
        labels(errors, "scheduling.nodeSelector", scheduling.get("nodeSelector"))
        found = scheduling.get("tolerations") or []
        tolerations(errors, "scheduling.tolerations", found)
        seen: list[tuple[str, ...]] = []
        for index, one in enumerate(found):
            key = tuple(one.get(field, "") for field in ("key", "operator", "value", "effect"))
            if key in seen:
                duplicate(errors, f"scheduling.tolerations[{index}]", written("Toleration", one))
            seen.append(key)
    return errors


def runtime_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    immutable(errors, "handler", new.get("handler", ""), old.get("handler", ""))
    return errors
