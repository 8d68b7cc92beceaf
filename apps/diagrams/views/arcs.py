"""Arcs between things that stand in a row: who speaks to whom. The further apart, the higher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, float]
Arc = tuple[tuple[Point, ...], Point]  # its curve, and the point halfway

SPAN = 20  # how much higher an arc is for each place that it spans
PORT = 9  # between two ends at one thing
FLAT = 4 / 3  # a control point stands so much above the top of its curve


def height(count: int) -> int:
    """The room over a row of so many things."""
    return 14 + SPAN * max(count - 1, 0)


def arcs(
    pairs: Iterable[tuple[int, int]], middles: Sequence[float], base: float, *, upright: bool = False
) -> list[Arc]:
    """`middles`: where each thing stands along the row; `upright`: the row is a column, its arcs are at its left.

    Ends at one thing stand side by side in the order in which no two arcs cross there.
    """
    pairs = list(pairs)
    ends: dict[int, list[int]] = {}
    for one, other in pairs:
        ends.setdefault(one, []).append(other)
        ends.setdefault(other, []).append(one)
    for here, peers in ends.items():
        peers.sort(key=lambda peer: (peer > here, -peer))
    out = []
    for one, other in pairs:
        start, tip = (_end(ends, middles, here, there) for here, there in ((one, other), (other, one)))
        top = SPAN * abs(other - one) + 4
        shape = [(start, base), (start, base - top * FLAT), (tip, base - top * FLAT), (tip, base)]
        middle = ((start + tip) / 2, base - top)
        if upright:
            shape, middle = [(y, x) for x, y in shape], (middle[1], middle[0])
        out.append((tuple((round(x, 1), round(y, 1)) for x, y in shape), middle))
    return out


def _end(ends: dict[int, list[int]], middles: Sequence[float], here: int, there: int) -> float:
    peers = ends[here]
    return middles[here] + (peers.index(there) - (len(peers) - 1) / 2) * PORT
