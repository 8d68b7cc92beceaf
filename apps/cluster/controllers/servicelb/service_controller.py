"""The service controller of cloud-controller-manager: a balancer of the cloud for each Service of type LoadBalancer.

Models      k8s.io/cloud-provider/controllers/service/controller.go
Leaves out  the program's own Pods and its election: it runs at the cloud, as managed clusters have it; the node and
            route controllers beside it

A call to the cloud takes its time, and meanwhile the one worker waits: other Services come after it. Nodes have a
worker of their own.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import REACTION_MS, Client, Controller, Informers, Recorder
from apps.cluster.controllers.servicelb import cloud as clouds
from apps.cluster.controllers.servicelb.cloud import Cloud, CloudError, ingress_of, name_of_balancer
from apps.cluster.controllers.servicelb.nodes import eligible, moves_balancers, provider_id
from apps.cluster.engine import Engine

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
SERVICE, NODES, DONE = "service", "nodes", "done"  # what a key begins with
ENSURE, DELETE, HOSTS = "ensure", "delete", "hosts"  # calls
UNAVAILABLE = "There are no available nodes for LoadBalancer"
RETRY_MS, MAX_RETRY_MS = 5_000, 300_000


def wants(service: Obj) -> bool:
    """A class names somebody else's balancers."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") is None


def has_finalizer(service: Obj) -> bool:
    return FINALIZER in (service["metadata"].get("finalizers") or ())


def needs_cleanup(service: Obj) -> bool:
    """It has, or had, a balancer that has to go."""
    leaving = "deletionTimestamp" in service["metadata"] or service["spec"].get("type") != "LoadBalancer"
    return has_finalizer(service) and leaving


def needs_update(old: Obj, new: Obj) -> bool:
    """Whether anything has changed that a balancer is made of."""
    if not wants(old) and not wants(new):
        return False
    if wants(old) != wants(new):
        return True
    before, after = old["spec"], new["spec"]
    fields = ("loadBalancerSourceRanges", "sessionAffinity", "sessionAffinityConfig", "loadBalancerIP", "externalIPs")
    more = ("externalTrafficPolicy", "healthCheckNodePort")
    if any((before.get(field) or None) != (after.get(field) or None) for field in (*fields, *more)):
        return True
    if (before.get("ports") or []) != (after.get("ports") or []):
        return True
    if (old["metadata"].get("annotations") or EMPTY) != (new["metadata"].get("annotations") or EMPTY):
        return True
    return uid_of(old) != uid_of(new) or len(before.get("ipFamilies") or ()) != len(after.get("ipFamilies") or ())


