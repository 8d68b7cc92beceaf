"""Requests that a real Kubernetes 1.36 was sent, and what it answered: the same, but for times, ids and chance."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.requests import Request, User, handle
from apps.cluster.apiserver.requests.reads import frames
from apps.cluster.cluster import Cluster, Config
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

DATA = json.loads((Path(__file__).parents[2] / "testdata/http/recorded.json").read_text())
GOLDEN = "/api/v1/namespaces/golden"
MAPS = f"{GOLDEN}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/golden/deployments"
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"

# Words that differ from one cluster to the next, and what is held against each other in their stead.
BLURRED = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"(gen|web-[0-9a-f]{8,10}|p-[0-9a-f]{8,10})-[bcdfghjklmnpqrstvwxz2456789]{5}"), r"\1-NAME"),
    (re.compile(r"current: \d+"), "current: N"),
    (re.compile(r"\bn[123]\b|\bworker-[123]\b"), "NODE"),
]
# Fields that say who and where, not what.
HIDDEN = {"resourceVersion", "gitCommit", "serverAddress", "description"}


def blurred(value):
    if isinstance(value, dict):
        return {blurred(key): "N" if key in HIDDEN else blurred(item) for key, item in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], dict) and "fieldsV1" in value[0]:
            value = sorted(value, key=lambda entry: entry["manager"])  # they stand in the order of their times
        return [blurred(item) for item in value]
    if isinstance(value, str):
        if value.startswith("eyJ2"):
            token = json.loads(base64.urlsafe_b64decode(value + "==="))
            return {**token, "rv": "N"}
        for pattern, word in BLURRED:
            value = pattern.sub(word, value)
    return value


class Story:
    """The cluster in which the requests were recorded, and who sent them."""

    def __init__(self):
        self.cluster = Cluster.boot(Config(workers=2))
        self.server = self.cluster.apiserver
        self.send("POST", "/api/v1/namespaces", {"metadata": {"name": "golden"}})
        self.rest()

    def rest(self):
        self.cluster.run_to_rest(60_000)

    def send(self, method, path, body=None, content_type="application/json", accept="application/json", user=None):
        address, _, query = path.partition("?")
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        headers = {"Accept": accept, "Content-Type": content_type}
        request = Request(method, address, query, headers, text)
        if user is not None:
            request = Request(method, address, query, headers, text, user=user or None)
        return handle(self.server, request)

    def answer(self, name, *, path="", body=None):
        """The recorded request, sent again: status, headers and body, as the recording has them."""
        recorded = DATA[name]
        user = None
        if name == "unauth-401":
            user = ()
        response = self.send(
            recorded["method"],
            path or recorded["path"],
            body if body is not None else recorded["body"],
            recorded["content_type"],
            recorded["accept"],
            user,
        )
        sent = response.body
        if response.watch is not None:
            sent = frames(self.server, response.watch)
        headers = dict(response.all_headers())
        return response.status, {key: headers.get(key) for key in recorded["headers"]}, sent

    def check(self, name, without=(), **how):
        recorded = DATA[name]
        status, headers, sent = self.answer(name, **how)
        if isinstance(recorded["answer"], list):
            recorded = {**recorded, "answer": [event for event in recorded["answer"] if isinstance(event, dict)]}
        assert (status, headers) == (recorded["status"], recorded["headers"]), sent
        answers = (without_calico(sent), recorded["answer"])
        for part in without:
            answers = tuple({key: value for key, value in answer.items() if key != part} for answer in answers)
        assert blurred(answers[0]) == blurred(answers[1])


def without_calico(sent):
    """A list of groups as it was where nobody had installed a network."""
    if not isinstance(sent, dict):
        return sent
    groups = {part: sent[part] for part in ("groups", "items") if isinstance(sent.get(part), list)}
    for part, listed in groups.items():
        names = [one.get("name") or (one.get("metadata") or {}).get("name") for one in listed]
        kept = [one for one, name in zip(listed, names, strict=True) if name != "crd.projectcalico.org"]
        sent = {**sent, part: kept}
    return sent


@pytest.fixture(scope="module")
def story():
    return Story()


def named(name, **more):
    metadata = {"name": name, **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **more}


@pytest.mark.parametrize(
    "name",
    [
        "version",
        "healthz",
        "discovery-api",
        "discovery-api-v1",
        "discovery-apps-v1",
        "discovery-group-apps",
        "discovery-api-agg",
        "discovery-apis",
        "discovery-apis-agg",
        "path-404",
        "ns-404",
        "invalid-422",
        "empty-spec-422",
        "wrong-kind-400",
        "unknown-field-warn",
        "unsupported-media-415",
        "method-405",
        "unauth-401",
        "list-future-rv-504",
        "generateName",
        "dryrun-create",
        "delete-again-404",
        "get-404",
    ],
)
def test_what_needs_no_story(story, name):
    story.check(name)


def test_nobody_may_list_where_roles_are_asked():
    server = APIServer(Engine(1), Store(), authorization=("Node", "RBAC"))
    recorded = DATA["anonymous-403"]
    nobody = User("system:anonymous", ("system:unauthenticated",))
    response = handle(server, Request("GET", recorded["path"], user=nobody))
    assert (response.status, response.headers) == (403, recorded["headers"])
    assert response.body == recorded["answer"]


@pytest.fixture(scope="module")
def deployed(story):
    """The Deployment of the recordings, on its way as there."""
    story.check("create-deployment")
    story.rest()
    return json.loads(DATA["create-deployment"]["body"])


@pytest.mark.parametrize(
    "name", ["get-deployment", "get-deployment-scale", "patch-json-bad-422", "patch-wrong-type-415"]
)
def test_a_deployment(story, deployed, name):
    story.check(name)


def changed(manifest, **metadata):
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


def test_updates_that_are_refused(story, deployed):
    story.check("name-mismatch-400", body=deployed)
    uid = story.send("GET", f"{DEPLOYMENTS}/web").body["metadata"]["uid"]
    assert uid
    story.check("uid-precondition-409", body=changed(deployed, uid="00000000-0000-0000-0000-000000000000"))
    other = {**deployed, "spec": {**deployed["spec"], "selector": {"matchLabels": {"app": "zzz"}}}}
    story.check("immutable-selector-422", body=other)


def test_a_pod_is_bound_once_and_keeps_its_node(story, deployed):
    pod = story.send("GET", f"{GOLDEN}/pods").body["items"][0]
    name = pod["metadata"]["name"]
    body = json.loads(DATA["pod-bind-again-409"]["body"])
    body["metadata"]["name"] = name
    story.check("pod-bind-again-409", path=f"{GOLDEN}/pods/{name}/binding", body=body)
    moved = {**pod, "apiVersion": "v1", "kind": "Pod", "spec": {**pod["spec"], "nodeName": "other"}}
    status, _, sent = story.answer("pod-spec-immutable-422", path=f"{GOLDEN}/pods/{name}", body=moved)
    real = DATA["pod-spec-immutable-422"]["answer"]["message"]
    assert status == 422
    assert blurred(sent["message"]).partition("@@")[0] == blurred(real).partition("@@")[0]


def test_pods_have_the_managers_of_the_recording(story, deployed):
    ours = story.send("GET", f"{GOLDEN}/pods").body
    real = DATA["list-pods"]["answer"]
    assert {name: ours[name] for name in ("kind", "apiVersion")} == {"kind": "PodList", "apiVersion": "v1"}
    theirs = next(entry for entry in real["items"][0]["metadata"]["managedFields"] if "subresource" not in entry)
    mine = next(entry for entry in ours["items"][0]["metadata"]["managedFields"] if "subresource" not in entry)
    assert blurred(mine) == blurred(theirs)
    assert {entry["manager"] for entry in ours["items"][0]["metadata"]["managedFields"]} >= {"kubelet"}
    only = story.answer("list-pods-partial-metadata")[2]
    assert only["kind"] == real_kind("list-pods-partial-metadata")
    assert [set(item) for item in only["items"]] == [{"kind", "apiVersion", "metadata"}] * len(only["items"])


def real_kind(name):
    answer = DATA[name]["answer"]
    return answer.get("kind") if isinstance(answer, dict) else None


def test_patches(story, deployed):
    """Last in this file's order: they change the Deployment."""
    story.check("patch-strategic")
    story.rest()
    story.check("patch-merge", without=("status",))  # recorded in the middle of the rollout, which is over here


