"""MetalLB's speakers, one on every node: the one that is chosen answers ARP for a Service's address.

Models      metallb speaker/main.go (SetBalancer, handleService, SetNode), speaker/layer2_controller.go,
            internal/k8s/controllers/layer2_status_controller.go, hashicorp/memberlist (how soon one is missed)
Leaves out  BGP mode; ARP packet by packet; a speaker that is cut off from some of the others alone

All of them work out the same, so one component stands for them; what the chosen one does is done on its node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, labels_of, name_of, namespace_of, split_key
from apps.cluster.apiserver import Actor
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.metallb.allocator import addresses_of
from apps.cluster.controllers.metallb.controller import deployed
from apps.cluster.controllers.metallb.election import (
    ADVERTISEMENTS,
    NAME_LABEL,
    NAMESPACE,
    NAMESPACE_LABEL,
    NODE_LABEL,
    SERVICE_LABEL,
    SPEAKER,
    STATUSES,
    Objects,
    announcer,
    pods_of,
    runs,
    speakers,
)
from apps.cluster.controllers.metallb.pools import POOLS
from apps.cluster.controllers.servicelb.nodes import included
from apps.cluster.engine import Engine

ALL = "all"
JOIN_MS = 1_500  # from a speaker's start until the others count on it
MISS_MS = 5_000  # until they miss one that is silent
RETURN_MS = 8_000  # from a machine's return until its speaker runs again and is counted on


class Speaker(Controller):
    """Keys are those of Services, and "all"."""

    name = "metallb-speaker"
    alive: Callable[[str], bool] = staticmethod(lambda _name: True)  # whether a machine is on, and plugged in

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.announced: dict[str, list[str]] = {}  # Service -> [node, address]
        self.members: list[str] = []  # nodes whose speakers the others count on
        self.caches = {
            name: informers(name)
            for name in ("services", "endpointslices", "nodes", "pods", POOLS, ADVERTISEMENTS, STATUSES)
        }
        self.caches["services"].add_handler(self._changed, lambda _, new: self._changed(new), self._gone)
        self.caches["endpointslices"].add_handler(self._slice, lambda _, new: self._slice(new), self._slice)
        self.caches["nodes"].add_handler(None, self._node_changed)
        self.caches["pods"].add_handler(self._pod, lambda old, new: self._pod(new, old), self._pod)
        for name in (POOLS, ADVERTISEMENTS):
            self.caches[name].add_handler(self._settings, lambda _, new: self._settings(new), self._settings)

    @property
    def _objects(self) -> Objects:
        return {name: informer.cache for name, informer in self.caches.items()}

    def _changed(self, service: Obj) -> None:
        if service["spec"].get("type") == "LoadBalancer" or key_of(service) in self.announced:
            self.enqueue(key_of(service))

    def _gone(self, service: Obj) -> None:
        if key_of(service) in self.announced:
            self.enqueue(key_of(service))

    def _slice(self, part: Obj) -> None:
        service = self.caches["services"].get(f"{namespace_of(part)}/{labels_of(part).get(SERVICE_LABEL, '')}")
        if service is not None:
            self._changed(service)

    def _node_changed(self, old: Obj, new: Obj) -> None:
        if included(old) != included(new) or _unavailable(old) != _unavailable(new):
            self.enqueue(ALL)

    def _pod(self, pod: Obj, old: Obj | None = None) -> None:
        if deployed(pod, SPEAKER) and (old is None or runs(pod) != runs(old)):
            self.enqueue(ALL, JOIN_MS)

    def _settings(self, _obj: Obj) -> None:
        self.enqueue(ALL)

    def review(self) -> None:
        """Something has become of the machines."""
        if self.running and self.members:
            now = speakers(self._objects, self.alive)
            if sorted(now) != sorted(self.members):
                self.enqueue(ALL, MISS_MS if set(self.members) - set(now) else RETURN_MS)

    # ---- turns ---------------------------------------------------------------------------------

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key == ALL:
            self.members = speakers(self._objects, self.alive)
            for service in self.caches["services"].list():
                if service["spec"].get("type") == "LoadBalancer":
                    self._settle(key_of(service))
            return
        self._settle(key)

    def _settle(self, key: str) -> None:
        service, before = self.caches["services"].get(key), self.announced.get(key)
        node = announcer(self._objects, service, self.members.__contains__) if service is not None else ""
        now = [node, addresses_of(service)[0]] if service is not None and node else None
        if before is not None and before != now:
            del self.announced[key]
            if self.alive(before[0]):
                self._note(before[0], "withdraw", key, before[1])
        if service is None or now is None:
            if before is not None:
                self._forget(key, "")
            return
        if before != now:
            self.announced[key] = now
            self._note(node, "announce", key, now[1])
        self.client.actor = Actor(self.name, node)
        self.recorder.event(service, "Normal", "nodeAssigned", f'announcing from node "{node}" with protocol "layer2"')
        self._forget(key, node)
        self._report(service, node)

    def _note(self, node: str, verb: str, key: str, address: str) -> None:
        params = {"service": key, "address": address}
        self.engine.note(self.name, node, verb, f"services/{key}", f"metallb.{verb}", params)

    def _statuses(self, key: str) -> list[Obj]:
        namespace, name = split_key(key)
        return [
            one
            for one in self.caches[STATUSES].list(NAMESPACE)
            if (labels_of(one).get(NAMESPACE_LABEL), labels_of(one).get(NAME_LABEL)) == (namespace, name)
        ]

    def _forget(self, key: str, node: str) -> None:
        """Statuses that tell of another node go."""
        for one in self._statuses(key):
            if labels_of(one).get(NODE_LABEL) != node:
                self.client.delete(STATUSES, NAMESPACE, name_of(one), why="metallb.forget", service=key)

    def _report(self, service: Obj, node: str) -> None:
        """A ServiceL2Status says which node it is; its status comes by a write of its own."""
        key = key_of(service)
        wanted = {"node": node, "serviceName": name_of(service), "serviceNamespace": namespace_of(service)}
        there = self._statuses(key)
        if not there:
            labels = {NODE_LABEL: node, NAME_LABEL: name_of(service), NAMESPACE_LABEL: namespace_of(service)}
            metadata: Obj = {"generateName": "l2-", "namespace": NAMESPACE, "labels": labels}
            pod = next((pod for pod in pods_of(self._objects, SPEAKER) if pod["spec"].get("nodeName") == node), None)
            if pod is not None:
                owner = {"apiVersion": "v1", "kind": "Pod", "name": name_of(pod), "uid": pod["metadata"]["uid"]}
                metadata["ownerReferences"] = [owner]
            made = {"apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status", "metadata": metadata, "spec": {}}
            there = [self.client.create(STATUSES, made, why="metallb.status", service=key)]
        if (there[0].get("status") or EMPTY) != wanted:
            self.client.update_status(STATUSES, {**there[0], "status": wanted}, why="metallb.status", service=key)

    # ---- saving --------------------------------------------------------------------------------

    def stop(self) -> None:
        super().stop()
        self.announced.clear()
        self.members.clear()

    def state(self) -> dict[str, Any]:
        return {"announced": dict(self.announced), "members": list(self.members)}

    def set_state(self, data: dict[str, Any]) -> None:
        self.announced, self.members = dict(data["announced"]), list(data["members"])


def _unavailable(node: Obj) -> bool:
    return is_true((node.get("status") or EMPTY).get("conditions"), "NetworkUnavailable")
