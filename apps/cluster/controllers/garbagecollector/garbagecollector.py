"""The garbage collector: background, foreground and orphan deletion, by owner references and finalizers.

Models      pkg/controller/garbagecollector/garbagecollector.go (attemptToDeleteItem, attemptToOrphanWorker), 1.36
Leaves out  nothing that shows

An event costs a few dictionary look-ups, however many objects there are.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.scheme import info_for
from apps.cluster.apimachinery.meta import Obj, key_of, name_of, namespace_of, split_key, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import REACTION_MS, Client, Controller, Informers, Recorder
from apps.cluster.controllers import discovery
from apps.cluster.controllers.garbagecollector.graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    blocks,
    is_deleting_dependents,
    policy_for,
    references,
    starts,
    unblocked,
)
from apps.cluster.engine import Engine

IGNORED = frozenset({"events"})
TWO_QUEUES_MS = 2 * REACTION_MS  # a change goes into the graph by one queue, what is to be done about it by another
DISCOVERY_MS = 30_000
DISCOVER = "discover"
_DELETE, _ORPHAN = "delete ", "orphan "  # what a queue key asks for; then "<resource>/<key>"


class GarbageCollector(Controller):
    """Keys are "delete pods/default/web-0" (see whether it may stay) and "orphan deployments/default/web"."""

    name = "garbage-collector-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.graph = Graph()
        self._where: dict[str, str] = {}  # uid -> "resource/key" of what is being deleted in the foreground
        self._known = 0
        self._monitored: set[str] = set()
        self._discover()

    # Monitors: one a resource.

    def _discover(self) -> None:
        if discovery.count(self.client) != self._known:
            self._known = discovery.count(self.client)
            for info in discovery.deletable(self.client):
                if info.plural not in self._monitored and info.plural not in IGNORED:
                    self._monitored.add(info.plural)
                    self._monitor(info.plural)
        self.enqueue(DISCOVER, DISCOVERY_MS, quiet=True)

    def _monitor(self, resource: str) -> None:
        def added(obj: Obj) -> None:
            if "ownerReferences" in obj["metadata"] or "deletionTimestamp" in obj["metadata"]:
                self._added(resource, obj)

        def updated(old: Obj, new: Obj) -> None:
            before, after = old["metadata"], new["metadata"]
            if before.get("ownerReferences") is not after.get("ownerReferences"):
                self._owners_changed(resource, old, new)
            if "deletionTimestamp" in after:
                self._transition(resource, old, new)

        def deleted(obj: Obj) -> None:
            self._deleted(resource, obj)

        self.informers(resource).add_handler(added, updated, deleted)

    def _added(self, resource: str, obj: Obj) -> None:
        uid, key = uid_of(obj), key_of(obj)
        for reference in references(obj):
            self.graph.add(reference["uid"], uid, resource, key)
            owner = self._owner(obj, reference)
            if owner is False or (isinstance(owner, dict) and is_deleting_dependents(owner)):
                self._look_at(resource, key)
        self._transition(resource, None, obj)

    def _owners_changed(self, resource: str, old: Obj, new: Obj) -> None:
        before = {reference["uid"]: reference for reference in references(old)}
        uid, key = uid_of(new), key_of(new)
        for owner in unblocked(old, new):
            where = self._where.get(owner)
            if where is not None:
                self.enqueue(_DELETE + where, TWO_QUEUES_MS)
        for reference in references(new):
            if before.pop(reference["uid"], None) is None:
                self.graph.add(reference["uid"], uid, resource, key)
                if self._owner(new, reference) is False:
                    self._look_at(resource, key)
        for owner in before:
            self.graph.remove(owner, uid)

    def _transition(self, resource: str, old: Obj | None, new: Obj) -> None:
        key = key_of(new)
        if starts(old, new, ORPHAN):
            self.enqueue(f"{_ORPHAN}{resource}/{key}", TWO_QUEUES_MS)
        elif starts(old, new, FOREGROUND):
            self._where[uid_of(new)] = f"{resource}/{key}"
            for dependent in self.graph.of(uid_of(new)):
                self._look_at(*dependent)
            self._look_at(resource, key)

    def _deleted(self, resource: str, obj: Obj) -> None:
        uid = uid_of(obj)
        self._where.pop(uid, None)
        for dependent in self.graph.of(uid):
            self._look_at(*dependent)
        for reference in references(obj):
            owner = reference["uid"]
            self.graph.remove(owner, uid)
            where = self._where.get(owner)
            if where is not None:
                self.enqueue(
                    _DELETE + where, TWO_QUEUES_MS
                )  # perhaps it was the last that a foreground deletion waited for

    def _look_at(self, resource: str, key: str) -> None:
        self.enqueue(f"{_DELETE}{resource}/{key}", TWO_QUEUES_MS)

    def _owner(self, dependent: Obj, reference: Obj) -> Obj | bool | None:
        """The owner as it is now; False when it is absent; None when that cannot be told (an unknown kind)."""
        info = info_for(reference["apiVersion"], reference["kind"])
        if info.plural not in self._monitored:
            return None
        namespace = namespace_of(dependent)
        if info.namespaced and not namespace:
            return None  # an object of the cluster cannot be owned by one of a namespace
        name = reference["name"]
        owner = self.informers(info.plural).get(f"{namespace}/{name}" if info.namespaced else name)
        return owner if owner is not None and uid_of(owner) == reference["uid"] else False

    # One turn.

    def sync(self, key: str) -> None:
        """Decide about one object.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        if key == DISCOVER:
            self._discover()
            return
        verb, _, where = key.partition(" ")
        resource, _, name = where.partition("/")
        obj = self.informers(resource).get(name)
        if obj is None:
            return
        try:
            if verb == "orphan":
                self._orphan(resource, obj)
            else:
                self._attempt_to_delete(resource, obj)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    def _attempt_to_delete(self, resource: str, obj: Obj) -> None:
        if is_deleting_dependents(obj):
            self._process_deleting_dependents(resource, obj)
            return
        # What is to go, and who is said to be gone, is asked for once more: a cache may be behind.
        obj = self.client.get(resource, namespace_of(obj), name_of(obj))
        if "deletionTimestamp" in obj["metadata"] or not references(obj):
            return
        solid, dangling, waiting = self._classify(obj)
        uid, namespace, name = uid_of(obj), namespace_of(obj), name_of(obj)
        if solid:
            if dangling or waiting:
                self._remove_references(resource, obj, {one["uid"] for one in (*dangling, *waiting)})
            return
        if waiting and self.graph.of(uid):
            if any(self._is_deleting_dependents(*dependent) for dependent in self.graph.of(uid)):
                self._unblock(resource, obj)  # owners and dependents wait for each other: break the circle
            policy, why = "Foreground", "gc.delete-foreground"
        else:
            policy, why = policy_for(obj), "gc.delete-dependent" if dangling else "gc.delete-waited-for"
        owner = (dangling or waiting)[0]
        self.client.delete(
            resource,
            namespace,
            name,
            propagation=policy,
            uid=uid,
            why=why,
            owner=owner["name"],
            owner_kind=owner["kind"],
        )

    def _classify(self, obj: Obj) -> tuple[list[Obj], list[Obj], list[Obj]]:
        """(solid references, dangling ones, ones to owners that wait for their dependents to go)"""
        solid: list[Obj] = []
        dangling: list[Obj] = []
        waiting: list[Obj] = []
        for reference in references(obj):
            owner = self._owner(obj, reference)
            if owner is False and not self._lives(obj, reference):
                dangling.append(reference)
            elif isinstance(owner, dict) and is_deleting_dependents(owner):
                waiting.append(reference)
            else:
                solid.append(reference)
        return solid, dangling, waiting

    def _lives(self, dependent: Obj, reference: Obj) -> bool:
        """Whether the API server knows an owner that the cache does not."""
        info = info_for(reference["apiVersion"], reference["kind"])
        try:
            owner = self.client.get(info.plural, namespace_of(dependent) if info.namespaced else "", reference["name"])
        except StatusError as error:
            if error.reason != "NotFound":
                raise
            return False
        return bool(uid_of(owner) == reference["uid"])

    def _is_deleting_dependents(self, resource: str, key: str) -> bool:
        obj = self.informers(resource).get(key)
        return obj is not None and is_deleting_dependents(obj)

    def _process_deleting_dependents(self, resource: str, obj: Obj) -> None:
        """A foreground deletion: see to the dependents that block it, or let it go."""
        uid = uid_of(obj)
        blocking = []
        for kind, key in self.graph.of(uid):
            dependent = self.informers(kind).get(key)
            if dependent is not None and blocks(dependent, uid):
                blocking.append((kind, key, dependent))
        if not blocking:
            self._remove_finalizer(resource, obj, FOREGROUND, "gc.finish-foreground")
            return
        for kind, key, dependent in blocking:
            if not is_deleting_dependents(dependent) and "deletionTimestamp" not in dependent["metadata"]:
                self._look_at(kind, key)

    def _orphan(self, resource: str, obj: Obj) -> None:
        """Take the owner's reference off every dependent, then let the owner go."""
        uid = uid_of(obj)
        for kind, key in self.graph.of(uid):
            dependent = self.informers(kind).get(key)
            if dependent is not None:
                try:
                    self._remove_references(kind, dependent, {uid}, "gc.orphan")
                except StatusError as error:
                    if error.reason != "NotFound":
                        raise
        latest = self.informers(resource).get(key_of(obj))
        if latest is not None:
            self._remove_finalizer(resource, latest, ORPHAN, "gc.finish-orphan")

    # Writes.

    def _remove_references(self, resource: str, obj: Obj, uids: set[str], why: str = "gc.remove-reference") -> None:
        kept = [reference for reference in references(obj) if reference["uid"] not in uids]
        if len(kept) != len(references(obj)):
            self._patch_metadata(resource, obj, {"ownerReferences": kept or None}, why)

    def _unblock(self, resource: str, obj: Obj) -> None:
        loose = [{**reference, "blockOwnerDeletion": False} for reference in references(obj)]
        self._patch_metadata(resource, obj, {"ownerReferences": loose}, "gc.unblock")

    def _remove_finalizer(self, resource: str, obj: Obj, finalizer: str, why: str) -> None:
        kept = [name for name in obj["metadata"].get("finalizers") or () if name != finalizer]
        self._patch_metadata(resource, obj, {"finalizers": kept or None}, why)

    def _patch_metadata(self, resource: str, obj: Obj, fields: Obj, why: str) -> None:
        body = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"], **fields}}
        namespace, name = split_key(key_of(obj))
        self.client.patch(resource, namespace, name, body, type="merge", why=why)

    # What it remembers.

    def stop(self) -> None:
        super().stop()
        self.graph = Graph()
        self._where.clear()

    def start(self) -> None:
        super().start()
        self.enqueue(DISCOVER, DISCOVERY_MS, quiet=True)

    def state(self) -> dict[str, Any]:
        return {"graph": self.graph.save(), "where": dict(self._where), "monitored": sorted(self._monitored)}

    def set_state(self, data: dict[str, Any]) -> None:
        for resource in data["monitored"]:
            if resource not in self._monitored:
                self._monitored.add(resource)
                self._monitor(resource)
        self.graph.load(data["graph"])
        self._where = dict(data["where"])
