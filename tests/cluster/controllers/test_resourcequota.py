"""The resource quota controller: usage counted anew."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.resourcequota.usage import frees, status_of


def pod(name: str, cpu: str = "1", phase: str = "Running") -> dict:
    return {
        "metadata": {"name": name, "namespace": "testing"},
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "2"}}}]},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("hard", "status", "pods", "used"),
    [
        pytest.param({"pods": "5"}, {}, [pod("a"), pod("b")], {"pods": "2"}, id="a new quota"),
        pytest.param(
            {"requests.cpu": "5", "limits.cpu": "9", "cpu": "5"},
            {},
            [pod("a"), pod("b", "500m"), pod("c", phase="Failed")],
            {"requests.cpu": "1500m", "limits.cpu": "4", "cpu": "1500m"},
            id="finished Pods use nothing",
        ),
        pytest.param({"count/pods": "5"}, {}, [pod("a", phase="Failed")], {"count/pods": "1"}, id="but are counted"),
        pytest.param(
            {"pods": "5"},
            {"hard": {"pods": "4", "secrets": "1"}, "used": {"pods": "1", "secrets": "1"}},
            [pod("a")],
            {"pods": "1"},
            id="what is limited no more is forgotten",
        ),
        pytest.param(
            {"pods": "5"}, {"hard": {"pods": "5"}, "used": {"pods": "1"}}, [pod("a")], None, id="nothing to write"
        ),
    ],
)
def test_usage(hard, status, pods, used):
    quota = {"metadata": {"name": "q", "namespace": "testing"}, "spec": {"hard": hard}, "status": status}
    found = status_of(quota, lambda group, resource: pods if resource == "pods" else [], 0)
    assert found == (None if used is None else {"hard": hard, "used": used})


@pytest.mark.parametrize(
    ("resource", "old", "new", "wanted"),
    [
        pytest.param("pods", pod("a"), pod("a"), False, id="nothing"),
        pytest.param("pods", pod("a"), pod("a", phase="Succeeded"), True, id="it has finished"),
        pytest.param("services", {"spec": {"type": "NodePort"}}, {"spec": {"type": "ClusterIP"}}, True, id="a type"),
        pytest.param("configmaps", {}, {}, False, id="another kind"),
    ],
)
def test_what_frees_quota(resource, old, new, wanted):
    assert frees(resource, old, new, 0) is wanted


def test_a_refused_replica_comes_when_the_quota_grows_and_goes_when_it_is_deleted():
    cluster = Cluster.boot(Config(workers=1))
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}}
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "w"}]}},
        },
    }
    cluster.execute({"op": "apply", "objects": [quota]})
    cluster.run_to_rest()
    cluster.execute({"op": "apply", "objects": [web]})
    cluster.run_for(20_000)
    status = cluster.apiserver.get("resourcequotas", "default", "q")["status"]
    assert status == {"hard": {"pods": "2"}, "used": {"pods": "2"}}
    [told] = {
        one["message"].partition("exceeded")[2]
        for one in cluster.apiserver.list("events")
        if one["reason"] == "FailedCreate"
    }
    assert told == " quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    body = {"spec": {"hard": {"pods": "3"}}}
    target = {"resource": "resourcequotas", "namespace": "default", "name": "q"}
    cluster.execute({"op": "patch", **target, "type": "merge", "body": body})
    cluster.run_for(400_000)
    assert cluster.apiserver.get("resourcequotas", "default", "q")["status"]["used"] == {"pods": "3"}
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 1})
    cluster.run_to_rest()
    assert cluster.apiserver.get("resourcequotas", "default", "q")["status"]["used"] == {"pods": "1"}
