"""Whose a Pod is, as a tint and a pattern of the spine: the pattern says again what the tint says.

Tints are a political map's: 1 sand and 2 water take turns among ReplicaSets (and Jobs), 3 sage is a StatefulSet, 4
clay a DaemonSet, 0 has no owner of the reader's. When a tint comes again, its pattern is another one.
"""

from __future__ import annotations

from typing import Any

from apps.diagrams.places import Places
from apps.diagrams.rows import NESTED

Obj = dict[str, Any]

NOBODY = "own-0 sp-0"
_PATTERNS = {1: (1, 5, 9), 2: (2, 6, 10), 3: (3, 7, 11), 4: (4, 8, 12)}
OWNERS = ("replicasets", "statefulsets", "daemonsets", "jobs", "replicationcontrollers")


def tint(resource: str, number: int, of: int = 0) -> str:
    """The classes of an owner: `number` among its siblings, `of` the number of what owns it.

    >>> tint("replicasets", 0), tint("replicasets", 1), tint("daemonsets", 1)
    ('own-1 sp-1', 'own-2 sp-2', 'own-4 sp-8')
    """
    if resource == "statefulsets":
        hue, again = 3, number
    elif resource == "daemonsets":
        hue, again = 4, number
    else:
        hue, again = 1 + number % 2, number // 2 + of
    patterns = _PATTERNS[hue]
    return f"own-{hue} sp-{patterns[again % len(patterns)]}"


def tint_of(places: Places, ref: str) -> str:
    """The classes of the owner a ref names; NOBODY when it has no number."""
    rows = places.rows
    number = rows.tint.get(ref)
    if number is None:
        return NOBODY
    child = rows.children.get(ref)
    of = rows.tint.get(child.parent, 0) if child is not None else 0
    resource = ref.partition("/")[0]
    if child is None and resource not in ("statefulsets", "daemonsets"):
        of, number = number // 2, number % 2
    return tint(resource, number, of)


def by_uid(places: Places, objects: Any) -> dict[str, tuple[str, str]]:
    """Owner's uid -> (its ref, its classes), for everything that makes Pods."""
    found = {}
    for resource in OWNERS:
        for key, obj in objects.get(resource, {}).items():
            ref = f"{resource}/{key}"
            found[obj["metadata"].get("uid", "")] = (ref, tint_of(places, ref))
    return found


def has_children(resource: str) -> bool:
    return resource in NESTED
