"""The CronJob controller at work in a whole cluster. The story begins some seconds after midnight."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.api.validation import batch
from apps.cluster.apimachinery import timestamps
from tests.cluster.controllers.batch import Story, cron_job

Obj = dict[str, Any]
MINUTE = 29_923_200  # of the epoch, at virtual midnight


def started(story: Story) -> list[tuple[str, str]]:
    """(Job, when it was made) of every run."""
    made = [step for step in story.steps("jobs/", "create") if step.component == "cronjob-controller"]
    return [(step.ref.rpartition("/")[2], timestamps.format_ms(step.time_ms)[11:19]) for step in made]


def at(story: Story, clock: str) -> None:
    """Run until a time of the first day."""
    story.cluster.run_until(timestamps.parse(f"2026-11-23T{clock}Z"))


def test_a_job_a_minute() -> None:
    story = Story(cron_job())
    at(story, "00:02:30")
    assert started(story) == [(f"tick-{MINUTE + 1}", "00:01:00"), (f"tick-{MINUTE + 2}", "00:02:00")]
    status = story.status("tick", "cronjobs")
    assert status["lastScheduleTime"] == "2026-11-23T00:02:00Z"
    assert "active" not in status
    assert story.events("CronJob") == [
        f"SuccessfulCreate: Created job tick-{MINUTE + 1}",
        f"SawCompletedJob: Saw completed job: tick-{MINUTE + 1}, condition: Complete",
        f"SuccessfulCreate: Created job tick-{MINUTE + 2}",
        f"SawCompletedJob: Saw completed job: tick-{MINUTE + 2}, condition: Complete",
    ]


def test_its_jobs_are_its_own() -> None:
    story = Story(cron_job())
    at(story, "00:01:01")
    made = story.get("jobs", f"tick-{MINUTE + 1}")
    [owner] = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", "tick", True)
    assert made["metadata"]["annotations"] == {
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-11-23T00:01:00Z"
    }
    [active] = story.status("tick", "cronjobs")["active"]
    assert (active["kind"], active["name"], active["uid"]) == ("Job", made["metadata"]["name"], made["metadata"]["uid"])
    story.delete("cronjobs", "tick")
    story.rest()
    assert story.names("jobs") == story.names("pods") == []


def test_between_two_runs_the_cluster_is_at_rest() -> None:
    story = Story(cron_job("*/5 * * * *"))
    assert story.rest()
    assert story.cluster.now_ms < timestamps.parse("2026-11-23T00:01:00Z")
    assert started(story) == []
    at(story, "00:05:01")
    assert not story.cluster.at_rest
    assert story.rest()
    assert story.cluster.now_ms < timestamps.parse("2026-11-23T00:06:00Z")


@pytest.mark.parametrize(
    ("policy", "runs", "left"),
    [
        pytest.param("Allow", [1, 2, 3], [1, 2, 3], id="Allow: beside each other"),
        pytest.param("Forbid", [1], [1], id="Forbid: not before the last has ended"),
        pytest.param("Replace", [1, 2, 3], [3], id="Replace: instead of the last"),
    ],
)
def test_what_happens_when_the_last_run_is_still_going(policy: str, runs: list[int], left: list[int]) -> None:
    story = Story(cron_job(command="sleep 1000", concurrencyPolicy=policy))
    at(story, "00:03:30")
    assert [name for name, _ in started(story)] == [f"tick-{MINUTE + run}" for run in runs]
    assert story.names("jobs") == [f"tick-{MINUTE + run}" for run in left]
    assert len(story.status("tick", "cronjobs")["active"]) == len(left)
    told = "JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid"
    assert story.events("CronJob", "JobAlreadyActive") == ([told] if policy == "Forbid" else [])


def test_history_limits() -> None:
    story = Story(cron_job(successfulJobsHistoryLimit=2, failedJobsHistoryLimit=0))
    at(story, "00:04:30")
    assert story.names("jobs") == [f"tick-{MINUTE + 3}", f"tick-{MINUTE + 4}"]
    assert story.events("CronJob", "SuccessfulDelete") == [
        f"SuccessfulDelete: Deleted job tick-{MINUTE + 1}",
        f"SuccessfulDelete: Deleted job tick-{MINUTE + 2}",
    ]


def test_suspended_it_misses_runs_and_makes_up_for_the_last() -> None:
    story = Story(cron_job())
    at(story, "00:01:30")
    story.patch("cronjobs", "tick", {"suspend": True})
    at(story, "00:04:30")
    assert len(started(story)) == 1
    story.patch("cronjobs", "tick", {"suspend": False})
    at(story, "00:05:10")
    assert started(story)[1:] == [(f"tick-{MINUTE + 4}", "00:04:30"), (f"tick-{MINUTE + 5}", "00:05:00")]


def test_what_is_too_late_is_left_out() -> None:
    story = Story(cron_job(startingDeadlineSeconds=20))
    story.patch("cronjobs", "tick", {"suspend": True})
    at(story, "00:04:30")
    story.patch("cronjobs", "tick", {"suspend": False})
    at(story, "00:05:10")
    assert started(story) == [(f"tick-{MINUTE + 5}", "00:05:00")]


def test_a_changed_schedule_counts_from_now() -> None:
    story = Story(cron_job("0 12 * * *"))
    at(story, "00:01:30")
    story.patch("cronjobs", "tick", {"schedule": "*/2 * * * *"})
    at(story, "00:04:30")
    assert started(story) == [(f"tick-{MINUTE + 2}", "00:02:00"), (f"tick-{MINUTE + 4}", "00:04:00")]


def test_the_time_zone_is_the_one_it_names() -> None:
    story = Story(cron_job("5 9 * * *", timeZone="Asia/Seoul"))
    at(story, "00:06:00")
    assert started(story) == [(f"tick-{MINUTE + 5}", "00:05:00")]


def test_a_time_zone_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    # The API server knows zones that the controller does not.
    monkeypatch.setattr(batch, "is_zone", lambda zone: True)
    story = Story(cron_job(timeZone="Moon/Tycho"))
    at(story, "00:02:30")
    assert started(story) == []
    assert story.events("CronJob") == ['UnknownTimeZone: invalid timeZone: "Moon/Tycho": unknown time zone Moon/Tycho']


def test_a_day_that_never_comes_is_told() -> None:
    story = Story(cron_job("0 0 31 2 *"))
    story.rest()
    assert story.events("CronJob") == [
        "InvalidSchedule: invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"
    ]


def test_after_the_controllers_were_down_the_last_run_is_made_up_for() -> None:
    story = Story(cron_job())
    at(story, "00:01:30")
    manager = story.cluster.processes["kube-controller-manager"]
    manager.stop()
    at(story, "00:04:30")
    manager.start()
    at(story, "00:05:10")
    assert [name for name, _ in started(story)] == [f"tick-{MINUTE + run}" for run in (1, 4, 5)]
