"""MetalLB's controller: an address from a pool for each Service of type LoadBalancer.

Models      metallb controller/main.go (SetBalancer, SetPools), internal/k8s/controllers/pool_status_controller.go
Leaves out  its webhooks, its certificates and the Secret `memberlist`; a load balancer class of its own

It remembers nothing: what a Service has stands in its status, as after a restart. It acts while its Pod runs.
"""

from __future__ import annotations

from collections.abc import Callable

from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, key_of, labels_of, namespace_of
from apps.cluster.apiserver import Actor
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.metallb.allocator import FROM_POOL, addresses_of, decide, holder
from apps.cluster.controllers.metallb.election import COMPONENT, CONTROLLER, NAMESPACE, runs
from apps.cluster.controllers.metallb.pools import POOLS, read
from apps.cluster.engine import Engine

ALL = "all"  # the key of a turn that looks at every Service again
START_MS = 1_000  # from its container's start to its first look


def deployed(pod: Obj, component: str) -> bool:
    return namespace_of(pod) == NAMESPACE and labels_of(pod).get(COMPONENT) == component


class MetalLBController(Controller):
    """Keys are those of Services, and "all"."""

    name = "metallb-controller"
    alive: Callable[[str], bool] = staticmethod(lambda _name: True)  # whether a machine is on, and plugged in

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.services = informers("services")
        self.pools = informers(POOLS)
        self.pods = informers("pods")
        self.services.add_handler(self._changed, lambda _, new: self._changed(new), self._gone)
        self.pools.add_handler(lambda _: self._again(), self._pool_changed, lambda _: self._again())
        self.pods.add_handler(self._pod, lambda old, new: self._pod(new, old))

    def _changed(self, service: Obj) -> None:
        if service["spec"].get("type") == "LoadBalancer" or FROM_POOL in annotations_of(service):
            self.enqueue(key_of(service))

    def _gone(self, service: Obj) -> None:
        if addresses_of(service):
            self._again()  # others may have waited for its address

    def _pool_changed(self, old: Obj, new: Obj) -> None:
        if old.get("spec") is not new.get("spec"):
            self._again()

    def _again(self) -> None:
        self.enqueue(ALL)

    def _pod(self, pod: Obj, old: Obj | None = None) -> None:
        if deployed(pod, CONTROLLER) and runs(pod) and (old is None or not runs(old)):
            self.enqueue(ALL, START_MS)

    def _node(self) -> str:
        """Where it runs; "" where it does not."""
        for pod in self.pods.list(NAMESPACE):
            if deployed(pod, CONTROLLER) and runs(pod):
                node = str(pod["spec"].get("nodeName", ""))
                if self.alive(node):
                    return node
        return ""

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        node = self._node()
        if not node:
            return  # when it comes back it looks at everything
        self.client.actor = Actor(self.name, node)
        if key == ALL:
            for one in self.services.list():
                self._changed(one)
            self._report_pools()
            return
        service = self.services.get(key)
        if service is None:
            return
        pools = read(self.pools.list())
        others = [holder(one) for one in self.services.list() if addresses_of(one) and key_of(one) != key]
        decided = decide(service, pools, others)
        for type_, reason, message in decided.events:
            self.recorder.event(service, type_, reason, message)
        if not decided.keep:
            self._write(service, decided.ips, decided.pool)

    def _write(self, service: Obj, ips: tuple[str, ...], pool: str) -> None:
        before = addresses_of(service)
        annotations = {key: text for key, text in annotations_of(service).items() if key != FROM_POOL}
        if pool:
            annotations[FROM_POOL] = pool
        if ips == before and annotations == annotations_of(service):
            return
        metadata = {**service["metadata"], "annotations": annotations}
        balancer: Obj = {"ingress": [{"ip": ip, "ipMode": "VIP"} for ip in ips]} if ips else {}
        status = {**(service.get("status") or EMPTY), "loadBalancer": balancer}
        why = "metallb.assign" if ips else "metallb.clear"
        address = ", ".join(ips or before)
        body = {**service, "metadata": metadata, "status": status}
        self.client.update_status("services", body, why=why, address=address, pool=pool)
        if before and ips != before:
            self._again()  # what it had may serve another
        self._report_pools()

    def _report_pools(self) -> None:
        """How many addresses of each pool are given and free."""
        given = {ip for service in self.services.list() for ip in addresses_of(service)}
        for pool in read(self.pools.list()):
            used = sum(1 for ip in given if pool.has(ip))
            status = {
                "assignedIPv4": used,
                "assignedIPv6": 0,
                "availableIPv4": pool.size() - used,
                "availableIPv6": 0,
            }
            obj = self.pools.get(f"{NAMESPACE}/{pool.name}")
            if obj is not None and obj.get("status") != status:
                self.client.update_status(POOLS, {**obj, "status": status}, why="metallb.count", used=used)
