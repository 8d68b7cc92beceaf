"""Who controls what: adoption of orphans, release of strays, and the index to find both.

Models      pkg/controller/controller_ref_manager.go, controller_utils.go (AddPodControllerIndexer, FilterPodsByOwner)
Leaves out  nothing that shows

A controller owns an object when the object's controller reference carries the controller's uid; labels
alone own nothing. `RefManager.claim` makes the two agree: it adopts orphans whose labels match the selector and
releases its own whose labels no longer do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from apps.cluster.apimachinery.meta import Obj, controller_of, controller_ref, labels_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError

CONTROLLER_INDEX = "controllerUID"  # an informer index; see `add_controller_index`


class Matcher(Protocol):
    """A label selector."""

    def matches(self, labels: dict[str, str]) -> bool: ...


class Lister(Protocol):
    """The part of an informer that finding owned objects takes."""

    def add_index(self, name: str, fn: Callable[[Obj], str | tuple[str, ...]]) -> None: ...
    def by_index(self, name: str, value: str) -> list[Obj]: ...


class Writer(Protocol):
    """The part of a client that adoption takes."""

    def get(self, resource: str, namespace: str, name: str) -> Obj: ...
    def patch(
        self, resource: str, namespace: str, name: str, body: Obj, /, *, type: str, why: str, **params: str
    ) -> Obj: ...


def controller_uid(obj: Obj) -> str:
    """The index value of an object: its controller's uid, or one common to the orphans of its namespace."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            uid: str = reference["uid"]
            return uid
    return "_orphan/" + namespace_of(obj)


def add_controller_index(informer: Lister) -> None:
    """Let `owned_or_orphaned` find objects without a scan. Call it once a controller, before the first sync."""
    informer.add_index(CONTROLLER_INDEX, controller_uid)


def owned(informer: Lister, controller: Obj) -> list[Obj]:
    """The objects whose controller is `controller`, in the informer's order."""
    return informer.by_index(CONTROLLER_INDEX, uid_of(controller))


def orphans(informer: Lister, controller: Obj) -> list[Obj]:
    """The objects of the controller's namespace that no controller owns."""
    return informer.by_index(CONTROLLER_INDEX, "_orphan/" + namespace_of(controller))


def owned_or_orphaned(informer: Lister, controller: Obj) -> list[Obj]:
    """What `RefManager.claim` needs to see: what the controller owns, and the orphans of its namespace."""
    return owned(informer, controller) + orphans(informer, controller)


class RefManager:
    """Claims objects of one resource for one controller.

    `filters` are further conditions that an object must meet to be adopted or kept (StatefulSets: its name).
    `finalizers` come with adoption and go with release (Jobs: the one that keeps a Pod until it is counted).
    `component` is the first half of the message ids: "replicaset" gives "replicaset.adopt", "replicaset.release".
    """

    def __init__(
        self,
        client: Writer,
        resource: str,
        controller: Obj,
        controller_resource: str,
        selector: Matcher,
        component: str,
        filters: Iterable[Callable[[Obj], bool]] = (),
        finalizers: Sequence[str] = (),
    ) -> None:
        self.client = client
        self.resource = resource
        self.controller = controller
        self.controller_resource = controller_resource
        self.selector = selector
        self.component = component
        self.filters = tuple(filters)
        self.finalizers = list(finalizers)
        self._can_adopt: bool | None = None
        self._labels: Mapping[str, str] | None = None  # the last labels that matched

    def claim(self, objects: Iterable[Obj]) -> list[Obj]:
        """The objects that are the controller's, after adopting and releasing.

        Raises:
            StatusError: the first refusal, once all objects have been seen to (what has gone meanwhile is not one).
        """
        claimed = []
        refused: StatusError | None = None
        for obj in objects:
            try:
                if self._claim_one(obj):
                    claimed.append(obj)
            except StatusError as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return claimed

    def _matches(self, obj: Obj) -> bool:
        labels = labels_of(obj)
        if labels is not self._labels:  # Pods of one template share them
            if not self.selector.matches(labels):
                return False
            self._labels = labels
        return not self.filters or all(accepts(obj) for accepts in self.filters)

    def _claim_one(self, obj: Obj) -> bool:
        controller = self.controller["metadata"]
        reference = controller_of(obj)
        if reference is not None:
            if reference["uid"] != controller["uid"]:
                return False  # another's
            if self._matches(obj):
                return True
            if not controller.get("deletionTimestamp"):
                self._release(obj)
            return False
        if controller.get("deletionTimestamp") or not self._matches(obj):
            return False
        if obj["metadata"].get("deletionTimestamp") or controller.get("namespace", "") != namespace_of(obj):
            return False
        return self._adopt(obj)

    def _adopt(self, obj: Obj) -> bool:
        """Write our reference into an orphan; False when it has gone meanwhile.

        Raises:
            StatusError: refused, or the controller itself is gone or going, read afresh from the API server.
        """
        if self._can_adopt is None:
            meta = self.controller["metadata"]
            fresh = self.client.get(self.controller_resource, meta.get("namespace", ""), meta["name"])
            self._can_adopt = uid_of(fresh) == meta["uid"] and not fresh["metadata"].get("deletionTimestamp")
        if not self._can_adopt:
            return False
        body: Obj = {"metadata": {"ownerReferences": [controller_ref(self.controller)], "uid": uid_of(obj)}}
        if self.finalizers:
            body["metadata"]["finalizers"] = self.finalizers
        return self._patch(obj, body, "adopt", gone=("NotFound",))

    def _release(self, obj: Obj) -> None:
        reference = {"$patch": "delete", "uid": self.controller["metadata"]["uid"]}
        body: Obj = {"metadata": {"ownerReferences": [reference], "uid": uid_of(obj)}}
        if self.finalizers:
            body["metadata"]["$deleteFromPrimitiveList/finalizers"] = self.finalizers
        # Invalid: it was deleted and made again (another uid), or has no references any more; no concern of ours.
        self._patch(obj, body, "release", gone=("NotFound", "Invalid"))

    def _patch(self, obj: Obj, body: Obj, verb: str, gone: tuple[str, ...]) -> bool:
        why = f"{self.component}.{verb}"
        namespace, name, owner = namespace_of(obj), name_of(obj), name_of(self.controller)
        try:
            self.client.patch(self.resource, namespace, name, body, type="strategic", why=why, owner=owner)
        except StatusError as error:
            if error.reason in gone:
                return False
            raise
        return True
