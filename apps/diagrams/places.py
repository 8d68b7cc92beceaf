"""Where everything stands, so that what did not change does not move.

A snapshot knows only what is there. Which slot a Pod took when it came is history, so it is carried from step to step:
`start` for a first snapshot, `advance` for each step after it, `at` for both. The fold is a pure function of the
steps, so every worker arrives at the same places for a revision; a step that seats or unseats nothing gives back the
same object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

from apps.cluster.engine.trace import Step
from apps.diagrams import roles
from apps.diagrams.rows import Rows
from apps.diagrams.seating import Seating
from apps.diagrams.states import pod_state, ready_condition

Obj = dict[str, Any]

CROWD = 8  # more equal Pods of one owner than this become ×N
DENSE = 12  # more workers than this are drawn as small tiles
DENSE_CROWD = 2

_DIGITS = re.compile(r"(\d+)")
BARE = 8  # Pods nobody owns in one lane of the ownership figure


class SnapshotLike(Protocol):
    """What the figures need of a snapshot."""

    @property
    def revision(self) -> int: ...
    @property
    def objects(self) -> Any: ...
    @property
    def machines(self) -> Any: ...
    @property
    def step(self) -> Step | None: ...


class Places:
    """Cells of workers, slots of Pods on nodes and under owners, rows of workloads. Never changed once handed out."""

    __slots__ = ("by_node", "by_owner", "cells", "framed", "heard", "nodes", "rows", "silent", "size")

    def __init__(self) -> None:
        self.cells: dict[str, int] = {}  # worker, or a further machine of the control plane -> cell of the grid
        self.framed = ""  # the machine whose chips and Pods stand in the control plane's own frame
        self.size = 0  # cells ever needed
        self.by_node = Seating(CROWD)  # area = node, "" = waiting for one
        self.by_owner = Seating(CROWD)  # area = owner's uid
        self.rows = Rows()
        self.nodes: dict[str, Obj] = {}
        self.silent: frozenset[str] = frozenset()  # nodes whose Ready condition is Unknown
        self.heard: dict[str, str] = {}  # Pods of silent nodes -> the mark they were last heard with

    @property
    def dense(self) -> bool:
        return self.size > DENSE

    def copy(self) -> Places:
        other = Places()
        other.cells = dict(self.cells)
        other.framed = self.framed
        other.size = self.size
        other.by_node = self.by_node.copy()
        other.by_owner = self.by_owner.copy()
        other.rows = self.rows.copy()
        other.nodes = dict(self.nodes)
        other.silent = self.silent
        other.heard = dict(self.heard)
        return other

    # What follows writes; only `start`, `advance` and `at` call it, on a copy nobody else has seen.

    def in_frame(self, name: str, node: Obj) -> bool:
        """Whether a machine is the one in the control plane's frame: the first; the others have cells, as workers."""
        return roles.is_control_plane(node) and self.framed in ("", name)

    def node(self, name: str, node: Obj | None) -> None:
        if node is None or self.in_frame(name, node):
            self.cells.pop(name, None)
            if node is not None:
                self.framed = name
            elif name == self.framed:
                self.framed = ""
            if node is None:
                self.nodes.pop(name, None)
                self.silent -= {name}
                self.by_node.forget(name)
                return
        elif name not in self.cells:
            taken = set(self.cells.values())
            cell = 0
            while cell in taken:
                cell += 1
            self.cells[name] = cell
            if cell >= self.size:
                self.size = cell + 1
                if self.size == DENSE + 1:
                    self._tighten()
        self.nodes[name] = node
        silent = ready_condition(node) == "Unknown"
        if silent is not (name in self.silent):
            self.silent = self.silent | {name} if silent else self.silent - {name}
            self._remark(name)

    def pod(self, ref: str, pod: Obj | None) -> None:
        if pod is None:
            self.by_node.drop(ref)
            self.by_owner.drop(ref)
            self.heard.pop(ref, None)
            return
        if roles.special(pod):
            return
        node, owner, mark = _seat(pod)
        if node in self.silent:
            self.heard[ref] = mark
            mark = _silenced(mark)
        self.by_node.put(ref, node, owner, mark)
        self.by_owner.put(ref, owner, owner, mark)
        if not owner:
            self.rows.shared(f"bare/{self.by_owner.seats[''][ref] // BARE}")

    def plain(self, ref: str, obj: Obj | None) -> None:
        if not (obj is not None and claim_owner(self, ref)):
            self.rows.plain(ref, obj)

    def _tighten(self) -> None:
        """Small tiles hold fewer Pods by name: seat everyone again, closer."""
        old, self.by_node = self.by_node, Seating(DENSE_CROWD)
        for name, guest in old.guests.items():
            self.by_node.put(name, *guest)

    def _remark(self, node: str) -> None:
        """The node fell silent or was heard of again: every Pod on it changes its mark at once."""
        silent = node in self.silent
        for ref, guest in list(self.by_node.guests.items()):
            if guest.area != node:
                continue
            if silent:
                self.heard[ref] = guest.mark
                mark = _silenced(guest.mark)
            else:
                mark = self.heard.pop(ref, guest.mark)
            self.by_node.put(ref, node, guest.group, mark)
            self.by_owner.put(ref, guest.group, guest.group, mark)


