"""One metric of an autoscaler: what it asks for, and what the status says of it.

Models      pkg/controller/podautoscaler/horizontal.go (computeReplicasForMetric and what it calls)
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj, namespace_of
from apps.cluster.client import Client
from apps.cluster.controllers.podautoscaler import sources
from apps.cluster.controllers.podautoscaler.replica_calculator import (
    MetricError,
    Timing,
    Tolerances,
    plain_replicas,
    resource_replicas,
)

TOLERANCE = 0.1  # --horizontal-pod-autoscaler-tolerance


class Proposal(NamedTuple):
    """The replicas that a metric asks for, the words for it, and its entry in `status.currentMetrics`."""

    replicas: int
    metric: str
    status: Obj


class Failure(Exception):
    """A metric that says nothing: the reason of Event and condition, their text, and the words of the whole error."""

    def __init__(self, reason: str, message: str, whole: str) -> None:
        super().__init__(whole)
        self.reason = reason
        self.message = message


def tolerances(hpa: Obj) -> Tolerances:
    """The cluster's tolerance, unless the autoscaler has its own for a direction."""
    behavior = hpa["spec"].get("behavior") or EMPTY
    down, up = (_tolerance(behavior.get(way) or EMPTY) for way in ("scaleDown", "scaleUp"))
    return Tolerances(down, up)


def _tolerance(rules: Obj) -> float:
    given = rules.get("tolerance")
    return TOLERANCE if given is None else quantity.parse(str(given)).scaled(-9) / 1e9


def propose(
    client: Client, hpa: Obj, spec: Obj, current: int, selector: str, pods: Sequence[Obj], timing: Timing
) -> Proposal:
    """What one metric asks for.

    Raises:
        Failure: it cannot be had, or makes no sense.
    """
    namespace, type_ = namespace_of(hpa), spec["type"]
    if type_ in ("Resource", "ContainerResource"):
        return _resource(client, hpa, spec, current, selector, pods, timing)
    if type_ == "Pods":
        name = spec["pods"]["metric"]["name"]
        raise _failure("FailedGetPodsMetric", "pods metric value", str(sources.pods_metric(client, name)))
    if type_ == "Object":
        source = spec["object"]
        name = source["metric"]["name"]
        told = str(sources.object_metric(client, name, namespace, source["describedObject"]))
        if source["target"]["type"] == "AverageValue":
            raise Failure(
                "FailedGetObjectMetric",
                told,
                f"failed to get object metric value: failed to get {name} object metric: {told}",
            )
        raise _failure("FailedGetObjectMetric", "object metric value", told)
    if type_ == "External":
        metric = spec["external"]["metric"]
        name = metric["name"]
        told = str(sources.external_metric(name, namespace, metric.get("selector")))
        inner = f"{name} external metric" if "averageValue" in spec["external"]["target"] else f"external metric {name}"
        whole = f"failed to get {name} external metric value: failed to get {inner}: {told}"
        raise Failure("FailedGetExternalMetric", told, whole)
    told = f'unknown metric source type "{type_}"'
    raise Failure("InvalidMetricSourceType", told, told)


def _failure(reason: str, what: str, told: str) -> Failure:
    return Failure(reason, told, f"failed to get {what}: {told}")


def _resource(
    client: Client, hpa: Obj, spec: Obj, current: int, selector: str, pods: Sequence[Obj], timing: Timing
) -> Proposal:
    of_container = spec["type"] == "ContainerResource"
    field = "containerResource" if of_container else "resource"
    source = spec[field]
    name, container = source["name"], source.get("container", "")
    target: dict[str, Any] = source["target"]
    reason = "FailedGetContainerResourceMetric" if of_container else "FailedGetResourceMetric"
    whole = f"{container} container metric value" if of_container else f"{name} resource metric value"
    what = f"{name} usage" if target.get("averageValue") is not None else f"{name} utilization"
    try:
        metrics = sources.resource_metrics(client, name, namespace_of(hpa), selector, container)
        allowed = tolerances(hpa)
        if target.get("averageValue") is not None:
            wanted = quantity.milli(str(target["averageValue"]))
            replicas, usage = plain_replicas(current, wanted, name, pods, metrics, allowed, timing)
            value: Obj = {"averageValue": written(name, usage)}
            metric = f"{name} resource"
        else:
            percent = target["averageUtilization"]
            replicas, used, usage = resource_replicas(current, percent, name, pods, metrics, allowed, timing, container)
            value = {"averageUtilization": used, "averageValue": written(name, usage)}
            kind = "container resource" if of_container else "resource"
            metric = f"{name} {kind} utilization (percentage of request)"
    except MetricError as error:
        raise _failure(reason, whole, f"failed to get {what}: {error}") from None
    current_value: Obj = {"name": name, "current": value}
    if of_container:
        current_value["container"] = container
    return Proposal(replicas, metric, {"type": spec["type"], field: current_value})


def written(resource: str, milli: int) -> str:
    """Thousandths as a quantity: memory in powers of two where it is whole bytes.

    >>> written("cpu", 250), written("memory", 64 * 2**20 * 1000), written("memory", 1500500)
    ('250m', '64Mi', '1500500m')
    """
    style = quantity.BINARY_SI if resource == "memory" else quantity.DECIMAL_SI
    return quantity.Quantity(milli, -3, style, False, "").canonical()
