"""Informers: a process's own copy of a resource, kept by a watch, with indexes and handlers.

Models      client-go tools/cache (SharedIndexInformer, Reflector)
Leaves out  the delay between a write and its watch event; resync
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from apps.cluster.apiserver import APIServer

Obj = dict[str, Any]
Objects = list[Obj]  # named, since a method below is called list
IndexFunction = Callable[[Obj], "str | tuple[str, ...]"]


class Informer:
    """The cache of one resource. What it hands out must not be changed."""

    __slots__ = ("_functions", "_indexes", "_on_add", "_on_delete", "_on_update", "cache", "resource", "running")

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.cache: dict[str, Obj] = {}
        self.running = False
        self._functions: dict[str, IndexFunction] = {}
        self._indexes: dict[str, dict[str, dict[str, Obj]]] = {}
        self._on_add: list[Callable[[Obj], None]] = []
        self._on_update: list[Callable[[Obj, Obj], None]] = []
        self._on_delete: list[Callable[[Obj], None]] = []

    def get(self, key: str) -> Obj | None:
        return self.cache.get(key)

    def list(self, namespace: str = "") -> Objects:
        """Objects in the order this process came to know them."""
        if not namespace:
            return list(self.cache.values())
        return [obj for obj in self.cache.values() if obj["metadata"].get("namespace") == namespace]

    def add_handler(
        self,
        on_add: Callable[[Obj], None] | None = None,
        on_update: Callable[[Obj, Obj], None] | None = None,
        on_delete: Callable[[Obj], None] | None = None,
    ) -> None:
        """Hear of changes from now on; what is there already is told at once."""
        if on_add is not None:
            self._on_add.append(on_add)
            for obj in list(self.cache.values()):
                on_add(obj)
        if on_update is not None:
            self._on_update.append(on_update)
        if on_delete is not None:
            self._on_delete.append(on_delete)

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Look objects up by what `function` says of them: a value, several, or "" for none. Twice is once."""
        if name in self._functions:
            return
        self._functions[name] = function
        index: dict[str, dict[str, Obj]] = {}
        self._indexes[name] = index
        for key, obj in self.cache.items():
            for value in _values(function(obj)):
                index.setdefault(value, {})[key] = obj

    def by_index(self, name: str, value: str) -> Objects:
        return list(self._indexes[name].get(value, {}).values())

    def index_values(self, name: str) -> tuple[str, ...]:
        """Every value that some object has in an index."""
        return tuple(self._indexes[name])

    def receive(self, key: str, before: Obj | None, after: Obj | None) -> None:
        """One watch event. `before` is this cache's own idea of it."""
        cache = self.cache
        before = cache.get(key)
        if after is None:
            if before is None:
                return
            del cache[key]
            if self._functions:
                self._reindex(key, before, None)
            for deleted in self._on_delete:
                deleted(before)
            return
        cache[key] = after
        if self._functions:
            self._reindex(key, before, after)
        if before is None:
            for added in self._on_add:
                added(after)
        else:
            for updated in self._on_update:
                updated(before, after)

    def replace(self, objects: Iterable[tuple[str, Obj]]) -> None:
        """A new list, as after a restart: handlers hear of the differences."""
        fresh = dict(objects)
        for key in [key for key in self.cache if key not in fresh]:
            self.receive(key, None, None)
        for key, obj in fresh.items():
            if self.cache.get(key) is not obj:
                self.receive(key, None, obj)

    def _reindex(self, key: str, before: Obj | None, after: Obj | None) -> None:
        for name, function in self._functions.items():
            index = self._indexes[name]
            old = function(before) if before is not None else ""
            new = function(after) if after is not None else ""
            if old == new:
                if new.__class__ is str:
                    if new and after is not None:
                        index[new][key] = after
                    continue
            else:
                for value in _values(old):
                    bucket = index[value]
                    del bucket[key]
                    if not bucket:
                        del index[value]
            if after is not None:
                for value in _values(new):
                    bucket = index.get(value)  # type: ignore[assignment]
                    if bucket is None:
                        index[value] = {key: after}
                    else:
                        bucket[key] = after

    def save(self) -> dict[str, Any]:
        """Keys alone, in their order: the objects are the store's. Cut off, it holds what the store may have lost."""
        return {
            "running": self.running,
            "keys": list(self.cache),
            "stale": {} if self.running else dict(self.cache),
            "indexes": {
                name: {value: list(bucket) for value, bucket in index.items()} for name, index in self._indexes.items()
            },
        }

    def load(self, data: dict[str, Any], table: dict[str, Obj]) -> None:
        """Be as `save` said, silently: handlers' work is saved with their components."""
        self.running = data["running"]
        stale = data["stale"]
        if stale:
            table = {key: _shared(obj, table.get(key)) for key, obj in stale.items()}
        self.cache = {key: table[key] for key in data["keys"]}
        for name, index in data["indexes"].items():
            if name in self._functions:
                self._indexes[name] = {value: {key: table[key] for key in keys} for value, keys in index.items()}