def test_server_side_apply_by_two(story):
    for who, data in (("alice", {"a": "1", "b": "1"}), ("alice", {"a": "1"})):
        sent = story.send("PATCH", f"{MAPS}/ssa?fieldManager={who}", named("ssa", data=data), APPLY)
        assert sent.status in (200, 201)
    refused = story.send("PATCH", f"{MAPS}/ssa?fieldManager=bob", named("ssa", data={"a": "2"}), APPLY)
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "alice": .data.a'
    story.check("apply-ssa-force")


def test_a_finalizer_keeps_an_object(story):
    story.send("POST", MAPS, named("fin", metadata={"finalizers": ["x.y/z"]}))
    story.check("finalizer-delete")
    story.check("finalizer-get")
    story.send("PATCH", f"{MAPS}/fin", {"metadata": {"finalizers": None}}, MERGE)
    story.check("finalizer-gone")


def test_lists_and_watches(story):
    """In a namespace of its own: what else lives in the recorded one differs."""
    for name in ("list-continue", "watch-from-rv"):
        assert DATA[name]["status"] == 200
    story.send("POST", "/api/v1/namespaces", {"metadata": {"name": "paged"}})
    story.rest()
    maps = "/api/v1/namespaces/paged/configmaps"
    for at in range(5):
        story.send("POST", maps, named(f"c{at}", data={"i": str(at)}, metadata={"labels": {"k": str(at % 2)}}))
    revision = story.server.store.revision
    first = story.send("GET", f"{maps}?limit=2").body
    token = first["metadata"]["continue"]
    second = story.answer("list-continue", path=f"{maps}?limit=2&continue={token}")[2]
    real = DATA["list-continue"]["answer"]
    golden = json.loads(json.dumps(second["items"]).replace('"paged"', '"golden"'))
    assert blurred(golden) == blurred(real["items"])
    assert blurred(second["metadata"]["continue"]) == blurred(real["metadata"]["continue"])
    assert second["metadata"]["remainingItemCount"] == 2  # c4 and the root certificate
    story.send("POST", maps, named("wn"))
    story.send("PATCH", f"{maps}/wn", {"data": {"x": "y"}}, MERGE)
    story.send("DELETE", f"{maps}/wn")
    events = story.answer("watch-from-rv", path=f"{maps}?watch=1&resourceVersion={revision}")[2]
    told = json.loads(json.dumps(events).replace('"paged"', '"golden"'))
    assert blurred(told) == blurred(DATA["watch-from-rv"]["answer"][:3])
    path = f"{maps}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    initial = story.answer("watch-sendInitialEvents", path=path)[2]
    assert [event["type"] for event in initial] == ["ADDED"] * 6 + ["BOOKMARK"]
    assert blurred(initial[-1]) == blurred(DATA["watch-sendInitialEvents"]["answer"][-2])


