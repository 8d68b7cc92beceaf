"""HorizontalPodAutoscalers of autoscaling/v1: one percentage of cpu, and annotations for all that v2 has besides.

Models      pkg/apis/autoscaling/v1/conversion.go, pkg/apis/autoscaling/annotations.go
Leaves out  nothing known
"""

from __future__ import annotations

import json
from typing import Any

Obj = dict[str, Any]
METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
CARRIED = (METRICS, CURRENT, CONDITIONS, BEHAVIOR)
DEFAULT_UTILIZATION = 80
PERCENTAGE, NOW = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"
# Where a metric of v2 says what it wants (`target`) or is (`current`), v1 has a field for each way to say it.
_BY_TARGET = {"Utilization": "averageUtilization", "AverageValue": "averageValue", "Value": "value"}


def old(autoscaler: Obj) -> Obj:
    """An autoscaler as autoscaling/v1 has it."""
    spec, status = dict(autoscaler.get("spec") or {}), dict(autoscaler.get("status") or {})
    annotations = _annotations(autoscaler)
    others = []
    for metric in spec.pop("metrics", None) or ():
        utilization = _utilization(metric, "target")
        if utilization is None:
            others.append(_flat(metric, "target"))
        elif PERCENTAGE not in spec:
            spec[PERCENTAGE] = utilization
    current = status.pop("currentMetrics", None) or ()
    for metric in current:
        utilization = _utilization(metric, "current")
        if utilization is not None:
            status[NOW] = utilization
    behavior = spec.pop("behavior", None)
    conditions = status.pop("conditions", None)
    for name, value in (
        (METRICS, others),
        (CURRENT, [_flat(metric, "current") for metric in current]),
        (BEHAVIOR, behavior),
        (CONDITIONS, conditions),
    ):
        if value:
            annotations[name] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    status.setdefault("currentReplicas", 0)
    return _made(autoscaler, "autoscaling/v1", spec, status, annotations)


def new(autoscaler: Obj) -> Obj:
    """An autoscaler as autoscaling/v2 has it."""
    spec, status = dict(autoscaler.get("spec") or {}), dict(autoscaler.get("status") or {})
    given = (autoscaler.get("metadata") or {}).get("annotations") or {}
    metrics = [_deep(metric, "target") for metric in _read(given, METRICS)]
    percentage = spec.pop(PERCENTAGE, None)
    if percentage is not None or not metrics:
        wanted = DEFAULT_UTILIZATION if percentage is None else percentage
        target = {"type": "Utilization", "averageUtilization": wanted}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    spec["metrics"] = metrics
    behavior = _read(given, BEHAVIOR)
    if behavior:
        spec["behavior"] = behavior
    status.pop(NOW, None)
    current = [_deep(metric, "current") for metric in _read(given, CURRENT)]
    if current:
        status["currentMetrics"] = current
    conditions = _read(given, CONDITIONS)
    if conditions:
        status["conditions"] = conditions
    return _made(autoscaler, "autoscaling/v2", spec, status, _annotations(autoscaler))


def _made(autoscaler: Obj, api_version: str, spec: Obj, status: Obj, annotations: dict[str, str]) -> Obj:
    metadata = {name: value for name, value in autoscaler["metadata"].items() if name != "annotations"}
    if annotations:
        metadata["annotations"] = annotations
    out = {**autoscaler, "apiVersion": api_version, "metadata": metadata, "spec": spec}
    if "status" in autoscaler:
        out["status"] = status
    return out


def _annotations(autoscaler: Obj) -> dict[str, str]:
    given = (autoscaler.get("metadata") or {}).get("annotations") or {}
    return {name: value for name, value in given.items() if name not in CARRIED}


def _read(annotations: dict[str, str], name: str) -> Any:
    try:
        return json.loads(annotations.get(name, "[]"))
    except ValueError:
        return []


def _utilization(metric: Obj, side: str) -> int | None:
    if metric.get("type") != "Resource" or (metric.get("resource") or {}).get("name") != "cpu":
        return None
    found: int | None = (metric["resource"].get(side) or {}).get("averageUtilization")
    return found


def _source(metric: Obj) -> str:
    kind: str = metric.get("type", "")
    return kind[:1].lower() + kind[1:]


def _selector(source: str) -> str:
    return "metricSelector" if source == "external" else "selector"


def _flat(metric: Obj, side: str) -> Obj:
    """A metric in v1's words: what it wants stands beside its name."""
    name = _source(metric)
    source = dict(metric.get(name) or {})
    values = source.pop(side, None) or {}
    named = source.pop("metric", None)
    if named is not None:
        source["metricName"] = named.get("name", "")
        if named.get("selector"):
            source[_selector(name)] = named["selector"]
    if "describedObject" in source:
        source["target"] = source.pop("describedObject")
    prefix = "target" if side == "target" else "current"
    for field in ("averageUtilization", "averageValue", "value"):
        if field in values:
            source[prefix + field[0].upper() + field[1:]] = values[field]
    return {**metric, name: source}


def _deep(metric: Obj, side: str) -> Obj:
    name = _source(metric)
    source = dict(metric.get(name) or {})
    prefix = "target" if side == "target" else "current"
    if "metricName" in source:
        named: Obj = {"name": source.pop("metricName")}
        selector = source.pop(_selector(name), None)
        if selector:
            named["selector"] = selector
        source["metric"] = named
    if name == "object" and "target" in source:
        source["describedObject"] = source.pop("target")
    values: Obj = {}
    for type_, field in _BY_TARGET.items():
        value = source.pop(prefix + field[0].upper() + field[1:], None)
        if value is not None:
            if side == "target":
                values.setdefault("type", type_)
            values[field] = value
    return {**metric, name: {**source, side: values}}
