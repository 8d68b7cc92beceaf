"""The request chain: what each verb writes, refuses, and leaves as it was."""

from __future__ import annotations

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import Actor, APIServer
from apps.cluster.client import Client
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store


def named(kind, name, **fields):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default"}, **fields}


def pod(name="web", **spec):
    containers = [{"name": "main", "image": "nginx"}]
    return named("Pod", name, spec={"containers": containers, **spec})


def config(name="c", **data):
    return named("ConfigMap", name, data=data)


@pytest.fixture
def server():
    engine = Engine(1)
    server = APIServer(engine, Store())
    client = Client(server, "test")
    for name in ("default", "other"):
        client.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": name}})
    return server


@pytest.fixture
def client(server):
    return Client(server, "test")


def refusal(call, *args, **more):
    with pytest.raises(StatusError) as caught:
        call(*args, **more)
    return caught.value


# ---- create ---------------------------------------------------------------------------------------


def test_a_created_object_has_what_the_server_gives(client, server):
    made = client.create("configmaps", config(a="1"))
    metadata = made["metadata"]
    assert metadata["resourceVersion"] == str(server._store.revision)
    assert metadata["creationTimestamp"] == "2026-11-23T00:00:00Z"
    assert len(metadata["uid"]) == 36
    assert list(made)[:3] == ["apiVersion", "kind", "metadata"]
    assert server._store.get("/registry/configmaps/default/c").value is made


@pytest.mark.parametrize(
    ("resource", "obj", "code", "message"),
    [
        pytest.param("configmaps", config(), 409, 'configmaps "c" already exists', id="a name is taken once"),
        pytest.param(
            "configmaps",
            {**config("d"), "metadata": {"name": "d", "namespace": "nosuchns"}},
            404,
            'namespaces "nosuchns" not found',
            id="the namespace must be there",
        ),
        pytest.param(
            "pods",
            pod(serviceAccountName="nobody"),
            403,
            'pods "web" is forbidden: error looking up service account default/nobody: '
            'serviceaccount "nobody" not found',
            id="the service account must be there",
        ),
        pytest.param(
            "pods",
            pod(priorityClassName="urgent"),
            403,
            'pods "web" is forbidden: no PriorityClass with name urgent was found',
            id="the priority class must be there",
        ),
    ],
)
def test_refused_creations(client, server, resource, obj, code, message):
    client.create("configmaps", config())
    before = server._store.revision
    error = refusal(client.create, resource, obj)
    assert (error.code, error.message) == (code, message)
    assert server._store.revision == before


