"""A CronJob in a scenario: the cluster rests between runs, and the scenario's clock goes on to the next."""

from __future__ import annotations

from apps.scenarios import limits, replay
from apps.scenarios.story import Entry, Story
from tests.cluster.controllers.batch import cron_job


def story(*entries, schedule="* * * * *"):
    first = Entry(1_000, {"op": "create", "objects": [cron_job(schedule)]})
    return Story({"workers": 2}, (first, *entries))


def runs(run):
    """When Jobs were started, in whole minutes of the cluster's day."""
    made = [step for step in run.cluster.trace.steps if step.message == "cronjob.create-job"]
    return [step.time_ms // 60_000 for step in made]


def test_it_goes_on_from_run_to_run_until_the_horizon():
    run = replay.settled(story())
    assert runs(run) == list(range(1, 11))
    assert run.at_rest
    assert run.done_ms <= run.end_ms + limits.HORIZON_MS


def test_the_next_run_is_what_happens_next():
    run = replay.replayed(story(), 10_000)
    assert run.cluster.at_rest
    assert not run.at_rest
    assert run.next_ms() == run.cluster.next_scheduled() - run.base_ms
    assert 40_000 < run.next_ms() < 60_000


def test_suspended_it_waits_for_nothing():
    suspended = {"spec": {"suspend": True}}
    where = {"resource": "cronjobs", "namespace": "default", "name": "tick"}
    patch = Entry(70_000, {"op": "patch", **where, "type": "merge", "body": suspended})
    run = replay.settled(story(patch))
    assert runs(run) == [1]
    assert run.cluster.next_scheduled() is None
    assert run.at_rest


def test_a_run_beyond_the_horizon_keeps_nobody_waiting():
    run = replay.settled(story(schedule="0 12 * * *"))
    assert runs(run) == []
    assert run.at_rest
    assert run.done_ms < 5_000


def test_however_it_was_walked_through_the_story_is_the_same():
    whole = replay.settled(story())
    walked = replay.Run(story())
    for at in range(0, limits.HORIZON_MS + 60_000, 7_000):
        walked.advance(at)
    told = [[(step.time_ms, step.ref, step.message) for step in run.cluster.trace.steps] for run in (whole, walked)]
    assert told[0] == told[1]
