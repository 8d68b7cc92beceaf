"""kubeadm on the page: the commands that its buttons post, and what the page says when kubeadm refuses."""

from __future__ import annotations

import re

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import workflows
from apps.scenarios import commands, presets
from apps.scenarios.forms import kubeadm
from apps.scenarios.models import Command

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(client):
    link = presets.library()["kubeadm-upgrade"].link
    response = client.post(f"/en/s/{link}/fork/")
    return response["Location"].rstrip("/").rpartition("/")[2]


def post(client, scenario, lang="en", **fields):
    return client.post(f"/{lang}/s/{scenario}/commands/", {"form": "kubeadm", **fields})


def bodies(scenario):
    return [command.body for command in Command.objects.filter(scenario_id=scenario).order_by("seq")]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param({"action": "token-create"}, {"op": "kubeadm", "verb": "token-create"}, id="a token"),
        pytest.param(
            {"action": "token-delete", "name": " abcdef "},
            {"op": "kubeadm", "verb": "token-delete", "name": "abcdef"},
            id="a token goes",
        ),
        pytest.param(
            {"action": "token-delete", "name": "abcdef.0123456789abcdef"},
            {"op": "kubeadm", "verb": "token-delete", "name": "abcdef"},
            id="a whole token",
        ),
        pytest.param(
            {"action": "reset", "name": "worker-2"},
            {"op": "kubeadm", "verb": "reset", "name": "worker-2"},
            id="reset",
        ),
        pytest.param(
            {"action": "reset", "name": "control-plane-1"},
            {"op": "kubeadm", "verb": "reset", "name": "control-plane-1"},
            id="reset of a control plane",
        ),
    ],
)
def test_each_button_is_a_command(client, own, fields, body):
    before = bodies(own)
    assert post(client, own, **fields).status_code == 303
    assert bodies(own) == [*before, body]


@pytest.mark.parametrize(
    ("lang", "fields", "words"),
    [
        pytest.param("en", {"action": "explode"}, "There is no action", id="no such verb"),
        pytest.param("en", {"action": "reset"}, "Which machine?", id="no machine"),
        pytest.param("ko", {"action": "reset", "name": "worker-9"}, "worker-9 머신은 없다", id="no such machine"),
        pytest.param("en", {"action": "token-delete"}, "Which token?", id="no token"),
        pytest.param("ko", {"action": "token-delete", "name": "zzzzzz"}, "bootstrap-token-zzzzzz", id="no such token"),
        pytest.param("en", {"action": "upgrade"}, "To which version?", id="no version"),
        pytest.param("en", {"action": "upgrade", "version": "v9"}, "v9", id="no such version"),
        pytest.param("ko", {"action": "upgrade", "version": "v1.36.0"}, "더 높은 버전으로만", id="an earlier one"),
        pytest.param("en", {"action": "join", "name": "worker-1"}, "part of the cluster", id="it is in already"),
    ],
)
def test_a_refusal_is_told_in_the_readers_language(client, own, lang, fields, words):
    before = bodies(own)
    response = post(client, own, lang, **fields)
    assert response.status_code == 422
    page = response.content.decode()
    alert = re.search(r'<div class="field-errors" role="alert" tabindex="-1">(.*?)</div>', page, re.DOTALL)
    assert alert
    assert words in alert[1]
    assert bodies(own) == before


def test_what_was_typed_is_still_there(client, own):
    page = post(client, own, action="token-delete", name="zzzzzz").content.decode()
    assert re.search(r'id="kubeadm-token" name="name" value="zzzzzz"', page)


def test_the_rows_tell_versions_tokens_and_machines():
    cluster = Cluster.boot(Config(workers=2, version="v1.36.1"))
    rows = kubeadm.kubeadm_rows(cluster.view())
    assert rows["version"] == "v1.36.1"
    assert [one["name"] for one in rows["versions"]] == ["v1.36.2"]
    assert [one["id"] for one in rows["tokens"]] == ["abcdef"]
    assert [row["behind"] for row in rows["rows"]] == [False, False, False]
    cluster.execute(commands.check({"op": "kubeadm", "verb": "upgrade", "version": "v1.36.2"}))
    cluster.run_to_rest()
    rows = kubeadm.kubeadm_rows(cluster.view())
    assert rows["versions"] == []
    assert [row["behind"] for row in rows["rows"]] == [True, True, True]


def test_a_machine_that_was_reset_may_join_again():
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "kubeadm", "verb": "reset", "name": "worker-1"})
    row = kubeadm.kubeadm_rows(cluster.view())["rows"][1]
    assert row["name"] == "worker-1"
    assert row["reset"]
    cluster.run_until(cluster.now_ms + 60_000)
    form = kubeadm.KubeadmForm({"action": "join", "name": "worker-1"}, snapshot=cluster.view())
    assert form.is_valid()
    cluster.execute(commands.check(form.command()))
    cluster.run_to_rest()
    assert not kubeadm.kubeadm_rows(cluster.view())["rows"][1]["out"]


def test_the_phases_of_each_workflow_are_read_off_the_notes():
    cluster = Cluster.boot(Config(workers=1, control_planes=3))
    internals = cluster.view().internals
    found = {
        name: workflows.read(internals.done_by("kubeadm", name), machine.role, first=name.endswith("-1"), up=True)
        for name, machine in cluster.machines.items()
    }
    assert {name: [run.command for run in runs] for name, runs in found.items()} == {
        "control-plane-1": ["init"],
        "control-plane-2": ["join --control-plane"],
        "control-plane-3": ["join --control-plane"],
        "worker-1": ["join"],
    }
    for runs in found.values():
        for run in runs:
            assert run.over
            assert {phase.state for phase in run.phases} == {workflows.DONE}
