"""Rows for workloads: in the drum of stored objects and in the lanes of the ownership figure, and each owner's tint.

A Deployment keeps three rows of the drum (itself, two ReplicaSets) and two lanes, so a rollout moves nothing below it.
When a third ReplicaSet has Pods at once, it takes the first row that is free anywhere. ReplicaSets without Pods give
up their row only when another needs it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import controller_of
from apps.diagrams import roles

Obj = dict[str, Any]

# resource of the parent -> resource of what it makes, which in turn makes Pods
NESTED = {"deployments": "replicasets", "cronjobs": "jobs"}
CHILDREN = 2  # rows kept for them
ABREAST = 4  # plain objects in a lane
_PARENT_OF_KIND = {"Deployment": "deployments", "CronJob": "cronjobs"}


class Child(NamedTuple):
    """A ReplicaSet of a Deployment, or a Job of a CronJob. The higher revision is the newer: a Job's is its time."""

    parent: str
    active: bool
    revision: int


class Grid:
    """Numbered rows, some of them taken. What is freed is used again, first fit."""

    __slots__ = ("high", "rows", "taken")

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.taken: frozenset[int] = frozenset()
        self.high = 0

    def copy(self) -> Grid:
        other = Grid()
        other.rows, other.taken, other.high = dict(self.rows), self.taken, self.high
        return other

    def take(self, key: str, height: int = 1) -> int:
        row = 0
        while any(row + offset in self.taken for offset in range(height)):
            row += 1
        self.claim(key, row, height)
        return row

    def claim(self, key: str, row: int, height: int = 1) -> None:
        self.rows[key] = row
        self.taken |= frozenset(range(row, row + height))
        self.high = max(self.high, row + height)

    def free(self, key: str, height: int = 1) -> None:
        row = self.rows.pop(key, None)
        if row is not None:
            self.taken -= frozenset(range(row, row + height))


