"""What a Job's status may say, and how it may change.

Models      pkg/apis/batch/validation (ValidateJobUpdateStatus), pkg/registry/batch/job (getStatusValidationOptions)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    IMMUTABLE,
    Errors,
    duplicate,
    invalid,
    nonnegative,
    omitted,
    required,
    same,
)
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError, go_quoted

COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
# Fields that may be absent, which is something else than zero.
POINTERS = ("ready", "terminating", "failedIndexes")
Interval = tuple[int, int]


def interval(text: str, completions: int) -> tuple[Interval, str]:
    """The first and the last index of "3" or "2-4", and what is wrong with it."""
    limits = text.split("-")
    if len(limits) > 2:
        rule = "an index interval can have at most two parts separated by '-'"
        return (0, 0), f"the fragment {go_quoted(text)} violates the requirement that {rule}"
    found: list[int] = []
    for limit in limits:
        digits = limit.removeprefix("+")
        if not digits.isascii() or not digits.isdecimal() or int(digits) >= 1 << 63:
            return (0, 0), f"cannot convert string to integer for index: {go_quoted(limit)}"
        if int(digits) >= completions:
            return (0, 0), f"too large index: {go_quoted(limit)}"
        found.append(int(digits))
    if len(found) == 2 and found[0] >= found[1]:
        return (0, 0), f"non-increasing order, previous: {found[0]}, current: {found[1]}"
    return (found[0], found[-1]), ""


def parse_indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes "0,2-4" names, and what is wrong with it.

    >>> parse_indexes("0,2-4", 5), parse_indexes("3,1", 5)
    ((4, ''), (0, 'non-increasing order, previous: 3, current: 1'))
    """
    total, last = 0, -1
    for part in text.split(",") if text else ():
        (first, end), problem = interval(part, completions)
        if not problem and last >= first:
            problem = f"non-increasing order, previous: {last}, current: {first}"
        if problem:
            return 0, problem
        total, last = total + end - first + 1, end
    return total, ""


def overlap(completed: str, failed: str, completions: int) -> int | None:
    """The first index that both lists name; what is not well formed is passed over.

    >>> overlap("0-2", "2,4", 5), overlap("0,1", "2,4", 5)
    (2, None)
    """
    if not completed or not failed:
        return None
    lists = []
    for text in (completed, failed):
        parsed = [interval(part, completions) for part in text.split(",")]
        lists.append([found for found, problem in parsed if not problem])
    done, lost = lists
    one = other = 0
    while one < len(done) and other < len(lost):
        (first, last), (start, end) = done[one], lost[other]
        if first <= end and start <= last:
            return max(first, start)
        if first <= start:
            one += 1
        else:
            other += 1
    return None


def _on(status: Obj) -> set[str]:
    """The conditions that are true."""
    return {c.get("type", "") for c in status.get("conditions") or () if c.get("status") == "True"}


def _uncounted(errors: Errors, found: Obj) -> None:
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(found.get(field) or ()):
            at = f"status.uncountedTerminatedPods.{field}[{index}]"
            if not uid:
                invalid(errors, at, uid, "must not be empty")
            elif uid in seen:
                duplicate(errors, at, uid)
            seen.add(uid)


class _Change:
    """A Job's status beside what it was. A rule is asked only where what it speaks of has changed."""

    def __init__(self, errors: Errors, new: Obj, old: Obj) -> None:
        self.errors = errors
        self.spec: Obj = new.get("spec") or EMPTY
        self.new: Obj = new.get("status") or EMPTY
        self.old: Obj = old.get("status") or EMPTY
        self.on, self.was = _on(self.new), _on(self.old)
        self.finished = bool(self.on & {"Complete", "Failed"})

    def changed(self, *names: str) -> bool:
        """Whether any of these fields changed, or of these conditions (which begin with a capital)."""
        for name in names:
            if name == "Finished":
                if self.finished != bool(self.was & {"Complete", "Failed"}):
                    return True
            elif name[0].isupper():
                if (name in self.on) != (name in self.was):
                    return True
            else:
                after, before = self.new.get(name), self.old.get(name)
                if not (same(after, before) if name in POINTERS else same(after or None, before or None)):
                    return True
        return False

    def conditions(self, broken: bool, detail: str) -> None:
        if broken:
            omitted(self.errors, "status.conditions", detail)

    def wrong(self, broken: bool, field: str, detail: str, value: Any = None) -> None:
        if broken:
            shown = self.new.get(field) if value is None else value
            invalid(self.errors, f"status.{field}", shown, detail)


def _together(c: _Change) -> None:
    """Conditions that exclude one another, and times that go with them."""
    errors, new, on = c.errors, c.new, c.on
    complete, start, end = "Complete" in on, new.get("startTime"), new.get("completionTime")
    if c.changed("Complete", "Failed"):
        c.conditions(complete and "Failed" in on, "cannot set Complete=True and Failed=true conditions")
    if c.changed("Complete", "FailureTarget"):
        c.conditions(complete and "FailureTarget" in on, "cannot set Complete=True and FailureTarget=true conditions")
    if c.changed("Complete", "completionTime"):
        detail = "cannot set completionTime when there is no Complete=True condition"
        c.wrong(end is not None and not complete, "completionTime", detail)
        if end is None and complete:
            required(errors, "status.completionTime", "completionTime is required for Complete jobs")
    if c.changed("startTime", "completionTime"):
        early = start is not None and end is not None and end < start
        c.wrong(early, "completionTime", "must be equal to or after `startTime`")
    if c.changed("Failed", "failedIndexes"):
        detail = "cannot set Failed=True condition without the FailureTarget=true condition"
        c.conditions("Failed" in on and "FailureTarget" not in on, detail)
    if c.changed("Complete", "SuccessCriteriaMet"):
        detail = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        c.conditions(complete and "SuccessCriteriaMet" not in on, detail)


