"""Discovery where there is more than what is built in: custom kinds, and groups that another server answers."""

import json

import pytest

from apps.cluster.apiserver.requests import Request, User, handle
from apps.cluster.cluster import Cluster, Config
from apps.scenarios import presets
from tests.cluster.apiserver.rest import Rest
from tests.cluster.apiserver.test_custom_kinds import CRDS, definition

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
INSTALL = presets.get("hpa").story.entries[0].body["objects"][:4]  # metrics-server
METRICS = "/apis/metrics.k8s.io/v1beta1"


def aggregated(server, group):
    body = handle(server, Request("GET", "/apis", "", {"Accept": AGGREGATED})).body
    return next((item["versions"] for item in body["items"] if item["metadata"]["name"] == group), None)


@pytest.fixture
def rest():
    rest = Rest()
    crd = definition(singular="widget", shortNames=["wg"], categories=["all"])
    first = crd["spec"]["versions"][0]
    older = {**first, "name": "v1beta1", "storage": False, "subresources": {}}
    unserved = {**first, "name": "v2", "storage": False, "served": False}
    rest.post(CRDS, {**crd, "spec": {**crd["spec"], "versions": [older, first, unserved]}})
    return rest


def test_a_definition_that_is_not_established_is_not_told(rest):
    assert aggregated(rest.server, "example.com") is None
    assert rest.send("GET", "/apis/example.com/v1").status == 404


def test_every_version_that_is_served_is_told(rest):
    rest.engine.run_to_rest(1_000)
    group = rest.get("/apis/example.com")
    assert [one["version"] for one in group["versions"]] == ["v1", "v1beta1"]
    assert group["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}
    verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
    one, status, scale = rest.get("/apis/example.com/v1")["resources"]
    assert {name: value for name, value in one.items() if name != "storageVersionHash"} == {
        "name": "widgets",
        "singularName": "widget",
        "namespaced": True,
        "kind": "Widget",
        "verbs": verbs,
        "shortNames": ["wg"],
        "categories": ["all"],
    }
    assert (status["name"], status["kind"], status["verbs"]) == ("widgets/status", "Widget", ["get", "patch", "update"])
    assert (scale["name"], scale["group"], scale["version"]) == ("widgets/scale", "autoscaling", "v1")
    (older,) = rest.get("/apis/example.com/v1beta1")["resources"]
    assert older["storageVersionHash"] == one["storageVersionHash"]
    current, beta = aggregated(rest.server, "example.com")
    assert (current["version"], beta["version"]) == ("v1", "v1beta1")
    (told,) = current["resources"]
    assert told["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert [one["responseKind"] for one in told["subresources"]] == [
        {"group": "example.com", "version": "v1", "kind": "Widget"},
        {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    ]
    assert "subresources" not in beta["resources"][0]


FORM = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        pytest.param("", "APIGroupList", id="nothing said"),
        pytest.param("application/json, */*", "APIGroupList", id="JSON"),
        pytest.param(
            f"{FORM.format('v2')},{FORM.format('v2beta1')},application/json", "APIGroupDiscoveryList", id="v2"
        ),
        pytest.param(f"{FORM.format('v2beta1')},application/json", "APIGroupList", id="v2beta1 is gone"),
        pytest.param(
            f"{FORM.format('v2beta1')},{FORM.format('v2')}", "APIGroupDiscoveryList", id="the second that is accepted"
        ),
        pytest.param(f"application/json,{FORM.format('v2')}", "APIGroupList", id="the first that is known counts"),
        pytest.param(
            f"application/vnd.kubernetes.protobuf,{FORM.format('v2')}", "APIGroupDiscoveryList", id="no protobuf"
        ),
    ],
)
def test_forms_of_discovery(rest, accept, kind):
    answer = handle(rest.server, Request("GET", "/apis", "", {"Accept": accept}))
    assert answer.body["kind"] == kind


def test_who_has_it_already_gets_nothing(rest):
    first = handle(rest.server, Request("GET", "/apis", "", {"Accept": AGGREGATED}))
    headers = {"Accept": AGGREGATED, "If-None-Match": first.headers["Etag"]}
    assert handle(rest.server, Request("GET", "/apis", "", headers)).status == 304
    rest.engine.run_to_rest(1_000)
    assert handle(rest.server, Request("GET", "/apis", "", headers)).status == 200


def test_nothing_is_made_of_a_kind_that_goes(rest):
    rest.engine.run_to_rest(1_000)
    path = "/apis/example.com/v1/namespaces/default/widgets"
    metadata = {"name": "held", "finalizers": ["example.com/hold"]}
    spec = {"color": "red"}
    rest.post(path, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec})
    rest.send("DELETE", f"{CRDS}/widgets.example.com")
    rest.engine.run_to_rest(1_000)
    verbs = rest.get("/apis/example.com/v1")["resources"][0]["verbs"]
    assert verbs == ["delete", "deletecollection", "get", "list", "watch"]


