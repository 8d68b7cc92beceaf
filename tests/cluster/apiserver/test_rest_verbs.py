"""The verbs as a client from outside sees them: lists, watches, patches, deletions, subresources, refusals."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apiserver.requests import Request, User, handle
from apps.cluster.apiserver.watching import Watch
from apps.cluster.cluster import Cluster, Config
from tests.cluster.apiserver.rest import APPLY, JSON_PATCH, MAPS, MERGE, STRATEGIC, Rest, config

PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def rest():
    return Rest()


def pod(name="web", **spec):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "nginx"}], **spec}}


def names(answer):
    return [item["metadata"]["name"] for item in answer["items"]]


# ---- lists -----------------------------------------------------------------------------------------


def test_pages(rest):
    for name in "abcde":
        rest.post(MAPS, config(name))
    first = rest.get(f"{MAPS}?limit=2")
    assert (names(first), first["metadata"]["remainingItemCount"]) == (["a", "b"], 3)
    rest.post(MAPS, config("bb"))
    rest.send("DELETE", f"{MAPS}/e")
    second = rest.get(f"{MAPS}?limit=2&continue={first['metadata']['continue']}")
    assert names(second) == ["c", "d"], "a list goes on as it began"
    third = rest.get(f"{MAPS}?limit=2&continue={second['metadata']['continue']}")
    assert (names(third), third["metadata"]) == (["e"], {"resourceVersion": first["metadata"]["resourceVersion"]})
    labelled = rest.get(f"{MAPS}?limit=2&labelSelector=nobody")
    assert "remainingItemCount" not in labelled["metadata"]


def test_a_page_too_old_says_how_to_go_on(rest):
    for name in "abcd":
        rest.post(MAPS, config(name))
    token = rest.get(f"{MAPS}?limit=2")["metadata"]["continue"]
    rest.send("DELETE", f"{MAPS}/c")
    rest.server.compact(rest.server.store.revision)
    refused = rest.send("GET", f"{MAPS}?limit=2&continue={token}")
    assert (refused.status, refused.body["reason"]) == (410, "Expired")
    assert refused.body["message"].startswith("The provided continue parameter is too old to display a consistent list")
    rest_of_it = rest.get(f"{MAPS}?limit=2&continue={refused.body['metadata']['continue']}")
    assert names(rest_of_it) == ["d"]
    old = rest.send("GET", f"{MAPS}?resourceVersion=3&resourceVersionMatch=Exact")
    assert (old.status, old.body["message"]) == (410, "The resourceVersion for the provided list is too old.")


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        pytest.param("resourceVersion=x", 400, "invalid resource version", id="no number"),
        pytest.param("continue=zzz", 400, "invalid continue token: continue key is not valid", id="no token"),
        pytest.param(
            "resourceVersionMatch=Exact",
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden '
            "unless resourceVersion is provided",
            id="a match of nothing",
        ),
        pytest.param(
            "fieldSelector=data.a%3D1",
            400,
            '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
            id="a field that is not kept",
        ),
        pytest.param("resourceVersion=999", 504, "Timeout: Too large resource version: 999, current: ", id="to come"),
        pytest.param("labelSelector=a%3D%3D%3D", 400, "", id="no selector"),
    ],
)
def test_lists_that_are_refused(rest, query, code, message):
    refused = rest.send("GET", f"{MAPS}?{query}")
    assert refused.status == code
    assert message in refused.body["message"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("spec.nodeName=n1", ["b"]),
        ("spec.nodeName!=n1", ["a"]),
        ("spec.host=n1", ["b"]),
        ("status.phase=Pending,metadata.name=a", ["a"]),
        ("spec.hostNetwork=false", ["a", "b"]),
        ("spec.restartPolicy=Never", []),
    ],
)
def test_fields_of_pods(rest, selector, expected):
    rest.post(PODS, pod("a"))
    rest.post(PODS, pod("b", nodeName="n1"))
    assert names(rest.get(f"{PODS}?fieldSelector={selector.replace('=', '%3D')}")) == expected


# ---- watches ---------------------------------------------------------------------------------------


def test_a_watch_tells_who_comes_into_a_selector_and_who_leaves(rest):
    rest.post(MAPS, config("a", metadata={"labels": {"k": "1"}}))
    watch = rest.watch(f"{MAPS}?watch=true&labelSelector=k%3D1")
    assert [(kind, obj["metadata"]["name"]) for kind, obj in rest.events(watch)] == [("ADDED", "a")]
    rest.post(MAPS, config("b"))
    rest.send("PATCH", f"{MAPS}/b", {"metadata": {"labels": {"k": "1"}}}, MERGE)
    rest.send("PATCH", f"{MAPS}/a", {"data": {"x": "1"}}, MERGE)
    rest.send("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"k": "2"}}}, MERGE)
    left = str(rest.server.store.revision)
    rest.send("DELETE", f"{MAPS}/b")
    events = rest.events(watch)
    assert [(kind, obj["metadata"]["name"]) for kind, obj in events] == [
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
        ("DELETED", "b"),
    ]
    assert events[2][1]["metadata"]["labels"] == {"k": "1"}, "as it was when it was last in"
    assert events[2][1]["metadata"]["resourceVersion"] == left
    assert rest.events(watch) == []


def test_a_watch_goes_on_from_where_it_was_saved(rest):
    watch = rest.watch(f"{MAPS}?watch=1")
    rest.events(watch)
    again = Watch.load(json.loads(json.dumps(watch.save())))
    rest.post(MAPS, config("a"))
    assert rest.events(again) == rest.events(watch)


def test_a_watch_from_a_revision_that_is_gone(rest):
    watch = rest.watch(f"{MAPS}?watch=1&resourceVersion=2")
    rest.post(MAPS, config("a"))
    rest.server.compact(rest.server.store.revision)
    ((kind, status),) = rest.events(watch)
    assert (kind, status["code"], status["reason"]) == ("ERROR", 410, "Expired")
    assert status["message"].startswith("too old resource version: 2 (")
    assert watch.closed


def test_compaction_does_not_overtake_a_watch_of_what_has_not_changed(rest):
    watch = rest.watch(f"{MAPS}?watch=1")
    rest.events(watch)
    for value in range(5):
        rest.post("/api/v1/namespaces/other/configmaps", config(f"elsewhere-{value}"))
    rest.server.compact(rest.server.store.revision)
    rest.post(MAPS, config("here"))
    again = Watch.load(json.loads(json.dumps(watch.save())))
    assert [(kind, obj["metadata"]["name"]) for kind, obj in rest.events(again)] == [("ADDED", "here")]
    rest.post("/api/v1/namespaces/other/configmaps", config("elsewhere-5"))
    rest.server.compact(rest.server.store.revision)
    ((kind, status),) = rest.events(watch)
    assert (kind, status["code"]) == ("ERROR", 410), "what it missed can no longer be sent"


def test_initial_events_end_with_a_bookmark_and_a_watch_ends_in_time(rest):
    rest.post(MAPS, config("a"))
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    watch = rest.watch(f"{MAPS}?{query}&timeoutSeconds=90")
    assert [kind for kind, _ in rest.events(watch)] == ["ADDED", "BOOKMARK"]
    rest.engine.run_until(60_000)
    ((kind, mark),) = rest.events(watch)
    assert (kind, mark["metadata"]) == ("BOOKMARK", {"resourceVersion": str(rest.server.store.revision)})
    rest.engine.run_until(90_000)
    assert [kind for kind, _ in rest.events(watch)] == ["BOOKMARK"]
    assert watch.closed


def test_initial_events_need_their_match(rest):
    refused = rest.send("GET", f"{MAPS}?watch=1&sendInitialEvents=true")
    assert refused.status == 422
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in refused.body["message"]


# ---- writes ----------------------------------------------------------------------------------------


def test_a_generated_name_is_drawn_again_while_it_is_taken(rest):
    drawn = rest.engine.random.save()
    first = rest.post(MAPS, {"metadata": {"generateName": "g-"}})["metadata"]["name"]
    rest.engine.random.load(drawn)  # chance has the same name for the next one
    second = rest.post(MAPS, {"metadata": {"generateName": "g-"}})["metadata"]["name"]
    assert second.startswith("g-")
    assert second != first


def test_a_dry_run_changes_nothing_not_even_chance(rest):
    rest.post(MAPS, config("a", data={"x": "1"}))
    before = (rest.server.store.revision, rest.engine.random.save())
    for method, path, body, kind in (
        ("POST", MAPS, {"metadata": {"generateName": "g-"}}, "application/json"),
        ("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, MERGE),
        ("PUT", f"{MAPS}/a", config("a", data={"x": "2"}), "application/json"),
        ("DELETE", f"{MAPS}/a", None, ""),
        ("DELETE", MAPS, None, ""),
    ):
        assert rest.send(method, f"{path}?dryRun=All", body, kind).status in (200, 201), (method, path)
    assert (rest.server.store.revision, rest.engine.random.save()) == before
    refused = rest.send("POST", f"{MAPS}?dryRun=Some", config("b"))
    assert refused.body["message"] == (
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"'
    )


@pytest.mark.parametrize(
    ("how", "code", "warnings"),
    [
        pytest.param("Warn", 201, ['unknown field "dta"', 'duplicate field "data.a"'], id="warn"),
        pytest.param("", 201, ['unknown field "dta"', 'duplicate field "data.a"'], id="the default warns"),
        pytest.param("Ignore", 201, [], id="ignore"),
        pytest.param("Strict", 400, [], id="strict"),
    ],
)
def test_field_validation(rest, how, code, warnings):
    body = '{"metadata":{"name":"a"},"dta":{},"data":{"a":"1","a":"2"}}'
    answer = rest.send("POST", f"{MAPS}?fieldValidation={how}", body)
    assert (answer.status, sorted(answer.warnings)) == (code, sorted(warnings))
    if code == 400:
        assert answer.body["message"].startswith(
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        )
    else:
        assert answer.body["data"] == {"a": "2"}


def test_yaml_is_read_too(rest):
    body = "metadata:\n  name: a\ndata:\n  day: '2026-11-23'\n"
    assert rest.send("POST", MAPS, body, "application/yaml").body["data"] == {"day": "2026-11-23"}


def test_deletecollection_takes_what_its_selector_says(rest):
    for name, label in (("a", "1"), ("b", "2"), ("c", "1")):
        rest.post(MAPS, config(name, metadata={"labels": {"k": label}}))
    gone = rest.send("DELETE", f"{MAPS}?labelSelector=k%3D1")
    assert (gone.status, gone.body["kind"], names(gone.body)) == (200, "ConfigMapList", ["a", "c"])
    assert names(rest.get(MAPS)) == ["b"]


@pytest.mark.parametrize(
    ("options", "finalizers", "code"),
    [
        pytest.param({"propagationPolicy": "Foreground"}, ["foregroundDeletion"], 200, id="foreground"),
        pytest.param({"propagationPolicy": "Orphan"}, ["orphan"], 200, id="orphan"),
        pytest.param({"orphanDependents": True}, ["orphan"], 200, id="orphanDependents"),
        pytest.param({"propagationPolicy": "Background"}, None, 200, id="background"),
    ],
)
def test_propagation(rest, options, finalizers, code):
    rest.post(MAPS, config("a"))
    answer = rest.send("DELETE", f"{MAPS}/a", options)
    assert answer.status == code
    assert answer.body.get("metadata", {}).get("finalizers") == finalizers
    if finalizers is None:
        assert answer.body["details"]["kind"] == "configmaps"


def test_preconditions_and_grace(rest):
    rest.post(PODS, pod(nodeName="n1"))
    refused = rest.send("DELETE", f"{PODS}/web", {"preconditions": {"resourceVersion": "1"}})
    assert refused.status == 409
    assert "the ResourceVersion in the precondition (1) does not match" in refused.body["message"]
    left = rest.send("DELETE", f"{PODS}/web?gracePeriodSeconds=7").body
    assert (left["kind"], left["metadata"]["deletionGracePeriodSeconds"]) == ("Pod", 7)
    both = rest.send("DELETE", f"{PODS}/web", {"orphanDependents": True, "propagationPolicy": "Orphan"})
    assert "orphanDependents and deletionPropagation cannot be both set" in both.body["message"]


def test_an_update_may_create_a_lease_and_must_say_what_it_changes(rest):
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    lease = {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}
    assert rest.send("PUT", f"{leases}/l", lease).status == 201
    refused = rest.send("PUT", f"{leases}/l", lease)
    assert refused.body["message"] == (
        'Lease.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: '
        "must be specified for an update"
    )
    assert rest.send("PUT", f"{MAPS}/nosuch", config("nosuch")).status == 404


def test_patch_errors_show_what_they_would_have_made(rest):
    rest.post(MAPS, config("a"))
    refused = rest.send("PATCH", f"{MAPS}/a?fieldValidation=Strict", {"dta": {}}, MERGE)
    assert refused.status == 422
    assert refused.body["message"].startswith(' "" is invalid: patch: Invalid value: "{')
    assert refused.body["message"].endswith('strict decoding error: unknown field "dta"')
    wrong = rest.send("PATCH", f"{MAPS}/a", {"data": [1]}, STRATEGIC)
    assert wrong.status == 422
    assert "map[data:[1]]" in wrong.body["message"]
    for body, kind in (("{", MERGE), ("{", JSON_PATCH)):
        assert rest.send("PATCH", f"{MAPS}/a", body, kind).status == 400
    assert rest.send("PATCH", f"{MAPS}/a?force=true", {}, MERGE).status == 422


# ---- subresources and addresses -------------------------------------------------------------------


def test_status_is_judged_when_a_user_writes_it(rest):
    rest.post(PODS, pod())
    bad = rest.send("PATCH", f"{PODS}/web/status", {"status": {"nominatedNodeName": "Not A Node"}}, MERGE)
    assert (bad.status, bad.body["reason"]) == (422, "Invalid")
    good = rest.send("PATCH", f"{PODS}/web/status", {"spec": {"x": 1}, "status": {"phase": "Running"}}, MERGE)
    assert (good.status, good.body["status"]["phase"], good.warnings) == (200, "Running", ['unknown field "spec.x"'])


def test_binding(rest):
    rest.post(PODS, pod())
    body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    assert rest.send("POST", f"{PODS}/web/binding", body).body["status"] == "Success"
    assert rest.get(f"{PODS}/web")["spec"]["nodeName"] == "n1"
    empty = rest.send("POST", f"{PODS}/web/binding", {**body, "target": {"kind": "Pod"}})
    assert empty.status == 422


def test_ephemeral_containers_come_by_their_own_door(rest):
    rest.post(PODS, pod())
    debug = {"name": "debug", "image": "busybox", "terminationMessagePolicy": "File"}
    body = {"spec": {"ephemeralContainers": [debug]}}
    made = rest.send("PATCH", f"{PODS}/web/ephemeralcontainers", body, STRATEGIC)
    assert [one["name"] for one in made.body["spec"]["ephemeralContainers"]] == ["debug"]
    assert rest.send("PATCH", f"{PODS}/web", body, STRATEGIC).status == 200, "nothing new in it"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/namespaces/default/nosuch", 404),
        ("GET", "/api/v1/namespaces/default/nosuch/x", 404),
        ("POST", "/api/v1/configmaps", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("PUT", MAPS, 405),
        ("POST", f"{MAPS}/a", 405),
        ("GET", f"{MAPS}/a/scale", 404),
        ("GET", f"{PODS}/a/binding", 405),
        ("GET", "/apis/apps/v1/namespaces/default/pods", 404),
    ],
)
def test_addresses_and_methods(rest, method, path, code):
    answer = rest.send(method, path)
    assert (answer.status, answer.body["code"], answer.body["details"]) == (code, code, {})


def test_what_a_client_accepts(rest):
    assert rest.send("GET", MAPS, accept="text/html").status == 406
    assert rest.send("GET", MAPS, accept="application/vnd.kubernetes.protobuf,application/json").status == 200
    listed = rest.send("GET", MAPS, accept="application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").body
    assert listed["kind"] == "PartialObjectMetadataList"


def test_events_in_both_forms(rest):
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web"},
        "reason": "Started",
        "message": "hello",
        "type": "Normal",
    }
    rest.post("/api/v1/namespaces/default/events", event)
    modern = rest.get("/apis/events.k8s.io/v1/namespaces/default/events/e")
    assert (modern["apiVersion"], modern["note"], modern["regarding"]["name"]) == ("events.k8s.io/v1", "hello", "web")
    found = rest.get("/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=regarding.name%3Dweb")
    assert names(found) == ["e"]


def test_apply_is_a_patch_of_yaml(rest):
    body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  a: '1'\n"
    assert rest.send("PATCH", f"{MAPS}/y?fieldManager=me", body, APPLY).status == 201


def test_autoscalers_in_both_versions(rest):
    body = {
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": 5,
            "targetCPUUtilizationPercentage": 70,
        },
    }
    made = rest.post("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", body)
    assert (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 70)
    path = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers/web"
    newer = rest.get(path.format("v2"))
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}
    assert newer["spec"]["metrics"] == [cpu]
    memory = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
    }
    rest.send("PATCH", path.format("v2"), {"spec": {"metrics": [cpu, memory]}}, MERGE)
    older = rest.get(path.format("v1"))
    carried = json.loads(older["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"])
    assert carried == [{"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}}]
    rest.send("PATCH", path.format("v1"), {"spec": {"maxReplicas": 9}}, MERGE)
    assert rest.get(path.format("v2"))["spec"]["metrics"] == [memory, cpu], "what v1 has no field for is not lost"


def test_the_old_addresses_of_watches(rest):
    rest.post(MAPS, {"metadata": {"name": "one"}})
    rest.post(MAPS, {"metadata": {"name": "two"}})
    old = MAPS.replace("/api/v1/", "/api/v1/watch/")
    named = {obj["metadata"]["name"] for _, obj in rest.events(rest.watch(old))}
    assert {"one", "two"} <= named
    assert [obj["metadata"]["name"] for _, obj in rest.events(rest.watch(f"{old}/two"))] == ["two"]
    assert rest.send("GET", f"{old}/two?fieldSelector=metadata.name%3Done").status == 400
    assert rest.send("GET", "/api/v1/watch/nope").status == 404
    assert rest.send("GET", "/apis/apps/v1/watch/deployments").watch is not None
    assert rest.send("GET", "/api/v1/watch/namespaces/default").watch is not None


def test_who_may_see_one_object_may_list_and_watch_it_by_its_name():
    cluster = Cluster.boot(Config(workers=0))
    server = cluster.apiserver
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["one"], "verbs": ["get", "list", "watch"]}
    subject = {"kind": "User", "name": "jane", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "Role", "name": "one", "apiGroup": "rbac.authorization.k8s.io"}
    for resource, obj in (
        ("roles", {"metadata": {"name": "one"}, "rules": [rule]}),
        ("rolebindings", {"metadata": {"name": "one"}, "subjects": [subject], "roleRef": role}),
    ):
        path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/default/{resource}"
        assert handle(server, Request("POST", path, body=json.dumps(obj))).status == 201
    jane = User("jane", ("system:authenticated",))
    for query, status in (
        ("fieldSelector=metadata.name%3Done", 200),
        ("fieldSelector=metadata.name%3D%3Done&watch=1", 200),
        ("fieldSelector=metadata.name%3Dtwo", 403),
        ("fieldSelector=metadata.name!%3Done", 403),
        ("", 403),
    ):
        assert handle(server, Request("GET", MAPS, query, user=jane)).status == status, query
