"""Curves for edges, as the Bézier points Graphviz takes: start, two controls, end, two controls, end …, tip."""

from __future__ import annotations

from itertools import pairwise
from math import hypot

Point = tuple[float, float]
Points = tuple[Point, ...]

ARROW = 6.0  # length of an arrowhead at arrowsize 0.6


def straight(start: Point, tip: Point) -> Points:
    """A straight edge with an arrowhead."""
    base = _before(start, tip)
    return (start, start, base, base, tip)


def curve(start: Point, one: Point, two: Point, tip: Point) -> Points:
    """One Bézier curve with an arrowhead; it arrives from `two`."""
    return (start, one, two, _before(two, tip), tip)


def route(corners: tuple[Point, ...], radius: float = 8) -> Points:
    """Straight pieces with round corners and an arrowhead at the last one."""
    tip = corners[-1]
    corners = (*corners[:-1], _before(corners[-2], tip))
    return (*_rounded(corners, radius), tip)


def elbow(corners: tuple[Point, ...], radius: float = 5) -> Points:
    """Straight pieces with round corners, no arrowhead."""
    return _rounded(corners, radius)


def _rounded(corners: tuple[Point, ...], radius: float) -> Points:
    here = corners[0]
    out: list[Point] = [here]
    for corner, after in pairwise(corners[1:]):
        into = _towards(corner, here, radius)
        away = _towards(corner, after, radius)
        out += [here, into, into, _towards(corner, into, 0.45 * radius), _towards(corner, away, 0.45 * radius), away]
        here = away
    end = corners[-1]
    out += [here, end, end]
    return tuple(out)


def _towards(start: Point, end: Point, distance: float) -> Point:
    """The point `distance` from start on the way to end, at most halfway."""
    length = hypot(end[0] - start[0], end[1] - start[1]) or 1
    part = min(distance / length, 0.5) if distance < length else 0.5
    return (round(start[0] + (end[0] - start[0]) * part, 2), round(start[1] + (end[1] - start[1]) * part, 2))


def _before(start: Point, tip: Point) -> Point:
    length = hypot(tip[0] - start[0], tip[1] - start[1]) or 1
    return (
        round(tip[0] - (tip[0] - start[0]) / length * ARROW, 2),
        round(tip[1] - (tip[1] - start[1]) / length * ARROW, 2),
    )