def _finished(c: _Change) -> None:
    new, spec = c.new, c.spec
    if c.changed("Finished", "active"):
        c.wrong(new.get("active", 0) > 0 and c.finished, "active", "active>0 is invalid for finished job")
    nothing_to_do = spec.get("suspend") is True and spec.get("completions") == 0
    if c.changed("Finished", "startTime") and not nothing_to_do and new.get("startTime") is None and c.finished:
        required(c.errors, "status.startTime", "startTime is required for finished job")
    uncounted: Obj = new.get("uncountedTerminatedPods") or EMPTY
    if c.changed("Finished", "uncountedTerminatedPods"):
        left = bool(uncounted.get("failed") or uncounted.get("succeeded"))
        shown = written("UncountedTerminatedPods", uncounted, "batch")
        c.wrong(left and c.finished, "uncountedTerminatedPods", "must be empty for finished job", shown)


def _indexes(c: _Change) -> None:
    spec, new = c.spec, c.new
    completions, limit = spec.get("completions"), spec.get("backoffLimitPerIndex")
    completed, failed = new.get("completedIndexes", ""), new.get("failedIndexes")
    done, lost = c.changed("completedIndexes"), c.changed("failedIndexes")
    if done and completions is not None:
        problem = parse_indexes(completed, completions)[1]
        c.wrong(bool(problem), "completedIndexes", f"error parsing completedIndexes: {problem}", completed)
    if lost and completions is not None and limit is not None and failed is not None:
        problem = parse_indexes(failed, completions)[1]
        c.wrong(bool(problem), "failedIndexes", f"error parsing failedIndexes: {problem}", failed)
    if done:
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        c.wrong(bool(completed) and spec.get("completionMode") != "Indexed", "completedIndexes", detail)
    if lost:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        c.wrong(limit is None and failed is not None, "failedIndexes", detail)
    if (done or lost) and completions is not None and failed is not None:
        shared = overlap(completed, failed, completions)
        detail = f"failedIndexes and completedIndexes overlap at index: {shared}"
        c.wrong(shared is not None, "failedIndexes", detail)


def _success(c: _Change) -> None:
    met = "SuccessCriteriaMet" in c.on
    c.conditions(met and "Failed" in c.on, "cannot set SuccessCriteriaMet=True and Failed=true conditions")
    detail = "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"
    c.conditions(met and "FailureTarget" in c.on, detail)
    detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
    c.conditions(c.spec.get("successPolicy") is not None and not met and "Complete" in c.on, detail)


def _steps(c: _Change) -> None:
    """From the old status to the new."""
    spec, new, old = c.spec, c.new, c.old
    for kind in ("Failed", "Complete", "FailureTarget"):
        detail = f"cannot disable the terminal {kind}=True condition"
        c.conditions(kind in c.was and kind not in c.on, detail)
    fewer = new.get("failed", 0) < old.get("failed", 0)
    c.wrong(fewer, "failed", "cannot decrease the failed counter", new.get("failed", 0))
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    fewer = not elastic and new.get("succeeded", 0) < old.get("succeeded", 0)
    c.wrong(fewer, "succeeded", "cannot decrease the succeeded counter", new.get("succeeded", 0))
    end, before = new.get("completionTime"), old.get("completionTime")
    c.wrong(end is not None and before is not None and end != before, "completionTime", IMMUTABLE)
    suspended = any(k.get("type") == "Suspended" and k.get("status") == "False" for k in new.get("conditions") or ())
    resuming = "Suspended" in c.was and suspended
    if c.changed("startTime") and not resuming and old.get("startTime") is not None and not spec.get("suspend"):
        detail = "field is immutable for unsuspended job once set"
        invalid(c.errors, "status.startTime", new.get("startTime"), detail)
    had, met = "SuccessCriteriaMet" in c.was, "SuccessCriteriaMet" in c.on
    c.conditions(had and not met, "cannot disable the SuccessCriteriaMet=True condition")
    detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
    c.conditions("Complete" in c.was and not had and met, detail)


def job_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    c = _Change(errors, new, old)
    status = c.new
    for field in COUNTS:
        nonnegative(errors, f"status.{field}", status.get(field))
    if status.get("uncountedTerminatedPods") is not None:
        _uncounted(errors, status["uncountedTerminatedPods"])
    _together(c)
    _finished(c)
    _indexes(c)
    if c.changed("Finished", "terminating"):
        left = (status.get("terminating") or 0) > 0 and c.finished
        c.wrong(left, "terminating", "terminating>0 is invalid for finished job")
    if c.changed("ready", "active"):
        ready = status.get("ready")
        more = ready is not None and ready > status.get("active", 0)
        c.wrong(more, "ready", "cannot set more ready pods than active")
    _success(c)
    _steps(c)
    return errors
