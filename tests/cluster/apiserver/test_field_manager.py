"""Who owns which field: plain writes, server-side apply, conflicts, and what is remembered of it."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.fieldmanager.fieldset import from_fields, text_of, to_fields
from apps.cluster.cluster import Cluster, Config
from apps.cluster.etcd import Store
from tests.cluster.apiserver.rest import JSON_PATCH, MAPS, MERGE, Rest, config, owners

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture
def rest():
    return Rest()


def deployment(**spec):
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "nginx:1", **spec.pop("container", {})}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"f:data": {".": {}, "f:a": {}}},
        {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}},
        {"f:metadata": {"f:finalizers": {".": {}, 'v:"x.y/z"': {}}}},
    ],
)
def test_fields_are_written_as_they_are_read(fields):
    assert to_fields(from_fields(fields)) == fields


def test_a_path_reads_as_in_a_conflict():
    path = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert text_of(path) == '.spec.ports[port=80,protocol="TCP"].name'


def test_a_write_owns_what_it_changed(rest):
    rest.post(MAPS, config("c", data={"a": "1", "b": "1"}))
    rest.send("PATCH", f"{MAPS}/c", {"data": {"a": "2", "b": None, "d": "1"}}, MERGE, agent="other/1")
    assert owners(rest.get(f"{MAPS}/c")) == {
        ("curl", "Update", ""): {"f:data": {}},
        ("other", "Update", ""): {"f:data": {"f:a": {}, "f:d": {}}},
    }


def test_components_go_by_their_programs(rest):
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "apply", "objects": [deployment(replicas=1)]})
    cluster.run_to_rest()
    rest.server = cluster.apiserver
    found = owners(rest.get(f"{DEPLOYMENTS}/web"))
    assert set(found) == {
        ("kubectl-client-side-apply", "Update", ""),
        ("kube-controller-manager", "Update", "status"),
    }
    pod = rest.get("/api/v1/namespaces/default/pods")["items"][0]
    assert {manager for manager, _, _ in owners(pod)} == {"kube-controller-manager", "kubelet"}
    assert "f:tolerations" not in owners(pod)["kube-controller-manager", "Update", ""]["f:spec"], "admission's, not its"
    node = rest.get("/api/v1/nodes/worker-1")
    assert ("kubelet", "Update", "status") in owners(node)


# ---- apply ---------------------------------------------------------------------------------------


def test_apply_creates_changes_and_takes_away(rest):
    made = rest.apply(f"{MAPS}/c", config("c", data={"a": "1", "b": "1"}), "me")
    assert made.status == 201
    after = rest.apply(f"{MAPS}/c", config("c", data={"a": "2"}), "me")
    assert (after.status, after.body["data"]) == (200, {"a": "2"})
    assert owners(after.body) == {("me", "Apply", ""): {"f:data": {"f:a": {}}}}


def test_apply_of_the_same_writes_nothing(rest):
    rest.apply(f"{MAPS}/c", config("c", data={"a": "1"}), "me")
    revision = rest.server.store.revision
    assert rest.apply(f"{MAPS}/c", config("c", data={"a": "1"}), "me").status == 200
    assert rest.server.store.revision == revision


def test_two_share_a_field_that_both_give_the_same_value(rest):
    rest.apply(f"{MAPS}/c", config("c", data={"a": "1"}), "me")
    both = rest.apply(f"{MAPS}/c", config("c", data={"a": "1", "b": "1"}), "you").body
    assert owners(both)["me", "Apply", ""] == {"f:data": {"f:a": {}}}
    assert owners(both)["you", "Apply", ""] == {"f:data": {"f:a": {}, "f:b": {}}}
    left = rest.apply(f"{MAPS}/c", config("c"), "you").body
    assert left["data"] == {"a": "1"}, "the other still wants it"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            {"a": "2"},
            'Apply failed with 1 conflict: conflict with "curl" using v1: .data.a',
            id="one",
        ),
        pytest.param(
            {"a": "2", "b": "2"},
            'Apply failed with 2 conflicts: conflicts with "curl" using v1:\n- .data.a\n- .data.b',
            id="two",
        ),
    ],
)
def test_conflicts(rest, data, message):
    rest.post(MAPS, config("c", data={"a": "1", "b": "1"}))
    refused = rest.apply(f"{MAPS}/c", config("c", data=data), "me")
    assert (refused.status, refused.body["reason"], refused.body["message"]) == (409, "Conflict", message)
    assert [cause["field"] for cause in refused.body["details"]["causes"]] == [f".data.{name}" for name in data]
    assert refused.body["details"]["causes"][0] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "curl" using v1',
        "field": ".data.a",
    }
    forced = rest.apply(f"{MAPS}/c", config("c", data=data), "me", force=True)
    assert forced.body["data"] == {"a": "1", "b": "1"} | data
    assert set(owners(forced.body)["me", "Apply", ""]["f:data"]) == {f"f:{name}" for name in data}


def test_lists_are_merged_by_their_keys_and_set_apart_by_defaults(rest):
    ports = [{"containerPort": 80, "name": "http"}]
    rest.apply(f"{DEPLOYMENTS}/web", deployment(container={"ports": ports}), "me")
    extra = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "envoy"}]}}},
    }
    merged = rest.apply(f"{DEPLOYMENTS}/web", extra, "mesh").body
    assert [one["name"] for one in merged["spec"]["template"]["spec"]["containers"]] == ["web", "sidecar"]
    mine = owners(merged)["me", "Apply", ""]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert mine["f:ports"] == {
        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}, "f:name": {}}
    }
    gone = rest.apply(f"{DEPLOYMENTS}/web", {**extra, "spec": {}}, "mesh").body
    assert [one["name"] for one in gone["spec"]["template"]["spec"]["containers"]] == ["web"]


def test_what_somebody_else_scaled_stays_scaled(rest):
    rest.apply(f"{DEPLOYMENTS}/web", deployment(), "me")
    scaled = rest.send("PATCH", f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 5}}, MERGE, agent="hpa/1")
    assert scaled.body["spec"] == {"replicas": 5}
    again = rest.apply(f"{DEPLOYMENTS}/web", deployment(), "me").body
    assert again["spec"]["replicas"] == 5
    assert owners(again)["hpa", "Update", "scale"] == {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        pytest.param(
            f"{MAPS}/c?force=true",
            config("c"),
            422,
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
            id="nobody",
        ),
        pytest.param(
            f"{MAPS}/c?fieldManager=me",
            config("c", metadata={"managedFields": []}),
            400,
            "metadata.managedFields must be nil",
            id="managers of its own",
        ),
        pytest.param(
            f"{MAPS}/c?fieldManager=me",
            config("c", dta={"a": "1"}),
            500,
            "failed to create typed patch object (/c; v1, Kind=ConfigMap): .dta: field not declared in schema",
            id="an unknown field",
        ),
        pytest.param(
            f"{MAPS}/c?fieldManager=me",
            config("d"),
            400,
            "the name of the object (d) does not match the name on the URL (c)",
            id="another name",
        ),
        pytest.param(
            f"{MAPS}/c?fieldManager=me",
            config("c", metadata={"uid": "x"}),
            409,
            'Operation cannot be fulfilled on configmaps "c": uid mismatch: the provided object specified uid x, '
            "and no existing object was found",
            id="an object that is not there",
        ),
    ],
)
def test_applies_that_are_refused(rest, path, body, code, message):
    refused = rest.send("PATCH", path, body, "application/apply-patch+yaml")
    assert (refused.status, refused.body["message"]) == (code, message)


def test_a_reset_forgets_everyone_and_an_apply_begins_anew(rest):
    rest.post(MAPS, config("c", data={"a": "1"}))
    reset = [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]
    assert owners(rest.send("PATCH", f"{MAPS}/c", reset, JSON_PATCH).body) == {}
    assert owners(rest.get(f"{MAPS}/c")) == {}
    rest.send("PATCH", f"{MAPS}/c", {"data": {"b": "1"}}, MERGE)
    assert owners(rest.get(f"{MAPS}/c")) == {}, "and nobody is followed until then"
    refused = rest.apply(f"{MAPS}/c", config("c", data={"a": "2"}), "me")
    assert refused.body["message"].endswith('conflict with "before-first-apply" using v1: .data.a')


def test_kubectl_moves_from_client_side_to_server_side(rest):
    plain = config("c", data={"a": "1"})
    applied = {**plain, "metadata": {"name": "c", "annotations": {LAST_APPLIED: json.dumps(plain)}}}
    rest.send("POST", f"{MAPS}?fieldManager=kubectl-client-side-apply", applied)
    after = rest.apply(f"{MAPS}/c", config("c", data={"a": "2"}), "kubectl")
    assert after.status == 200, "its own last word is no conflict"
    kept = json.loads(after.body["metadata"]["annotations"][LAST_APPLIED])
    assert kept["data"] == {"a": "2"}
    assert rest.apply(f"{MAPS}/c", config("c", data={"a": "3"}), "another").status == 409


def test_a_dry_run_says_who_would_own_what(rest):
    made = rest.send("POST", f"{MAPS}?dryRun=All&fieldManager=me", config("c", data={"a": "1"})).body
    assert owners(made) == {("me", "Update", ""): {"f:data": {".": {}, "f:a": {}}}}
    assert rest.apply(f"{MAPS}/c", config("c", data={"a": "1"}), "me", more="&dryRun=All").status == 201
    assert rest.send("GET", f"{MAPS}/c").status == 404


# ---- memory ----------------------------------------------------------------------------------------


def test_owners_outlive_a_compaction_and_a_restart(rest):
    rest.post(MAPS, config("c", data={"a": "1"}))
    rest.send("PATCH", f"{MAPS}/c", {"data": {"b": "1"}}, MERGE, agent="other/1")
    before = owners(rest.get(f"{MAPS}/c"))
    rest.server.compact(rest.server.store.revision)
    assert owners(rest.get(f"{MAPS}/c")) == before
    saved = json.loads(json.dumps([rest.server.store.save(), rest.server.ledger.save()]))
    store = Store()
    store.load(saved[0])
    again = Rest()
    again.server = APIServer.__new__(APIServer)
    again = Rest()
    again.server.store.load(saved[0])
    again.server.ledger.load(saved[1])
    again.server.load()
    assert owners(again.get(f"{MAPS}/c")) == before


def test_a_command_taken_back_owns_nothing():
    cluster = Cluster.boot(Config(workers=0))
    good = config("c", data={"a": "1"}, metadata={"namespace": "default"})
    cluster.execute({"op": "create", "objects": [good]})
    bad = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Not_Valid"}}
    with pytest.raises(Exception, match="Not_Valid"):
        cluster.execute({"op": "apply", "objects": [{**good, "data": {"a": "2"}}, bad]})
    rest = Rest()
    rest.server = cluster.apiserver
    assert set(owners(rest.get(f"{MAPS}/c"))) == {("kubectl-create", "Update", "")}
