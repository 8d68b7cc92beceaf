"""Autoscaling as a reader sees it: load comes and goes, and the size follows."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.scenarios import commands, presets
from tests.cluster.controllers.world import World
from tests.cluster.stories import workload

INSTALL = presets.get("hpa").story.entries[0].body["objects"][:4]  # metrics-server
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}
ABLE = ("AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")


def hpa(name="web", kind="Deployment", metrics=(CPU,), api_version="apps/v1", **spec):
    target = {"apiVersion": api_version, "kind": kind, "name": name}
    body = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, "metrics": list(metrics), **spec}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "default"},
        "spec": body,
    }


def conditions(world, name="web"):
    status = world.get("horizontalpodautoscalers", name, "default")["status"]
    return [(c["type"], c["status"], c["reason"], c["message"]) for c in status.get("conditions", ())]


@pytest.fixture(scope="module")
def _measured():
    """Two Pods asking for 250m each, metrics-server installed, an autoscaler that wants half of that used."""
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "apply", "objects": [*INSTALL, workload("Deployment", "web", 2, "web:1.0"), hpa()]})
    cluster.run_for(60_000)
    return cluster.snapshot()


@pytest.fixture
def cluster(_measured):
    return Cluster.restore(_measured)


def load(cluster, **amounts):
    cluster.execute({"op": "load", "resource": "deployments", "namespace": "default", "name": "web", **amounts})


def seen(cluster):
    return cluster.view().objects["horizontalpodautoscalers"]["default/web"]


def replicas(cluster):
    return cluster.view().objects["deployments"]["default/web"]["spec"]["replicas"]


def events(cluster, reason):
    found = cluster.view().objects["events"].values()
    return [(one["source"]["component"], one["message"]) for one in found if one["reason"] == reason]


def test_load_makes_replicas_and_its_end_takes_them_away_five_minutes_later(cluster):
    assert replicas(cluster) == 2
    load(cluster, cpu="1000m")
    cluster.run_for(60_000)
    assert replicas(cluster) == 8  # 1000m and what is used at rest, at half of 250m a Pod
    told = "reason: cpu resource utilization (percentage of request) above target"
    assert events(cluster, "SuccessfulRescale") == [
        ("horizontal-pod-autoscaler", f"New size: 4; {told}"),
        # The Pods just added say nothing yet, so this look asks for no change; what the last one wanted still counts.
        ("horizontal-pod-autoscaler", "New size: 8; reason: "),
    ]
    load(cluster, cpu="0")
    cluster.run_for(290_000)
    assert replicas(cluster) == 8
    able = next(c for c in seen(cluster)["status"]["conditions"] if c["type"] == "AbleToScale")
    assert able["reason"] == "ScaleDownStabilized"
    cluster.run_for(60_000)
    assert replicas(cluster) == 1
    assert events(cluster, "SuccessfulRescale")[-1][1] == "New size: 1; reason: All metrics below target"


def test_the_status_says_what_was_seen(cluster):
    load(cluster, cpu="250m")
    cluster.run_for(30_000)
    status = seen(cluster)["status"]
    current = {"averageUtilization": 50, "averageValue": "126m"}
    assert status["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 2)
    found = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert found == {
        "AbleToScale": ("True", "ReadyForNewScale"),
        "ScalingActive": ("True", "ValidMetricFound"),
        "ScalingLimited": ("False", "DesiredWithinRange"),
    }


def test_load_for_each_pod_does_not_fall_as_pods_are_added(cluster):
    load(cluster, cpu="240m", per="pod")
    cluster.run_for(180_000)
    assert replicas(cluster) == 10
    limited = next(c for c in seen(cluster)["status"]["conditions"] if c["type"] == "ScalingLimited")
    assert (limited["status"], limited["reason"]) == ("True", "TooManyReplicas")


def test_a_saved_cluster_scales_as_the_one_it_was_saved_from(cluster):
    load(cluster, cpu="1000m", memory="100Mi")
    cluster.run_for(20_000)
    other = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for one in (cluster, other):
        one.run_for(120_000)
    assert other.metrics_server.save() == cluster.metrics_server.save()
    assert [list(s) for s in other.trace.steps] == json.loads(json.dumps(cluster.trace.steps))


def test_pod_and_node_metrics_are_served_as_metrics_server_does(cluster):
    load(cluster, cpu="500m", memory="64Mi")
    cluster.run_for(15_000)
    pods = cluster.apiserver.aggregation.list("metrics.k8s.io", "v1beta1", "pods", "default", "app=web")
    assert [one["kind"] for one in pods] == ["PodMetrics", "PodMetrics"]
    assert pods[0]["containers"] == [{"name": "main", "usage": {"cpu": "251000000n", "memory": "32768Ki"}}]
    assert pods[0]["window"] == "15s"
    nodes = cluster.apiserver.aggregation.list("metrics.k8s.io", "v1beta1", "nodes", "", "")
    assert {one["metadata"]["name"] for one in nodes} == {"control-plane-1", "worker-1", "worker-2"}


def test_an_autoscaler_is_when_a_resting_cluster_goes_on(cluster):
    assert cluster.next_scheduled() is not None
    cluster.execute({"op": "delete", "resource": "horizontalpodautoscalers", "name": "web"})
    cluster.run_for(16_000)
    assert cluster.next_scheduled() is None


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"resource": "deployments", "name": "nobody", "cpu": "1"}, 404, id="no such workload"),
        pytest.param({"resource": "nodes", "name": "worker-1", "cpu": "1"}, 400, id="no workload"),
        pytest.param({"resource": "deployments", "name": "web", "cpu": "one"}, 400, id="no quantity"),
        pytest.param({"resource": "deployments", "name": "web", "cpu": "1", "container": "x"}, 400, id="no container"),
        pytest.param({"resource": "deployments", "name": "web", "cpu": "1", "per": "node"}, 400, id="per what"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused(cluster, command, code):
    with pytest.raises(StatusError) as refused:
        cluster.execute({"op": "load", **command})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("field", "value"),
    [("cpu", "-1"), ("cpu", 5), ("memory", "1e30"), ("per", "x"), ("resource", "nodes"), ("what", "1")],
)
def test_a_load_is_checked_before_it_reaches_the_cluster(field, value):
    good = {"op": "load", "resource": "deployments", "name": "web", "cpu": "500m", "memory": "1Gi", "per": "pod"}
    assert commands.check(good) == good
    assert commands.said(good) == "load deployments/web cpu=500m memory=1Gi per Pod"
    with pytest.raises(StatusError) as refused:
        commands.check({**good, field: value})
    assert field in refused.value.message


# ---- a cluster without metrics: what a real one says -------------------------------------------

NO_API = "the server could not find the requested resource (get pods.metrics.k8s.io)"
TOLD = (
    "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource "
    f"metrics API: {NO_API}"
)


def world_with(*objects):
    world = World()
    world.create(workload("Deployment", "web", 2, "web:1.0"))
    for obj in objects:
        world.create(obj)
    world.run(16_000)
    return world


def test_without_a_metrics_api_it_says_so():
    world = world_with(hpa())
    active = (
        "ScalingActive",
        "False",
        "FailedGetResourceMetric",
        f"the HPA was unable to compute the replica count: {TOLD}",
    )
    assert conditions(world) == [ABLE, active]
    assert world.events("FailedGetResourceMetric") == [TOLD]
    assert world.events("FailedComputeMetricsReplicas") == [
        f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {TOLD}"
    ]
    status = world.status("horizontalpodautoscalers", "web", "default")
    assert status["currentMetrics"] == [{"type": ""}]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (2, 0)
    world.run(30_000)
    (event,) = [one for one in world.list("events") if one["reason"] == "FailedGetResourceMetric"]
    assert event["count"] == 3


METRICS = {
    "pods": {
        "type": "Pods",
        "pods": {"metric": {"name": "qps"}, "target": {"type": "AverageValue", "averageValue": "1k"}},
    },
    "object": {
        "type": "Object",
        "object": {
            "metric": {"name": "hits"},
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "front"},
            "target": {"type": "Value", "value": "2k"},
        },
    },
    "external": {
        "type": "External",
        "external": {
            "metric": {"name": "queue", "selector": {"matchLabels": {"queue": "jobs"}}},
            "target": {"type": "AverageValue", "averageValue": "30"},
        },
    },
    "container": {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "main",
            "target": {"type": "Utilization", "averageUtilization": 60},
        },
    },
}
NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
SELECTOR = "&LabelSelector{MatchLabels:map[string]string{queue: jobs,},MatchExpressions:[]LabelSelectorRequirement{},}"


@pytest.mark.parametrize(
    ("metric", "reason", "message", "whole"),
    [
        pytest.param(
            "pods",
            "FailedGetPodsMetric",
            f"unable to get metric qps: {NO_CUSTOM}",
            "failed to get pods metric value: ",
            id="pods",
        ),
        pytest.param(
            "object",
            "FailedGetObjectMetric",
            f"unable to get metric hits: {NO_CUSTOM} on Service default/front",
            "failed to get object metric value: ",
            id="object",
        ),
        pytest.param(
            "external",
            "FailedGetExternalMetric",
            f"unable to get external metric default/queue/{SELECTOR}: unable to fetch metrics from external metrics "
            "API: the server could not find the requested resource (get queue.external.metrics.k8s.io)",
            "failed to get queue external metric value: failed to get queue external metric: ",
            id="external",
        ),
        pytest.param(
            "container",
            "FailedGetContainerResourceMetric",
            TOLD,
            "failed to get main container metric value: ",
            id="container",
        ),
    ],
)
def test_a_metric_that_nobody_serves(metric, reason, message, whole):
    world = world_with(hpa(metrics=[METRICS[metric]]))
    active = ("ScalingActive", "False", reason, f"the HPA was unable to compute the replica count: {message}")
    assert conditions(world) == [ABLE, active]
    assert world.events(reason) == [message]
    (told,) = world.events("FailedComputeMetricsReplicas")
    assert told == f"invalid metrics (1 invalid out of 1), first error is: {whole}{message}"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param({"name": "none"}, 'deployments.apps "none" not found', id="gone"),
        pytest.param({"kind": "Widget"}, 'no matches for kind "Widget" in group "apps"', id="kind"),
        pytest.param({"kind": "DaemonSet"}, "the server could not find the requested resource", id="no scale"),
    ],
)
def test_a_target_that_cannot_be_scaled(target, message):
    body = hpa()
    body["spec"]["scaleTargetRef"] |= target
    world = world_with(body)
    told = f"the HPA controller was unable to get the target's current scale: {message}"
    assert conditions(world) == [("AbleToScale", "False", "FailedGetScale", told)]
    assert world.events("FailedGetScale") == [message]


def test_a_size_outside_the_bounds_is_set_right_without_any_metric():
    world = world_with(hpa(minReplicas=4))
    assert world.get("deployments", "web", "default")["spec"]["replicas"] == 4
    assert world.events("SuccessfulRescale") == [
        "New size: 4; reason: Current number of replicas below Spec.MinReplicas"
    ]
    status = world.status("horizontalpodautoscalers", "web", "default")
    assert (status["currentReplicas"], status["desiredReplicas"], status["currentMetrics"]) == (2, 4, None)
    assert status["lastScaleTime"]
    told = "the HPA controller was able to update the target scale to 4"
    assert conditions(world) == [("AbleToScale", "True", "SucceededRescale", told)]
    world.patch("horizontalpodautoscalers", "web", {"spec": {"minReplicas": 1, "maxReplicas": 3}})
    world.run(16_000)
    assert (
        world.events("SuccessfulRescale")[-1]
        == "New size: 3; reason: Current number of replicas above Spec.MaxReplicas"
    )


def test_a_size_of_zero_switches_it_off():
    world = world_with(hpa())
    world.kubectl.patch("deployments", "default", "web", {"spec": {"replicas": 0}}, type="merge")
    world.run(16_000)
    told = "scaling is disabled since the replica count of the target is zero"
    assert conditions(world)[1] == ("ScalingActive", "False", "ScalingDisabled", told)
    status = world.status("horizontalpodautoscalers", "web", "default")
    assert (status.get("currentReplicas"), status["desiredReplicas"]) == (None, 0)


def test_two_autoscalers_of_the_same_pods_move_nothing():
    second = hpa()
    second["metadata"]["name"] = "web-2"
    world = world_with(hpa(), second)
    world.run(16_000)
    told = "pods by selector app=web are controlled by multiple HPAs: [default/web default/web-2]"
    assert ("ScalingActive", "False", "AmbiguousSelector", told) in conditions(world)
    assert told in world.events("AmbiguousSelector")


def test_a_custom_kind_is_scaled_where_it_keeps_its_replicas():
    paths = {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    }
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    version["subresources"]["scale"] = paths
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "web", "namespace": "default"}}
    world = World()
    world.create({**crd, "metadata": {"name": "widgets.example.com"}, "spec": spec})
    world.run(1_000)
    world.create({**widget, "spec": {"size": 1}})
    world.create(hpa(kind="Widget", api_version="example.com/v1", minReplicas=3))
    world.run(16_000)
    assert world.get("widgets.example.com", "web", "default")["spec"] == {"size": 3}
