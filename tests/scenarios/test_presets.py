"""The preset library: every story runs, says itself in both languages, and stays what it was when it was published."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from apps.scenarios import links, presets, replay, service
from apps.scenarios.links import Link
from apps.scenarios.making import link_of
from apps.scenarios.source import open_link
from apps.scenarios.story import Entry

PUBLISHED = json.loads((Path(__file__).parent / "published_presets.json").read_text(encoding="utf-8"))
EVERY = [pytest.param(preset, id=preset.id) for preset in presets.library().values()]


@pytest.mark.parametrize("preset", EVERY)
def test_a_published_preset_never_changes(preset):
    """Links name it. A better story gets another name; `retired = true` takes this one off the list."""
    assert PUBLISHED.get(preset.id) == preset.story.digest


def test_no_published_preset_is_gone():
    assert set(PUBLISHED) <= set(presets.library())


@pytest.mark.parametrize("preset", EVERY)
def test_a_preset_runs_without_a_refusal_and_comes_to_rest(preset):
    run = replay.settled(preset.story)
    assert [mark.error for mark in run.marks if mark.error] == []
    assert len(run.marks) == len(preset.story.entries)
    assert run.at_rest


@pytest.mark.parametrize("preset", EVERY)
def test_a_preset_is_told_in_both_languages(preset):
    for words in (preset.title, preset.description):
        assert set(words) == {"ko", "en"}
        assert all(text and text == text.strip() for text in words.values())
    if preset.focus:
        assert replay.settled(preset.story).view().get(preset.focus) is not None
    assert preset.view in service.VIEWS


@pytest.mark.parametrize("preset", EVERY)
def test_the_next_command_comes_when_the_last_has_had_its_effect(preset):
    """A reader sees the end of one thing before the next begins."""
    entries = preset.story.entries
    for before, after in pairwise(entries):
        run = replay.replayed(presets.Story(preset.story.cluster, entries[: entries.index(before) + 1]), after.time_ms)
        assert run.at_rest or run.next_ms() > after.time_ms, f"still busy at {after.time_ms} ms"


def phases(run, prefix: str) -> dict[str, str]:
    pods = run.view().objects["pods"]
    return {key: pod["status"]["phase"] for key, pod in pods.items() if key.startswith(f"default/{prefix}")}


def ready_over_time(run, prefix: str):
    """How many Pods are Ready after each step."""
    ready: dict[str, bool] = {}
    for step in run.cluster.trace.steps:
        if step.ref.startswith(f"pods/default/{prefix}") and step.rank == "change":
            conditions = ((step.after or {}).get("status") or {}).get("conditions") or ()
            ready[step.ref] = step.after is not None and any(
                c["type"] == "Ready" and c["status"] == "True" for c in conditions
            )
            yield step, sum(ready.values())


def test_rolling_update_has_pods_wait_for_room():
    run = replay.settled(presets.get("rolling-update").story)
    assert any(
        step.after is not None and "Insufficient cpu" in json.dumps(step.after.get("status", {}))
        for step in run.cluster.trace.steps
        if step.ref.startswith("pods/default/web-")
    )
    images = {
        pod["spec"]["containers"][0]["image"] for key, pod in run.view().objects["pods"].items() if "/web-" in key
    }
    assert images == {"web:2.0"}
    lowest = min(count for step, count in ready_over_time(run, "web-") if step.time_ms - run.base_ms > 40_000)
    assert lowest == 5  # 6 replicas, at most 25 % unavailable, rounded down


def test_recreate_has_a_moment_without_pods():
    run = replay.settled(presets.get("recreate").story)
    assert min(count for step, count in ready_over_time(run, "web-") if step.time_ms - run.base_ms > 30_000) == 0


def test_a_bad_image_takes_nothing_down_that_was_needed():
    run = replay.settled(presets.get("bad-image").story)
    assert sorted(phases(run, "web-").values()) == ["Pending", "Pending", "Running", "Running", "Running"]


def test_a_stateful_pod_comes_back_by_its_name():
    run = replay.settled(presets.get("active-standby").story)
    uids = {
        step.after["metadata"]["uid"]
        for step in run.cluster.trace.steps
        if step.ref == "pods/default/db-0" and step.after
    }
    assert len(uids) == 2
    assert set(phases(run, "db-")) == {"default/db-0", "default/db-1"}


def test_pods_of_a_dead_node_are_replaced_elsewhere():
    run = replay.settled(presets.get("node-failure").story)
    pods = run.view().objects["pods"].items()
    where = [
        pod["spec"]["nodeName"]
        for key, pod in pods
        if key.startswith("default/web-") and "deletionTimestamp" not in pod["metadata"]
    ]
    assert len(where) == 4
    assert "worker-2" not in where


def test_the_kubeadm_story_begins_with_nothing():
    run = replay.settled(presets.get("kubeadm").story)
    assert run.base == 1
    assert not run.view(1).objects.get("nodes")
    assert len(run.view().objects["nodes"]) == 3


@pytest.mark.parametrize(
    ("text", "ms"),
    [("5m", 300_000), ("1m30s", 90_000), ("1h", 3_600_000), ("0s", 0), ("250ms", 250), ("1.5s", 1500)],
)
def test_durations(text, ms):
    assert presets.milliseconds(text) == ms


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "s5"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="duration"):
        presets.milliseconds(text)


def test_a_link_of_a_link_says_the_same():
    own = (Entry(50_000, {"op": "node", "verb": "cordon", "name": "worker-1"}),)
    for link in (Link("rolling-update"), Link("rolling-update", {"seed": 5}, own, script=1), Link("empty", {}, own)):
        token = links.encode(link)
        assert links.encode(link_of(open_link(token, "en"))) == token


@pytest.mark.parametrize(
    ("name", "replicas"),
    [("scheduler-down", 4), ("apiserver-down", 4), ("etcd-down", 4), ("network-cut", 4), ("ha", 5), ("etcd-quorum", 5)],
)
def test_what_was_broken_is_whole_in_the_end(name, replicas):
    run = replay.settled(presets.get(name).story)
    objects = run.view().objects
    assert objects["deployments"]["default/web"]["status"]["readyReplicas"] == replicas
    assert len([key for key in objects["pods"] if key.startswith("default/web-")]) == replicas
    for node in objects["nodes"].values():
        assert [one["status"] for one in node["status"]["conditions"] if one["type"] == "Ready"] == ["True"]


def test_the_high_availability_story_has_a_change_of_leaders():
    run = replay.settled(presets.get("ha").story)
    told = [step.message for step in run.cluster.trace.steps if step.time_ms > run.base_ms]
    assert told.count("election.acquire") == 2
    assert told.count("etcd.leader") == 1
