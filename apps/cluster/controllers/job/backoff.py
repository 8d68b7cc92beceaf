"""How long a Job waits before it makes another Pod: 10 s after a failure, twice as long after each that follows.

Models      pkg/controller/job/backoff_utils.go; DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff
Leaves out  nothing

Pure. Times are milliseconds of virtual time. What ends is noted to the whole second, as the API writes times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.job.indexes import absolute_failure_count
from apps.cluster.controllers.pod_helpers import ready_condition

BACKOFF_MS = 10_000
# The documentation says six minutes; the controller's constant has been ten since back-off was written anew.
MAX_BACKOFF_MS = 600_000


class Record(NamedTuple):
    """What a Job's back-off depends on: failures since the last success, and when the last of them was."""

    failures: int = 0
    last_ms: int | None = None


def next_record(record: Record, succeeded: Sequence[Obj], failed: Sequence[Obj]) -> Record:
    """The record after Pods have ended that were not counted yet: a success forgets the failures before it."""
    if not succeeded:
        if not failed:
            return record
        return Record(record.failures + len(failed), max(map(finished_ms, failed)))
    last_success = max(map(finished_ms, succeeded))
    since = [ended for ended in map(finished_ms, failed) if ended > last_success]
    return Record(len(since), max(since)) if since else Record()


def wait_ms(failures: int, last_ms: int | None, now_ms: int) -> int:
    """How long is left of the back-off.

    >>> wait_ms(1, 0, 4_000), wait_ms(3, 0, 4_000), wait_ms(0, None, 4_000)
    (6000, 36000, 0)
    """
    if failures <= 0 or last_ms is None:
        return 0
    backoff = min(BACKOFF_MS << min(failures - 1, 20), MAX_BACKOFF_MS)
    return max(0, backoff - (now_ms - last_ms))


def index_wait_ms(last_failed: Obj | None, now_ms: int) -> int:
    """The same for one index of a Job with backoffLimitPerIndex; `last_failed` is the Pod to be replaced."""
    if last_failed is None:
        return 0
    return wait_ms(absolute_failure_count(last_failed) + 1, finished_ms(last_failed), now_ms)


def finished_ms(pod: Obj) -> int:
    """When a Pod ended: its last container, else its Ready condition, else its deletion, else its creation."""
    status = pod.get("status") or {}
    ended = _containers_ended_ms(status.get("containerStatuses") or ())
    if ended is not None:
        return ended
    condition = ready_condition(pod)
    if condition is not None and condition["status"] == "False" and condition.get("lastTransitionTime"):
        return timestamps.parse(condition["lastTransitionTime"])
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp"):
        grace: int = metadata.get("deletionGracePeriodSeconds") or 0
        return timestamps.parse(metadata["deletionTimestamp"]) - grace * 1000
    created = metadata.get("creationTimestamp")
    return timestamps.parse(created) if created else 0


def _containers_ended_ms(statuses: Sequence[Obj]) -> int | None:
    """When the last container ended; None while one has not."""
    latest: int | None = None
    for container in statuses:
        ended = ((container.get("state") or {}).get("terminated") or {}).get("finishedAt")
        if not ended:
            return None
        moment = timestamps.parse(ended)
        latest = moment if latest is None else max(latest, moment)
    return latest
