"""A stored scenario: time, the log, and what several processes and threads make of it."""

from __future__ import annotations

import threading

import pytest
from django.db import close_old_connections

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import limits, making, manifests, presets, replay
from apps.scenarios.models import Command, Scenario
from apps.scenarios.session import Session
from apps.scenarios.story import Entry, Story

SCALE = {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 5}


def deployment(session: Session) -> dict:
    return session.run.view().objects["deployments"]["default/web"]


def history(session: Session) -> str:
    return replay.digest_of(session.run.cluster.trace.steps)


def test_time_passes_by_the_anchored_clock(made, clock):
    session = Session(made.scenario.id)
    session.sync()
    assert session.run.head == session.run.base or deployment(session)["status"].get("readyReplicas") is None
    clock.pass_ms(60_000)
    session.sync()
    assert deployment(session)["status"]["readyReplicas"] == 3


def test_a_cluster_at_rest_stands_still(made, clock):
    session = Session(made.scenario.id)
    clock.pass_ms(60_000)
    session.sync()
    rest = session.now_ms()
    clock.pass_ms(3_600_000)
    session.sync()
    assert session.run.at_rest
    assert session.now_ms() == rest
    assert session.wait_ms() is None
    session.execute(SCALE)
    assert Command.objects.get().time_ms == rest


def test_an_accepted_command_is_in_the_log_and_a_new_copy_tells_the_same(made, clock):
    session = Session(made.scenario.id)
    clock.pass_ms(2_000)
    session.execute(SCALE)
    clock.pass_ms(700)
    session.execute({"op": "node", "verb": "cordon", "name": "worker-1"})
    clock.pass_ms(60_000)
    session.sync()
    other = Session(made.scenario.id)
    other.sync()
    assert deployment(other)["status"]["readyReplicas"] == 5
    assert [command.seq for command in Command.objects.all()] == [1, 2]
    assert history(other) == history(session)


def test_a_refused_command_changes_nothing_and_is_not_in_the_log(made, clock):
    session = Session(made.scenario.id)
    clock.pass_ms(30_000)
    session.execute(SCALE)
    clock.pass_ms(30_000)
    session.sync()
    before = history(session)
    with pytest.raises(StatusError) as caught:
        session.execute({**SCALE, "name": "nosuch"})
    assert caught.value.code == 404
    assert history(session) == before
    assert Command.objects.count() == 1


def test_of_several_commands_all_happen_or_none(made, clock):
    session = Session(made.scenario.id)
    clock.pass_ms(30_000)
    with pytest.raises(StatusError):
        session.execute_all([Entry(0, SCALE), Entry(0, {**SCALE, "name": "nosuch"})])
    assert deployment(session)["spec"]["replicas"] == 3
    assert Command.objects.count() == 0


def test_a_copy_that_is_behind_takes_in_what_another_wrote(made, clock):
    first, second = Session(made.scenario.id), Session(made.scenario.id)
    clock.pass_ms(10_000)
    first.execute(SCALE)
    second.sync()
    assert deployment(second)["spec"]["replicas"] == 5
    assert second.epoch == 1


def test_two_copies_that_write_at_once_are_ordered_by_the_log(made, clock):
    first, second = Session(made.scenario.id), Session(made.scenario.id)
    clock.pass_ms(10_000)
    first.sync()
    second.sync()
    first.execute(SCALE)
    # The second has not heard: its place in the log is taken, so it tries again after the other's.
    second.sync = lambda synced=[]: synced.append(1) or (Session.sync(second) if len(synced) > 1 else None)
    second.execute({**SCALE, "replicas": 4})
    first.sync()
    assert deployment(first)["spec"]["replicas"] == 4
    assert [command.body["replicas"] for command in Command.objects.all()] == [5, 4]
    assert history(first) == history(second)


