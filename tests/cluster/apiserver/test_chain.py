"""A step laid out as its way through the request chain."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.chain import STAGES, Stage, chain, refused
from apps.cluster.cluster import Cluster, Config
from apps.diagrams import wording


def deployment(name: str) -> dict:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "web"}]},
            },
        },
    }


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    made = Cluster.boot(Config(workers=1))
    made.execute({"op": "apply", "objects": [deployment("web")]})
    made.run_to_rest()
    return made


def laid_out(cluster: Cluster, component: str, verb: str, resource: str) -> dict[str, Stage]:
    for step in cluster.trace.steps:
        wanted = (step.component, step.verb) == (component, verb) and step.ref.startswith(f"{resource}/")
        if wanted and step.revision > cluster.base:
            return {stage.name: stage for stage in chain(step, cluster.trace.world(step.revision - 1))}
    raise AssertionError((component, verb, resource))


def test_a_pod_is_authenticated_allowed_changed_and_stored(cluster):
    way = laid_out(cluster, "replicaset-controller", "create", "pods")
    assert tuple(way) == STAGES
    assert way["authentication"].lines[0].params["user"] == "system:serviceaccount:kube-system:replicaset-controller"
    [allowed] = way["authorization"].lines
    assert allowed.message == "chain.rbac"
    assert allowed.params["role"] == "system:controller:replicaset-controller"
    changed = {line.params["plugin"]: line.fields for line in way["mutating"].lines if line.fields}
    assert set(changed["ServiceAccount"]) == {
        "spec.serviceAccountName",
        "spec.serviceAccount",
        "spec.containers[0].volumeMounts",
        "spec.volumes",
    }
    assert set(changed["Priority"]) == {"spec.priority", "spec.preemptionPolicy"}
    assert changed["DefaultTolerationSeconds"] == ("spec.tolerations",)
    assert "ResourceQuota" in way["validating"].lines[0].params["plugins"]
    assert way["etcd"].lines[0].message == "chain.created"
    assert way["etcd"].lines[0].params["key"].startswith("/registry/pods/default/web-")


def test_a_kubelet_is_allowed_by_the_node_authorizer(cluster):
    way = laid_out(cluster, "kubelet", "update", "pods")
    assert way["authentication"].lines[0].message == "chain.certificate"
    assert way["authorization"].lines[0].message == "chain.node"
    assert way["etcd"].lines[0].message == "chain.updated"


def test_every_step_of_a_booted_cluster_can_be_laid_out_and_said_in_both_languages(cluster):
    denied = []
    for step in cluster.trace.steps:
        for stage in chain(step, cluster.trace.world(step.revision - 1)):
            for line in stage.lines:
                for lang in wording.LANGUAGES:
                    text = wording.say(lang, line.message, line.params)
                    assert "⟦" not in text, line
                    assert "{" not in text, (line, text)
                if line.message == "chain.unasked":
                    denied.append((step.component, step.verb, step.ref))
    assert denied == []


def test_a_saved_trace_tells_the_same_way(cluster):
    again = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for mine, theirs in zip(cluster.trace.steps[-60:], again.trace.steps[-60:], strict=True):
        world = cluster.trace.world(mine.revision - 1)
        assert chain(mine, world) == chain(theirs, world)


def test_a_refused_request_says_how_far_it_came(cluster):
    broken = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"priorityClassName": "lost"}}
    broken["spec"]["containers"] = [{"name": "c", "image": "web"}]
    with pytest.raises(StatusError) as caught:
        cluster.execute({"op": "create", "objects": [broken]})
    way = refused(caught.value)
    assert [stage.name for stage in way] == ["authentication", "authorization", "mutating"]
    assert way[-1].lines[0].message == "chain.refused-by-plugin"
    assert way[-1].lines[0].params["plugin"] == "Priority"
