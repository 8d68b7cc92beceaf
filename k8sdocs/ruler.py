"""The scale of revisions as numbers: which ticks to draw, how tall, where. `static/js/ruler.js` draws the same scale.

One tick, one change: a tick is one revision while there is room for that, else five, ten, fifty … of them. No tick
counts nothing.
"""

from __future__ import annotations

from typing import NamedTuple

ROOM = 130  # ticks that stay apart on the narrowest ruler that is drawn here


class Tick(NamedTuple):
    revision: int
    percent: float
    height: int  # px: 6, 10 at fives, 14 at tens of the unit


def unit(length: int, room: int = ROOM) -> int:
    """Return how many revisions one tick stands for: 1, 5, 10, 50, 100 … so that no more than `room` are drawn.

    >>> unit(60), unit(131), unit(1300), unit(1301)
    (1, 5, 10, 50)
    """
    step, factor = 1, 5
    while length > step * room:
        step *= factor
        factor = 2 if factor == 5 else 5
    return step


def position(revision: int, base: int, head: int) -> float:
    """Return where a revision stands on the ruler, in percent of its length."""
    return round(100 * (revision - base) / max(1, head - base), 3)


def ticks(base: int, head: int, room: int = ROOM) -> list[Tick]:
    """Return the ticks from base to head.

    >>> [tick.revision for tick in ticks(98, 101)], [tick.height for tick in ticks(98, 101)]
    ([98, 99, 100, 101], [6, 6, 14, 6])
    """
    step = unit(head - base, room)
    first = -(-base // step) * step
    found = []
    for revision in range(first, head + 1, step):
        count = revision // step
        height = 14 if count % 10 == 0 else 10 if count % 5 == 0 else 6
        found.append(Tick(revision, position(revision, base, head), height))
    return found


def numbers(base: int, head: int, want: int = 5) -> list[int]:
    """Return the revisions that carry their number: round ones, about `want` of them.

    >>> numbers(4126, 4172), numbers(0, 3)
    ([4130, 4140, 4150, 4160, 4170], [0, 1, 2, 3])
    """
    length = max(1, head - base)
    step = next(
        size for power in range(12) for size in (10**power, 2 * 10**power, 5 * 10**power) if length / size <= want
    )
    first = -(-base // step) * step
    return list(range(first, head + 1, step))