def start(snapshot: SnapshotLike) -> Places:
    """Places for a snapshot without history: what is older comes first."""
    places = Places()
    objects = snapshot.objects
    for name in sorted(objects.get("nodes", ()), key=natural):
        places.node(name, objects["nodes"][name])
    for resource in roles.WORKLOADS:
        for key, obj in _by_age(objects.get(resource, {})):
            places.rows.put(f"{resource}/{key}", obj)
    for key, pod in _by_age(objects.get("pods", {})):
        places.pod(f"pods/{key}", pod)
    for resource in sorted(objects, key=lambda name: (name != "services", name)):
        if resource not in roles.RECORDS and resource not in roles.WORKLOADS:
            for key, obj in _by_age(objects[resource]):
                if roles.is_plain(resource, obj):
                    places.plain(f"{resource}/{key}", obj)
    return places


def advance(places: Places, step: Step) -> Places:
    """The places after a step: `places` itself when the step seats and unseats nothing."""
    if not _moves(places, step):
        return places
    places = places.copy()
    _take(places, step)
    return places


def at(snapshot: SnapshotLike, steps: Iterable[Step]) -> Places:
    """The places after all `steps` that followed `snapshot`."""
    places = start(snapshot)
    for step in steps:
        if _moves(places, step):
            _take(places, step)
    return places


def natural(name: str) -> tuple[str | int, ...]:
    """A sort key that puts worker-2 before worker-10.

    >>> sorted(["worker-10", "worker-2"], key=natural)
    ['worker-2', 'worker-10']
    """
    return tuple(int(part) if part.isdigit() else part for part in _DIGITS.split(name))


def _by_age(table: Any) -> list[tuple[str, Obj]]:
    return sorted(table.items(), key=lambda item: (item[1]["metadata"].get("creationTimestamp", ""), natural(item[0])))


def _moves(places: Places, step: Step) -> bool:
    if step.rank == "note":
        return False
    resource, _, key = step.ref.partition("/")
    if resource == "pods":
        if step.after is None:
            return step.ref in places.by_node.guests
        if roles.special(step.after):
            return False
        node, owner, mark = _seat(step.after)
        if node in places.silent:
            if places.heard.get(step.ref) != mark:
                return True
            mark = _silenced(mark)
        if not places.by_node.stays(step.ref, node, owner, mark):
            return True
        return not places.by_owner.stays(step.ref, owner, owner, mark)
    if resource == "nodes":
        node_obj = step.after
        if node_obj is None:
            return key in places.nodes
        if (key in places.cells) is places.in_frame(key, node_obj) or key not in places.nodes:
            return True
        return (ready_condition(node_obj) == "Unknown") is not (key in places.silent)
    if resource in roles.WORKLOADS:
        return places.rows.moves(step.ref, step.after)
    if resource in roles.RECORDS:
        return False
    known = step.ref in places.rows.lanes.rows or step.ref in places.rows.others.rows
    if step.after is None:
        return known
    return not known and roles.is_plain(resource, step.after) and not claim_owner(places, step.ref)


def _take(places: Places, step: Step) -> None:
    resource, _, key = step.ref.partition("/")
    if resource == "pods":
        places.pod(step.ref, step.after)
    elif resource == "nodes":
        places.node(key, step.after)
    elif resource in roles.WORKLOADS:
        places.rows.put(step.ref, step.after)
    else:
        places.plain(step.ref, step.after)


def _seat(pod: Obj) -> tuple[str, str, str]:
    """A Pod's node, its owner's uid and its mark as its own kubelet tells it."""
    return pod["spec"].get("nodeName", ""), roles.owner_uid(pod), pod_state(pod).mark


def _silenced(mark: str) -> str:
    """The mark of a Pod whose node is silent, as `pod_state` gives it for such a node."""
    return "Unknown" if mark in ("ContainerCreating", "Running", "Ready") else mark


def claim_owner(places: Places, ref: str) -> str:
    """The StatefulSet a claim was made for, by the claim's name (`data-db-0`); "" for any other object."""
    resource, _, key = ref.partition("/")
    if resource != "persistentvolumeclaims":
        return ""
    namespace, _, name = key.partition("/")
    rest, _, ordinal = name.rpartition("-")
    if not ordinal.isdigit():
        return ""
    for root in places.rows.roots:
        if root.startswith(f"statefulsets/{namespace}/") and rest.endswith("-" + root.rpartition("/")[2]):
            return root
    return ""
