"""Which run of a CronJob is due, how many were missed, and when to look again.

Models      pkg/controller/cronjob/utils.go (mostRecentScheduleTime, nextScheduleTime, nextScheduleTimeDuration)
Leaves out  nothing

Pure. Instants are milliseconds of virtual time.
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.controllers.cronjob.schedule import Next

DELTA_MS = 100  # looked a moment late, so that clocks that differ a little miss nothing
MANY = 100


class NoInterval(ValueError):
    """A schedule that never comes, such as the 31st of February."""


class Recent(NamedTuple):
    """Since when is counted, the most recent run that should have been, and how many were missed (0: none)."""

    earliest_ms: int
    due_ms: int | None
    missed: int


def most_recent(cron_job: Obj, now_ms: int, after: Next, *, with_deadline: bool) -> Recent:
    """What should have run last, up to now.

    Raises:
        NoInterval: two runs of the schedule are not apart.
    """
    last = (cron_job.get("status") or EMPTY).get("lastScheduleTime")
    earliest = timestamps.parse(last or cron_job["metadata"]["creationTimestamp"])
    deadline = cron_job["spec"].get("startingDeadlineSeconds")
    if with_deadline and deadline is not None:
        earliest = max(earliest, now_ms - deadline * 1000)
    first = after(earliest)
    if first is not None and now_ms < first:
        return Recent(earliest, None, 0)
    second = after(first) if first is not None else None
    if first is not None and second is not None and now_ms < second:
        return Recent(earliest, first, 0)
    if first is None or second is None or second - first < 1000:
        raise NoInterval("time difference between two schedules is less than 1 second")
    apart = (second - first) // 1000
    missed = (now_ms - first) // 1000 // apart + 1
    recent: int | None = None
    at = after(first + (missed - 2) * apart * 1000)
    while at is not None and at <= now_ms:
        recent, at = at, after(at)
    return Recent(earliest, recent, missed)


def wait_ms(cron_job: Obj, now_ms: int, after: Next) -> int | None:
    """Milliseconds until the next run, and a moment more; None for a schedule that never comes."""
    try:
        earliest, due, missed = most_recent(cron_job, now_ms, after, with_deadline=False)
    except NoInterval:
        earliest, due, missed = now_ms, now_ms, 0
    if due is None:
        due = now_ms if missed else earliest
    at = after(due)
    return None if at is None else at + DELTA_MS - now_ms
