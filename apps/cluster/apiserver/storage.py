"""The one place where the API server writes: the store, a step, the watchers. One revision.

Models      k8s.io/apiserver/pkg/storage/etcd3/store.go, pkg/registry/core/service/ipallocator (IPAddresses)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import allocators
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.cache import NO_PARAMS, Obj, WatchCache
from apps.cluster.apiserver.fieldmanager import Managed
from apps.cluster.engine import Engine, Step
from apps.cluster.etcd import Store

UNMANAGED = frozenset({"delete", "bind", "evict"})  # writes that make nobody the owner of a field
SELF = Actor("kube-apiserver")


def _no_space() -> StatusError:
    error = StatusError(500, "", "etcdserver: mvcc: database space exceeded")
    error.stage = "etcd"
    return error


class Storage(WatchCache):
    """The watch cache, and the store behind it."""

    def __init__(self, engine: Engine, store: Store) -> None:
        super().__init__(engine, store)
        self.event_lease: Callable[[], int] = lambda: 0  # what Events are written with, so that they go after an hour
        self.full = False  # etcd has raised the alarm NOSPACE: keys can be read and deleted, not written
        engine.revision = store.revision

    def own_uid(self, resource: str, key: str) -> str:
        return self._engine.random.uuid_of(f"{resource}/{key} {self._store.revision + 1}")

    def commit(
        self,
        actor: Actor,
        verb: str,
        info: ResourceInfo,
        key: str,
        before: Obj | None,
        after: Obj | None,
        subresource: str,
        why: str,
        params: dict[str, Any],
        sent: Obj | None = None,
        managed: Managed | None = None,
    ) -> Obj:
        """Write to the store, leave a step, tell the watchers. One revision."""
        engine = self._engine
        resource = info.plural
        store = self._store
        if self.full and after is not None:
            raise _no_space()
        table = self._tables.get(resource)
        if table is None:
            table = self._tables[resource] = {}
        if after is None:
            assert before is not None
            revision = store.delete(f"/registry/{info.etcd_prefix}/{key}")
            del table[key]
        else:
            # The next revision is known before the write: one thread, one writer.
            revision = store.revision + 1
            after["metadata"] = {**after["metadata"], "resourceVersion": str(revision)}
            if resource == "events":
                store.put(f"/registry/{info.etcd_prefix}/{key}", after, self.event_lease())
            else:
                store.put(f"/registry/{info.etcd_prefix}/{key}", after)
            table[key] = after
            if verb not in UNMANAGED:
                ledger = self.ledger
                if managed is not None:
                    ledger.know(revision, managed)
                writer = f"@{actor.manager}" if actor.manager else actor.component
                ledger.note(revision, writer, why, "scale" if verb == "scale" else subresource, engine.now_ms)
        engine.revision = revision
        trace = engine.trace
        if trace.keep:
            if resource == "events":
                rank = "event"
            elif (resource == "leases" and not why.startswith("election.")) or why.startswith("heartbeat."):
                rank = "heartbeat"
            else:
                rank = "change"
            component, node, asker, groups, _, agent = actor
            if agent and not params:
                params = {"agent": agent}
            index = trace.next_index
            trace.append(
                Step(
                    index,
                    revision,
                    engine.now_ms,
                    component,
                    node,
                    verb,
                    f"{resource}/{key}",
                    subresource,
                    why,
                    params,
                    engine.cause,
                    before,
                    after,
                    rank,
                    sent,
                    "\n".join((asker, *groups)) if asker else "",
                )
            )
            cause = engine.cause
            engine.cause = index  # whoever wakes because of this write names it
        else:
            cause = 0
        watchers = self._watchers.get(resource)
        if watchers:
            for receive in watchers:
                receive(key, before, after)
        if resource == "pods":
            self._tell_kubelet(key, before, after)
        engine.cause = cause
        return after if after is not None else before  # type: ignore[return-value]

    def _tell_kubelet(self, key: str, before: Obj | None, after: Obj | None) -> None:
        node = (after or before or NO_PARAMS)["spec"].get("nodeName")
        if not node:
            return
        if after is None:
            on_node = self._pods_on[node]
            del on_node[key]
            if not on_node:
                del self._pods_on[node]
        else:
            there = self._pods_on.get(node)
            if there is None:
                self._pods_on[node] = {key: after}
            else:
                there[key] = after
        receivers = self._node_watchers.get(node)
        if receivers:
            if before is not None and before["spec"].get("nodeName") != node:
                before = None  # for this watch the Pod begins when it is bound
            for receive in receivers:
                receive(key, before, after)

    def drop(self, actor: Actor, info: ResourceInfo, key: str, old: Obj, why: str, params: dict[str, Any]) -> Obj:
        self.commit(actor, "delete", info, key, old, None, "", why, params)
        if info.plural == "services":
            self._drop_endpoints(key, old)
            self.release(old, ())
        return old

    def _drop_endpoints(self, key: str, service: Obj) -> None:
        """Endpoints go with their Service, whoever kept them: another of its name must not find the old ones."""
        endpoints = self._tables.get("endpoints", NO_PARAMS).get(key)
        if endpoints is None:
            return
        params = {"service": "{namespace}/{name}".format(**service["metadata"])}
        info, after = self.infos["endpoints"], None
        if endpoints["metadata"].get("finalizers"):
            marked = {"deletionTimestamp": format_ms(self._engine.now_ms), "deletionGracePeriodSeconds": 0}
            after = {**endpoints, "metadata": {**endpoints["metadata"], **marked}}
        self.commit(SELF, "delete", info, key, endpoints, after, "", "kube-apiserver.drop-endpoints", params)

    def reserve(self, service: Obj, own: Collection[str]) -> None:
        """Before a Service is written: an IPAddress for each of its addresses that it does not have yet."""
        info = self.infos["ipaddresses"]
        for ip in allocators.cluster_ips(service):
            if ip not in own:
                made = allocators.address_object(ip, service)
                metadata = made["metadata"]
                metadata["uid"] = self.own_uid("ipaddresses", ip)
                metadata["creationTimestamp"] = format_ms(self._engine.now_ms)
                obj = {"apiVersion": info.api_version, "kind": info.kind, **made}
                params = {"service": "{namespace}/{name}".format(**service["metadata"])}
                self.commit(SELF, "create", info, ip, None, obj, "", "kube-apiserver.reserve-address", params, obj)

    def release(self, service: Obj, kept: Collection[str]) -> None:
        """After a Service has changed or gone: the addresses that it has no more."""
        info, there = self.infos["ipaddresses"], self._tables.get("ipaddresses", NO_PARAMS)
        for ip in allocators.cluster_ips(service):
            if ip not in kept and ip in there:
                params = {"service": "{namespace}/{name}".format(**service["metadata"])}
                self.commit(SELF, "delete", info, ip, there[ip], None, "", "kube-apiserver.release-address", params)

    def expire(self, keys: Iterable[str]) -> None:
        """Etcd has taken Events away whose time was up: all in one revision, a step each."""
        engine = self._engine
        revision = engine.revision = self._store.revision
        trace = engine.trace
        table = self._tables["events"]
        receivers = self._watchers.get("events", ())
        for etcd_key in keys:
            key = etcd_key.removeprefix("/registry/events/")
            before = table.pop(key)
            if trace.keep:
                index, ref, why = trace.next_index, f"events/{key}", "etcd.event-expired"
                step = (index, revision, engine.now_ms, "etcd", "", "delete", ref, "", why, NO_PARAMS, 0, before, None)
                trace.append(Step(*step, "event"))
            for receive in receivers:
                receive(key, before, None)

    def compact(self, revision: int) -> None:
        """Have the store forget what is older than `revision`.

        Raises:
            ValueError: a revision of the future. Compacted: it has been done.
        """
        self.ledger.hold(dict(self._store.versioned("/registry/")), revision)
        self._store.compact(revision)

    # ---- saving --------------------------------------------------------------------------------

    def rewind(self, revision: int) -> None:
        """Nothing after `revision` has been. Before `load`, once the store has been set back."""
        self.ledger.rewind(revision)

    def load(self) -> None:
        """Fill the watch cache from the store, oldest objects first."""
        self._tables.clear()
        self._pods_on.clear()
        records = [(record.create_revision, key, record.value) for key, record in self._store.range("/registry/")]
        records.sort(key=lambda entry: entry[0])
        self.customs.reload([obj for _, _, obj in records if obj["kind"] == "CustomResourceDefinition"])
        for _, _, obj in records:
            info = self.info_for(obj["apiVersion"], obj["kind"])
            metadata = obj["metadata"]
            namespace = metadata.get("namespace")
            key = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
            self._tables.setdefault(info.plural, {})[key] = obj
            if info.plural == "pods" and obj["spec"].get("nodeName"):
                self._pods_on.setdefault(obj["spec"]["nodeName"], {})[key] = obj
