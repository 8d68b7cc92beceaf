"""The trace: every change and every act worth seeing, in order, with who did it and what led to it.

A `Step` is the unit a reader plays, steps back over and links to. The trace also answers what the world
looked like at any revision, since each step carries the object before and after.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Obj = dict[str, Any]

CHECKPOINT_EVERY = 256  # steps between remembered worlds: a look back replays at most this many


class Step(NamedTuple):
    """One store revision, or one thing worth seeing that writes nothing (rank "note")."""

    index: int  # type: ignore[assignment]  # 1-based position in the trace (hides tuple.index)
    revision: int  # the store's revision after it
    time_ms: int
    component: str
    node: str
    verb: str
    ref: str
    subresource: str
    message: str
    params: dict[str, Any]
    cause: int  # index of the step that led to this one; 0 = none
    before: Obj | None
    after: Obj | None
    rank: str  # change | event | heartbeat | note
    sent: Obj | None = None  # a creation: the object as it was sent, before the request chain added to it
    asker: str = ""  # asked in somebody else's name (kubectl --as): the user, then their groups, one a line


class Trace:
    """All steps of one cluster, and the worlds they lead to.

    A world is `{resource: {key: object}}`; worlds are shared and must not be changed.
    """

    __slots__ = ("_checkpoints", "_first", "_revisions", "_seen", "keep", "steps")

    def __init__(self, steps: Iterable[Step] = (), *, keep: bool = True) -> None:
        self.keep = keep  # False: count steps, remember none (for clusters of thousands of nodes)
        self.steps: list[Step] = list(steps)
        self._revisions: list[int] = [step.revision for step in self.steps]
        self._checkpoints: list[dict[str, dict[str, Obj]]] = []
        self._first: dict[str, int] = {}  # resource -> index of its first write, in order; of `_seen` steps
        self._seen = 0

    def append(self, step: Step) -> None:
        self.steps.append(step)
        self._revisions.append(step.revision)

    def rewind(self, length: int) -> None:
        """Forget every step after the first `length`."""
        del self.steps[length:]
        del self._revisions[length:]
        del self._checkpoints[length // CHECKPOINT_EVERY :]
        self._first = {resource: index for resource, index in self._first.items() if index <= length}
        self._seen = min(self._seen, length)

    @property
    def next_index(self) -> int:
        return len(self.steps) + 1

    def position(self, revision: int, after: int | None = None) -> int:
        """How many steps happened up to and including `revision`; notes belong to the revision they follow.

        `after`: only so many of the steps that follow on the writing of it; there may be fewer.
        """
        last = bisect_right(self._revisions, revision)
        return last if after is None else min(self._written(revision, last) + after, last)

    def after(self, step: Step) -> int:
        """Which of the steps that follow on the writing of its revision a step is; 0 for the writing itself."""
        return max(step.index - self._written(step.revision, step.index), 0)

    def _written(self, revision: int, until: int) -> int:
        """How many steps had happened when a revision was written, and nothing had followed on it."""
        position = bisect_left(self._revisions, revision)
        while position < until and self.steps[position].rank != "note":
            position += 1
        return position

    def at(self, revision: int) -> Step | None:
        """The step that wrote `revision` (or the last one before it)."""
        position = self.position(revision)
        while position > 0:
            step = self.steps[position - 1]
            if step.rank != "note":
                return step
            position -= 1
        return None

    def between(self, after: int, until: int) -> Sequence[Step]:
        """Steps whose revision is in (after, until]."""
        return self.steps[self.position(after) : self.position(until)]

    def why(self, step: Step, limit: int = 16) -> list[Step]:
        """The chain of causes, the step itself first."""
        chain = [step]
        while chain[-1].cause and len(chain) < limit:
            chain.append(self.steps[chain[-1].cause - 1])
        return chain

    def resources(self, revision: int) -> list[str]:
        """Every resource that has been written up to a revision, in the order in which they first were."""
        for step in self.steps[self._seen :]:
            if step.rank != "note":
                self._first.setdefault(step.ref.partition("/")[0], step.index)
        self._seen = len(self.steps)
        position = self.position(revision)
        return [resource for resource, index in self._first.items() if index <= position]

    def world(self, revision: int, after: int | None = None) -> dict[str, dict[str, Obj]]:
        """Every object as it was at `revision`, by resource and key. Costs at most CHECKPOINT_EVERY steps."""
        return self.world_at(self.position(revision, after))

    def world_at(self, position: int) -> dict[str, dict[str, Obj]]:
        """Every object once `position` steps had happened."""
        wanted = position // CHECKPOINT_EVERY
        while len(self._checkpoints) < wanted:
            done = len(self._checkpoints)
            base = self._checkpoints[-1] if self._checkpoints else {}
            start = done * CHECKPOINT_EVERY
            self._checkpoints.append(_advance(base, self.steps[start : start + CHECKPOINT_EVERY]))
        base = self._checkpoints[wanted - 1] if wanted else {}
        return _advance(base, self.steps[wanted * CHECKPOINT_EVERY : position])


def _advance(world: dict[str, dict[str, Obj]], steps: Sequence[Step]) -> dict[str, dict[str, Obj]]:
    """The world after `steps`. What no step touched is shared with the world before."""
    out = dict(world)
    fresh: dict[str, dict[str, Obj]] = {}
    for step in steps:
        if step.rank == "note":
            continue
        resource, _, key = step.ref.partition("/")
        table = fresh.get(resource)
        if table is None:
            table = fresh[resource] = out[resource] = dict(out.get(resource, ()))
        if step.after is None:
            table.pop(key, None)
        else:
            table[key] = step.after
    return out
