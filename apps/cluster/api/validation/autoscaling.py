"""HorizontalPodAutoscaler: its bounds, target, metrics and behaviour.

Models      pkg/apis/autoscaling/validation, pkg/registry/autoscaling/horizontalpodautoscaler
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    NOT_POSITIVE,
    Errors,
    all_invalid,
    forbidden,
    invalid,
    is_negative,
    nonnegative,
    not_supported,
    required,
)
from apps.cluster.api.validation.objectmeta import object_meta, path_segment
from apps.cluster.api.validation.paths import dns_label
from apps.cluster.api.validation.resources import container_resource
from apps.cluster.apimachinery import features, names, quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

METRICS = ("ContainerResource", "External", "Object", "Pods", "Resource")
TARGETS = ("Utilization", "Value", "AverageValue")
NO_SOURCE = "must populate information for the given metric source"
ONE_SOURCE = "must populate the given metric source only"
NO_GROUP = "apiVersion must specify API group"
LONGEST_WINDOW, LONGEST_PERIOD = 3600, 1800


class Rules(NamedTuple):
    """What an object is held to, given what it was before."""

    least: int = 1  # of minReplicas
    judge_target: bool = True  # its apiVersion
    bare_target: bool = False  # an apiVersion without a group will do
    judge_objects: bool = True


def rules_for(new: Obj, old: Obj | None) -> Rules:
    spec, before = new.get("spec") or EMPTY, (old or EMPTY).get("spec") or EMPTY
    zero = features.enabled("HPAScaleToZero") or (old is not None and before.get("minReplicas") == 0)
    target, was = spec.get("scaleTargetRef") or EMPTY, before.get("scaleTargetRef") or EMPTY
    fields = ("apiVersion", "kind")
    same_target = old is not None and all(target.get(field, "") == was.get(field, "") for field in fields)
    objects = [metric.get("object") for metric in before.get("metrics") or () if metric.get("type") == "Object"]
    broken = any(one is not None and _version_problem(one.get("describedObject") or EMPTY, True) for one in objects)
    return Rules(0 if zero else 1, not same_target, target.get("kind") == "ReplicationController", not broken)


def _version_problem(reference: Obj, bare: bool) -> str:
    version: str = reference.get("apiVersion", "")
    if version.count("/") > 1:
        return f"unexpected GroupVersion string: {version}"
    group = version.rpartition("/")[0]
    return "" if group or bare else NO_GROUP


def _reference(errors: Errors, at: str, reference: Obj, judge_version: bool, bare: bool) -> None:
    for field in ("kind", "name"):
        value = reference.get(field, "")
        if not value:
            required(errors, f"{at}.{field}")
        else:
            all_invalid(errors, f"{at}.{field}", value, path_segment(value))
    problem = _version_problem(reference, bare) if judge_version else ""
    if problem:
        invalid(errors, f"{at}.apiVersion", reference.get("apiVersion", ""), problem)


def _identifier(errors: Errors, at: str, metric: Obj) -> None:
    name = metric.get("name", "")
    if not name:
        required(errors, f"{at}.name", "must specify a metric name")
    else:
        all_invalid(errors, f"{at}.name", name, path_segment(name))


def _target(errors: Errors, at: str, target: Obj) -> None:
    kind, percent = target.get("type", ""), target.get("averageUtilization")
    if not kind:
        required(errors, f"{at}.type", "must specify a metric target type")
    if kind not in TARGETS:
        invalid(errors, f"{at}.type", kind, "must be either Utilization, Value, or AverageValue")
    for field in ("value", "averageValue"):
        if target.get(field) is not None and quantity.nano(target[field]) <= 0:
            invalid(errors, f"{at}.{field}", target[field], "must be positive")
    if percent is not None and percent < 1:
        invalid(errors, f"{at}.averageUtilization", percent, "must be greater than 0")


def _object(errors: Errors, at: str, source: Obj, rules: Rules) -> None:
    target = source.get("target") or EMPTY
    _reference(errors, f"{at}.describedObject", source.get("describedObject") or EMPTY, rules.judge_objects, True)
    _identifier(errors, f"{at}.metric", source.get("metric") or EMPTY)
    _target(errors, f"{at}.target", target)
    if target.get("value") is None and target.get("averageValue") is None:
        required(errors, f"{at}.target.averageValue", "must set either a target value or averageValue")


def _external(errors: Errors, at: str, source: Obj, rules: Rules) -> None:
    target = source.get("target") or EMPTY
    _identifier(errors, f"{at}.metric", source.get("metric") or EMPTY)
    _target(errors, f"{at}.target", target)
    given = [field for field in ("value", "averageValue") if target.get(field) is not None]
    if not given:
        detail = "must set either a target value for metric or a per-pod target"
        required(errors, f"{at}.target.averageValue", detail)
    if len(given) == 2:
        forbidden(errors, f"{at}.target.value", "may not set both a target value for metric and a per-pod target")


def _pods(errors: Errors, at: str, source: Obj, rules: Rules) -> None:
    target = source.get("target") or EMPTY
    _identifier(errors, f"{at}.metric", source.get("metric") or EMPTY)
    _target(errors, f"{at}.target", target)
    if target.get("averageValue") is None:
        required(errors, f"{at}.target.averageValue", "must specify a positive target averageValue")


def _resource(errors: Errors, at: str, source: Obj, rules: Rules) -> None:
    if not source.get("name"):
        required(errors, f"{at}.name", "must specify a resource name")
    _utilization(errors, at, source)


def _container_resource(errors: Errors, at: str, source: Obj, rules: Rules) -> None:
    if not source.get("name"):
        required(errors, f"{at}.name", "must specify a resource name")
    else:
        container_resource(errors, f"{at}.name", source["name"])
    if not source.get("container"):
        required(errors, f"{at}.container", "must specify a container")
    else:
        dns_label(errors, f"{at}.container", source["container"])
    _utilization(errors, at, source)


def _utilization(errors: Errors, at: str, source: Obj) -> None:
    target = source.get("target") or EMPTY
    _target(errors, f"{at}.target", target)
    given = [field for field in ("averageUtilization", "averageValue") if target.get(field) is not None]
    if not given:
        detail = "must set either a target raw value or a target utilization"
        required(errors, f"{at}.target.averageUtilization", detail)
    if len(given) == 2:
        detail = "may not set both a target raw value and a target utilization"
        forbidden(errors, f"{at}.target.averageValue", detail)


# In the order in which the sources of one metric are looked at.
SOURCES: dict[str, Callable[[Errors, str, Obj, Rules], None]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}


def _metric(errors: Errors, at: str, metric: Obj, rules: Rules) -> None:
    kind = metric.get("type", "")
    if not kind:
        required(errors, f"{at}.type", "must specify a metric source type")
    if kind not in METRICS:
        not_supported(errors, f"{at}.type", kind, METRICS)
    present = [field for field in SOURCES if metric.get(field) is not None]
    if present:
        SOURCES[present[0]](errors, f"{at}.{present[0]}", metric[present[0]], rules)
    expected = kind[:1].lower() + kind[1:] if kind in METRICS else ""
    if not expected:
        not_supported(errors, f"{at}.type", kind, METRICS)
    elif expected not in present:
        required(errors, f"{at}.{expected}", NO_SOURCE)
    if len(present) != 1:
        for field in present:
            if field != expected:
                forbidden(errors, f"{at}.{field}", ONE_SOURCE)


def _scaling_rules(errors: Errors, at: str, rules: Obj | None) -> None:
    if rules is None:
        return
    window, select, policies = (rules.get(n) for n in ("stabilizationWindowSeconds", "selectPolicy", "policies"))
    if window is not None and window < 0:
        invalid(errors, f"{at}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    if window is not None and window > LONGEST_WINDOW:
        detail = f"must be less than or equal to {LONGEST_WINDOW}"
        invalid(errors, f"{at}.stabilizationWindowSeconds", window, detail)
    if select is not None and select not in ("Disabled", "Max", "Min"):
        not_supported(errors, f"{at}.selectPolicy", select, ("Disabled", "Max", "Min"))
    if not policies:
        required(errors, f"{at}.policies", "must specify at least one Policy")
    for index, policy in enumerate(policies or ()):
        here, period = f"{at}.policies[{index}]", policy.get("periodSeconds", 0)
        if policy.get("type") not in ("Pods", "Percent"):
            not_supported(errors, f"{here}.type", policy.get("type", ""), ("Percent", "Pods"))
        for field in ("value", "periodSeconds"):
            if policy.get(field, 0) <= 0:
                invalid(errors, f"{here}.{field}", policy.get(field, 0), NOT_POSITIVE)
        if period > LONGEST_PERIOD:
            invalid(errors, f"{here}.periodSeconds", period, f"must be less than or equal to {LONGEST_PERIOD}")
    tolerance = rules.get("tolerance")
    if tolerance is not None and is_negative(tolerance):
        invalid(errors, f"{at}.tolerance", tolerance, "must be greater than or equal to 0")


def _spec(errors: Errors, spec: Obj, rules: Rules) -> None:
    least, most, metrics = spec.get("minReplicas"), spec.get("maxReplicas", 0), spec.get("metrics") or []
    if least is not None and least < rules.least:
        invalid(errors, "spec.minReplicas", least, f"must be greater than or equal to {rules.least}")
    if most == 0:
        required(errors, "spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        invalid(errors, "spec.maxReplicas", most, "must be greater than or equal to 1")
    if least is not None and most < least:
        invalid(errors, "spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    _reference(
        errors, "spec.scaleTargetRef", spec.get("scaleTargetRef") or EMPTY, rules.judge_target, rules.bare_target
    )
    for index, metric in enumerate(metrics):
        _metric(errors, f"spec.metrics[{index}]", metric, rules)
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        forbidden(errors, "spec.metrics", detail)
    behavior = spec.get("behavior") or EMPTY
    _scaling_rules(errors, "spec.behavior.scaleUp", behavior.get("scaleUp"))
    _scaling_rules(errors, "spec.behavior.scaleDown", behavior.get("scaleDown"))


def autoscaler(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _spec(errors, obj.get("spec") or EMPTY, rules_for(obj, None))
    return errors


def autoscaler_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("spec") is not old.get("spec"):
        _spec(errors, new.get("spec") or EMPTY, rules_for(new, old))
    return errors


def autoscaler_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    status = new.get("status") or EMPTY
    for field in ("currentReplicas", "desiredReplicas"):
        nonnegative(errors, f"status.{field}", status.get(field))
    return errors