def _shared(stale: Obj, current: Obj | None) -> Obj:
    """A remembered object that shares with the one there is now what did not change, as it did before it was saved."""
    if current is None or current["metadata"]["uid"] != stale["metadata"]["uid"]:
        return stale
    if current["metadata"]["resourceVersion"] == stale["metadata"]["resourceVersion"]:
        return current
    return {field: current[field] if current.get(field) == value else value for field, value in stale.items()}


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return (value,) if value else ()


class Informers:
    """A process's shared informers, one a resource: `informers("pods")`.

    With `node`, Pods are those bound to that node and nothing else is watched by field, as a kubelet does it.
    """

    __slots__ = ("_apiserver", "_informers", "_rank", "node", "running")

    def __init__(self, apiserver: APIServer, node: str = "") -> None:
        self._apiserver = apiserver
        self._rank = apiserver.rank()
        self._informers: dict[str, Informer] = {}
        self.node = node
        self.running = True

    @property
    def apiserver(self) -> APIServer:
        return self._apiserver

    def __call__(self, resource: str) -> Informer:
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = Informer(resource)
            if self.running:
                self._start(informer)
        return informer

    @property
    def resources(self) -> tuple[str, ...]:
        """What is watched here."""
        return tuple(self._informers)

    def stop(self) -> None:
        """The process is gone or cut off: its caches stay as they are."""
        if self.running:
            self.running = False
            for informer in self._informers.values():
                if self.node and informer.resource == "pods":
                    self._apiserver.unwatch_pods_on(self.node, informer.receive)
                else:
                    self._apiserver.unwatch(informer.resource, informer.receive)
                informer.running = False

    def start(self) -> None:
        """List anew and watch again."""
        if not self.running:
            self.running = True
            for informer in self._informers.values():
                self._start(informer)

    def forget(self) -> None:
        """Empty the caches without telling anyone: the process that held them has died."""
        for informer in self._informers.values():
            informer.cache = {}
            for name in informer._indexes:
                informer._indexes[name] = {}

    def _start(self, informer: Informer) -> None:
        objects = self._apiserver.tables.get(informer.resource, {}).items()
        if self.node and informer.resource == "pods":
            objects = self._apiserver.pods_on(self.node).items()
            self._apiserver.watch_pods_on(self.node, informer.receive)
        else:
            self._apiserver.watch(informer.resource, informer.receive, self._rank)
        informer.running = True
        informer.replace(list(objects))

    def save(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "informers": {resource: informer.save() for resource, informer in self._informers.items()},
        }

    def load(self, data: dict[str, Any]) -> None:
        """Be as `save` said. Called after the API server's tables are there."""
        if data["running"] and not self.running:
            self.running = True
            for informer in self._informers.values():
                if self.node and informer.resource == "pods":
                    self._apiserver.watch_pods_on(self.node, informer.receive)
                else:
                    self._apiserver.watch(informer.resource, informer.receive, self._rank)
        elif not data["running"]:
            self.stop()
        for resource, state in data["informers"].items():
            self(resource).load(state, self._apiserver.tables.get(resource, {}))
