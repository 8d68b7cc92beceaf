"""`manage.py simulate` and `manage.py scenario new`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.scenarios import manifests, tables
from apps.scenarios.models import Scenario
from apps.scenarios.session import session
from tests.scenarios.conftest import WEB

UNFIT = 'Deployment in version "v1" cannot be handled as a Deployment'


@pytest.fixture
def web(tmp_path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(WEB)
    return path


def simulate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("simulate", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    error = io.StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("simulate", *arguments, stdout=io.StringIO(), stderr=error)
    assert caught.value.code == 1
    return error.getvalue()


def test_a_table_like_kubectls(web):
    lines = simulate("-f", str(web)).splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [line.split()[0] for line in lines[1:5]] == [
        "node/control-plane-1",
        "node/worker-1",
        "node/worker-2",
        "node/worker-3",
    ]
    assert any(
        line.split()[:5] == ["deployment.apps/web", "3/3", "3", "3", "6s"]
        or line.startswith("deployment.apps/web   3/3")
        for line in lines
    )
    assert sum(" Running " in line for line in lines) == 3


def test_json_holds_revision_objects_and_steps(web):
    answer = json.loads(simulate("-f", str(web), "-o", "json", "--nodes", "5", "--seed", "3"))
    assert set(answer) >= {"revision", "objects", "steps"}
    kinds = [obj["kind"] for obj in answer["objects"]]
    assert kinds.count("Node") == 6
    assert answer["revision"] == max(int(obj["metadata"]["resourceVersion"]) for obj in answer["objects"])
    assert answer["steps"][-1]["revision"] <= answer["revision"]
    assert simulate("-f", str(web), "-o", "json", "--nodes", "5", "--seed", "3") == simulate(
        "-f", str(web), "-o", "json", "--nodes", "5", "--seed", "3"
    )
    assert json.loads(simulate("-f", str(web), "-o", "json", "--nodes", "5", "--seed", "4")) != answer


def test_yaml_can_be_read_again(web):
    documents = manifests.read(simulate("-f", str(web), "-o", "yaml"))
    assert {document.kind for document in documents} == {"Node", "Deployment", "ReplicaSet", "Pod"}


@pytest.mark.parametrize(("lang", "word"), [("en", "is created"), ("ko", "생성")])
def test_steps_a_line_each(web, lang, word):
    text = simulate("-f", str(web), "-o", "steps", "--lang", lang)
    assert word in text
    assert "⟦" not in text
    assert text.splitlines()[0].split()[0].startswith("t+0.00")


@pytest.mark.parametrize("view", ["cluster", "ownership"])
def test_pictures(web, view):
    assert simulate("-f", str(web), "-o", "svg", "--view", view).lstrip().startswith(("<svg", "<?xml"))
    assert simulate("-f", str(web), "-o", "dot", "--view", view).startswith("digraph")


def test_until_stops_in_the_middle(web):
    early = json.loads(simulate("-f", str(web), "-o", "json", "--until", "500ms"))
    assert early["time_ms"] == 500
    pods = [obj for obj in early["objects"] if obj["kind"] == "Pod" and obj["metadata"]["namespace"] == "default"]
    assert {pod["status"]["phase"] for pod in pods} == {"Pending"}


def test_several_files_a_directory_and_the_standard_input(web, tmp_path, monkeypatch):
    more = tmp_path / "more"
    more.mkdir()
    (more / "b.yml").write_text(WEB.replace("name: web", "name: second", 1))
    (more / "notes.txt").write_text("not: a: manifest")
    monkeypatch.setattr("sys.stdin", io.StringIO(WEB.replace("name: web", "name: third", 1)))
    text = simulate("-f", str(web), "-f", str(more), "-f", "-")
    for name in ("web", "second", "third"):
        assert f"deployment.apps/{name} " in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            WEB.replace("replicas: 3", "replicaz: 3"),
            f'{UNFIT}: strict decoding error: unknown field "spec.replicaz"',
            id="an unknown field",
        ),
        pytest.param(
            WEB.replace("replicas: 3", "replicas: three"),
            f"{UNFIT}: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            id="a word for a number",
        ),
        pytest.param(
            "a: b: c",
            "error converting YAML to JSON: yaml: mapping values are not allowed in this context",
            id="broken YAML",
        ),
        pytest.param("a: 1", "Object 'Kind' is missing in '{\"a\":1}'", id="no kind"),
        pytest.param(
            WEB.replace("replicas: 3", "replicas: 100000"), "at most 10,000 replicas", id="a hundred thousand replicas"
        ),
    ],
)
def test_what_kubernetes_rejects_is_said_in_its_words(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    said = refused("-f", str(path))
    assert message in said
    if "version" in message:
        assert said == f'Error from server (BadRequest): error when creating "{path}": {message}\n'


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(CommandError, match="does not exist"):
        simulate("-f", str(tmp_path / "nosuch.yaml"))
    with pytest.raises(CommandError, match="recognized file extensions"):
        simulate("-f", str(tmp_path))
    with pytest.raises(CommandError, match="duration"):
        simulate("--until", "soon")
    assert "1,000" in refused("--nodes", "5000")


@pytest.mark.django_db
def test_a_scenario_is_made(web, client):
    out = io.StringIO()
    call_command("scenario", "new", "-f", str(web), "--title", "mine", stdout=out)
    answer = json.loads(out.getvalue())
    assert set(answer) >= {"id", "key", "url", "edit_url", "kube_url"}
    scenario = Scenario.objects.get()
    assert (scenario.id, scenario.title) == (answer["id"], "mine")
    assert answer["edit_url"].startswith(answer["url"])
    path = answer["edit_url"].partition("8000")[2]
    response = client.get(path)
    assert client.get(response["Location"]).context["scenario"]["can_edit"] is True
    found = session(answer["id"])
    found.sync()
    assert "default/web" in found.run.view().objects["deployments"]


@pytest.mark.django_db
def test_a_scenario_that_cannot_be_is_not_made(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("a: 1")
    error = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("scenario", "new", "-f", str(path), stderr=error)
    assert "Object 'Kind' is missing" in error.getvalue()
    assert Scenario.objects.count() == 0


def test_columns_stand_three_blanks_apart():
    import doctest

    assert doctest.testmod(tables).failed == 0


@pytest.mark.parametrize(
    ("resource", "obj", "row"),
    [
        pytest.param(
            "services",
            {
                "kind": "Service",
                "metadata": {"name": "a"},
                "spec": {
                    "type": "NodePort",
                    "clusterIP": "10.96.0.9",
                    "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
                },
            },
            "a      NodePort   10.96.0.9    <none>        80:30080/TCP   <unknown>",
            id="a NodePort",
        ),
        pytest.param(
            "jobs",
            {"kind": "Job", "metadata": {"name": "j"}, "spec": {"completions": 3}, "status": {"succeeded": 1}},
            "j      Running   1/3                      <unknown>",
            id="a Job half done",
        ),
        pytest.param(
            "cronjobs",
            {"kind": "CronJob", "metadata": {"name": "c"}, "spec": {"schedule": "*/5 * * * *", "suspend": False}},
            "c      */5 * * * *   <none>     False     0        <none>          <unknown>",
            id="a CronJob that has not run",
        ),
        pytest.param(
            "ingresses",
            {"kind": "Ingress", "metadata": {"name": "i"}, "spec": {"rules": [{"host": "a.b"}]}},
            "i      <none>   a.b               80      <unknown>",
            id="an Ingress",
        ),
    ],
)
def test_rows_are_those_kubectl_prints(resource, obj, row):
    assert tables.table(resource, [obj], 0).splitlines()[1] == row
