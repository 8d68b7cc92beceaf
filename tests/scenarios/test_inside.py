"""Inside a machine as tables: what runs there, and the way to it from a Pod and from a Node."""

from __future__ import annotations

import re

import pytest

from apps.scenarios import presets, service
from apps.scenarios.inside import inside
from apps.scenarios.source import open_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling():
    return open_source(presets.library()["rolling-update"].link, "en")


def test_the_tables_hold_every_sandbox_of_the_machine_and_no_other(rolling):
    run = rolling.run
    for revision in (run.base, run.head - 140, run.head):
        snapshot = run.view(revision)
        for name in snapshot.machines:
            told = inside(snapshot, f"nodes/{name}", "en", str)
            on_node = {
                f"pods/{key}"
                for key, pod in snapshot.objects["pods"].items()
                if pod["spec"].get("nodeName") == name and pod["status"].get("podIP")
            }
            assert on_node <= {row["ref"] for row in told["pods"]}
            for row in told["pods"]:
                pod = snapshot.get(row["ref"])
                assert pod is None or pod["spec"]["nodeName"] == name


@pytest.mark.parametrize(("lang", "words"), [("ko", "머신 안에서 보기"), ("en", "Inside its machine")])
def test_a_pods_inspector_leads_into_its_machine(rolling, client, lang, words):
    ref = next(f"pods/{key}" for key in rolling.run.view().objects["pods"] if key.startswith("default/web-"))
    made = service.frame(rolling, None, "cluster", lang, focus=ref)
    link = re.search(r'href="([^"]*)" data-turn="node"[^>]*>([^<]*)<', made["inspector"])
    assert link
    assert link[2] == words
    page = client.get(f"/{lang}/s/{rolling.ref}/" + link[1].replace("&amp;", "&")).content.decode()
    node = rolling.run.view().get(ref)["spec"]["nodeName"]
    assert re.search(rf'id="inside-title">[^<]*<code>{node}</code>', page)
    assert "kfig-node" in page


def test_calls_are_the_latest_first_and_those_of_the_revision_are_lit(rolling):
    trace = rolling.run.cluster.trace
    step = next(
        step for step in trace.steps if step.message == "cri.start-container" and step.revision > rolling.run.base
    )
    html = service.frame(rolling, step.revision, "node", "en", focus=f"nodes/{step.node}")["detail"]
    lit = [row for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL) if row.startswith('<tr class="now"')]
    assert any("StartContainer" in row for row in lit)
    revisions = [int(found) for found in re.findall(r'data-seek="(\d+)[."]', html)]
    assert revisions == sorted(revisions, reverse=True)
    assert revisions[0] == step.revision
