"""A client that writes down what a controller asks for, as the fixtures of Kubernetes' own unit tests do.

The tables of facts hold objects that no API server would store (Pods without containers), so what is asked for is
written down and what is there is put into the informers' caches by hand.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj, key_of, name_of
from apps.cluster.apimachinery.status import StatusError, not_found
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Controller, Informers, Recorder
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

MOCK = StatusError(500, "InternalError", "mock error")


class RecordingClient:
    """Says yes to everything but to `refuse` verbs. `log` holds (verb, resource, object or name) in order."""

    def __init__(self, informers: Informers, refuse: tuple[str, ...] = ()) -> None:
        self.informers = informers
        self.refuse = refuse
        self.log: list[tuple[str, str, Any]] = []

    def _note(self, verb: str, resource: str, what: Any) -> None:
        self.log.append((verb, resource, what))
        if verb in self.refuse or f"{verb} {resource}" in self.refuse:
            raise MOCK

    def get(self, resource: str, namespace: str, name: str) -> Obj:
        found = self.informers(resource).get(f"{namespace}/{name}")
        if found is None:
            raise not_found(resource, name)
        return found

    def create(self, resource: str, obj: Obj, /, *, why: str = "", **params: Any) -> Obj:
        if resource == "events":
            return obj
        self._note("create", resource, obj)
        number = len(self.of("create", resource))
        named = {"name": f"made-{number}", "uid": f"made-{number}", "resourceVersion": "1", **obj["metadata"]}
        return {**obj, "metadata": named}

    def update_status(self, resource: str, obj: Obj, /, *, why: str = "", **params: Any) -> Obj:
        self._note("status", resource, obj["status"])
        return obj

    def patch(self, resource: str, namespace: str, name: str, body: Any, /, **options: Any) -> Obj:
        if resource != "events":
            self._note("patch", resource, name)
        return {}

    def delete(self, resource: str, namespace: str, name: str, /, **options: Any) -> None:
        self._note("delete", resource, name)

    def of(self, verb: str, resource: str) -> list[Any]:
        """What was asked for with a verb, of a resource."""
        return [what for did, kind, what in self.log if (did, kind) == (verb, resource)]


def bench(kind: type[Controller], now_ms: int = 0, refuse: tuple[str, ...] = ()) -> tuple[Any, RecordingClient]:
    """A controller with empty caches at an instant, and its client."""
    engine = Engine(1)
    engine.now_ms = now_ms
    informers = Informers(APIServer(engine, Store()))
    client = RecordingClient(informers, refuse)
    controller = kind(engine, client, informers, Recorder(engine, client, kind.source or kind.name))  # type: ignore[arg-type]
    return controller, client


def put(controller: Controller, resource: str, *objects: Obj) -> None:
    """Objects that a controller is to find in its caches. They wake nobody."""
    for obj in objects:
        controller.informers(resource).receive(key_of(obj), None, obj)
    controller._due.clear()


def named(pod: Obj, number: int, owner: Obj | None = None) -> Obj:
    """A table's Pod with what its fixture gives it: a name, a namespace, an owner."""
    metadata = {"name": f"mypod-{number}", "namespace": "default", "uid": f"uid-{number}", **pod.get("metadata", {})}
    if owner is not None:
        reference = {"kind": "Job", "apiVersion": "batch/v1", "name": name_of(owner), "uid": owner["metadata"]["uid"]}
        metadata["ownerReferences"] = [{**reference, "controller": True}]
        metadata["labels"] = owner["spec"].get("selector", {}).get("matchLabels", {})
    return {"apiVersion": "v1", "kind": "Pod", "spec": {}, "status": {}, **pod, "metadata": metadata}
