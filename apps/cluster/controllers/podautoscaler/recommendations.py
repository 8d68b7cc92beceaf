"""What becomes of a recommended size: held for a while, and kept to the limits of the autoscaler.

Models      pkg/controller/podautoscaler/horizontal.go (normalizeDesiredReplicas, normalizeDesiredReplicasWithBehaviors,
            stabilizeRecommendation, storeScaleEvent and what they call)
Leaves out  nothing

Pure. What an autoscaler remembers, `Memory`, is plain data and replaced, never changed. Times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple

Rules = dict[str, Any]  # HPAScalingRules, with its defaults
Dated = tuple[int, int]  # a number of replicas, and when

MAX_INT32 = 2**31 - 1
MIN_INT32 = -(2**31)
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
UP_FAST = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_FAST = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
READY = ("ReadyForNewScale", "recommended size matches current size")
HELD_DOWN = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
HELD_UP = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)


class Memory(NamedTuple):
    """What an autoscaler knows of its past: sizes it would have liked, and by how much it grew and shrank."""

    recommendations: tuple[Dated, ...] = ()
    ups: tuple[Dated, ...] = ()
    downs: tuple[Dated, ...] = ()


class Normalized(NamedTuple):
    """A size, and what the conditions AbleToScale and ScalingLimited say of it."""

    replicas: int
    able: tuple[str, str]
    limited: bool
    limit: tuple[str, str]


def _noted(entries: Sequence[Dated], number: int, now_ms: int, old: int | None) -> tuple[Dated, ...]:
    """With one more entry, in the place of one that is of no more use."""
    if old is None:
        return (*entries, (number, now_ms))
    return (*entries[:old], (number, now_ms), *entries[old + 1 :])


def stabilize(entries: Sequence[Dated], desired: int, window_ms: int, now_ms: int) -> tuple[int, tuple[Dated, ...]]:
    """The highest of the recommendations within the window, this one among them."""
    cutoff, highest, old = now_ms - window_ms, desired, None
    for place, (number, at) in enumerate(entries):
        if at < cutoff:
            old = place
        else:
            highest = max(highest, number)
    return highest, _noted(entries, desired, now_ms, old)


def within_rules(current: int, desired: int, least: int, most: int) -> tuple[int, tuple[str, str]]:
    """Between least and most, and no more than twice the present size (or 4) at a time."""
    fastest = int(max(2.0 * current, 4.0))
    ceiling, reason = (fastest, UP_FAST) if most > fastest else (most, TOO_MANY)
    if desired < least:
        return least, TOO_FEW
    if desired > ceiling:
        return ceiling, reason
    return desired, WITHIN


def normalize(
    memory: Memory, current: int, desired: int, least: int, most: int, window_ms: int, now_ms: int
) -> tuple[Normalized, Memory]:
    """For an autoscaler without a behaviour of its own."""
    held, entries = stabilize(memory.recommendations, desired, window_ms, now_ms)
    replicas, limit = within_rules(current, held, least, most)
    able = HELD_DOWN if held != desired else READY
    return Normalized(replicas, able, replicas != held, limit), memory._replace(recommendations=entries)


def normalize_with_behavior(
    memory: Memory, behavior: dict[str, Rules], current: int, desired: int, least: int, most: int, now_ms: int
) -> tuple[Normalized, Memory]:
    """For one that says how fast it may grow and shrink, and how long it waits before."""
    up, down = behavior["scaleUp"], behavior["scaleDown"]
    held, reason, entries = stabilize_with_behavior(
        memory.recommendations,
        current,
        desired,
        up["stabilizationWindowSeconds"],
        down["stabilizationWindowSeconds"],
        now_ms,
    )
    replicas, limit = within_behavior(memory, up, down, current, held, least, most, now_ms)
    able = reason if held != desired else READY
    return Normalized(replicas, able, replicas != held, limit), memory._replace(recommendations=entries)


def stabilize_with_behavior(
    entries: Sequence[Dated], current: int, desired: int, up_seconds: int, down_seconds: int, now_ms: int
) -> tuple[int, tuple[str, str], tuple[Dated, ...]]:
    """The present size, moved only as far as every recommendation of the two windows agrees."""
    lowest = highest = desired
    up_cutoff, down_cutoff, old = now_ms - up_seconds * 1000, now_ms - down_seconds * 1000, None
    for place, (number, at) in enumerate(entries):
        if at > up_cutoff:
            lowest = min(lowest, number)
        if at > down_cutoff:
            highest = max(highest, number)
        if at < up_cutoff and at < down_cutoff:
            old = place
    held = min(max(current, lowest), highest)
    return held, HELD_UP if desired >= current else HELD_DOWN, _noted(entries, desired, now_ms, old)


def within_behavior(
    memory: Memory, up: Rules, down: Rules, current: int, desired: int, least: int, most: int, now_ms: int
) -> tuple[int, tuple[str, str]]:
    """No further than the policies of that direction allow at present."""
    if desired > current:
        allowed = max(scale_up_limit(current, memory.ups, memory.downs, up, now_ms), current)
        ceiling, reason = (allowed, UP_FAST) if most > allowed else (most, TOO_MANY)
        if desired > ceiling:
            return ceiling, reason
    elif desired < current:
        allowed = min(scale_down_limit(current, memory.ups, memory.downs, down, now_ms), current)
        floor, reason = (allowed, DOWN_FAST) if least < allowed else (least, TOO_FEW)
        if desired < floor:
            return floor, reason
    return desired, WITHIN


def change_in(period_seconds: int, events: Sequence[Dated], now_ms: int) -> int:
    """By how many replicas the size changed within a period."""
    return sum(number for number, at in events if at > now_ms - period_seconds * 1000)


def scale_up_limit(current: int, ups: Sequence[Dated], downs: Sequence[Dated], rules: Rules, now_ms: int) -> int:
    """The largest size that the policies for growing allow."""
    if rules["selectPolicy"] == "Disabled":
        return current
    choose, result = (min, MAX_INT32) if rules["selectPolicy"] == "Min" else (max, MIN_INT32)
    proposed = 0
    for policy in rules["policies"]:
        start = _at_start(current, ups, downs, policy["periodSeconds"], now_ms)
        if policy["type"] == "Pods":
            proposed = start + policy["value"]
        elif policy["type"] == "Percent":
            proposed = ceil(start * (1 + policy["value"] / 100))
        result = choose(result, proposed)
    return result


def scale_down_limit(current: int, ups: Sequence[Dated], downs: Sequence[Dated], rules: Rules, now_ms: int) -> int:
    """The smallest size that the policies for shrinking allow."""
    if rules["selectPolicy"] == "Disabled":
        return current
    choose, result = (max, MIN_INT32) if rules["selectPolicy"] == "Min" else (min, MAX_INT32)
    proposed = 0
    for policy in rules["policies"]:
        start = _at_start(current, ups, downs, policy["periodSeconds"], now_ms)
        if policy["type"] == "Pods":
            proposed = start - policy["value"]
        elif policy["type"] == "Percent":
            proposed = int(start * (1 - policy["value"] / 100))
        result = choose(result, proposed)
    return result


def _at_start(current: int, ups: Sequence[Dated], downs: Sequence[Dated], period: int, now_ms: int) -> int:
    return current - change_in(period, ups, now_ms) + change_in(period, downs, now_ms)


def longest_period(rules: Rules) -> int:
    return max((policy["periodSeconds"] for policy in rules["policies"] or ()), default=0)


def scaled(memory: Memory, behavior: dict[str, Rules] | None, before: int, after: int, now_ms: int) -> Memory:
    """With a change of size noted, for the policies to count."""
    if behavior is None:
        return memory
    if after > before:
        ups = _replaced(memory.ups, after - before, longest_period(behavior["scaleUp"]), now_ms)
        return memory._replace(ups=ups)
    return memory._replace(downs=_replaced(memory.downs, before - after, longest_period(behavior["scaleDown"]), now_ms))


def _replaced(events: Sequence[Dated], number: int, period_seconds: int, now_ms: int) -> tuple[Dated, ...]:
    cutoff, old = now_ms - period_seconds * 1000, None
    for place, (_, at) in enumerate(events):
        if at < cutoff:
            old = place
    return _noted(events, number, now_ms, old)
