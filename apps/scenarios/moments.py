"""Moments: what an address's `at` names. A revision, or one of the steps that follow on it and write nothing.

`455` is the cluster at revision 455 with all that followed on it before the next was written; `455.3` is when the third
of those steps had happened, `455.0` when the revision had been written and nothing had followed.
"""

from __future__ import annotations

import re

from apps.cluster.engine import Step, Trace

_FORM = re.compile(r"(\d{1,12})(?:\.(0|[1-9]\d{0,6}))?", re.ASCII)


class Moment(int):
    """A revision, for whoever asks no more; and `after`, so many of the steps that follow on it (None: all)."""

    after: int | None

    def __new__(cls, revision: int, after: int | None = None) -> Moment:
        self = super().__new__(cls, revision)
        self.after = after
        return self

    def __str__(self) -> str:
        return int.__repr__(self) if self.after is None else f"{int(self)}.{self.after}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def parse(text: str) -> Moment | None:
    """The moment that is written so; None for what is none.

    >>> str(parse("455")), str(parse("455.3")), parse("455.3").after, parse("455.03"), parse("-1"), parse("4.5.6")
    ('455', '455.3', 3, None, None, None)
    """
    match = _FORM.fullmatch(text)
    return Moment(int(match[1]), None if match[2] is None else int(match[2])) if match else None


def after_of(at: int | None) -> int | None:
    """How many of the steps that follow on its revision a moment counts; None: all."""
    return at.after if isinstance(at, Moment) else None


def address(trace: Trace, step: Step) -> str:
    """What `at` says to see a step: the revision that it wrote, or where it follows on the last one written."""
    after = trace.after(step)
    return f"{step.revision}.{after}" if after else str(step.revision)
