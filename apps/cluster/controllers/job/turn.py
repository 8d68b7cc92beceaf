"""What one turn of the Job controller works on: the Job, its Pods, and how many of them are what.

Models      pkg/controller/job/job_controller.go (syncJobCtx, getNewFinishedPods, getValidPodsWithFilter),
            indexed_job_utils.go (calculateSucceededIndexes, calculateFailedIndexes, getPodsWithDelayedDeletionPerIndex)
Leaves out  expectations (one thread here: a lister is never behind its own controller's writes)

Pure. A `Turn` lives for one turn; `status` is replaced as the turn goes on, never changed in place, for what was
written of it belongs to the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import EMPTY, Obj, uid_of
from apps.cluster.controllers.job.backoff import Record, finished_ms, next_record
from apps.cluster.controllers.job.indexes import (
    NO_INDEX,
    Intervals,
    absolute_failure_count,
    failure_count,
    has,
    index_of,
    indexes_of,
    is_indexed,
    parse,
    total,
    with_indexes,
)
from apps.cluster.controllers.job.policies import is_pod_failed, judge
from apps.cluster.controllers.pod_helpers import is_pod_active, is_pod_ready, is_pod_terminating

TRACKING = "batch.kubernetes.io/job-tracking"  # the finalizer of a Pod that is not counted yet

# A Job's status as its Go struct writes it: the order of fields, and which are there even when they are zero.
_FIELDS = (
    "conditions",
    "startTime",
    "completionTime",
    "active",
    "succeeded",
    "failed",
    "terminating",
    "completedIndexes",
    "failedIndexes",
    "uncountedTerminatedPods",
    "ready",
)
_POINTERS = frozenset({"terminating", "failedIndexes", "uncountedTerminatedPods", "ready"})


def is_tracked(pod: Obj) -> bool:
    """Whether the Pod still has the finalizer, and so waits to be counted."""
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def is_suspended(job: Obj) -> bool:
    return bool(job["spec"].get("suspend"))


def finished_condition(job: Obj) -> Obj | None:
    """The Complete or Failed condition of a Job that has finished."""
    for condition in (job.get("status") or EMPTY).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return condition  # type: ignore[no-any-return]
    return None


@dataclass(slots=True)
class Turn:
    """The Job and its Pods in one turn."""

    job: Obj
    pods: Sequence[Obj]
    now_ms: int
    status: dict[str, Any]
    active_pods: list[Obj]
    active: int
    ready: int
    terminating: int
    succeeded: int = 0  # counted, noted as ended, and newly found ended
    failed: int = 0
    record: Record = field(default_factory=Record)
    finished: Obj | None = None  # the condition that ends the Job, once there is one
    succeeded_before: Intervals = ()  # indexes, as the status has them
    succeeded_indexes: Intervals = ()  # those that have succeeded since then too
    failed_indexes: Intervals | None = None  # None without backoffLimitPerIndex
    delayed: dict[int, Obj] = field(default_factory=dict)  # index -> the failed Pod that hands on its failure count

    @property
    def spec(self) -> Obj:
        return self.job["spec"]  # type: ignore[no-any-return]

    @property
    def indexed(self) -> bool:
        return is_indexed(self.job)

    @property
    def per_index(self) -> bool:
        """Whether failures are counted index by index."""
        return self.spec.get("backoffLimitPerIndex") is not None

    def uncounted(self, kind: str) -> list[str]:
        """Uids of Pods noted as "succeeded" or "failed" that have not been counted yet."""
        return (self.status.get("uncountedTerminatedPods") or EMPTY).get(kind) or []

    def condition(self, type_: str, reason: str = "", message: str = "", status: str = "True") -> Obj:
        """A Job's condition as of now."""
        now = timestamps.format_ms(self.now_ms)
        made = {"type": type_, "status": status, "lastProbeTime": now, "lastTransitionTime": now}
        return made | {name: text for name, text in (("reason", reason), ("message", message)) if text}

    def has_condition(self, type_: str) -> bool:
        return conditions.is_true(self.status.get("conditions"), type_)


