"""Conditions: a list with one entry a type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Condition = dict[str, Any]


def find(conditions: Sequence[Condition] | None, type_: str) -> Condition | None:
    """The condition of that type, or None."""
    for condition in conditions or ():
        if condition["type"] == type_:
            return condition
    return None


def is_true(conditions: Sequence[Condition] | None, type_: str) -> bool:
    condition = find(conditions, type_)
    return condition is not None and condition.get("status") == "True"


def set_condition(conditions: Sequence[Condition] | None, new: Condition, now: str) -> list[Condition]:
    """A new list in which `new` stands for its type.

    `lastTransitionTime` is kept while the status stays the same, else becomes `now`; the place in the list is kept.
    """
    out = list(conditions or ())
    for position, old in enumerate(out):
        if old["type"] == new["type"]:
            changed = old.get("status") != new.get("status")
            out[position] = {**new, "lastTransitionTime": now if changed else old.get("lastTransitionTime", now)}
            return out
    out.append({**new, "lastTransitionTime": now})
    return out


def without(conditions: Sequence[Condition] | None, type_: str) -> list[Condition]:
    """A new list without that type."""
    return [condition for condition in conditions or () if condition["type"] != type_]
