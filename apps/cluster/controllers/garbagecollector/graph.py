"""The graph of ownership: who depends on whom, by uid.

Models      pkg/controller/garbagecollector/{graph.go,graph_builder.go}
Leaves out  virtual nodes and the cache of absent owners (a lister is never behind here, so a lookup settles it)

Plain data and pure questions. Only edges are kept; what an object looks like now, the listers know.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Graph:
    """Owner uid -> {dependent uid: (resource, key)}, in the order in which the dependents came."""

    def __init__(self) -> None:
        self.dependents: dict[str, dict[str, tuple[str, str]]] = {}

    def add(self, owner: str, dependent: str, resource: str, key: str) -> None:
        there = self.dependents.get(owner)
        if there is None:
            self.dependents[owner] = {dependent: (resource, key)}
        else:
            there[dependent] = (resource, key)

    def remove(self, owner: str, dependent: str) -> None:
        there = self.dependents.get(owner)
        if there is not None:
            there.pop(dependent, None)
            if not there:
                del self.dependents[owner]

    def of(self, owner: str) -> list[tuple[str, str]]:
        """The dependents of an owner: resource and key."""
        there = self.dependents.get(owner)
        return list(there.values()) if there is not None else []

    def save(self) -> dict[str, Any]:
        return {
            owner: [[uid, resource, key] for uid, (resource, key) in there.items()]
            for owner, there in self.dependents.items()
        }

    def load(self, data: dict[str, Any]) -> None:
        self.dependents = {
            owner: {uid: (resource, key) for uid, resource, key in there} for owner, there in data.items()
        }


def references(obj: Obj) -> list[Obj]:
    return obj["metadata"].get("ownerReferences") or []


def has_finalizer(obj: Obj, finalizer: str) -> bool:
    return finalizer in (obj["metadata"].get("finalizers") or ())


def is_deleting_dependents(obj: Obj) -> bool:
    """Deleted in the foreground, and still there because dependents are."""
    return "deletionTimestamp" in obj["metadata"] and has_finalizer(obj, FOREGROUND)


def starts(old: Obj | None, new: Obj, finalizer: str) -> bool:
    """Whether this change began a deletion that has to wait for the finalizer."""
    if "deletionTimestamp" not in new["metadata"] or not has_finalizer(new, finalizer):
        return False
    return old is None or "deletionTimestamp" not in old["metadata"] or not has_finalizer(old, finalizer)


def unblocked(old: Obj, new: Obj) -> list[str]:
    """Uids of owners whose deletion this change no longer blocks."""
    now = {reference["uid"]: reference for reference in references(new)}
    out = []
    for reference in references(old):
        if reference.get("blockOwnerDeletion"):
            other = now.get(reference["uid"])
            if other is None or not other.get("blockOwnerDeletion"):
                out.append(reference["uid"])
    return out


def blocks(obj: Obj, owner_uid: str) -> bool:
    """Whether a foreground deletion of the owner has to wait for this dependent."""
    return any(reference["uid"] == owner_uid and reference.get("blockOwnerDeletion") for reference in references(obj))


def policy_for(obj: Obj) -> str:
    """The propagation with which an object without owners is deleted: what its finalizers say, else Background."""
    if has_finalizer(obj, ORPHAN):
        return "Orphan"
    return "Foreground" if has_finalizer(obj, FOREGROUND) else "Background"
