"""How many Pods a Job wants now: which of its Pods go, how many come, for which indexes, and how long to wait.

Models      pkg/controller/job/job_controller.go (manageJob, activePodsForRemoval,
            getPodCreationInfoForIndependentIndexes), indexed_job_utils.go (firstPendingIndexes)
Leaves out  Pod groups for scheduling all Pods or none (alpha, off)

Pure: no client, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.job.backoff import index_wait_ms, wait_ms
from apps.cluster.controllers.job.indexes import (
    NO_INDEX,
    by_index,
    first_missing,
    index_of,
    indexes_of,
    merged,
    with_indexes,
)
from apps.cluster.controllers.job.policies import only_replaces_failed
from apps.cluster.controllers.job.turn import Turn, is_suspended
from apps.cluster.controllers.pod_helpers import is_pod_terminating, sort_by_deletion

MAX_CREATE_DELETE_PER_SYNC = 500


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a turn does about the number of Pods: it deletes, or creates, or waits; never two of them."""

    delete: tuple[Obj, ...] = ()
    create: int = 0
    indexes: tuple[int, ...] = ()  # of the Pods to create, when the Job is Indexed
    wait_ms: int = 0  # of the back-off, before any is created


def size(turn: Turn) -> Sizing:
    """Compare the active Pods with those wanted."""
    if is_suspended(turn.job):
        return Sizing(delete=tuple(for_removal(turn, turn.active)))
    wanted = wanted_active(turn)
    surplus = for_removal(turn, max(0, turn.active - wanted))[:MAX_CREATE_DELETE_PER_SYNC]
    if surplus:
        return Sizing(delete=tuple(surplus))
    missing = wanted - turn.active - (turn.terminating if only_replaces_failed(turn.job) else 0)
    if missing <= 0:
        return Sizing()
    if not turn.per_index:
        wait = wait_ms(*turn.record, turn.now_ms)
        if wait:
            return Sizing(wait_ms=wait)
    missing = min(missing, MAX_CREATE_DELETE_PER_SYNC)
    if not turn.indexed:
        return Sizing(create=missing)
    indexes = pending_indexes(turn, missing)
    if turn.per_index:
        waits = {index: index_wait_ms(turn.delayed.get(index), turn.now_ms) for index in indexes}
        if indexes and all(waits.values()):
            return Sizing(wait_ms=min(waits.values()))
        indexes = [index for index in indexes if not waits[index]]
    return Sizing(create=len(indexes), indexes=tuple(indexes))


def wanted_active(turn: Turn) -> int:
    """`parallelism`, but no more than completions are left. Without completions: until the first success."""
    parallelism: int = turn.spec["parallelism"]
    completions: int | None = turn.spec.get("completions")
    if completions is None:
        return turn.active if turn.succeeded else parallelism
    return max(0, min(parallelism, completions - turn.succeeded))


def pending_indexes(turn: Turn, count: int) -> list[int]:
    """The first indexes that have neither succeeded nor failed and have no Pod."""
    taken = with_indexes(turn.succeeded_indexes, indexes_of(turn.active_pods))
    if only_replaces_failed(turn.job):
        taken = with_indexes(taken, indexes_of(pod for pod in turn.pods if is_pod_terminating(pod)))
    return first_missing(merged(taken, turn.failed_indexes or ()), count, turn.spec.get("completions") or 0)


def for_removal(turn: Turn, at_least: int) -> list[Obj]:
    """The Pods to delete, the least far on first; of an Indexed Job also those that share an index or have none."""
    remove: list[Obj] = []
    left: Sequence[Obj] = turn.active_pods
    if turn.indexed:
        remove, left = _superfluous(turn.active_pods, turn.spec.get("completions") or 0)
    if len(remove) < at_least:
        remove += _by_worth(left)[: at_least - len(remove)]
    return remove


def _superfluous(pods: Sequence[Obj], completions: int) -> tuple[list[Obj], list[Obj]]:
    """Pods without a valid index, and of each index all but the one farthest on; and the others."""
    groups: dict[int, list[Obj]] = {}
    beyond: list[Obj] = []
    for pod in by_index(pods):
        index = index_of(pod)
        if index >= completions:
            beyond.append(pod)
        else:
            groups.setdefault(index, []).append(pod)
    remove = groups.pop(NO_INDEX, [])
    left: list[Obj] = []
    for group in groups.values():
        ordered = _by_worth(group) if len(group) > 1 else group
        remove += ordered[:-1]
        left.append(ordered[-1])
    return remove + beyond, left


def _by_worth(pods: Sequence[Obj]) -> list[Obj]:
    return sort_by_deletion(pods, [0] * len(pods), None, use_deletion_cost=False)
