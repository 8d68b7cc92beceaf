"""The watch cache: what there is now, by resource and key, and everyone who is told of its changes.

Models      staging/src/k8s.io/apiserver/pkg/storage/cacher
Leaves out  watch events reach components in the instant of the write
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.api.scheme import RESOURCES, info_for
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.selectors import field_selector as parse_fields
from apps.cluster.apimachinery.selectors import parse as parse_labels
from apps.cluster.apiserver.fieldmanager import Ledger, Managed
from apps.cluster.apiserver.listing import Selection
from apps.cluster.engine import Engine, Randomness
from apps.cluster.etcd import Compacted, Record, Store

if TYPE_CHECKING:
    from apps.cluster.apiserver.customresources import CustomKinds

Obj = dict[str, Any]
Receive = Callable[[str, Obj | None, Obj | None], None]  # key, before, after
NO_PARAMS: dict[str, Any] = {}
FIRST = 0  # the rank of who is always there


class WatchCache:
    """What the API server reads from."""

    customs: CustomKinds  # the kinds that CustomResourceDefinitions have made

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self.infos: dict[str, ResourceInfo] = dict(RESOURCES)
        self._tables: dict[str, dict[str, Obj]] = {}
        self._watchers: dict[str, list[Receive]] = {}
        self._ranks: dict[str, list[int]] = {}  # of the watchers of a resource, in order
        self._made = 0
        self._node_watchers: dict[str, list[Receive]] = {}
        self._pods_on: dict[str, dict[str, Obj]] = {}  # node -> its Pods, as the watch cache's index has them
        self.ledger = Ledger()

    # ---- reading -------------------------------------------------------------------------------

    @property
    def tables(self) -> dict[str, dict[str, Obj]]:
        """The watch cache: what there is now, by resource and key, oldest first. To be read only."""
        return self._tables

    def info(self, resource: str) -> ResourceInfo:
        """Raises: StatusError 404, no such resource."""
        info = self.infos.get(resource)
        if info is None:
            raise errors.StatusError(404, "NotFound", "the server could not find the requested resource")
        return info

    def info_for(self, api_version: str, kind: str) -> ResourceInfo:
        """The resource of a kind; one never heard of is stored as it is from now on.

        Raises:
            StatusError: 404, the name is a built-in kind's and the version is not.
        """
        info = self.customs.by_kind(api_version, kind) or info_for(api_version, kind)
        known = self.infos.setdefault(info.plural, info)
        if known.builtin and known is not info and (known.api_version, known.kind) != (api_version, kind):
            raise errors.StatusError(404, "NotFound", f'no matches for kind "{kind}" in version "{api_version}"')
        return known

    def get(self, resource: str, namespace: str, name: str) -> Obj:
        """Raises: StatusError 404."""
        obj = self._tables.get(resource, NO_PARAMS).get(f"{namespace}/{name}" if namespace else name)
        if obj is None:
            info = self.info(resource)
            raise errors.not_found(info.resource, name, info.group)
        return obj  # type: ignore[no-any-return]

    @property
    def store(self) -> Store:
        """etcd. To be read only."""
        return self._store

    @property
    def now_ms(self) -> int:
        return self._engine.now_ms

    @property
    def random(self) -> Randomness:
        return self._engine.random

    def versions(self) -> set[tuple[str, str]]:
        """The groups and versions that are served."""
        served = {(info.group, info.version) for info in self.infos.values() if not self.customs.knows(info.plural)}
        return served | self.customs.versions() | {("events.k8s.io", "v1"), ("autoscaling", "v1")}

    def wake(self, name: str, key: str, delay_ms: int) -> None:
        """A turn for one of the controllers inside this process."""
        self._engine.wake(name, key, delay_ms)

    def scale_paths(self, info: ResourceInfo) -> dict[str, str] | None:
        """Where a custom kind keeps its replicas; None for a kind that keeps them where all do."""
        return self.customs.scale_paths(info)

    def selection(
        self, info: ResourceInfo, namespace: str, label_selector: str = "", field_selector: str = "", second: str = ""
    ) -> Selection:
        """The objects that a list or watch is about. Raises: StatusError 400, a selector is none."""
        return Selection(info, namespace, label_selector, field_selector, second, self.customs.selectable(info))

    def history(self, key: str, revision: int) -> Record | None:
        """A key's record as it was, None where compaction has taken it."""
        try:
            return self._store.get(key, revision)
        except Compacted:
            return None

    def record(self, info: ResourceInfo, key: str) -> Record | None:
        """The store's record of an object, its history included."""
        return self._store.get(f"/registry/{info.etcd_prefix}/{key}")

    def managed(self, info: ResourceInfo, key: str) -> Managed:
        """Who owns which field of an object."""
        return self.ledger.managed(info, self.record(info, key))

    def list(self, resource: str, namespace: str = "", label_selector: str = "", field_selector: str = "") -> list[Obj]:
        """Objects oldest first. Raises: StatusError 400 for a selector that is none, 404 for an unknown resource."""
        table = self._tables.get(resource)
        if table is None:
            self.info(resource)
            return []
        found: Iterable[Obj] = table.values()
        if namespace:
            found = (obj for obj in found if obj["metadata"].get("namespace") == namespace)
        if label_selector:
            labels = parse_labels(label_selector)
            found = (obj for obj in found if labels.matches(obj["metadata"].get("labels")))
        if field_selector:
            fields = parse_fields(field_selector)
            found = (obj for obj in found if fields(obj))
        return list(found)

    # ---- watching ------------------------------------------------------------------------------

    def watch(self, resource: str, receive: Receive, rank: int = FIRST) -> None:
        """From now on `receive(key, before, after)` is told of every change of the resource.

        Those of a lower rank hear of it first; so whose process was restarted, and when, changes nothing.
        """
        watchers = self._watchers.setdefault(resource, [])
        ranks = self._ranks.setdefault(resource, [FIRST] * len(watchers))
        place = bisect_right(ranks, rank)
        ranks.insert(place, rank)
        watchers.insert(place, receive)

    def rank(self) -> int:
        """The next one: processes are ranked as they are made."""
        self._made += 1
        return self._made

    def unwatch(self, resource: str, receive: Receive) -> None:
        watchers = self._watchers[resource]
        place = watchers.index(receive)
        del watchers[place]
        del self._ranks[resource][place]

    def watch_pods_on(self, node: str, receive: Receive) -> None:
        """As `watch` with the field selector `spec.nodeName=<node>`, which is what a kubelet asks for."""
        self._node_watchers.setdefault(node, []).append(receive)

    def pods_on(self, node: str) -> dict[str, Obj]:
        """The Pods bound to a node, by key. To be read only."""
        return self._pods_on.get(node, NO_PARAMS)

    def unwatch_pods_on(self, node: str, receive: Receive) -> None:
        self._node_watchers[node].remove(receive)