def begin(job: Obj, pods: Sequence[Obj], record: Record, now_ms: int) -> Turn:
    """The turn of a Job with these Pods. `record` is its back-off as it was after the last turn."""
    status: dict[str, Any] = {"uncountedTerminatedPods": {}, **(job.get("status") or EMPTY)}
    active_pods = [pod for pod in pods if is_pod_active(pod)]
    ready = sum(1 for pod in active_pods if is_pod_ready(pod))
    terminating = sum(1 for pod in pods if is_pod_terminating(pod))
    turn = Turn(job, pods, now_ms, status, active_pods, len(active_pods), ready, terminating)
    noted = set(turn.uncounted("succeeded")), set(turn.uncounted("failed"))
    succeeded = [pod for pod in _countable(turn, noted[0]) if pod["status"].get("phase") == "Succeeded"]
    failed = [pod for pod in _countable(turn, noted[1]) if is_pod_failed(pod, job)]
    policy = turn.spec.get("podFailurePolicy")
    counting = [pod for pod in failed if judge(policy, pod).counts] if policy is not None else failed
    turn.succeeded = status.get("succeeded", 0) + len(succeeded) + len(noted[0])
    turn.failed = status.get("failed", 0) + len(counting) + len(noted[1])
    turn.record = next_record(record, succeeded, failed)
    if "startTime" not in status and not is_suspended(job):
        status["startTime"] = timestamps.format_ms(now_ms)
    if turn.indexed:
        _index(turn)
    return turn


def _countable(turn: Turn, noted: Iterable[str]) -> Iterator[Obj]:
    """Pods that wait to be counted and are not noted yet; of an Indexed Job those with an index that it has."""
    noted = set(noted)
    indexed, completions = turn.indexed, turn.spec.get("completions") or 0
    for pod in turn.pods:
        if is_tracked(pod) and uid_of(pod) not in noted and (not indexed or 0 <= index_of(pod) < completions):
            yield pod


def _index(turn: Turn) -> None:
    """Which indexes have succeeded, have failed, and wait with a failed Pod to be made again."""
    completions = turn.spec.get("completions") or 0
    turn.succeeded_before = parse(turn.status.get("completedIndexes", ""), completions)
    ended = {index_of(pod) for pod in _countable(turn, ()) if pod["status"].get("phase") == "Succeeded"}
    turn.succeeded_indexes = with_indexes(turn.succeeded_before, ended)
    turn.succeeded = total(turn.succeeded_indexes)
    if turn.per_index:
        before = parse(turn.status.get("failedIndexes") or "", completions)
        failed = {index_of(pod) for pod in _countable(turn, ()) if _index_failed(turn, pod)}
        turn.failed_indexes = with_indexes(before, failed)
        turn.delayed = _delayed(turn)


def _index_failed(turn: Turn, pod: Obj) -> bool:
    """Whether this Pod's failure is one too many for its index, or is one that a rule lets the index fail for."""
    if not is_pod_failed(pod, turn.job):
        return False
    verdict = judge(turn.spec.get("podFailurePolicy"), pod)
    if verdict.action == "FailIndex":
        return True
    return verdict.counts and failure_count(pod) >= turn.spec["backoffLimitPerIndex"]


def _delayed(turn: Turn) -> dict[int, Obj]:
    """The last failed Pod of each index that waits to be made again: it keeps its finalizer till the new one is there.

    Its annotation says how often the index has failed, and the new Pod takes the count over from it.
    """
    found: dict[int, Obj] = {}
    running = indexes_of(turn.active_pods)
    for pod in _countable(turn, ()):
        index = index_of(pod)
        if index == NO_INDEX or not is_pod_failed(pod, turn.job) or index in running:
            continue
        if has(turn.succeeded_indexes, index) or has(turn.failed_indexes or (), index):
            continue
        last = found.get(index)
        if last is None or (
            absolute_failure_count(last) <= absolute_failure_count(pod) and finished_ms(last) <= finished_ms(pod)
        ):
            found[index] = pod
    return found


def written(status: dict[str, Any]) -> dict[str, Any]:
    """The status as the API keeps it: zeroes left out but where a pointer says that they are known."""
    return {
        name: status[name]
        for name in _FIELDS
        if name in status and (status[name] or (name in _POINTERS and status[name] is not None))
    }
