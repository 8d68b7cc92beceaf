"""What is answered in a form of its own: Scales as a Table, programs that say how they are; and what comes back."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.requests import Request, handle
from apps.cluster.cluster import Cluster, Config

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
SERVICE = "/api/v1/namespaces/default/services/kubernetes"


@pytest.fixture(scope="module")
def cluster():
    return Cluster.boot(Config(workers=1))


def ask(cluster, method, path, headers=None):
    address, _, query = path.partition("?")
    return handle(cluster.apiserver, Request(method, address, query, headers or {}))


def rows(sent):
    names = [column["name"] for column in sent.body["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in sent.body["rows"]]


def test_a_scale_has_columns_of_its_own(cluster):
    sent = ask(cluster, "GET", "/apis/apps/v1/namespaces/kube-system/deployments/coredns/scale", TABLE)
    (row,) = rows(sent)
    assert {key: row[key] for key in ("Name", "Desired", "Available")} == {
        "Name": "coredns",
        "Desired": 2,
        "Available": 2,
    }


def test_who_is_well(cluster):
    found = rows(ask(cluster, "GET", "/api/v1/componentstatuses", TABLE))
    assert [(row["Name"], row["Status"], row["Message"]) for row in found] == [
        ("controller-manager", "Healthy", "ok"),
        ("scheduler", "Healthy", "ok"),
        ("etcd-0", "Healthy", "ok"),
    ]
    one = ask(cluster, "GET", "/api/v1/componentstatuses/etcd-0")
    assert (one.status, one.body["kind"]) == (200, "ComponentStatus")
    assert ask(cluster, "GET", "/api/v1/componentstatuses?labelSelector=a%3Db").body["items"] == []
    assert ask(cluster, "GET", "/api/v1/componentstatuses/x").body["message"] == 'componentstatus "x" not found'


def test_a_scheduler_that_is_stopped_does_not_answer():
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "component", "verb": "stop", "name": "kube-scheduler"})
    cluster.run_for(5_000)
    found = {row["Name"]: row for row in rows(ask(cluster, "GET", "/api/v1/componentstatuses", TABLE))}
    assert found["scheduler"]["Status"] == "Unhealthy"
    assert found["scheduler"]["Message"] == (
        'Get "https://127.0.0.1:10259/healthz": dial tcp 127.0.0.1:10259: connect: connection refused'
    )
    assert found["controller-manager"]["Status"] == "Healthy"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(SERVICE, id="the Service"),
        pytest.param("/api/v1/namespaces/default/endpoints/kubernetes", id="its Endpoints"),
        pytest.param("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes", id="their slice"),
    ],
)
def test_what_leads_to_the_api_server_comes_back(cluster, path):
    before = ask(cluster, "GET", path).body
    assert ask(cluster, "DELETE", path).status == 200
    assert ask(cluster, "GET", path).status == 404
    cluster.run_to_rest(20_000)
    after = ask(cluster, "GET", path).body
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    for part in ("spec", "subsets", "endpoints", "ports"):
        assert after.get(part) == before.get(part)
    assert after["metadata"].get("labels") == before["metadata"].get("labels")


def test_it_comes_back_in_a_cluster_that_was_saved_meanwhile():
    cluster = Cluster.boot(Config(workers=1))
    ask(cluster, "DELETE", SERVICE)
    again = Cluster.restore(cluster.snapshot())
    again.run_to_rest(20_000)
    assert ask(again, "GET", SERVICE).status == 200
