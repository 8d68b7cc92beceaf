"""Manifests that other people wrote: each can be pasted, and its page, its figures and its files are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from apps.scenarios import manifests
from apps.scenarios.models import Scenario
from apps.scenarios.session import session

REFERENCE = Path(os.environ.get("K8SDOCS_REFERENCE", Path(__file__).parents[3] / "shared"))
FILES = sorted((REFERENCE / "manifests").glob("*.yaml"))

# What a cluster with addresses of one family alone refuses, as the real one does.
REFUSED = {"dual-stack-ipfamilies-ipv6": 'Invalid value: "IPv6": not configured on this cluster'}


@pytest.mark.skipif(not FILES, reason=f"no manifests in {REFERENCE}")
def test_there_are_manifests():
    assert len(FILES) > 50


@pytest.mark.django_db
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in FILES])
def test_a_real_manifest_is_taken_whole(client, clock, path):
    text = path.read_text(encoding="utf-8")
    response = client.post("/ko/scenarios/new", {"manifest": text})
    refusal = next((why for name, why in REFUSED.items() if path.stem.endswith(name)), "")
    if refusal:
        assert response.status_code == 422
        assert refusal in str(response.context["problems"])
        return
    assert response.status_code == 303, response.context["problems"]
    scenario = Scenario.objects.get()
    clock.pass_ms(90_000)
    for address in (response["Location"], f"{response['Location']}?view=ownership", f"/d/{scenario.id}.yaml"):
        assert client.get(address).status_code == 200
    found = session(scenario.id)
    assert not [mark for mark in found.run.marks if mark.error]
    objects = found.run.view().objects
    there = {(obj["kind"], obj["metadata"]["name"]) for table in objects.values() for obj in table.values()}
    for document in manifests.read(text):
        assert (document.kind, document.name) in there, "never dropped"
