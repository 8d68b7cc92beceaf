"""The panel that breaks things, and the slider of a load: the commands they post, and what the pages show of it."""

from __future__ import annotations

import re

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.scenarios import commands, presets
from apps.scenarios.forms import breaking
from apps.scenarios.models import Command
from apps.scenarios.session import session

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("runtime", ["containerd", "cri-dockerd"])
def test_the_runtime_has_its_own_name_in_the_panel(runtime):
    cluster = Cluster.boot(Config(workers=1, runtime=runtime))
    row = breaking.machines_of(cluster.view(), "en")["rows"][1]
    assert [program["name"] for program in row["programs"]] == ["kubelet", runtime, "kube-proxy", "calico-node"]
    form = breaking.BreakForm({"machine": row["name"], "action": f"stop:{runtime}"})
    assert form.is_valid()
    cluster.execute(commands.check(form.command()))
    row = breaking.machines_of(cluster.view(), "en")["rows"][1]
    assert row["programs"][1]["stopped"]


@pytest.fixture
def own(client):
    """A scenario of one's own, and the client that may change it."""
    link = presets.library()["deployment-create"].link
    response = client.post(f"/en/s/{link}/fork/")
    return response["Location"].rstrip("/").rpartition("/")[2]


def post(client, scenario, **fields):
    return client.post(f"/en/s/{scenario}/commands/", fields)


def bodies(scenario):
    return [command.body for command in Command.objects.filter(scenario_id=scenario).order_by("seq")]


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param(
            {"machine": "control-plane-1", "action": "stop:kube-scheduler"},
            {"op": "component", "verb": "stop", "name": "kube-scheduler", "node": "control-plane-1"},
            id="stop a program",
        ),
        pytest.param(
            {"machine": "control-plane-1", "action": "etcd-fill"}, {"op": "etcd", "verb": "fill"}, id="etcd's quota"
        ),
        pytest.param(
            {"machine": "worker-1", "action": "crash:crio"},
            {"op": "component", "verb": "crash", "name": "crio", "node": "worker-1"},
            id="crash a program",
        ),
        pytest.param(
            {"machine": "worker-1", "action": "stop:kube-proxy"},
            {"op": "component", "verb": "stop", "name": "kube-proxy", "node": "worker-1"},
            id="stop an agent",
        ),
        pytest.param(
            {"machine": "worker-1", "action": "cut-network", "peer": ""},
            {"op": "node", "verb": "cut-network", "name": "worker-1"},
            id="cut off from everyone",
        ),
        pytest.param(
            {"machine": "worker-1", "action": "cut-network", "peer": "worker-2"},
            {"op": "node", "verb": "cut-network", "name": "worker-1", "peer": "worker-2"},
            id="cut off from one",
        ),
        pytest.param(
            {"machine": "worker-1", "action": "reboot", "peer": "worker-2"},
            {"op": "node", "verb": "reboot", "name": "worker-1"},
            id="reboot",
        ),
    ],
)
def test_each_button_is_a_command(client, own, fields, body):
    assert post(client, own, form="break", **fields).status_code == 303
    assert bodies(own) == [body]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"machine": "worker-1", "action": "explode:etcd"}, "There is no action", id="no such verb"),
        pytest.param({"machine": "worker-1", "action": "stop:sshd"}, "There is no action", id="no such program"),
        pytest.param({"machine": "worker-9", "action": "stop:kubelet"}, "worker-9", id="no such machine"),
        pytest.param({"machine": "worker-1", "action": "stop:etcd"}, "etcd", id="not installed there"),
        pytest.param({"machine": "worker-1", "action": "start:kubelet"}, "kubelet", id="runs already"),
    ],
)
def test_what_cannot_be_is_refused_in_words(client, own, fields, words):
    response = post(client, own, form="break", **fields)
    assert response.status_code == 422
    alert = re.search(r'class="problem-list" role="alert">(.*?)</div>', response.content.decode(), re.DOTALL)
    assert alert
    assert words in alert[1]
    assert bodies(own) == []


def test_a_program_that_is_away_is_shown_as_away(client, own):
    post(client, own, form="break", machine="control-plane-1", action="stop:kube-scheduler")
    found = session(own)
    found.step_forward()
    for _ in range(12):
        found.step_forward()
    text = client.get(f"/en/s/{own}/").content.decode()
    assert "kube-scheduler: stopped" in text
    assert 'value="start:kube-scheduler"' in text
    part = re.search(r'<g id="fig-kube-scheduler" class="([^"]*)"', text)
    assert part
    assert {"st-Failed", "down"} <= set(part[1].split())


def test_the_slider_sets_a_load_and_shows_it(client, own):
    where = {"resource": "deployments", "namespace": "default", "name": "web"}
    assert post(client, own, form="load", load="1500", per="total", **where).status_code == 303
    assert bodies(own) == [{"op": "load", **where, "cpu": "1500m", "per": "total"}]
    text = client.get(f"/en/s/{own}/").content.decode()
    assert re.search(r'type="range"[^>]*value="1500"', text)
    assert "1.5 cpu" in text
    assert post(client, own, form="load", load="0", per="total", **where).status_code == 303
    assert 'value="1500"' not in client.get(f"/en/s/{own}/").content.decode()


@pytest.mark.parametrize("load", ["-1", "much", "100000000000"])
def test_a_load_out_of_bounds_is_refused(client, own, load):
    response = post(client, own, form="load", load=load, resource="deployments", namespace="default", name="web")
    assert response.status_code == 422
    assert bodies(own) == []


def test_who_only_watches_has_nothing_to_break(client, own):
    client.cookies.clear()
    text = client.get(f"/en/s/{own}/").content.decode()
    for form in re.findall(r'data-ref="(?:break|load)/.*?</form>', text, re.DOTALL):
        assert "<fieldset disabled>" in form
    assert post(client, own, form="break", machine="worker-1", action="reboot").status_code == 403


@pytest.mark.parametrize(("lang", "words"), [("en", "has reached its quota"), ("ko", "할당량에 닿아")])
def test_a_full_etcd_says_so_in_the_readers_language(client, own, lang, words):
    fill = {"form": "break", "machine": "control-plane-1", "action": "etcd-fill"}
    assert client.post(f"/{lang}/s/{own}/commands/", fill).status_code == 303
    refused = client.post(f"/{lang}/s/{own}/commands/", fill)
    assert refused.status_code in (409, 422)
    page = refused.content.decode()
    assert words in page
    assert "etcd-free" in page
