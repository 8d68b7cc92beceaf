"""The geometry of the ownership figure. Graphviz's `dot` lays out one lane; lanes stand under each other.

A lane is laid out as the union of everything it may hold: both ReplicaSets, every seat, whether taken or not. So
nothing that comes or goes changes the lane, and a lane of the same kind is laid out once for all.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from apps.diagrams import pool
from apps.diagrams.graph import Rect
from apps.diagrams.options import WIDTHS
from apps.diagrams.pool import GraphvizError

SEATS = 8
_INCH = 72


class Lane(NamedTuple):
    """Places in a lane. `owners`: what owns Pods; `seats`: a tuple for each owner.

    `root`, `claims` and `plain` are relative to the lane's first row, an owner and its seats to their own row.
    """

    root: Rect
    owners: tuple[Rect, ...]
    seats: tuple[tuple[Rect, ...], ...]
    claims: tuple[Rect, ...]
    plain: tuple[Rect, ...]


class Measures(NamedTuple):
    root: int
    owner: int
    gap: int  # between columns
    pod: int
    pod_gap: int
    unit: int  # height of one lane
    plain: int
    above: int  # the root stands so much above its owners; 0 = to their left


BOX, POD = 38, 30  # heights
MEASURES = {
    "full": Measures(200, 220, 48, 84, 8, 50, 240, 0),
    "wide": Measures(170, 206, 36, 76, 8, 50, 206, 0),
    "medium": Measures(728, 176, 24, 60, 4, 68, 174, 30),
}
NARROW_UNIT = 94
NARROW_ROW = 34  # more, when an owner ever had Pods in a second row
NARROW_ACROSS = 5


def unit(width: str) -> int:
    """The height of one lane."""
    return MEASURES[width].unit if width in MEASURES else NARROW_UNIT


@lru_cache(maxsize=64)
def lane(width: str, owners: int, claims: bool) -> Lane:
    """The lane of a root with so many owners of Pods under it, one lane of height each.

    Raises:
        GraphvizError: Graphviz is missing or failed.
    """
    if width not in MEASURES:
        return _outline(owners, claims)
    m = MEASURES[width]
    plain = tuple(Rect(n * (m.plain + 12), (m.unit - BOX) / 2, m.plain, BOX) for n in range(4))
    found = _layout(_skeleton(m, owners))
    room = owners * m.unit - (m.above if owners > 1 else 0)
    down = (m.above if owners > 1 else 0) + (room - max(rect.bottom for rect in found.values())) // 2
    rects = {name: rect._replace(y=rect.y + down) for name, rect in found.items()}
    if m.above:
        rects["root"] = Rect(0, 0, m.root, 26)
    # Relative to the lane's row of each owner.
    seats = tuple(
        tuple(_up(rects[f"o{owner}s{seat}"], owner * m.unit) for seat in range(SEATS)) for owner in range(owners)
    )
    below = tuple(Rect(seat.x, seat.bottom + 6, seat.w, 20) for seat in seats[0]) if claims else ()
    return Lane(
        rects["root"]._replace(w=m.root),
        tuple(_up(rects[f"o{owner}"]._replace(w=m.owner), owner * m.unit) for owner in range(owners)),
        seats,
        below,
        plain,
    )


def _up(rect: Rect, by: float) -> Rect:
    return rect._replace(y=rect.y - by)


def _skeleton(m: Measures, owners: int) -> str:
    """The DOT of a lane: root -> owners -> their seats, left to right, in the order they are written.

    dot keeps one distance between all ranks. Seats need the small one, so boxes are given the rest as width.
    """
    wider = m.gap - m.pod_gap
    distances = f"nodesep={8 / _INCH:.5f} ranksep={m.pod_gap / _INCH:.5f}"
    lines = [
        f"digraph {{ graph [rankdir=LR ordering=out splines=line {distances}]\n",
        'node [shape=box fixedsize=true label=""] edge [arrowhead=none]\n',
        f"root [{_size(8 if m.above else m.root + wider, BOX)}]\n",
    ]
    for owner in range(owners):
        lines.append(f"o{owner} [{_size(m.owner + wider, BOX)}]\nroot -> o{owner}\n")
        names = [f"o{owner}s{seat}" for seat in range(SEATS)]
        lines += [f"{name} [{_size(m.pod, POD)}]\n" for name in names]
        lines.append(f"o{owner} -> {names[0]} [weight=3]\n")
        lines += [f"{a} -> {b} [weight=9]\n" for a, b in pairwise(names)]
    lines.append("}\n")
    return "".join(lines)


def _size(w: float, h: float) -> str:
    return f"width={w / _INCH:.5f} height={h / _INCH:.5f}"


@lru_cache(maxsize=64)
def _layout(skeleton: str) -> dict[str, Rect]:
    """Where `dot` puts the nodes, in pixels with y down."""
    text = pool.ask("dot", skeleton).decode()
    found: dict[str, Rect] = {}
    height = 0.0
    for row in text.splitlines():
        fields = row.split(" ")
        if fields[0] == "graph":
            height = float(fields[3])
        elif fields[0] == "node":
            x, y, w, h = (float(field) * _INCH for field in fields[2:6])
            found[fields[1]] = Rect(round(x - w / 2), round(height * _INCH - y - h / 2), round(w), round(h))
    if not found:
        raise GraphvizError("dot laid out nothing")
    left, top = min(rect.x for rect in found.values()), min(rect.y for rect in found.values())
    return {name: rect._replace(x=rect.x - left, y=rect.y - top) for name, rect in found.items()}


def _outline(owners: int, claims: bool) -> Lane:
    """The phone's lane: an indented outline, which has a natural place for everything."""
    pixels = WIDTHS["narrow"]
    boxes, seats = [], []
    for owner in range(owners):
        y = 36 - 18 * owner if owners > 1 else 0
        boxes.append(Rect(16, y, pixels - 16, 26) if owners > 1 else Rect(0, 0, pixels, 28))
        across = NARROW_ACROSS
        seats.append(
            tuple(Rect(38 + 64 * (n % across), y + 34 + NARROW_ROW * (n // across), 60, 26) for n in range(SEATS))
        )
    below = tuple(Rect(seat.x, seat.bottom + 4, 60, 18) for seat in seats[0])
    half = (pixels - 8) // 2
    plain = tuple(Rect((n % 2) * (half + 8), 44 * (n // 2), half, 38) for n in range(4))
    return Lane(Rect(0, 0, pixels, 28), tuple(boxes), tuple(seats), below if claims else (), plain)
