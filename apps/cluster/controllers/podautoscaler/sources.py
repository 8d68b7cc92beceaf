"""Where an autoscaler's figures come from: the resource metrics API, and the custom and external ones.

Models      pkg/controller/podautoscaler/metrics/client.go, k8s.io/metrics (custom_metrics, external_metrics)
Leaves out  an adapter: nothing here serves custom.metrics.k8s.io or external.metrics.k8s.io, so asking for them fails,
            worded as in a cluster without one
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import quantity, timestamps
from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client
from apps.cluster.controllers.podautoscaler.replica_calculator import MetricError, PodMetric

CUSTOM, EXTERNAL, RESOURCE = "custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"


def resource_metrics(
    client: Client, resource: str, namespace: str, selector: str, container: str
) -> dict[str, PodMetric]:
    """What each Pod uses of a resource, or one container of it.

    Raises:
        MetricError: there are no metrics to be had.
    """
    asked = f"unable to get metrics for resource {resource}: "
    try:
        items = client.aggregated(RESOURCE, "v1beta1", "pods", namespace, selector)
    except StatusError as error:
        raise MetricError(f"{asked}unable to fetch metrics from resource metrics API: {error.message}") from None
    if not items:
        raise MetricError(f"{asked}no metrics returned from resource metrics API")
    out = {}
    for item in items:
        value = _used(item, resource, container)
        if value is not None:
            window = quantity_seconds(item["window"])
            out[name_of(item)] = PodMetric(value, timestamps.parse(item["timestamp"]), window)
    return out


def _used(item: Obj, resource: str, container: str) -> int | None:
    containers: list[Any] = item["containers"]
    if container:
        containers = [one for one in containers if one["name"] == container]
    if not containers or any(resource not in one["usage"] for one in containers):
        return None
    return sum(quantity.milli(one["usage"][resource]) for one in containers)


def quantity_seconds(text: str) -> int:
    """A window such as "15.02s" in milliseconds."""
    return round(float(text.removesuffix("s")) * 1000)


def pods_metric(client: Client, name: str) -> MetricError:
    """What is said of a metric of Pods."""
    return MetricError(f"unable to get metric {name}: {_no_custom(client)}")


def object_metric(client: Client, name: str, namespace: str, target: Obj) -> MetricError:
    """What is said of a metric of one object."""
    return MetricError(
        f"unable to get metric {name}: {_no_custom(client)} on {target['kind']} {namespace}/{target['name']}"
    )


def external_metric(name: str, namespace: str, selector: Obj | None) -> MetricError:
    """What is said of a metric from outside the cluster."""
    return MetricError(
        f"unable to get external metric {namespace}/{name}/{go_selector(selector)}: unable to fetch metrics from "
        f"external metrics API: the server could not find the requested resource (get {name}.{EXTERNAL})"
    )


def _no_custom(client: Client) -> str:
    served = any(name.endswith(f".{CUSTOM}") for name in map(name_of, client.list("apiservices")))
    told = "no known available metric versions found" if served else f"no custom metrics API ({CUSTOM}) registered"
    return f"unable to fetch metrics from custom metrics API: {told}"


def go_selector(selector: Obj | None) -> str:
    """A LabelSelector as Go prints it.

    >>> go_selector({"matchLabels": {"queue": "a"}})
    '&LabelSelector{MatchLabels:map[string]string{queue: a,},MatchExpressions:[]LabelSelectorRequirement{},}'
    """
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or EMPTY).items()))
    terms = "".join(
        "LabelSelectorRequirement{"
        f"Key:{term['key']},Operator:{term['operator']},Values:[{' '.join(term.get('values') or ())}],}},"
        for term in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{terms}}},}}"
    )