def test_a_copy_that_ran_ahead_of_a_command_replays(made, clock):
    ahead, other = Session(made.scenario.id), Session(made.scenario.id)
    clock.pass_ms(500)
    other.sync()
    other.execute(SCALE)
    clock.pass_ms(30_000)
    Command.objects.update(time_ms=500)
    ahead.run.advance(20_000)
    ahead.sync()
    assert ahead.epoch == 2
    other.sync()
    assert history(ahead) == history(other)


@pytest.mark.django_db(transaction=True)
def test_sixteen_writers_lose_nothing(clock):
    made = making.from_preset("empty", documents=manifests.read(WEB_TEXT))
    clock.pass_ms(20_000)
    sessions = [Session(made.scenario.id) for _ in range(4)]
    errors = []

    def write(number: int) -> None:
        try:
            sessions[number % 4].execute({**SCALE, "replicas": number})
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    log = list(Command.objects.order_by("seq"))
    assert [command.seq for command in log] == list(range(1, 17))
    assert sorted(command.body["replicas"] for command in log) == list(range(1, 17))
    for session in sessions:
        session.sync()
        assert deployment(session)["spec"]["replicas"] == log[-1].body["replicas"]
    assert len({history(session) for session in sessions}) == 1


WEB_TEXT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
"""


def test_a_script_plays_until_its_editor_takes_over(db, clock):
    made = making.from_preset("rolling-update")
    session = Session(made.scenario.id)
    clock.pass_ms(20_000)
    session.execute({**SCALE, "replicas": 4})
    clock.pass_ms(120_000)
    session.sync()
    image = deployment(session)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "web:1.0"
    fresh = Session(made.scenario.id)
    fresh.sync()
    assert history(fresh) == history(session)


def test_pause_speed_and_step(db, clock):
    made = making.from_preset("deployment-create")
    session = Session(made.scenario.id)
    session.set_clock(0)
    clock.pass_ms(60_000)
    session.sync()
    assert session.now_ms() == 0
    head = session.head
    session.step_forward()
    assert session.head > head
    session.set_clock(10.0)
    clock.pass_ms(1_000)
    session.sync()
    assert session.now_ms() > 5_000
    with pytest.raises(StatusError, match="speed"):
        session.set_clock(7.0)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param({**SCALE, "replicas": 100_000}, "replicas", id="a hundred thousand replicas"),
        pytest.param(
            {
                "op": "patch",
                "resource": "deployments",
                "name": "web",
                "namespace": "default",
                "body": {"spec": {"replicas": 1001}},
            },
            "replicas",
            id="too many by a patch",
        ),
        pytest.param(
            {
                "op": "patch",
                "resource": "deployments",
                "name": "web",
                "namespace": "default",
                "type": "json",
                "body": [{"op": "replace", "path": "/spec/replicas", "value": 5000}],
            },
            "replicas",
            id="too many by a JSON patch",
        ),
    ],
)
def test_too_much_is_refused_with_the_limit_and_leaves_no_trace(made, clock, body, name):
    session = Session(made.scenario.id)
    clock.pass_ms(30_000)
    with pytest.raises(limits.LimitExceeded) as caught:
        session.execute(body)
    assert caught.value.name == name
    assert deployment(session)["spec"]["replicas"] == 3
    assert Command.objects.count() == 0


def test_too_many_workers_are_refused(db, clock):
    made = making.from_preset("empty", cluster={"workers": 20})
    session = Session(made.scenario.id)
    with pytest.raises(limits.LimitExceeded, match="20"):
        session.execute({"op": "node", "verb": "join", "name": "worker-21"})
    with pytest.raises(limits.LimitExceeded, match="20"):
        making.from_preset("empty", cluster={"workers": 21})


def test_too_many_pods_in_all_are_refused(made, clock):
    session = Session(made.scenario.id)
    clock.pass_ms(1_000)
    session.execute({**SCALE, "replicas": 1000})
    objects = [
        document.obj
        for document in manifests.read(
            WEB_TEXT.replace("name: web}", "name: more}", 1).replace("replicas: 3", "replicas: 1000")
        )
    ]
    session.execute({"op": "apply", "objects": objects})
    with pytest.raises(limits.LimitExceeded, match="2,000"):
        session.execute({"op": "apply", "objects": [{**objects[0], "metadata": {"name": "third"}}]})


def test_a_log_that_is_full_says_so(made, clock, monkeypatch):
    monkeypatch.setattr(limits, "COMMANDS", 1)
    session = Session(made.scenario.id)
    session.execute(SCALE)
    with pytest.raises(limits.LimitExceeded) as caught:
        session.execute({**SCALE, "replicas": 2})
    assert caught.value.name == "commands"


def test_one_address_may_not_make_too_many(db, clock, monkeypatch):
    monkeypatch.setattr(limits, "SCENARIOS_PER_HOUR", 2)
    for _ in range(2):
        making.from_preset("empty", maker="somebody")
    making.from_preset("empty", maker="somebody else")
    with pytest.raises(limits.LimitExceeded) as caught:
        making.from_preset("empty", maker="somebody")
    assert caught.value.code == 429


def test_tokens_are_stored_as_digests_only(made):
    row = Scenario.objects.values().get()
    assert made.key not in str(row)
    assert made.view_token not in str(row)
    assert len(made.scenario.id) == 10


def test_every_story_is_the_same_in_every_process(tmp_path):
    """The digest of a history does not depend on the process, nor on its hash seed."""
    import subprocess
    import sys

    code = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'k8sdocs.settings_test'; django.setup()\n"
        "from apps.scenarios import presets, replay\n"
        "for name in ('rolling-update', 'statefulset', 'node-failure'):\n"
        "    run = replay.settled(presets.get(name).story)\n"
        "    print(replay.digest_of(run.cluster.trace.steps))\n"
    )
    import os

    digests = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "12345")
    ]
    assert digests[0] == digests[1] != ""


def test_a_story_restored_from_a_booted_cluster_is_the_story_booted_for_itself():
    from apps.cluster.cluster import Cluster

    story = presets.get("rolling-update").story
    run = replay.replayed(story, 50_000)
    config, _bare = replay.config_of(story.cluster)
    alone = Run_(Cluster.boot(config), story, 50_000)
    assert replay.digest_of(run.cluster.trace.steps) == replay.digest_of(alone.trace.steps)


def Run_(cluster, story: Story, until: int):
    base = cluster.base_ms
    for entry in story.entries:
        if entry.time_ms <= until:
            cluster.run_until(base + entry.time_ms)
            cluster.execute(entry.body)
    while not cluster.at_rest and (due := cluster.next_due()) is not None and due <= base + until:
        cluster.run_until(due)
    return cluster


@pytest.mark.parametrize("type_", ["merge", "strategic"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"spec": {"replicas": "three"}}, id="a word for a number"),
        pytest.param({"spec": {"template": {"spec": {"containers": "x"}}}}, id="text for a list"),
        pytest.param(
            {"spec": {"template": {"spec": {"containers": [{"name": "web", "nosuch": 1}]}}}}, id="no such field"
        ),
        pytest.param({"metadata": 7}, id="no metadata"),
        pytest.param({"metadata": {"labels": {"a": 5}}}, id="a number for a label"),
        pytest.param({"metadata": {"name": "other"}}, id="another name"),
        pytest.param({"kind": "Pod"}, id="another kind"),
        pytest.param({"spec": None}, id="no spec"),
    ],
)
def test_a_patch_that_breaks_an_object_is_refused(made, clock, type_, body):
    session = Session(made.scenario.id)
    clock.pass_ms(30_000)
    patch = {
        "op": "patch",
        "resource": "deployments",
        "namespace": "default",
        "name": "web",
        "type": type_,
        "body": body,
    }
    with pytest.raises(StatusError) as caught:
        session.execute(patch)
    assert caught.value.code in {400, 404, 422}
    assert Command.objects.count() == 0
