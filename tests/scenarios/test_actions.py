"""What forms post: the change it makes, what is said when it cannot be made, and who may."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.scenarios import access, presets
from apps.scenarios.models import Command, Scenario
from apps.scenarios.session import session

pytestmark = pytest.mark.django_db
EMPTY = presets.get("empty").link


@pytest.fixture
def editor(client, made, clock):
    clock.pass_ms(30_000)
    client.cookies[access.cookie_name(made.scenario.id)] = made.key
    client.address = f"/en/s/{made.scenario.id}/commands/"
    client.id = made.scenario.id
    return client


def objects(scenario_id: str) -> dict:
    found = session(scenario_id)
    found.sync()
    return found.run.view().objects


def deployment(scenario_id: str) -> dict:
    return objects(scenario_id)["deployments"]["default/web"]


WORKLOAD = {"form": "workload", "kind": "Deployment", "namespace": "default", "name": "web"}


def test_the_form_shows_what_is_there(editor):
    page = editor.get(f"/en/s/{editor.id}/")
    (row,) = page.context["forms"]["deployments"]
    assert row["form"]["image"].value() == "nginx:1.27"
    assert row["form"]["replicas"].value() == 3
    assert [row["name"] for row in page.context["forms"]["nodes"]] == [
        "control-plane-1",
        "worker-1",
        "worker-2",
        "worker-3",
    ]


def test_replicas_alone_are_a_scale(editor):
    response = editor.post(editor.address, {**WORKLOAD, "replicas": "5", "action": "save"})
    assert response.status_code == 303
    assert Command.objects.get().body == {
        "op": "scale",
        "resource": "deployments",
        "namespace": "default",
        "name": "web",
        "replicas": 5,
    }


def test_only_what_differs_from_what_was_shown_is_patched(editor):
    """Somebody else's newer image survives a form that was opened before it."""
    editor.post(editor.address, {**WORKLOAD, "image": "nginx:1.28", "initial-image": "nginx:1.27"})
    stale = {
        "image": "nginx:1.27",
        "initial-image": "nginx:1.27",
        "replicas": "3",
        "initial-replicas": "3",
        "cpu": "250m",
        "initial-cpu": "100m",
    }
    response = editor.post(editor.address, {**WORKLOAD, **stale})
    assert response.status_code == 303
    container = deployment(editor.id)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "nginx:1.28"
    assert container["resources"]["requests"]["cpu"] == "250m"


def test_nothing_changed_is_no_command(editor):
    same = {"image": "nginx:1.27", "initial-image": "nginx:1.27"}
    assert editor.post(editor.address, {**WORKLOAD, **same}).status_code == 303
    assert Command.objects.count() == 0


def test_fields_written_by_hand_survive_the_form(editor):
    manifest = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {note: mine}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 7
      containers:
      - name: web
        image: nginx:1.27
        env: [{name: A, value: b}]
        resources: {requests: {cpu: 100m}, limits: {cpu: "1"}}
      - {name: side, image: "side:1"}
