"""A member's log: for every index the term in which its entry was proposed.

Models      etcd-io/raft log.go, log_unstable.go, storage.go
Leaves out  the entries' contents: index and term name an entry, and what was written stands in the one store that all
            members' state machines share; the write-ahead log on disk

Terms come in runs, so a log of a million entries takes a few numbers: `[[term, last index], …]`. Entries up to
`offset` have been compacted; `offset_term` is the term of the last of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

Run = list[int]  # term, index of its last entry


class Log:
    """Indices begin at 1; 0 stands before the first entry, and has term 0."""

    __slots__ = ("offset", "offset_term", "runs")

    def __init__(self) -> None:
        self.offset = 0
        self.offset_term = 0
        self.runs: list[Run] = []

    @property
    def last(self) -> int:
        return self.runs[-1][1] if self.runs else self.offset

    @property
    def last_term(self) -> int:
        return self.runs[-1][0] if self.runs else self.offset_term

    def term(self, index: int) -> int:
        """The term of an entry; -1 when there is none, or it is no longer kept."""
        if index == self.offset:
            return self.offset_term
        if not self.offset < index <= self.last:
            return -1
        return self.runs[bisect_left(self.runs, index, key=_end)][0]

    def up_to_date(self, index: int, term: int) -> bool:
        """Whether a log that ends in that entry has all that this one can vouch for (§5.4.1)."""
        return term > self.last_term or (term == self.last_term and index >= self.last)

    def extend(self, term: int, count: int = 1) -> None:
        """New entries at the end."""
        runs = self.runs
        if runs and runs[-1][0] == term:
            runs[-1] = [term, runs[-1][1] + count]
        else:
            runs.append([term, self.last + count])

    def after(self, index: int) -> list[Run]:
        """The runs of everything behind an entry, as they are sent to others."""
        return [list(run) for run in self.runs[bisect_left(self.runs, index + 1, key=_end) :]]

    def merge(self, index: int, runs: Sequence[Run]) -> None:
        """Take over entries that follow `index`: what contradicts them goes, what they do not reach stays."""
        previous = index
        for term, end in runs:
            low = max(previous + 1, self.offset + 1)
            while low <= min(end, self.last):
                have = self.term(low)
                if have != term:
                    self.cut(low - 1)
                    break
                low = min(self._end_of_run(low), end) + 1
            if end > self.last:
                self.extend(term, end - self.last)
            previous = end

    def cut(self, last: int) -> None:
        """Forget every entry behind `last`."""
        kept = [list(run) for run in self.runs if run[1] <= last]
        begin = kept[-1][1] if kept else self.offset
        if last > begin:
            kept.append([self.term(last), last])
        self.runs = kept

    def compact(self, index: int) -> None:
        """Forget the entries up to and including `index`: a snapshot holds what they led to."""
        if index > self.offset:
            self.offset_term = self.term(index)
            self.runs = [list(run) for run in self.runs if run[1] > index]
            self.offset = index

    def restore(self, index: int, term: int) -> None:
        """Begin anew behind a snapshot."""
        self.offset, self.offset_term, self.runs = index, term, []

    def first_of_term(self, index: int) -> int:
        """The first kept index of the run that holds `index`: everything there has the same term."""
        position = bisect_left(self.runs, index, key=_end)
        return (self.runs[position - 1][1] if position else self.offset) + 1

    def _end_of_run(self, index: int) -> int:
        return self.runs[bisect_left(self.runs, index, key=_end)][1]

    def save(self) -> dict[str, Any]:
        return {"offset": self.offset, "offset_term": self.offset_term, "runs": [list(run) for run in self.runs]}

    def load(self, data: dict[str, Any]) -> None:
        self.offset, self.offset_term = data["offset"], data["offset_term"]
        self.runs = [list(run) for run in data["runs"]]


def _end(run: Run) -> int:
    return run[1]
