"""Why this node: the tables beside the scheduler's figure, and how one gets there."""

from __future__ import annotations

import re

import pytest

from apps.scenarios import presets, service
from apps.scenarios.source import open_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def rolling():
    return open_source(presets.library()["rolling-update"].link, "en")


def frame(source, at, focus="", lang="en"):
    return service.frame(source, at, "scheduler", lang, focus=focus)


def binding(source, number=0):
    steps = [step for step in source.run.cluster.trace.steps if step.verb == "bind" and step.revision > source.run.base]
    return steps[number]


def scored(source):
    """The first bind that was a choice."""
    for step in source.run.cluster.trace.steps:
        if step.verb == "bind" and step.revision > source.run.base:
            decision = source.run.view(step.revision).scheduling.decision(step.ref.partition("/")[2])
            if decision.scores:
                return step, decision
    raise AssertionError


def test_the_table_has_every_node_every_plugin_and_the_sum(rolling):
    step, decision = scored(rolling)
    html = frame(rolling, step.revision)["detail"]
    assert "Why this node?" in html
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">.*?</tr>", html, re.DOTALL)
    for verdict in decision.verdicts:
        assert any(verdict.node in row for row in rows)
        for reason in verdict.reasons:
            assert reason in html
    for node in decision.scores:
        row = next(row for row in rows if node.node in row and "total" in row)
        for part in node.scores:
            assert f"{part.normalized * part.weight}</span>" in row
        assert f">{node.total}</span>" in row
    assert html.count('class="chosen"') >= 2


def test_the_past_shows_the_decision_of_its_moment(rolling):
    step = binding(rolling)
    focus = step.ref
    before = frame(rolling, step.revision - 1, focus)
    after = frame(rolling, step.revision, focus)
    assert "It waits for its first turn" in before["detail"]
    assert "Attempts" in after["detail"]
    assert before["digest"] != after["digest"]


def test_a_pod_that_fits_nowhere_has_the_exact_message_and_its_queue(rolling):
    trace = rolling.run.cluster.trace
    step = next(
        step for step in trace.steps if step.message == "scheduler.unschedulable" and step.revision > rolling.run.base
    )
    html = frame(rolling, step.revision, step.ref)["detail"]
    assert "Why no node?" in html
    assert "Insufficient cpu" in html
    assert "Unschedulable" in html or "Backoff" in html


@pytest.mark.parametrize(("lang", "words"), [("ko", "왜 이 노드인가?"), ("en", "Why this node?")])
def test_the_inspector_of_a_pod_leads_to_its_decision(rolling, client, lang, words):
    step = binding(rolling)
    made = service.frame(rolling, step.revision, "cluster", lang, focus=step.ref)
    link = re.search(r'<a class="textlink" href="([^"]*)" data-turn="scheduler"', made["inspector"])
    assert link, made["inspector"]
    assert words in made["inspector"]
    page = client.get(f"/{lang}/s/{rolling.ref}/" + link[1].replace("&amp;", "&"))
    assert page.status_code == 200
    text = page.content.decode()
    assert step.ref.rpartition("/")[2] in re.search(r'id="decided-title">(.*?)</h2>', text, re.DOTALL)[1]
    assert "kfig-scheduler" in text


@pytest.mark.parametrize("format", ["svg", "png", "dot", "mmd"])
def test_the_figure_is_a_file_too_and_the_file_is_of_the_same_pod(rolling, client, format):
    step = binding(rolling, 3)
    response = client.get(f"/d/{rolling.ref}.{format}?view=scheduler&at={step.revision}&focus={step.ref}&lang=en")
    assert response.status_code == 200
    if format != "png":
        assert step.ref.rpartition("/")[2] in response.content.decode()


def test_other_views_have_no_tables(rolling):
    assert service.frame(rolling, rolling.run.base, "cluster", "ko")["detail"] == ""
