"""A request's way as a table, and how far one came that was refused."""

from __future__ import annotations

import re

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import presets, service
from apps.scenarios.models import Command
from apps.scenarios.requested import way_of
from apps.scenarios.source import open_source

pytestmark = pytest.mark.django_db

BAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n"


@pytest.fixture
def own(client):
    link = presets.library()["deployment-create"].link
    response = client.post(f"/en/s/{link}/fork/")
    return response["Location"].rstrip("/").rpartition("/")[2]


def test_every_stage_has_a_row_and_every_field_is_there():
    source = open_source(presets.library()["rolling-update"].link, "en")
    trace = source.run.cluster.trace
    step = next(
        step for step in trace.steps if step.verb == "create" and step.ref.startswith("pods/default/web") and step.after
    )
    html = service.frame(source, step.revision, "apiserver", "en")["detail"]
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)[1:]
    assert len(rows) == 6
    assert "replicaset-controller" in html
    assert "spec.serviceAccountName" in rows[2]
    assert f"revision {step.revision}" in rows[5]


def test_a_refused_request_of_a_component_has_the_rows_up_to_who_refused_it():
    source = open_source(presets.library()["quota"].link, "en")
    trace = source.run.cluster.trace
    step = next(step for step in trace.steps if step.message == "apiserver.refused")
    at = service.check_at(source.run, f"{step.revision}.{trace.after(step)}")
    html = service.frame(source, at, "apiserver", "en")["detail"]
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)[1:]
    assert len(rows) == 5
    assert "ResourceQuota refuses it with 403" in rows[4]
    assert f"at={step.revision}.{trace.after(step)}&" in html


@pytest.mark.parametrize(
    ("stage", "marks"),
    [
        pytest.param("authorization", "yes no none none none none", id="not allowed"),
        pytest.param("validating", "yes yes yes yes no none", id="an admission plugin says no"),
        pytest.param("schema", "yes yes yes no none none", id="a field that is none"),
    ],
)
def test_a_refusal_says_how_far_it_came(stage, marks):
    error = StatusError(403, "Forbidden", "no")
    error.stage = stage
    assert [row["mark"] for row in way_of(error, "en")] == marks.split()


def test_what_no_request_was_has_no_way():
    assert way_of(None, "en") == []
    assert way_of(StatusError(422, "Invalid", "too many"), "en") == []


def test_the_page_of_a_refused_manifest_shows_it(client, own):
    response = client.post(f"/en/s/{own}/commands/", {"form": "yaml", "manifest": BAD})
    assert response.status_code == 422
    text = response.content.decode()
    assert re.search(r'<li class="way-no"><span aria-hidden="true">✕</span> Schema', text)
    assert "not reached" in text


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param(
            {"name": "web:2.0", "exit_after": "5", "exit_code": "3"},
            {"op": "image", "name": "web:2.0", "exit_after": 5, "exit_code": 3},
            id="crashes",
        ),
        pytest.param(
            {"name": "web:2.0", "missing": "on", "purge": "on"},
            {"op": "image", "name": "web:2.0", "missing": True, "purge": True},
            id="missing, and forgotten",
        ),
        pytest.param(
            {"name": "web:2.0", "never_ready": "on", "leak_mib": "8"},
            {"op": "image", "name": "web:2.0", "never_ready": True, "leak_mib": 8},
            id="leaks",
        ),
    ],
)
def test_an_image_is_pushed_as_it_is_said(client, own, fields, body):
    response = client.post(f"/en/s/{own}/commands/", {"form": "image", **fields})
    assert response.status_code == 303
    assert [command.body for command in Command.objects.filter(scenario_id=own)] == [body]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"name": ""}, "name", id="no name"),
        pytest.param({"name": "web:2.0", "exit_code": "3"}, "exit_after", id="a code and no end"),
        pytest.param({"name": "web:2.0", "exit_code": "300", "exit_after": "1"}, "exit_code", id="no such code"),
        pytest.param({"name": "web:2.0", "leak_mib": "much"}, "leak_mib", id="no number"),
    ],
)
def test_what_an_image_cannot_be_is_said_beside_the_field(client, own, fields, field):
    response = client.post(f"/en/s/{own}/commands/", {"form": "image", **fields})
    assert response.status_code == 422
    assert f'id="image-{field}_error"' in response.content.decode()


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param(
            {"action": "fill-disk", "mib": "1024"},
            {"op": "node", "verb": "fill-disk", "name": "worker-1", "mib": 1024},
            id="a disk is filled",
        ),
        pytest.param(
            {"action": "shut-down", "mib": "1024"},
            {"op": "node", "verb": "shut-down", "name": "worker-1"},
            id="a machine shuts down",
        ),
    ],
)
def test_a_machine_is_strained(client, own, fields, body):
    response = client.post(f"/en/s/{own}/commands/", {"form": "break", "machine": "worker-1", **fields})
    assert response.status_code == 303
    assert [command.body for command in Command.objects.filter(scenario_id=own)] == [body]


def test_how_much_has_to_be_said(client, own):
    response = client.post(
        f"/en/s/{own}/commands/", {"form": "break", "machine": "worker-1", "action": "fill-disk", "mib": ""}
    )
    assert response.status_code == 422
    assert "How much?" in response.content.decode()
