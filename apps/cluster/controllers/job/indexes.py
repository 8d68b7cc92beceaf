"""Completion indexes: sets of them written as intervals, and which index a Pod stands for.

Models      pkg/controller/job/indexed_job_utils.go (orderedIntervals, firstPendingIndexes, getCompletionIndex)
Leaves out  nothing

Pure. A set of indexes is kept as ordered intervals, `((0, 2), (5, 5))`, and written `0-2,5` in a Job's status, so that
a Job of 100,000 indexes stays a small object.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from apps.cluster.apimachinery.meta import Obj, annotations_of

COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index"  # an annotation, and a label of the same name
FAILURE_COUNT = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURE_COUNT = "batch.kubernetes.io/job-index-ignored-failure-count"
NO_INDEX = -1
_INT32_MAX = 2**31 - 1
_MAX_GENERATED_NAME = 58

Intervals = tuple[tuple[int, int], ...]  # first and last of each, both included, in order, none touching the next


def parse(text: str, completions: int) -> Intervals:
    """What a status or a success rule says, without the indexes that `completions` does not reach.

    >>> parse("0-2,4,7", 6)
    ((0, 2), (4, 4))
    """
    found: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        first_text, hyphen, last_text = part.partition("-")
        if not first_text.isdecimal() or (hyphen and not last_text.isdecimal()):
            continue  # not ours: somebody wrote it by hand
        first = int(first_text)
        if first >= completions:
            break
        last = min(int(last_text), completions - 1) if hyphen else first
        if found and found[-1][1] == first - 1:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)


def text_of(intervals: Intervals) -> str:
    """The intervals as a status says them: two neighbours with a comma, more with a hyphen.

    >>> text_of(((0, 0), (2, 3), (5, 9)))
    '0,2,3,5-9'
    """
    parts = []
    for first, last in intervals:
        if last == first:
            parts.append(str(first))
        else:
            parts.append(f"{first},{last}" if last == first + 1 else f"{first}-{last}")
    return ",".join(parts)


def merged(one: Intervals, other: Intervals) -> Intervals:
    """Both together."""
    out: list[tuple[int, int]] = []
    for first, last in sorted((*one, *other)):
        if out and first <= out[-1][1] + 1:
            if out[-1][1] < last:
                out[-1] = (out[-1][0], last)
        else:
            out.append((first, last))
    return tuple(out)


def with_indexes(intervals: Intervals, indexes: Iterable[int]) -> Intervals:
    """The intervals and these single indexes."""
    return merged(intervals, tuple((index, index) for index in sorted(set(indexes))))


def total(intervals: Intervals) -> int:
    """How many indexes there are."""
    return sum(last - first + 1 for first, last in intervals)


def has(intervals: Intervals, index: int) -> bool:
    """Whether the index is one of them."""
    place = bisect_left(intervals, index, key=lambda interval: interval[1])
    return place < len(intervals) and intervals[place][0] <= index


def first_missing(taken: Intervals, count: int, completions: int) -> list[int]:
    """The first `count` indexes below `completions` that are not taken.

    >>> first_missing(((0, 1), (3, 3)), 3, 10)
    [2, 4, 5]
    """
    found: list[int] = []
    candidate = 0
    for first, last in (*taken, (completions, completions)):
        while candidate < min(first, completions) and len(found) < count:
            found.append(candidate)
            candidate += 1
        candidate = max(candidate, last + 1)
    return found


def index_of(pod: Obj) -> int:
    """The completion index that a Pod stands for; NO_INDEX when its annotation says none."""
    text = annotations_of(pod).get(COMPLETION_INDEX, "")
    return int(text) if text.isdecimal() else NO_INDEX


def indexes_of(pods: Iterable[Obj]) -> set[int]:
    """The indexes that some Pods stand for."""
    return {index_of(pod) for pod in pods} - {NO_INDEX}


def failure_count(pod: Obj) -> int:
    """How many Pods of this index failed before this one, those that count towards backoffLimitPerIndex."""
    return _count(pod, FAILURE_COUNT)


def absolute_failure_count(pod: Obj) -> int:
    """How many Pods of this index failed before this one, those that a failure policy ignored included."""
    return _count(pod, FAILURE_COUNT) + _count(pod, IGNORED_FAILURE_COUNT)


def ignored_failure_count(pod: Obj) -> int:
    return _count(pod, IGNORED_FAILURE_COUNT)


def _count(pod: Obj, annotation: str) -> int:
    text = annotations_of(pod).get(annotation, "")
    number = int(text) if text.isdecimal() else 0
    return number if number <= _INT32_MAX else 0


def generate_name(job_name: str, index: int) -> str:
    """What an indexed Pod's name begins with; a long Job's name is cut so that the index stays.

    >>> generate_name("sum", 3)
    'sum-3-'
    """
    tail = f"-{index}-"
    whole = job_name + tail
    return whole if len(whole) <= _MAX_GENERATED_NAME else whole[: _MAX_GENERATED_NAME - len(tail)] + tail


def is_indexed(job: Obj) -> bool:
    mode: str = job["spec"].get("completionMode", "")
    return mode == "Indexed"


def by_index(pods: Sequence[Obj]) -> list[Obj]:
    """The Pods in the order of their indexes, those without one first."""
    return sorted(pods, key=index_of)