def test_a_deletion_by_another_uid(story):
    story.send("POST", MAPS, named("c1"))
    story.check("delete-precondition-409")


def test_quota_limits_and_eviction(story):
    story.check("quota-create")
    story.send("DELETE", f"{GOLDEN}/resourcequotas/q")
    story.check("limitrange-create")
    pod = {"metadata": {"name": "lrp"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    assert story.send("POST", f"{GOLDEN}/pods", pod).status == 201
    story.check("eviction")


def test_the_scheduler_owns_its_events_in_their_own_form(story, deployed):
    real = next(item for item in DATA["events-k8s-io"]["answer"]["items"] if item["reportingController"])
    path = "/apis/events.k8s.io/v1/namespaces/golden/events?fieldSelector=reason%3DScheduled"
    ours = story.send("GET", path).body["items"][0]
    assert blurred(ours["metadata"]["managedFields"]) == blurred(real["metadata"]["managedFields"])
    assert set(ours) == set(real)


@pytest.mark.parametrize("name", sorted(name for name, told in DATA.items() if real_kind(name) == "Table"))
def test_tables_have_the_columns_of_the_recording(story, name):
    """Rows are other objects here; what makes their cells has tables of its own."""
    status, headers, sent = story.answer(name)
    real = DATA[name]["answer"]
    assert (status, headers) == (200, DATA[name]["headers"])
    assert blurred(sent["columnDefinitions"]) == blurred(real["columnDefinitions"])
    assert {"kind", "apiVersion", "metadata"} <= set(sent)
