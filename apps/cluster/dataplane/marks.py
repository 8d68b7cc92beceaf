"""Marks: from which step on an agent of which node was in what state, so that any moment can be looked at.

Plain data, kept with the trace.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple


class Mark(NamedTuple):
    """From when `step` steps had happened, `who` was in `state`."""

    step: int
    state: str


NEVER = Mark(0, "")


class Marks:
    """An engine's record. `keep=False`: only the latest of each is kept, for clusters of thousands of nodes."""

    __slots__ = ("_of", "_order", "keep")

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self._order: list[str] = []  # who was written about, in order
        self._of: dict[str, list[Mark]] = {}

    def write(self, step: int, who: str, state: str) -> None:
        """Repeat a state, and it is a mark of its own: another sync."""
        marks = self._of.setdefault(who, [])
        if not self.keep:
            marks[:] = [Mark(step, state)]
            return
        marks.append(Mark(step, state))
        self._order.append(who)

    def now(self, who: str) -> str:
        marks = self._of.get(who)
        return marks[-1].state if marks else ""

    def last(self, who: str, position: int) -> Mark:
        """The latest mark once `position` steps have happened."""
        marks = self._of.get(who, ())
        length = bisect_right(marks, position, key=lambda mark: mark.step)
        return marks[length - 1] if length else NEVER

    def before(self, who: str, mark: Mark) -> Mark:
        """The mark that stood before another one of the same."""
        marks = self._of.get(who, [])
        at = next((i for i in range(len(marks) - 1, -1, -1) if marks[i] is mark), 0)
        return marks[at - 1] if at else NEVER

    def who(self, suffix: str) -> list[str]:
        """Everybody who was ever written about and whose name ends so."""
        return [who for who in self._of if who.endswith(suffix)]

    # engine.Record

    def mark(self) -> Any:
        return len(self._order) if self.keep else self.save()

    def rewind(self, mark: Any) -> None:
        if not self.keep:
            self.load(mark)
            return
        while len(self._order) > mark:
            self._of[self._order.pop()].pop()

    def save(self) -> list[list[Any]]:
        if not self.keep:
            return [[*marks[-1], who] for who, marks in self._of.items() if marks]
        seen: dict[str, int] = {}
        out: list[list[Any]] = []
        for who in self._order:
            at = seen.get(who, 0)
            seen[who] = at + 1
            out.append([*self._of[who][at], who])
        return out

    def load(self, data: list[list[Any]]) -> None:
        self._order, self._of = [], {}
        for step, state, who in data:
            self.write(step, who, state)
