"""Steps that write nothing have addresses: between two revisions of one story, each can be sought and linked."""

from __future__ import annotations

import json

import pytest

from apps.scenarios import moments, presets, service
from apps.scenarios.limits import Said
from apps.scenarios.replay import settled
from apps.scenarios.source import open_source

pytestmark = pytest.mark.django_db

PRESETS = ("kubeadm", "deployment-create", "node-failure", "etcd-quorum")


def run_of(name):
    return settled(presets.library()[name].story)


@pytest.mark.parametrize("name", PRESETS)
def test_each_step_has_an_address_of_its_own_and_leads_back_to_it(name):
    run = run_of(name)
    trace = run.cluster.trace
    seen = set()
    for step in trace.steps[run.first :]:
        text = moments.address(trace, step)
        at = service.check_at(run, text)
        assert str(at) == text
        if step.rank != "note":
            continue
        assert text not in seen
        seen.add(text)
        assert run.position(at) == step.index
        assert trace.steps[run.position(at) - 1] is step
    assert seen


@pytest.mark.parametrize("name", PRESETS)
def test_a_revision_means_what_it_did(name):
    run = run_of(name)
    trace = run.cluster.trace
    for revision in range(run.base + 1, run.head, 7):
        whole = run.view(service.check_at(run, str(revision)))
        last = trace.position(revision) - trace.position(revision, 0)
        stepped = run.view(moments.Moment(revision, last))
        assert whole.objects == stepped.objects
        assert whole.machines == stepped.machines
        assert whole.scheduling.queues() == stepped.scheduling.queues()


@pytest.mark.parametrize("text", ["455.", ".3", "455.03", "455.-1", "4.5.6", "٤٥٥", "455,3", "1e3", "455.3 "])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(Said) as refused:
        service.check_at(run_of("deployment-create"), text)
    assert refused.value.code == 400


def test_a_step_that_never_was_is_not_found():
    run = run_of("kubeadm")
    for text in (f"{run.head + 1}.1", "1.5000", f"{run.head}.9000"):
        with pytest.raises(Said) as refused:
            service.check_at(run, text)
        assert refused.value.code == 404


def test_what_was_before_the_story_is_not_found():
    run = run_of("deployment-create")
    with pytest.raises(Said) as refused:
        service.check_at(run, f"{run.base - 1}.0")
    assert refused.value.code == 404


def test_a_machine_is_off_from_its_note_on():
    run = run_of("node-failure")
    trace = run.cluster.trace
    off = next(step for step in trace.steps[run.first :] if step.verb == "power-off")
    after = trace.after(off)
    assert run.view(moments.Moment(off.revision, after)).machines[off.node].power == "off"
    assert run.view(moments.Moment(off.revision, after - 1)).machines[off.node].power == "on"


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_pages_frames_steps_and_files_know_moments(client, lang):
    link = presets.library()["kubeadm"].link
    frame = client.get(f"/{lang}/s/{link}/frame/?view=kubeadm&at=1.4").json()
    assert (frame["revision"], frame["at"], frame["step"]["verb"]) == (1, "1.4", "write-certificate")
    assert frame["step"]["at"] == "1.4"
    steps = client.get(f"/{lang}/s/{link}/steps/").json()["steps"]
    assert [step["at"] for step in steps[:3]] == ["1.1", "1.2", "1.3"]
    page = client.get(f"/{lang}/s/{link}/?view=kubeadm&at=1.4").content.decode()
    assert 'data-at="1.4"' in page
    assert 'href="?view=kubeadm&amp;at=1.3"' in page
    assert 'href="?view=kubeadm&amp;at=1.5"' in page
    one, two = (client.get(f"/d/{link}.svg?view=kubeadm&at=1.{number}&lang={lang}") for number in (3, 4))
    assert one.status_code == two.status_code == 200
    assert one.content != two.content
    told = json.loads(client.get(f"/d/{link}.json?at=1.4").content)
    assert len(told["steps"]) == 4
    assert client.get(f"/embed/{link}/?view=kubeadm&at=1.4&lang={lang}").status_code == 200
    assert client.get(f"/embed/{link}/?view=kubeadm&from=1.0&to=1.20&lang={lang}").status_code == 200


def test_frames_of_one_revision_are_not_mixed_up():
    source = open_source(presets.library()["kubeadm"].link, "en")
    digests = [
        service.frame(source, service.check_at(source.run, text), "kubeadm", "en")["digest"]
        for text in ("1.3", "1.4", "1", "1.3")
    ]
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3