class ServiceController(Controller):
    """Keys are "service default/web", "nodes", and "done service" or "done nodes" when a call of that worker ends."""

    name = "service-controller"
    backoff_base_ms, backoff_max_ms = RETRY_MS, MAX_RETRY_MS

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.cloud = Cloud()
        self.cache: dict[str, Obj] = {}  # Services that have a balancer, or are to have one, as last looked at
        self.synced: dict[str, list[list[str]]] = {}  # by Service: [name, providerID] of the nodes it was told
        self.calls: dict[str, dict[str, Any]] = {}  # by worker: the call that it waits for
        self.waiting: list[str] = []  # Services that wait for the worker
        self.moving: list[str] = []  # Services whose balancers are to hear of other nodes
        self.services = informers("services")
        self.nodes = informers("nodes")
        self.services.add_handler(self._came, self._changed)
        self.nodes.add_handler(self._node, self._node_changed, self._node)

    def _came(self, service: Obj) -> None:
        if wants(service) or needs_cleanup(service):
            self.enqueue(f"{SERVICE} {key_of(service)}")

    def _changed(self, old: Obj, new: Obj) -> None:
        if needs_update(old, new) or needs_cleanup(new):
            self.enqueue(f"{SERVICE} {key_of(new)}")

    def _node(self, _node: Obj) -> None:
        self.enqueue(NODES)

    def _node_changed(self, old: Obj, new: Obj) -> None:
        if moves_balancers(old, new):
            self.enqueue(NODES)

    # ---- turns ---------------------------------------------------------------------------------

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        what, _, name = key.partition(" ")
        if what == NODES:
            self._sync_nodes()
        elif what == DONE:
            self._done(name)
        elif SERVICE in self.calls:
            if name not in self.waiting:
                self.waiting.append(name)
        else:
            self._sync_service(name)

    def _next(self) -> None:
        """The worker is free."""
        if self.waiting and SERVICE not in self.calls:
            self.enqueue(f"{SERVICE} {self.waiting.pop(0)}", 0)

    def _sync_service(self, key: str) -> None:
        service, cached = self.services.get(key), self.cache.get(key)
        if cached is not None and (service is None or uid_of(cached) != uid_of(service)):
            # It went without a finalizer, so its balancer is still there.
            if wants(cached):
                self._tell(cached, "DeletingLoadBalancer", "Deleting load balancer")
                self._call(SERVICE, DELETE, cached, clouds.DELETE_MS, gone=True)
            else:
                self.cache.pop(key)
            return
        if service is None:
            return
        self.cache[key] = service
        try:
            if wants(service) and not needs_cleanup(service):
                self._ensure(key, service)
            elif self.cloud.has(service):
                self._tell(service, "DeletingLoadBalancer", "Deleting load balancer")
                self._call(SERVICE, DELETE, service, clouds.DELETE_MS)
            else:
                self._deleted(key, service)
        except StatusError as error:
            self._failed(service, error.message)
            raise

    def _ensure(self, key: str, service: Obj) -> None:
        self._tell(service, "EnsuringLoadBalancer", "Ensuring load balancer")
        if not has_finalizer(service):
            body: Obj = {"metadata": {"finalizers": [FINALIZER]}}
            try:
                self._patch(service, body, "servicelb.protect")
            except StatusError as error:
                error.message = f"failed to add load balancer cleanup finalizer: {error.message}"
                raise
        nodes = eligible(self.nodes.list())
        if not nodes:
            self.recorder.event(service, "Warning", "UnAvailableLoadBalancer", UNAVAILABLE)
        self.synced[key] = _told(nodes)
        takes = clouds.ADJUST_MS if self.cloud.has(service) else clouds.CREATE_MS
        self._call(SERVICE, ENSURE, service, takes, hosts=[name_of(node) for node in nodes])

    def _sync_nodes(self) -> None:
        """Every balancer hears of the nodes there are now, if they are others than it was told last."""
        nodes = eligible(self.nodes.list())
        told = _told(nodes)
        for key, service in self.cache.items():
            if not wants(service):
                continue
            before, self.synced[key] = self.synced.get(key, []), told
            if sorted(before) != sorted(told) and key not in self.moving:
                self.moving.append(key)
        self._move()

    def _move(self) -> None:
        while self.moving and NODES not in self.calls:
            service = self.cache.get(self.moving.pop(0))
            if service is not None and self.cloud.has(service):
                hosts = [name for name, _ in self.synced[key_of(service)]]
                self._call(NODES, HOSTS, service, clouds.HOSTS_MS, hosts=hosts)

    # ---- the cloud -----------------------------------------------------------------------------

    def _call(self, worker: str, what: str, service: Obj, takes_ms: int, **more: Any) -> None:
        self.calls[worker] = {"what": what, "service": service, **more}
        self._note(service, what, f"cloud.{what}", hosts=", ".join(more.get("hosts") or ()) or "-")
        self.enqueue(f"{DONE} {worker}", takes_ms)

    def _note(self, service: Obj, verb: str, message: str, **params: Any) -> None:
        ref = f"services/{key_of(service)}"
        said = {"name": name_of(service), "balancer": name_of_balancer(service), **params}
        self.engine.note("cloud", "", verb, ref, message, said)

    def _done(self, worker: str) -> None:
        """A call to the cloud has ended: what comes of it."""
        call = self.calls.pop(worker, None)
        if call is None:
            return
        service: Obj = call["service"]
        key = key_of(service)
        try:
            if call["what"] == HOSTS:
                self._told_hosts(service, call["hosts"])
            elif call["what"] == ENSURE:
                self._ensured(service, call["hosts"])
            else:
                self.cloud.delete(service)
                self._note(service, DELETE, "cloud.deleted")
                if call.get("gone"):
                    self._tell(service, "DeletedLoadBalancer", "Deleted load balancer")
                    self.cache.pop(key, None)
                    if self.services.get(key) is not None:
                        self.enqueue(f"{SERVICE} {key}", REACTION_MS)
                else:
                    self._deleted(key, service)
            self._failures.pop(f"{SERVICE} {key}", None)
        except (StatusError, CloudError) as error:
            text = error.message if isinstance(error, StatusError) else f"failed to ensure load balancer: {error}"
            self._failed(service, text)
            self._retry(f"{SERVICE} {key}")
        if worker == NODES:
            self._move()
        else:
            self._next()

    def _ensured(self, service: Obj, hosts: list[str]) -> None:
        status = self.cloud.ensure(service, hosts)
        self._note(service, ENSURE, "cloud.ensured", address=status["ingress"][0]["ip"])
        self._tell(service, "EnsuredLoadBalancer", "Ensured load balancer")
        self._report(service, status)

    def _told_hosts(self, service: Obj, hosts: list[str]) -> None:
        try:
            self.cloud.update_hosts(service, hosts)
        except CloudError:
            return  # it has gone meanwhile
        if hosts:
            self._tell(service, "UpdatedLoadBalancer", "Updated load balancer with new hosts")
        else:
            self.recorder.event(service, "Warning", "UnAvailableLoadBalancer", UNAVAILABLE)

    def _deleted(self, key: str, service: Obj) -> None:
        if has_finalizer(service):
            body = {"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
            try:
                self._patch(service, body, "servicelb.release")
            except StatusError as error:
                if error.code != 404:
                    error.message = f"failed to remove load balancer cleanup finalizer: {error.message}"
                    raise
        self._tell(service, "DeletedLoadBalancer", "Deleted load balancer")
        self._report(service, {})
        self.cache.pop(key, None)
        self.synced.pop(key, None)

    def _report(self, service: Obj, status: Obj) -> None:
        """Write the address into the Service's status, or take it away."""
        if ingress_of(service) == list(status.get("ingress") or ()):
            return
        ingress = status.get("ingress")
        body = {"status": {"loadBalancer": {"ingress": ingress}}}
        address = ingress[0]["ip"] if ingress else ""
        why = "servicelb.report" if ingress else "servicelb.withdraw"
        try:
            self._patch(service, body, why, address=address)
        except StatusError as error:
            if error.code != 404:
                error.message = f"failed to update load balancer status: {error.message}"
                raise

    def _patch(self, service: Obj, body: Obj, why: str, **params: Any) -> None:
        namespace, name = namespace_of(service), name_of(service)
        self.client.patch("services", namespace, name, body, subresource="status", why=why, **params)

    def _tell(self, service: Obj, reason: str, message: str) -> None:
        self.recorder.event(service, "Normal", reason, message)

    def _failed(self, service: Obj, text: str) -> None:
        told = f"Error syncing load balancer: {text}"
        self.recorder.event(service, "Warning", "SyncLoadBalancerFailed", told)

    def _retry(self, key: str) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.enqueue(key, min(self.backoff_base_ms << min(failures, 20), self.backoff_max_ms))

    # ---- saving --------------------------------------------------------------------------------

    def stop(self) -> None:
        """What it knew is gone; the cloud's balancers are not."""
        super().stop()
        self.cache.clear()
        self.synced.clear()
        self.calls.clear()
        self.waiting.clear()
        self.moving.clear()

    def state(self) -> dict[str, Any]:
        return {
            "cloud": self.cloud.save(),
            "cache": dict(self.cache),
            "synced": dict(self.synced),
            "calls": dict(self.calls),
            "waiting": list(self.waiting),
            "moving": list(self.moving),
        }

    def set_state(self, data: dict[str, Any]) -> None:
        self.cloud.load(data["cloud"])
        self.cache, self.synced, self.calls = dict(data["cache"]), dict(data["synced"]), dict(data["calls"])
        self.waiting, self.moving = list(data["waiting"]), list(data["moving"])


def _told(nodes: list[Obj]) -> list[list[str]]:
    return [[name_of(node), provider_id(node)] for node in nodes]