"""
    assert editor.post(editor.address, {"form": "yaml", "manifest": manifest}).status_code == 303
    editor.post(
        editor.address,
        {**WORKLOAD, "image": "nginx:9", "strategy": "Recreate", "node_selector": "disk=ssd", "memory": "1Gi"},
    )
    spec = deployment(editor.id)["spec"]
    pod = spec["template"]["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert pod["terminationGracePeriodSeconds"] == 7
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert [container["image"] for container in pod["containers"]] == ["nginx:9", "side:1"]
    assert pod["containers"][0]["env"] == [{"name": "A", "value": "b"}]
    assert pod["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "100m", "memory": "1Gi"}}
    editor.post(
        editor.address, {**WORKLOAD, "node_selector": "", "memory": "", "strategy": "RollingUpdate", "max_surge": "1"}
    )
    spec = deployment(editor.id)["spec"]
    assert "nodeSelector" not in spec["template"]["spec"] or not spec["template"]["spec"]["nodeSelector"]
    assert spec["template"]["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m"}
    assert spec["strategy"]["rollingUpdate"]["maxSurge"] == 1
    assert deployment(editor.id)["metadata"]["annotations"]["note"] == "mine"


@pytest.mark.parametrize(
    ("kind", "fields", "resource", "check"),
    [
        pytest.param(
            "Deployment",
            {"replicas": "2", "strategy": "RollingUpdate", "max_surge": "1", "max_unavailable": "0", "paused": "on"},
            "deployments",
            lambda spec: (
                spec["replicas"] == 2
                and spec["paused"]
                and spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
            ),
            id="a Deployment",
        ),
        pytest.param(
            "DaemonSet",
            {"strategy": "OnDelete", "tolerations": "node-role.kubernetes.io/control-plane:NoSchedule"},
            "daemonsets",
            lambda spec: (
                spec["updateStrategy"]["type"] == "OnDelete"
                and spec["template"]["spec"]["tolerations"]
                == [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}]
            ),
            id="a DaemonSet",
        ),
        pytest.param(
            "StatefulSet",
            {"replicas": "2", "strategy": "RollingUpdate", "partition": "1", "pod_management": "Parallel"},
            "statefulsets",
            lambda spec: (
                spec["podManagementPolicy"] == "Parallel" and spec["updateStrategy"]["rollingUpdate"]["partition"] == 1
            ),
            id="a StatefulSet",
        ),
    ],
)
def test_a_workload_is_added(editor, kind, fields, resource, check):
    data = {
        "form": "workload",
        "kind": kind,
        "name": "more",
        "initial-name": "",
        "image": "more:1",
        "cpu": "50m",
        "action": "save",
        **fields,
    }
    response = editor.post(editor.address, data)
    assert response.status_code == 303, response.context["errors"]
    there = objects(editor.id)
    assert check(there[resource]["default/more"]["spec"])
    assert ("default/more" in there["services"]) is (kind == "StatefulSet")


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        pytest.param({"image": ""}, "image", "", id="no image"),
        pytest.param({"image": " nginx"}, None, "", id="blanks around an image are taken away"),
        pytest.param({"replicas": "-1"}, "replicas", "", id="fewer than no replicas"),
        pytest.param({"replicas": "many"}, "replicas", "", id="replicas in words"),
        pytest.param({"replicas": "100000"}, "replicas", "1000", id="a hundred thousand replicas"),
        pytest.param({"cpu": "lots"}, "cpu", "", id="cpu that is no quantity"),
        pytest.param(
            {"max_surge": "0", "max_unavailable": "0"}, None, "maxUnavailable", id="neither surge nor unavailable"
        ),
        pytest.param({"max_surge": "a%"}, "max_surge", "", id="a percentage of letters"),
        pytest.param({"tolerations": "a b c"}, "tolerations", "a b c", id="a toleration that is none"),
        pytest.param({"node_selector": "ssd"}, "node_selector", "ssd", id="a selector without ="),
        pytest.param({"strategy": "Sideways"}, "strategy", "", id="an unknown strategy"),
    ],
)
def test_errors_stand_beside_their_field(editor, fields, field, says):
    response = editor.post(editor.address, {**WORKLOAD, "action": "save", **fields})
    if fields == {"image": " nginx"}:
        assert response.status_code == 303
        return
    assert response.status_code == 422
    (row,) = response.context["forms"]["deployments"]
    errors = row["form"].errors
    if field:
        assert field in errors, errors
    assert says in str(errors)
    assert row["open"]
    for name, value in fields.items():
        assert row["form"][name].value() == value
    assert Command.objects.count() == 0


def test_a_page_with_errors_has_a_way_to_the_other_language(editor):
    response = editor.post(editor.address, {**WORKLOAD, "replicas": "-1"})
    urls = {language["code"]: language["url"] for language in response.context["languages"]}
    assert urls["ko"] == f"/ko/s/{editor.id}/"
    assert editor.get(urls["ko"]).status_code == 200


def test_a_name_that_is_taken_or_bad_is_said_beside_the_name(editor):
    data = {
        "form": "workload",
        "kind": "Deployment",
        "initial-name": "",
        "image": "a:1",
        "replicas": "1",
        "strategy": "RollingUpdate",
    }
    for name in ("web", "Bad_Name"):
        response = editor.post(editor.address, {**data, "name": name})
        assert response.status_code == 422, name
        assert "name" in response.context["forms"]["add"]["deployment"].errors, response.context["forms"]["add"][
            "deployment"
        ].errors


@pytest.mark.parametrize(
    ("data", "body"),
    [
        pytest.param({**WORKLOAD, "action": "delete"}, {"op": "delete", "propagation": "Background"}, id="delete"),
        pytest.param({**WORKLOAD, "action": "restart"}, {"op": "rollout", "verb": "restart"}, id="restart"),
        pytest.param({**WORKLOAD, "action": "pause"}, {"op": "rollout", "verb": "pause"}, id="pause"),
        pytest.param({**WORKLOAD, "action": "more"}, {"op": "scale", "replicas": 4}, id="one more"),
        pytest.param({**WORKLOAD, "action": "fewer"}, {"op": "scale", "replicas": 2}, id="one fewer"),
        pytest.param(
            {"form": "node", "name": "worker-1", "action": "cordon"}, {"op": "node", "verb": "cordon"}, id="cordon"
        ),
        pytest.param(
            {"form": "node", "name": "worker-1", "action": "drain"}, {"op": "node", "verb": "drain"}, id="drain"
        ),
        pytest.param(
            {"form": "node", "name": "worker-1", "action": "power-off"},
            {"op": "node", "verb": "power-off"},
            id="power off",
        ),
        pytest.param(
            {"form": "node", "name": "worker-1", "action": "remove"}, {"op": "node", "verb": "remove"}, id="remove"
        ),
        pytest.param(
            {"form": "node", "name": "", "action": "join"},
            {"op": "node", "verb": "join", "name": "worker-4"},
            id="join",
        ),
        pytest.param(
            {"form": "command", "command": json.dumps({"op": "node", "verb": "uncordon", "name": "worker-1"})},
            {"op": "node", "verb": "uncordon"},
            id="a command as JSON",
        ),
    ],
)
def test_buttons(editor, data, body):
    assert editor.post(editor.address, data).status_code == 303
    assert body.items() <= Command.objects.get().body.items()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param({**WORKLOAD, "name": "nosuch", "action": "delete"}, 404, id="deleting what is not there"),
        pytest.param({**WORKLOAD, "action": "explode"}, 400, id="an unknown action"),
        pytest.param({"form": "workload", "kind": "Pod", "name": "x"}, 400, id="a kind without a form"),
        pytest.param({"form": "nosuch"}, 400, id="an unknown form"),
        pytest.param({}, 400, id="nothing"),
        pytest.param({"form": "command", "command": "{"}, 400, id="half a command"),
        pytest.param({"form": "command", "command": '{"op":"explode"}'}, 400, id="an unknown operation"),
        pytest.param({"form": "node", "name": "worker-9", "action": "cordon"}, 422, id="a node that is not there"),
        pytest.param({"form": "node", "name": "worker-1", "action": "dance"}, 422, id="an unknown verb"),
        pytest.param(
            {"form": "node", "name": "control-plane-1", "action": "remove"},
            422,
            id="the control plane out of its cluster",
        ),
        pytest.param({"form": "node", "name": "worker-1", "action": "join"}, 422, id="a node that is there already"),
    ],
)
def test_what_cannot_be_done_is_said(editor, data, status):
    response = editor.post(editor.address, data)
    assert response.status_code == status
    assert Command.objects.count() == 0


# ---- YAML ----------------------------------------------------------------------------------------


def test_a_bad_manifest_stays_in_the_box_with_every_problem_named(editor):
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: a\n    imag: x\n"
    text = pod + "---\nkind: Service\n"
    response = editor.post(editor.address, {"form": "yaml", "manifest": text})
    assert response.status_code == 422
    problems = response.context["problems"]
    assert [problem["document"] for problem in problems] == [2]
    text = pod
    response = editor.post(editor.address, {"form": "yaml", "manifest": text})
    (problem,) = response.context["problems"]
    assert problem["kind"] == "Pod"
    assert 'unknown field "spec.containers[0].imag"' in problem["message"]
    assert problem["line"] == 7
    assert problem["text"]
    assert response.context["forms"]["yaml"]["manifest"].value() == text
    assert "imag: x" in response.content.decode()


def test_an_object_goes_out_as_yaml_and_comes_back_changed(editor):
    address = f"/en/s/{editor.id}/objects/deployments/default/web.yaml"
    text = editor.get(address).content.decode()
    page = editor.get(address + "?edit=1")
    assert page.status_code == 200
    assert page.context["yaml"] == text
    response = editor.post(address, {"yaml": text.replace("replicas: 3\n  rev", "replicas: 4\n  rev")})
    assert response.status_code == 303, response.context["problems"]
    assert deployment(editor.id)["spec"]["replicas"] == 4
    stale = editor.post(address, {"yaml": text})
    assert stale.status_code == 422
    assert "the object has been modified" in stale.context["problems"][0]["message"]
    assert stale.context["yaml"] == text


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("name: web\n", "name: other\n"), id="another name"),
        pytest.param(lambda text: text.replace("kind: Deployment", "kind: StatefulSet"), id="another kind"),
        pytest.param(lambda text: text + "---\n" + text, id="two objects"),
        pytest.param(lambda text: "a: b: c", id="no YAML"),
        pytest.param(lambda text: "", id="nothing"),
        pytest.param(lambda text: text.replace("replicas: 3", "replicas: three"), id="no number"),
    ],
)
def test_an_object_that_became_something_else_is_refused(editor, change):
    address = f"/en/s/{editor.id}/objects/deployments/default/web.yaml"
    text = change(editor.get(address).content.decode())
    response = editor.post(address, {"yaml": text})
    assert response.status_code == 422
    assert response.context["problems"]
    assert response.context["yaml"] == text
    assert Command.objects.count() == 0


# ---- new scenarios -------------------------------------------------------------------------------


def test_a_new_scenario_from_a_paste(client, clock):
    from tests.scenarios.conftest import WEB

    response = client.post("/ko/scenarios/new", {"preset": "empty", "manifest": WEB, "workers": "5", "title": "내 것"})
    assert response.status_code == 303
    scenario = Scenario.objects.get()
    assert response["Location"] == f"/ko/s/{scenario.id}/"
    page = client.get(response["Location"])
    assert page.context["scenario"]["can_edit"] is True
    assert page.context["scenario"]["title"] == "내 것"
    clock.pass_ms(20_000)
    assert len(objects(scenario.id)["nodes"]) == 6
    assert deployment(scenario.id)["status"]["readyReplicas"] == 3


def test_a_new_scenario_with_another_network(client):
    chosen = {"proxy_mode": "nftables", "encapsulation": "none", "load_balancer": "cloud", "subnets": "2"}
    response = client.post("/en/scenarios/new", {"preset": "nodeport", **chosen, "cluster_routes": ""})
    assert response.status_code == 303
    settings = Scenario.objects.get().config
    assert settings == {"workers": 3, "seed": 1, **chosen, "subnets": 2}
    client.post("/en/scenarios/new", {"preset": "nodeport", "load_balancer": "none"})
    assert Scenario.objects.exclude(config=settings).get().config["load_balancer"] == ""


def test_a_new_scenario_from_a_file(client):
    from tests.scenarios.conftest import WEB

    response = client.post("/en/scenarios/new", {"file": SimpleUploadedFile("web.yaml", WEB.encode())})
    assert response.status_code == 303
    bad = SimpleUploadedFile("web.yaml", b"kind: A\n")
    response = client.post("/en/scenarios/new", {"file": bad})
    assert response.status_code == 422
    assert response.context["form"]["manifest"].value() == "kind: A\n"
    assert response.context["problems"][0]["line"] == 1
    response = client.post("/en/scenarios/new", {"file": SimpleUploadedFile("a.bin", b"\xff\xfe\x00")})
    assert response.status_code == 422
    assert "file" in response.context["form"].errors


@pytest.mark.parametrize(
    ("data", "field"),
    [
        pytest.param({"workers": "21"}, "workers", id="too many workers"),
        pytest.param({"preset": "nosuch"}, "preset", id="an unknown preset"),
        pytest.param({"proxy_mode": "userspace"}, "proxy_mode", id="a mode that kube-proxy has no more"),
        pytest.param({"manifest": "x" * (1024 * 1024 + 1)}, "manifest", id="more than a mebibyte"),
        pytest.param(
            {
                "manifest": "a: &a [x,x,x,x,x,x,x,x,x]\n"
                + "".join(
                    f"a{i}: &a{i} [*a{i - 1 if i else ''},{','.join(['*a' + (str(i - 1) if i else '')] * 9)}]\n"
                    for i in range(9)
                )
            },
            "manifest",
            id="a YAML bomb",
        ),
    ],
)
def test_a_new_scenario_that_cannot_be_is_explained(client, data, field):
    response = client.post("/en/scenarios/new", data)
    assert response.status_code == 422
    assert field in response.context["form"].errors, response.context["form"].errors
    assert Scenario.objects.count() == 0


def test_a_paste_of_ten_megabytes_is_refused(client):
    for data in (
        {"manifest": "x" * (10 * 1024 * 1024)},
        {"file": SimpleUploadedFile("a.yaml", b"x" * (10 * 1024 * 1024))},
    ):
        response = client.post("/en/scenarios/new", data)
        assert response.status_code in {413, 422}
        assert "at most 1,048,576 bytes" in response.content.decode()
    response = client.post(
        "/en/scenarios/new", "manifest=" + "x" * 10**7, content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 413
    assert "at most 1,048,576 bytes" in response.content.decode()
    assert Scenario.objects.count() == 0


# ---- copies --------------------------------------------------------------------------------------


def test_the_first_edit_of_a_link_makes_a_scenario_of_ones_own(client, clock):
    token = presets.get("deployment-create").link
    steps = client.get(f"/en/s/{token}/steps/").json()["steps"]
    early = next(step["revision"] for step in steps if step["kind"] == "Pod")
    data = {**WORKLOAD, "replicas": "1", "action": "save", "at": str(early)}
    response = client.post(f"/en/s/{token}/commands/", data)
    assert response.status_code == 303
    scenario = Scenario.objects.get()
    assert response["Location"] == f"/en/s/{scenario.id}/"
    assert access.cookie_name(scenario.id) in response.cookies
    page = client.get(response["Location"])
    assert page.context["scenario"]["can_edit"] is True
    assert deployment(scenario.id)["spec"]["replicas"] == 1
    clock.pass_ms(30_000)
    assert deployment(scenario.id)["status"]["readyReplicas"] == 1
    own = client.get(f"/en/s/{scenario.id}/steps/").json()["steps"]
    shared = [step for step in steps if step["revision"] <= early]
    assert own[: len(shared)] == shared


def test_a_refused_edit_of_a_link_leaves_nothing_behind(client):
    response = client.post(f"/en/s/{EMPTY}/commands/", {"form": "node", "name": "worker-9", "action": "drain"})
    assert response.status_code == 422
    assert Scenario.objects.count() == 0


def test_a_copy_goes_on_from_the_past(client, made, clock):
    clock.pass_ms(30_000)
    found = session(made.scenario.id)
    found.execute({"op": "delete", "resource": "deployments", "namespace": "default", "name": "web"})
    before = Command.objects.get()
    at = next(mark.revision for mark in found.run.marks if mark.body["op"] == "delete")
    response = client.post(f"/en/s/{made.scenario.id}/fork/", {"at": str(at)})
    assert response.status_code == 303
    copy = Scenario.objects.exclude(pk=made.scenario.id).get()
    assert copy.forked_from == made.scenario.id
    clock.pass_ms(30_000)
    assert "default/web" in objects(copy.id)["deployments"]
    assert "default/web" not in objects(made.scenario.id)["deployments"]
    assert Command.objects.get() == before
    assert client.get(response["Location"]).context["scenario"]["can_edit"] is True


def test_a_link_that_carries_it_all_tells_the_same_story(client, made, clock):
    clock.pass_ms(3_000)
    session(made.scenario.id).execute(
        {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 2}
    )
    clock.pass_ms(60_000)
    page = client.get(f"/en/s/{made.scenario.id}/")
    link = page.context["share"]["link"]
    assert 0 < len(link) < 2000
    told = client.get(link).context
    assert told["scenario"]["head"] == page.context["scenario"]["head"]
    own = client.get(f"/en/s/{made.scenario.id}/steps/").json()["steps"]
    assert client.get(f"{link}steps/").json()["steps"] == own


# ---- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["commands/", "clock/", "objects/deployments/default/web.yaml"])
def test_without_the_key_nothing_can_be_changed(client, made, path):
    data = {**WORKLOAD, "replicas": "9", "action": "save", "speed": "0", "yaml": "a: 1"}
    address = f"/en/s/{made.scenario.id}/{path}"
    for cookie in (None, "wrong", made.scenario.key_hash, made.view_token):
        client.cookies.clear()
        if cookie:
            client.cookies[access.cookie_name(made.scenario.id)] = cookie
        response = client.post(address, data)
        assert response.status_code == 403, cookie
        status = client.post(address, data, headers={"Accept": "application/json"})
        assert status.json()["code"] == 403
        assert status.json()["kind"] == "Status"
    assert Command.objects.count() == 0
    assert Scenario.objects.get().speed == 1.0


def test_a_form_from_another_site_is_refused(made):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies[access.cookie_name(made.scenario.id)] = made.key
    response = strict.post(f"/en/s/{made.scenario.id}/commands/", {**WORKLOAD, "replicas": "9", "action": "save"})
    assert response.status_code == 403
    page = strict.get(f"/en/s/{made.scenario.id}/")
    token = page.context["csrf_token"]
    data = {**WORKLOAD, "replicas": "4", "action": "save", "csrfmiddlewaretoken": str(token)}
    assert strict.post(f"/en/s/{made.scenario.id}/commands/", data).status_code == 303


def test_a_program_gets_a_status(editor):
    good = editor.post(editor.address, {**WORKLOAD, "replicas": "2"}, headers={"Accept": "application/json"})
    assert good.status_code == 200
    assert good.json()["status"] == "Success"
    bad = editor.post(
        editor.address,
        json.dumps({"op": "scale", "resource": "deployments", "name": "nosuch", "namespace": "default", "replicas": 1}),
        content_type="application/json",
        headers={"Accept": "application/json"},
    )
    assert bad.status_code == 404
    assert bad.json()["message"] == 'deployments.apps "nosuch" not found'


def test_the_clock_is_set_by_its_editor(editor):
    address = f"/en/s/{editor.id}/clock/"
    assert editor.post(address, {"speed": "0"}).status_code == 303
    assert Scenario.objects.get().speed == 0
    assert editor.post(address, {"speed": "fast"}).status_code == 400
    assert editor.post(address, {"action": "step"}).status_code == 303
    assert editor.post(f"/en/s/{EMPTY}/clock/", {"speed": "1"}).status_code == 409