# ---- metrics.k8s.io --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "apply", "objects": INSTALL})
    return cluster


def get(cluster, path, query="", **more):
    return handle(cluster.apiserver, Request("GET", path, query, **more))


def test_a_group_behind_a_service(cluster):
    assert aggregated(cluster.apiserver, "metrics.k8s.io") == [{"version": "v1beta1", "freshness": "Stale"}]
    assert get(cluster, METRICS).status == 503
    assert get(cluster, f"{METRICS}/nodes").content() == b"service unavailable\n"
    cluster.run_until(cluster.now_ms + 90_000)
    (version,) = aggregated(cluster.apiserver, "metrics.k8s.io")
    assert [(one["resource"], one["scope"]) for one in version["resources"]] == [
        ("nodes", "Cluster"),
        ("pods", "Namespaced"),
    ]
    listed = get(cluster, METRICS).body["resources"]
    assert [(one["name"], one["kind"], one["verbs"]) for one in listed] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]
    groups = [group["name"] for group in get(cluster, "/apis").body["groups"]]
    assert groups[-1] == "metrics.k8s.io"
    assert get(cluster, f"{METRICS}/nodes").headers["Content-Type"] == "application/json"
    nodes = get(cluster, f"{METRICS}/nodes").body
    assert (nodes["kind"], len(nodes["items"])) == ("NodeMetricsList", 3)
    one = get(cluster, f"{METRICS}/nodes/worker-1").body
    assert (one["kind"], set(one["usage"])) == ("NodeMetrics", {"cpu", "memory"})
    labelled = get(cluster, f"{METRICS}/nodes", "labelSelector=kubernetes.io/hostname%3Dworker-2").body["items"]
    assert [item["metadata"]["name"] for item in labelled] == ["worker-2"]
    pods = get(cluster, f"{METRICS}/namespaces/kube-system/pods").body
    assert pods["kind"] == "PodMetricsList"
    assert {item["metadata"]["namespace"] for item in pods["items"]} == {"kube-system"}


YOUNG = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "c", "image": "nginx"}]}}


def test_metrics_have_documents_while_somebody_answers(cluster):
    cluster.run_until(cluster.now_ms + 90_000)
    index = json.loads(get(cluster, "/openapi/v3").content())["paths"]
    assert {"apis/metrics.k8s.io", "apis/metrics.k8s.io/v1beta1"} <= set(index)
    found = json.loads(get(cluster, "/openapi/v3/apis/metrics.k8s.io/v1beta1").content())
    assert set(found["paths"][f"{METRICS}/namespaces/{{namespace}}/pods/{{name}}"]) == {"get", "parameters"}
    one = found["components"]["schemas"]["io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics"]
    assert one["x-kubernetes-group-version-kind"] == [
        {"group": "metrics.k8s.io", "kind": "PodMetrics", "version": "v1beta1"}
    ]
    old = json.loads(get(cluster, "/openapi/v2").content())["definitions"]
    assert "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics" in old
    without = json.loads(get(Cluster.boot(Config(workers=1)), "/openapi/v2").content())["definitions"]
    assert "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetrics" not in without


def test_metrics_as_a_table(cluster):
    cluster.run_until(cluster.now_ms + 90_000)
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    table = get(cluster, f"{METRICS}/nodes", headers=accept).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "cpu", "memory", "Window"]
    rows = [row["cells"] for row in table["rows"]]
    assert [row[0] for row in rows] == ["control-plane-1", "worker-1", "worker-2"]
    assert {row[3] for row in rows} == {"15s"}
    assert all(row[1].endswith("m") and row[2].endswith("Mi") for row in rows)
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    nobody = get(cluster, f"{METRICS}/namespaces/default/pods", headers=accept).body
    assert (nobody["columnDefinitions"], nobody["rows"]) == (None, None)


def test_what_is_not_there_or_not_allowed(cluster):
    cluster.run_until(cluster.now_ms + 90_000)
    missing = get(cluster, f"{METRICS}/namespaces/default/pods/nosuch")
    assert missing.body["message"] == 'pods "nosuch" not found'
    pod = {"name": "young", "namespace": "default"}
    cluster.execute({"op": "apply", "objects": [{**YOUNG, "metadata": pod}]})
    unseen = get(cluster, f"{METRICS}/namespaces/default/pods/young")
    assert unseen.body["message"] == 'podmetrics.metrics.k8s.io "default/young" not found'
    assert get(cluster, f"{METRICS}/services").status == 404
    assert handle(cluster.apiserver, Request("DELETE", f"{METRICS}/nodes/worker-1")).status == 405
    refused = get(cluster, f"{METRICS}/nodes", user=User("jane", ("system:authenticated",)))
    assert refused.status == 403
    told = 'nodes.metrics.k8s.io is forbidden: User "jane" cannot list resource "nodes" in API group "metrics.k8s.io"'
    assert refused.body["message"].startswith(told)