def test_a_pod_gets_token_tolerations_priority_and_qos(client):
    made = client.create("pods", pod())
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert [toleration["key"] for toleration in made["spec"]["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    assert made["spec"]["priority"] == 0
    (volume,) = made["spec"]["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert made["spec"]["containers"][0]["volumeMounts"][0]["name"] == volume["name"]


def test_pods_of_one_template_are_alike_but_for_their_tokens(client):
    spec = pod()["spec"]
    one, two = (
        client.create("pods", {"metadata": {"generateName": "web-", "namespace": "default"}, "spec": spec})
        for _ in range(2)
    )
    assert one["spec"]["volumes"] != two["spec"]["volumes"]
    for made in (one, two):
        assert "volumes" not in spec, "the template is left as it was"
        assert made["metadata"]["generateName"] == "web-"
    plain = [{**made["spec"], "volumes": None, "containers": None} for made in (one, two)]
    assert plain[0] == plain[1]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        pytest.param({}, "BestEffort", id="nothing asked"),
        pytest.param({"requests": {"cpu": "0"}}, "BestEffort", id="a zero is nothing"),
        pytest.param({"requests": {"cpu": "1"}}, "Burstable", id="some asked"),
        pytest.param({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed", id="limits stand for requests"),
        pytest.param(
            {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
            "Burstable",
            id="more allowed than asked",
        ),
    ],
)
def test_qos_class(client, resources, expected):
    made = client.create("pods", pod(containers=[{"name": "main", "image": "nginx", "resources": resources}]))
    assert made["status"]["qosClass"] == expected


# ---- update and patch -------------------------------------------------------------------------------


def test_an_update_of_a_stale_version_is_a_conflict(client):
    old = client.create("configmaps", config(a="1"))
    client.update("configmaps", {**old, "data": {"a": "2"}})
    error = refusal(client.update, "configmaps", {**old, "data": {"a": "3"}})
    assert error.code == 409
    assert error.message.startswith('Operation cannot be fulfilled on configmaps "c": the object has been modified')


def test_an_update_that_changes_nothing_is_no_revision(client, server):
    old = client.create("configmaps", config(a="1"))
    assert client.update("configmaps", {**old, "data": {"a": "1"}}) is old
    assert client.patch("configmaps", "default", "c", {"data": {"a": "1"}}, type="merge") is old
    assert str(server._store.revision) == old["metadata"]["resourceVersion"]


def deployment(replicas=1):
    template = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "w", "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "w"}}, "template": template},
    }


def test_generation_counts_changes_of_the_wanted_state(client):
    made = client.create("deployments", deployment())
    assert made["metadata"]["generation"] == 1
    labelled = client.patch("deployments", "default", "w", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 1
    scaled = client.patch("deployments", "default", "w", {"spec": {"replicas": 3}}, subresource="scale")
    assert scaled["metadata"]["generation"] == 2
    reported = client.update_status("deployments", {**scaled, "status": {"replicas": 3}})
    assert reported["metadata"]["generation"] == 2


def test_status_and_spec_are_written_apart(client):
    made = client.create("deployments", deployment())
    sneaky = {**made, "spec": {**made["spec"], "replicas": 9}, "status": {"replicas": 1}}
    assert client.update_status("deployments", sneaky)["spec"]["replicas"] == 1
    sneaky = client.get("deployments", "default", "w")
    written = client.update(
        "deployments", {**sneaky, "spec": {**sneaky["spec"], "replicas": 2}, "status": {"replicas": 77}}
    )
    assert written["status"] == {"replicas": 1}


# ---- delete -----------------------------------------------------------------------------------------


def test_a_pod_on_a_node_goes_gracefully(client):
    made = client.create("pods", pod())
    client.bind("default", "web", "worker-1")
    client.delete("pods", "default", "web")
    marked = client.get("pods", "default", "web")["metadata"]
    assert (marked["deletionTimestamp"], marked["deletionGracePeriodSeconds"]) == ("2026-11-23T00:00:30Z", 30)
    assert marked["generation"] == made["metadata"]["generation"] + 1
    client.delete("pods", "default", "web", grace_period_seconds=0)
    assert refusal(client.get, "pods", "default", "web").code == 404


def test_a_pod_without_a_node_goes_at_once(client):
    client.create("pods", pod())
    client.delete("pods", "default", "web")
    assert refusal(client.get, "pods", "default", "web").message == 'pods "web" not found'


def test_an_object_waits_for_its_finalizers(client):
    held = client.create("configmaps", {**config(), "metadata": {**config()["metadata"], "finalizers": ["x.io/hold"]}})
    client.delete("configmaps", "default", "c")
    marked = client.get("configmaps", "default", "c")
    assert "deletionTimestamp" in marked["metadata"]
    client.update("configmaps", {**marked, "metadata": {**marked["metadata"], "finalizers": []}})
    assert refusal(client.get, "configmaps", "default", "c").code == 404
    assert held["metadata"]["finalizers"] == ["x.io/hold"]


@pytest.mark.parametrize(
    ("propagation", "finalizers"),
    [
        pytest.param("Foreground", ["foregroundDeletion"], id="foreground waits for its dependents"),
        pytest.param("Orphan", ["orphan"], id="orphan waits for them to be let go"),
    ],
)
def test_propagation_leaves_a_finalizer(client, propagation, finalizers):
    client.create("deployments", deployment())
    client.delete("deployments", "default", "w", propagation=propagation)
    assert client.get("deployments", "default", "w")["metadata"]["finalizers"] == finalizers


def test_a_deletion_may_mean_one_object_only(client):
    client.create("configmaps", config())
    error = refusal(client.delete, "configmaps", "default", "c", uid="another")
    assert error.code == 409
    assert "the UID in the precondition (another) does not match the UID in record" in error.message


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_stay(client, name):
    if name != "default":
        client.create("namespaces", {"metadata": {"name": name}})
    error = refusal(client.delete, "namespaces", "", name)
    assert error.message == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


def test_nothing_is_created_in_a_namespace_on_its_way_out(client):
    client.delete("namespaces", "", "other")
    late = {**config(), "metadata": {"name": "late", "namespace": "other"}}
    error = refusal(client.create, "configmaps", late)
    assert error.code == 403
    assert "because it is being terminated" in error.message


# ---- bind, services, lists, watches -----------------------------------------------------------------


def test_a_pod_is_bound_once(client):
    client.create("pods", pod())
    client.bind("default", "web", "worker-1")
    error = refusal(client.bind, "default", "web", "worker-2")
    assert error.message == (
        'Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "worker-1"'
    )


def service(name, **spec):
    return named("Service", name, spec={"selector": {"a": "b"}, "ports": [{"port": 80}], **spec})


def test_no_two_services_share_an_address_or_a_port(client):
    made = [client.create("services", service(f"s{i}", type="NodePort")) for i in range(50)]
    assert len({one["spec"]["clusterIP"] for one in made}) == 50
    ports = {one["spec"]["ports"][0]["nodePort"] for one in made}
    assert len(ports) == 50
    assert all(30000 <= port <= 32767 for port in ports)
    taken = made[0]["spec"]["ports"][0]["nodePort"]
    error = refusal(client.create, "services", service("x", type="NodePort", ports=[{"port": 1, "nodePort": taken}]))
    assert error.message == (
        f'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: {taken}: provided port is already allocated'
    )


def test_lists_are_filtered_by_labels_and_fields(client):
    for name in ("a", "b"):
        client.create("pods", {**pod(name), "metadata": {**pod(name)["metadata"], "labels": {"app": name}}})
    client.bind("default", "b", "worker-1")
    assert [found["metadata"]["name"] for found in client.list("pods", label_selector="app=a")] == ["a"]
    found = client.list("pods", "default", field_selector="spec.nodeName=worker-1")
    assert [one["metadata"]["name"] for one in found] == ["b"]
    assert client.list("pods", "other") == []


def test_a_kubelet_hears_of_its_own_pods_from_their_binding_on(client, server):
    heard = []
    server.watch_pods_on("worker-1", lambda key, before, after: heard.append((key, before is None, after is None)))
    client.create("pods", pod("mine"))
    client.create("pods", pod("other"))
    client.bind("default", "mine", "worker-1")
    client.bind("default", "other", "worker-2")
    client.delete("pods", "default", "mine", grace_period_seconds=0)
    assert heard[0] == ("default/mine", True, False)
    assert heard[-1] == ("default/mine", False, True)
    assert {key for key, _, _ in heard} == {"default/mine"}


def test_every_write_leaves_a_step_that_names_who_and_why(client, server):
    client.create("configmaps", config(), why="test.made", name="c")
    step = server._engine.trace.steps[-1]
    assert (step.component, step.verb, step.ref, step.message, step.params) == (
        "test",
        "create",
        "configmaps/default/c",
        "test.made",
        {"name": "c"},
    )
    assert step.revision == server._store.revision


def test_a_kind_never_heard_of_is_stored_as_it_is(client, server):
    info = server.info_for("example.com/v1", "Widget")
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"odd": [1, {}]}}
    made = client.create(info.plural, widget)
    assert made["spec"] == {"odd": [1, {}]}
    assert server._store.get("/registry/example.com/widgets/default/w") is not None
    assert Actor("x").node == ""
