"""Counting Pods that have ended, each exactly once.

Models      pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers, canRemoveFinalizer,
            cleanUncountedPodsWithoutFinalizers)
Leaves out  nothing that shows

Pure. A Pod that has ended is first noted by uid in `status.uncountedTerminatedPods`; then it loses the finalizer that
kept it from vanishing; then it is counted and its uid goes. Whenever the controller dies in between, it knows by
the two marks how far it was.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, uid_of
from apps.cluster.controllers.job.finish import COMPLETE, FAILED, FAILURE_TARGET, SUCCESS_CRITERIA_MET
from apps.cluster.controllers.job.indexes import NO_INDEX, by_index, has, index_of, text_of, total, with_indexes
from apps.cluster.controllers.job.policies import is_pod_failed, judge
from apps.cluster.controllers.job.turn import Turn, is_tracked

MAX_UNCOUNTED_PODS = 500  # so that the uids in a status stay below some 20 KB


@dataclass(slots=True)
class Tracked:
    """Pods to let go, uids of those that are not counted yet, and whether the status has news."""

    release: list[Obj]
    with_finalizer: set[str]
    news: bool
    full: bool  # MAX_UNCOUNTED_PODS are noted: the rest waits for the next turn


def track(turn: Turn) -> Tracked:
    """Note in `turn.status` what has ended, and move `turn.finished` on to the condition that will follow."""
    pods = by_index(turn.pods) if turn.indexed else turn.pods
    with_finalizer = {uid_of(pod) for pod in pods if is_tracked(pod)}
    news = settle(turn, with_finalizer)
    succeeded, failed = list(turn.uncounted("succeeded")), list(turn.uncounted("failed"))
    known_succeeded, known_failed = set(succeeded), set(failed)
    indexes: list[int] = []
    release: list[Obj] = []
    completions = turn.spec.get("completions") or 0
    success = turn.finished is not None and turn.finished["type"] == SUCCESS_CRITERIA_MET
    full = False
    for pod in pods:
        if not is_tracked(pod):
            continue  # counted by an earlier turn
        ended_badly = is_pod_failed(pod, turn.job)
        if not _may_go(turn, pod, ended_badly):
            continue
        release.append(pod)
        uid, index = uid_of(pod), index_of(pod)
        if pod["status"].get("phase") == "Succeeded" and uid not in known_failed:
            if turn.indexed:
                if 0 <= index < completions and not has(turn.succeeded_before, index):
                    indexes.append(index)
                    news = True
            elif uid not in known_succeeded:
                succeeded.append(uid)
                news = True
        elif ended_badly or (turn.finished is not None and not success):
            # Once a Job has failed, every Pod that has not ended counts as failed.
            valid = not turn.indexed or NO_INDEX < index < completions
            if uid not in known_failed and valid and judge(turn.spec.get("podFailurePolicy"), pod).counts:
                failed.append(uid)
                news = True
        if len(indexes) + len(succeeded) + len(failed) >= MAX_UNCOUNTED_PODS:
            full = True
            break
    turn.status = {**turn.status, "uncountedTerminatedPods": _uncounted(succeeded, failed)}
    if turn.indexed:
        news = _note_indexes(turn, indexes) or news
    news = _note_end(turn) or news
    return Tracked(release, with_finalizer, news, full)


def _may_go(turn: Turn, pod: Obj, ended_badly: bool) -> bool:
    """Whether the Pod's finalizer has done its duty."""
    if "deletionTimestamp" in turn.job["metadata"] or turn.finished is not None:
        return True
    if pod["status"].get("phase") == "Succeeded":
        return True
    if not ended_badly:
        return False
    waiting = turn.delayed.get(index_of(pod)) if turn.per_index else None
    return waiting is None or uid_of(waiting) != uid_of(pod)


def _note_indexes(turn: Turn, indexes: list[int]) -> bool:
    turn.succeeded_indexes = with_indexes(turn.succeeded_indexes, indexes)
    done = text_of(turn.succeeded_indexes)
    failed = text_of(turn.failed_indexes) if turn.failed_indexes is not None else None
    before = turn.status
    turn.status = {
        **before,
        "succeeded": total(turn.succeeded_indexes),
        "completedIndexes": done,
        "failedIndexes": failed,
    }
    return done != before.get("completedIndexes", "") or failed != before.get("failedIndexes")


def _note_end(turn: Turn) -> bool:
    """Say that the end is decided, before any Pod is let go; `turn.finished` becomes what follows."""
    decided = turn.finished
    if decided is None or decided["type"] not in (FAILURE_TARGET, SUCCESS_CRITERIA_MET):
        return False
    last = FAILED if decided["type"] == FAILURE_TARGET else COMPLETE
    turn.finished = turn.condition(last, decided.get("reason", ""), decided.get("message", ""))
    if turn.has_condition(decided["type"]):
        return False
    turn.status = {**turn.status, "conditions": [*(turn.status.get("conditions") or ()), decided]}
    return True


def settle(turn: Turn, with_finalizer: Set[str]) -> bool:
    """Count what has been noted and has lost its finalizer; whether there was any."""
    noted = turn.status.get("uncountedTerminatedPods") or EMPTY
    left: dict[str, list[str]] = {}
    changed: dict[str, Any] = {}
    for kind in ("succeeded", "failed"):
        before = noted.get(kind) or []
        left[kind] = [uid for uid in before if uid in with_finalizer]
        if len(left[kind]) != len(before):
            changed[kind] = turn.status.get(kind, 0) + len(before) - len(left[kind])
    if not changed:
        return False
    turn.status = {**turn.status, **changed, "uncountedTerminatedPods": _uncounted(left["succeeded"], left["failed"])}
    return True


def _uncounted(succeeded: list[str], failed: list[str]) -> dict[str, list[str]]:
    return {kind: uids for kind, uids in (("succeeded", succeeded), ("failed", failed)) if uids}
