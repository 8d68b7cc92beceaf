"""The pure half of the CronJob controller: when a schedule comes due, and which run that is."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.controllers.cronjob import due, schedule
from apps.cluster.controllers.cronjob.cronjob_controller import job_from
from apps.cluster.controllers.cronjob.schedule import BadSchedule


def next_after(text: str, after: str, zone: str = "") -> str | None:
    found = schedule.parse(text, zone)(timestamps.parse(after))
    return None if found is None else timestamps.format_ms(found)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        pytest.param("* * * * *", "2026-11-23T00:00:00Z", "2026-11-23T00:01:00Z", id="every minute, not this one"),
        pytest.param("* * * * *", "2026-11-23T00:00:59Z", "2026-11-23T00:01:00Z", id="a second before the minute"),
        pytest.param("*/15 * * * *", "2026-11-23T09:14:00Z", "2026-11-23T09:15:00Z", id="every quarter of an hour"),
        pytest.param("5/20 * * * *", "2026-11-23T09:26:00Z", "2026-11-23T09:45:00Z", id="from 5 on, every 20"),
        pytest.param("0 9-17/4 * * *", "2026-11-23T14:00:00Z", "2026-11-23T17:00:00Z", id="a range with a step"),
        pytest.param("30 2 1,15 * *", "2026-11-23T00:00:00Z", "2026-12-01T02:30:00Z", id="two days of the month"),
        pytest.param("0 0 * * mon-fri", "2026-11-27T12:00:00Z", "2026-11-30T00:00:00Z", id="days by name"),
        pytest.param("0 0 * JAN,jun *", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00Z", id="months by name"),
        pytest.param("0 0 13 * fri", "2026-11-23T00:00:00Z", "2026-11-27T00:00:00Z", id="a 13th or a Friday"),
        pytest.param("0 0 13 * *", "2026-11-23T00:00:00Z", "2026-12-13T00:00:00Z", id="a 13th, any weekday"),
        pytest.param("0 0 */2 * fri", "2026-11-23T00:00:00Z", "2026-11-25T00:00:00Z", id="a star with a step"),
        pytest.param("0 0 ? * 0", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z", id="a question mark is a star"),
        pytest.param("0 0 29 2 *", "2026-11-23T00:00:00Z", "2028-02-29T00:00:00Z", id="waits for a leap year"),
        pytest.param("0 0 31 2 *", "2026-11-23T00:00:00Z", None, id="a day that never comes"),
        pytest.param("@hourly", "2026-11-23T00:30:00Z", "2026-11-23T01:00:00Z", id="hourly"),
        pytest.param("@daily", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", id="daily"),
        pytest.param("@weekly", "2026-11-23T00:00:00Z", "2026-11-29T00:00:00Z", id="weekly, on Sunday"),
        pytest.param("@monthly", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z", id="monthly"),
        pytest.param("@yearly", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00Z", id="yearly"),
        pytest.param("@every 1h30m", "2026-11-23T00:00:07Z", "2026-11-23T01:30:07Z", id="every so often"),
        pytest.param("@every 100ms", "2026-11-23T00:00:00Z", "2026-11-23T00:00:01Z", id="at most every second"),
    ],
)
def test_the_next_time_of_a_schedule(text: str, after: str, expected: str | None) -> None:
    assert next_after(text, after) == expected


@pytest.mark.parametrize(
    ("text", "after", "zone", "expected"),
    [
        pytest.param("0 9 * * *", "2026-11-23T00:00:00Z", "Asia/Seoul", "2026-11-24T00:00:00Z", id="nine in Seoul"),
        pytest.param("0 9 * * *", "2026-11-22T23:59:59Z", "Asia/Seoul", "2026-11-23T00:00:00Z", id="just before it"),
        pytest.param(
            "30 2 * * *", "2026-03-08T00:00:00Z", "America/New_York", "2026-03-09T06:30:00Z", id="a time left out"
        ),
        pytest.param(
            "30 1 * * *",
            "2026-11-01T05:30:00Z",
            "America/New_York",
            "2026-11-01T06:30:00Z",
            id="a time twice",
        ),
        pytest.param(
            "0 0 * * *", "2018-11-03T12:00:00Z", "America/Sao_Paulo", "2018-11-05T02:00:00Z", id="a midnight left out"
        ),
    ],
)
def test_time_zones(text: str, after: str, zone: str, expected: str) -> None:
    assert next_after(text, after, zone) == expected
    assert next_after(f"TZ={zone} {text}", after) == expected


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        pytest.param("* * * *", "", "expected exactly 5 fields, found 4: [* * * *]", id="four fields"),
        pytest.param("* * * * *", "Moon/Tycho", "unknown time zone Moon/Tycho", id="no such zone"),
        pytest.param(
            "TZ=Moon/Tycho * * * * *",
            "",
            "provided bad location Moon/Tycho: unknown time zone",
            id="nor inside",
        ),
    ],
)
def test_what_is_no_schedule(text: str, zone: str, expected: str) -> None:
    with pytest.raises(BadSchedule, match=expected.replace("[", r"\[").replace("*", r"\*")):
        schedule.parse(text, zone)


def cron_job(text: str = "*/5 * * * *", last: str = "", **spec: Any) -> Obj:
    metadata = {"name": "tick", "namespace": "default", "uid": "cj", "creationTimestamp": "2026-11-23T08:58:00Z"}
    status = {"lastScheduleTime": last} if last else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {"schedule": text, "jobTemplate": {"spec": {"template": {}}}, **spec},
        "status": status,
    }


@pytest.mark.parametrize(
    ("given", "now", "expected"),
    [
        pytest.param(cron_job(), "2026-11-23T08:59:59Z", (None, 0), id="not yet"),
        pytest.param(cron_job(), "2026-11-23T09:00:00Z", ("2026-11-23T09:00:00Z", 0), id="now"),
        pytest.param(cron_job(), "2026-11-23T09:04:59Z", ("2026-11-23T09:00:00Z", 0), id="a little late"),
        pytest.param(cron_job(), "2026-11-23T09:12:00Z", ("2026-11-23T09:10:00Z", 3), id="the most recent of three"),
        pytest.param(
            cron_job(last="2026-11-23T09:10:00Z"), "2026-11-23T09:12:00Z", (None, 0), id="what has run is not due again"
        ),
        pytest.param(
            cron_job(startingDeadlineSeconds=60),
            "2026-11-23T09:12:00Z",
            (None, 0),
            id="a deadline forgets",
        ),
        pytest.param(cron_job(), "2026-11-24T09:12:00Z", ("2026-11-24T09:10:00Z", 291), id="after a day without"),
    ],
)
def test_which_run_is_due(given: Obj, now: str, expected: tuple[str | None, int]) -> None:
    found = due.most_recent(given, timestamps.parse(now), schedule.parse(given["spec"]["schedule"]), with_deadline=True)
    told = timestamps.format_ms(found.due_ms) if found.due_ms is not None else None
    assert (told, found.missed) == expected


def test_a_day_that_never_comes_is_never_due() -> None:
    given = cron_job("59 23 31 2 *")
    after = schedule.parse("59 23 31 2 *")
    with pytest.raises(due.NoInterval, match="time difference between two schedules is less than 1 second"):
        due.most_recent(given, 0, after, with_deadline=True)
    assert due.wait_ms(given, 0, after) is None


def test_a_run_is_named_by_its_minute_and_told_in_its_time_zone() -> None:
    given = cron_job(timeZone="Asia/Seoul")
    job = job_from(given, timestamps.parse("2026-11-23T04:04:00Z"))
    assert name_of(job) == "tick-29923444"
    assert job["metadata"]["annotations"] == {
        "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-11-23T13:04:00+09:00"
    }
