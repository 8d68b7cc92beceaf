"""Finding steps in a run: how a walk-through names "the moment the first Pod gets its node" without a revision.

A finder is a table of conditions, all of which must hold:

    who      component, "kube-scheduler"                  verb    "create", "update", "bind" …
    ref      glob, "pods/default/web-*"                   node    glob
    status   {"status.phase": "Running"}: values in the object after the step; "*" = any value, "" = none
    changed  ["spec.replicas"]: paths whose value differs before and after
    nth      the how-manieth match counts (1 by default)
    rank     change | event | note; "change" by default
    ready    true/false: the object after the step is a Pod whose Ready condition says so, and did not before
    gone     true: the step took the object away for good
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from apps.cluster.engine import Step

Finder = Mapping[str, Any]
KEYS = {"who", "verb", "ref", "node", "status", "changed", "nth", "rank", "ready", "gone", "message", "subresource"}
PART = re.compile(r"([^.\[]+)|\[([^\]]+)\]")


def value_at(obj: Any, path: str) -> Any:
    """A value by its path; `conditions[type=Ready].status` picks from a list, `containers[0]` by position.

    >>> value_at({"conditions": [{"type": "Ready", "status": "True"}]}, "conditions[type=Ready].status")
    'True'
    """
    for name, inside in PART.findall(path):
        if name:
            obj = obj.get(name) if isinstance(obj, dict) else None
        elif not isinstance(obj, list):
            return None
        elif inside.isdigit():
            obj = obj[int(inside)] if int(inside) < len(obj) else None
        else:
            key, _, wanted = inside.partition("=")
            obj = next((item for item in obj if isinstance(item, dict) and item.get(key) == wanted), None)
        if obj is None:
            return None
    return obj


def matches(step: Step, finder: Finder) -> bool:
    """All conditions but `nth`."""
    if step.rank != finder.get("rank", "change"):
        return False
    for key, value in (("who", step.component), ("verb", step.verb), ("subresource", step.subresource)):
        if key in finder and finder[key] != value:
            return False
    for key, value in (("ref", step.ref), ("node", step.node), ("message", step.message)):
        if key in finder and not fnmatchcase(value, finder[key]):
            return False
    for path, wanted in (finder.get("status") or {}).items():
        found = value_at(step.after, path)
        if wanted == "*":
            if found is None:
                return False
        elif wanted == "":
            if found is not None:
                return False
        elif found != wanted:
            return False
    for path in finder.get("changed") or ():
        if value_at(step.before, path) == value_at(step.after, path):
            return False
    if "gone" in finder and (step.after is None) is not finder["gone"]:
        return False
    if "ready" in finder:
        path = "status.conditions[type=Ready].status"
        wanted = "True" if finder["ready"] else "False"
        if value_at(step.after, path) != wanted or value_at(step.before, path) == wanted:
            return False
    return True


def find(steps: Sequence[Step], finder: Finder, start: int = 0) -> int:
    """Position of the `nth` matching step from `start` on.

    Raises:
        LookupError: there is none; ValueError: the finder names a condition that does not exist.
    """
    unknown = set(finder) - KEYS
    if unknown:
        raise ValueError(f"unknown condition {sorted(unknown)[0]!r}")
    left = int(finder.get("nth", 1))
    for position in range(start, len(steps)):
        if matches(steps[position], finder):
            left -= 1
            if not left:
                return position
    raise LookupError(f"no step matches {dict(finder)}")
