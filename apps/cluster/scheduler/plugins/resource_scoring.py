"""The ways to turn "how full is this node" into points.

Models      pkg/scheduler/framework/plugins/noderesources (least_allocated.go, most_allocated.go,
            requested_to_capacity_ratio.go, balanced_allocation.go) and helper/shape_score.go
Leaves out  devices of dynamic resource allocation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

from apps.cluster.scheduler.plugins.base import MAX_SCORE

Scorer = Callable[[Sequence[int], Sequence[int], Sequence[int]], int]  # requested with the Pod, capacity, weights


class ShapePoint(NamedTuple):
    """Points (0 … 100) at a utilisation (0 … 100)."""

    utilization: int
    score: int


def least_allocated(requested: Sequence[int], capacity: Sequence[int], weights: Sequence[int]) -> int:
    """The emptier the better.

    >>> least_allocated([1000, 512], [4000, 2048], [1, 1])
    75
    """
    points = total = 0
    for want, have, weight in zip(requested, capacity, weights, strict=True):
        if have:
            total += weight
            if want <= have:
                points += (have - want) * MAX_SCORE // have * weight
    return points // total if total else 0


def most_allocated(requested: Sequence[int], capacity: Sequence[int], weights: Sequence[int]) -> int:
    """The fuller the better: bin packing."""
    points = total = 0
    for want, have, weight in zip(requested, capacity, weights, strict=True):
        if have:
            total += weight
            points += min(want, have) * MAX_SCORE // have * weight
    return points // total if total else 0


def requested_to_capacity_ratio(shape: Sequence[ShapePoint]) -> Scorer:
    """Points read off a broken line over utilisation."""

    def on_line(utilization: int) -> int:
        for i, point in enumerate(shape):
            if utilization <= point.utilization:
                if i == 0:
                    return point.score
                before = shape[i - 1]
                rise, run = point.score - before.score, point.utilization - before.utilization
                # Go's division truncates towards zero, also when the line falls.
                return before.score + _quotient(rise * (utilization - before.utilization), run)
        return shape[-1].score

    def score(requested: Sequence[int], capacity: Sequence[int], weights: Sequence[int]) -> int:
        points = total = 0
        for want, have, weight in zip(requested, capacity, weights, strict=True):
            if have:
                own = on_line(100 if want > have else want * 100 // have)
                if own > 0:
                    points += own * weight
                    total += weight
        return int(points / total + 0.5) if total else 0

    return score


def _quotient(number: int, divisor: int) -> int:
    return number // divisor if number >= 0 else -(-number // divisor)


def balance(requested: Sequence[int], capacity: Sequence[int]) -> int:
    """100 when every resource is used to the same degree, less the further they differ."""
    shares = [min(want / have, 1.0) for want, have in zip(requested, capacity, strict=True) if have]
    if len(shares) == 2:
        deviation = abs((shares[0] - shares[1]) / 2)
    elif len(shares) > 2:
        mean = sum(shares) / len(shares)
        deviation = sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))
    else:
        deviation = 0.0
    return int((1 - deviation) * MAX_SCORE)


def balanced_allocation(after: Sequence[int], before: Sequence[int], capacity: Sequence[int]) -> int:
    """75 when the Pod leaves the node's balance as it was; up to 100 when it mends it, down to 50 when it spoils it."""
    half = MAX_SCORE // 2
    return half + (half + balance(after, capacity) - balance(before, capacity)) // 2