class Rows:
    """`drum` and `lanes`: ref -> row. `tint`: ref -> number, small and kept while the owner lives."""

    __slots__ = ("children", "drum", "heights", "lanes", "others", "roots", "seats", "tint")

    def __init__(self) -> None:
        self.drum = Grid()
        self.lanes = Grid()
        self.others = Grid()
        self.roots: dict[str, None] = {}
        self.heights: dict[str, int] = {}  # root -> lanes it keeps
        self.children: dict[str, Child] = {}
        self.seats: dict[str, dict[str, int]] = {}  # parent -> child -> 0, 1, or a place of its own (2, 3 …)
        self.tint: dict[str, int] = {}

    def copy(self) -> Rows:
        other = Rows()
        other.drum, other.lanes, other.others = self.drum.copy(), self.lanes.copy(), self.others.copy()
        other.heights = dict(self.heights)
        other.roots, other.children = dict(self.roots), dict(self.children)
        other.seats = {parent: dict(seats) for parent, seats in self.seats.items()}
        other.tint = dict(self.tint)
        return other

    def plain(self, ref: str, obj: Obj | None) -> None:
        """An object that is no workload: a Service has a lane, others stand four in a lane."""
        if obj is None:
            if ref.startswith("services/"):
                self.lanes.free(ref)
            else:
                self.others.free(ref)
        elif ref.startswith("services/"):
            if ref not in self.lanes.rows:
                self.lanes.take(ref)
        elif ref not in self.others.rows:
            self.shared(f"other/{self.others.take(ref) // ABREAST}")

    def shared(self, lane: str) -> None:
        """A lane for what has no owner: taken when first needed, kept from then on."""
        if lane not in self.lanes.rows:
            self.lanes.take(lane)

    def moves(self, ref: str, obj: Obj | None) -> bool:
        """Whether `put` would change anything."""
        if obj is None:
            return ref in self.roots or ref in self.children
        child = self._child(ref, obj)
        if child is not None:
            return self.children.get(ref) != child
        return ref not in self.roots and not roles.is_system(obj)

    def put(self, ref: str, obj: Obj | None) -> None:
        if obj is None:
            self._drop(ref)
            return
        child = self._child(ref, obj)
        if child is not None:
            self.children[ref] = child
            self._settle(child.parent)
        elif ref not in self.roots and not roles.is_system(obj):
            self._drop(ref)
            self._root(ref, obj)

    def _child(self, ref: str, obj: Obj) -> Child | None:
        if not ref.startswith(("replicasets/", "jobs/")):
            return None
        owner = controller_of(obj)
        resource = _PARENT_OF_KIND.get(owner["kind"], "") if owner is not None else ""
        if owner is None or not resource:
            return None
        parent = f"{resource}/{obj['metadata'].get('namespace', '')}/{owner['name']}"
        if parent not in self.roots:
            return None
        status = obj.get("status") or {}
        if resource == "deployments":
            active = bool((obj.get("spec") or {}).get("replicas", 1) or status.get("replicas"))
            return Child(parent, active, roles.revision_of(obj))
        listed = status.get("conditions")
        ended = conditions.is_true(listed, "Complete") or conditions.is_true(listed, "Failed")
        made = obj["metadata"].get("creationTimestamp")
        return Child(parent, not ended, timestamps.parse(made) if made else 0)

    def _root(self, ref: str, obj: Obj) -> None:
        resource = ref.partition("/")[0]
        nested = resource in NESTED
        self.roots[ref] = None
        self.drum.take(ref, 1 + CHILDREN if nested else 1)
        # A StatefulSet with claims has a second lane for them.
        claims = bool((obj.get("spec") or {}).get("volumeClaimTemplates"))
        self.heights[ref] = CHILDREN if nested or claims else 1
        self.lanes.take(ref, self.heights[ref])
        if nested:
            self.seats[ref] = {}
        used = {number for other, number in self.tint.items() if other in self.roots and _same_tint(other, ref)}
        self.tint[ref] = next(number for number in range(len(used) + 1) if number not in used)

    def _drop(self, ref: str) -> None:
        if ref in self.roots:
            nested = ref.partition("/")[0] in NESTED
            for child in [name for name, entry in self.children.items() if entry.parent == ref]:
                self._drop(child)
            self.drum.free(ref, 1 + CHILDREN if nested else 1)
            self.lanes.free(ref, self.heights.pop(ref))
            self.seats.pop(ref, None)
            del self.roots[ref]
        entry = self.children.pop(ref, None)
        if entry is not None:
            self._unseat(entry.parent, ref)
            self._settle(entry.parent)
        self.tint.pop(ref, None)

    def _settle(self, parent: str) -> None:
        """Seat every active child, and as many others as there is room for; the newest first."""
        seats = self.seats.get(parent)
        if seats is None:
            return
        mine = {name: entry for name, entry in self.children.items() if entry.parent == parent}
        newest = sorted(mine, key=lambda name: (-mine[name].revision, name))
        for name in newest:
            if name in seats:
                continue
            if not mine[name].active and len(seats) >= CHILDREN:
                continue
            if len(seats) >= CHILDREN:
                idle = [other for other in reversed(newest) if other in seats and not mine[other].active]
                if idle:
                    self._unseat(parent, idle[0])
            self._seat(parent, name)

    def _seat(self, parent: str, child: str) -> None:
        seats = self.seats[parent]
        taken = set(seats.values())
        seat = next(number for number in range(len(taken) + 1) if number not in taken)
        seats[child] = seat
        if seat < CHILDREN:
            self.drum.rows[child] = self.drum.rows[parent] + 1 + seat
            self.lanes.rows[child] = self.lanes.rows[parent] + seat
        else:
            self.drum.take(child)
            self.lanes.take(child)
        self.tint[child] = self._fresh_tint(parent, child)

    def _unseat(self, parent: str, child: str) -> None:
        seat = self.seats.get(parent, {}).pop(child, None)
        if seat is None:
            return
        if seat < CHILDREN:
            self.drum.rows.pop(child, None)
            self.lanes.rows.pop(child, None)
        else:
            self.drum.free(child)
            self.lanes.free(child)
        self.tint.pop(child, None)

    def _fresh_tint(self, parent: str, child: str) -> int:
        """Even and odd numbers are the two tints of ReplicaSets: the new one never wears its neighbour's."""
        siblings = [name for name in self.seats[parent] if name != child]
        used = {self.tint[name] for name in siblings}
        if not siblings:
            return 0
        newest = max(siblings, key=lambda name: (self.children[name].revision, name))
        number = 1 - self.tint[newest] % 2
        while number in used:
            number += 2
        return number


def _same_tint(one: str, other: str) -> bool:
    return tint_family(one.partition("/")[0]) == tint_family(other.partition("/")[0])


def tint_family(resource: str) -> str:
    """Kinds that share tints, and so must share their numbers.

    >>> tint_family("replicasets"), tint_family("statefulsets")
    ('set', 'state')
    """
    return {"statefulsets": "state", "daemonsets": "daemon"}.get(resource, "set")
