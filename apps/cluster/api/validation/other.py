"""PodDisruptionBudget, RBAC, PriorityClass, Lease, HorizontalPodAutoscaler.

Models      pkg/apis/{policy,rbac,scheduling,coordination,autoscaling}/validation
Leaves out  the sources of a HorizontalPodAutoscaler's metrics beyond their type
"""

from __future__ import annotations

from apps.cluster.api.validation.apps import at_most_all, count_or_percent
from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    forbidden,
    immutable,
    invalid,
    nonnegative,
    not_supported,
    required,
    same,
)
from apps.cluster.api.validation.objectmeta import label_selector, object_meta, path_segment
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

GROUP = "rbac.authorization.k8s.io"
HIGHEST_PRIORITY = 1_000_000_000
SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
METRICS = ("ContainerResource", "External", "Object", "Pods", "Resource")


def _budget_spec(errors: Errors, spec: Obj) -> None:
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        invalid(errors, "spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for field, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            count_or_percent(errors, f"spec.{field}", value)
            at_most_all(errors, f"spec.{field}", value)
    label_selector(errors, "spec.selector", spec.get("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in ("AlwaysAllow", "IfHealthyBudget"):
        not_supported(errors, "spec.unhealthyPodEvictionPolicy", policy, ("AlwaysAllow", "IfHealthyBudget"))


def disruption_budget(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _budget_spec(errors, obj.get("spec") or EMPTY)
    return errors


def disruption_budget_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("spec") is not old.get("spec"):
        _budget_spec(errors, new.get("spec") or EMPTY)
    return errors


def disruption_budget_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    status = new.get("status") or EMPTY
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


def cluster_role(obj: Obj) -> list[FieldError]:
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
            label_selector(errors, f"{at}[{index}]", selector)
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
        shown = {name[0].upper() + name[1:]: reference.get(name, "") for name in ("apiGroup", "kind", "name")}
        shown = {"APIGroup" if name == "ApiGroup" else name: value for name, value in shown.items()}
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
            detail = "priority class names with 'system-' prefix are reserved for system use only. error: " + (
                known or f"{name} is not a known system priority class"
            )
            forbidden(errors, "metadata.name", detail)
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


def _scaling_rules(errors: Errors, at: str, rules: Obj | None) -> None:
    if rules is None:
        return
    window, select, policies = (rules.get(n) for n in ("stabilizationWindowSeconds", "selectPolicy", "policies"))
    if window is not None and window < 0:
        invalid(errors, f"{at}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    if window is not None and window > 3600:
        invalid(errors, f"{at}.stabilizationWindowSeconds", window, "must be less than or equal to 3600")
    if select is not None and select not in ("Disabled", "Max", "Min"):
        not_supported(errors, f"{at}.selectPolicy", select, ("Disabled", "Max", "Min"))
    if not policies:
        required(errors, f"{at}.policies", "must specify at least one Policy")
    for index, policy in enumerate(policies or ()):
        here = f"{at}.policies[{index}]"
        if policy.get("type") not in ("Pods", "Percent"):
            not_supported(errors, f"{here}.type", policy.get("type", ""), ("Percent", "Pods"))
        for field in ("value", "periodSeconds"):
            if policy.get(field, 0) <= 0:
                invalid(errors, f"{here}.{field}", policy.get(field, 0), "must be greater than zero")
        if policy.get("periodSeconds", 0) > 1800:
            invalid(errors, f"{here}.periodSeconds", policy["periodSeconds"], "must be less than or equal to 1800")


def _autoscaler_spec(errors: Errors, spec: Obj) -> None:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        invalid(errors, "spec.minReplicas", least, "must be greater than or equal to 1")
    if most == 0:
        required(errors, "spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        invalid(errors, "spec.maxReplicas", most, "must be greater than or equal to 1")
    if least is not None and most < least:
        invalid(errors, "spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or EMPTY
    for field in ("kind", "name"):
        value = target.get(field, "")
        if not value:
            required(errors, f"spec.scaleTargetRef.{field}")
        else:
            all_invalid(errors, f"spec.scaleTargetRef.{field}", value, path_segment(value))
    for index, metric in enumerate(spec.get("metrics") or ()):
        at, kind = f"spec.metrics[{index}]", metric.get("type", "")
        if not kind:
            required(errors, f"{at}.type", "must specify a metric source type")
        if kind not in METRICS:
            not_supported(errors, f"{at}.type", kind, METRICS)
            continue
        field = kind[0].lower() + kind[1:]
        if metric.get(field) is None:
            required(errors, f"{at}.{field}", "must populate information for the given metric source")
    behavior = spec.get("behavior") or EMPTY
    _scaling_rules(errors, "spec.behavior.scaleUp", behavior.get("scaleUp"))
    _scaling_rules(errors, "spec.behavior.scaleDown", behavior.get("scaleDown"))


def autoscaler(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _autoscaler_spec(errors, obj.get("spec") or EMPTY)
    return errors


def autoscaler_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("spec") is not old.get("spec"):
        _autoscaler_spec(errors, new.get("spec") or EMPTY)
    return errors


def autoscaler_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    status = new.get("status") or EMPTY
    for field in ("currentReplicas", "desiredReplicas"):
        nonnegative(errors, f"status.{field}", status.get(field))
    return errors
