"""A control plane without machines: every controller, and a stand-in for the scheduler and the kubelets.

The stand-in binds a Pod to the node its affinity names, else to the node with the fewest Pods; half a second later the
Pod is Running and Ready, unless its image says "bad"; 400 ms after its deletion it is gone. It renews the Leases of the
nodes that are up.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj, key_of, name_of, namespace_of
from apps.cluster.apimachinery.timestamps import format_micro, format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client, Informers, Recorder
from apps.cluster.controllers.daemonset.placement import target_node
from apps.cluster.controllers.registry import CONTROLLERS
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

START_MS, STOP_MS, LEASE_MS = 500, 400, 10_000


class StandIn:
    """Scheduler and kubelets in one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client(world.apiserver, "stand-in")
        self.informers = Informers(world.apiserver)
        self.pods = self.informers("pods")
        self.pods.add_handler(self._pod, lambda _, new: self._pod(new))
        self.informers("nodes").add_handler(lambda _: self._again())

    def _pod(self, pod: Obj) -> None:
        engine = self.world.engine
        if not pod["spec"].get("nodeName"):
            engine.wake("stand-in", "bind " + key_of(pod), 5)
        elif "deletionTimestamp" in pod["metadata"]:
            engine.wake("stand-in", "stop " + key_of(pod), STOP_MS)
        elif pod["status"].get("phase") == "Pending":
            engine.wake("stand-in", "start " + key_of(pod), START_MS)

    def _again(self) -> None:
        for pod in self.pods.list():
            if not pod["spec"].get("nodeName"):
                self._pod(pod)

    def run(self, key: str) -> None:
        verb, _, name = key.partition(" ")
        if verb == "renew":
            self._renew(name)
            return
        pod = self.pods.get(name)
        if pod is None:
            return
        node = pod["spec"].get("nodeName", "")
        if verb == "bind" and not node and "deletionTimestamp" not in pod["metadata"]:
            self._bind(pod)
        elif verb == "start" and node in self.world.up and pod["status"].get("phase") == "Pending":
            self._start(pod)
        elif verb == "stop" and node in self.world.up and "deletionTimestamp" in pod["metadata"]:
            self.client.delete("pods", namespace_of(pod), name_of(pod), grace_period_seconds=0)

    def _bind(self, pod: Obj) -> None:
        wanted = target_node(pod)
        nodes = {name_of(node) for node in self.client.list("nodes")}
        if wanted is None:
            load = {name: 0 for name in self.world.nodes if name in nodes and name in self.world.up}
            for other in self.pods.list():
                if other["spec"].get("nodeName") in load:
                    load[other["spec"]["nodeName"]] += 1
            wanted = min(load, key=lambda name: (load[name], name)) if load else None
        if wanted in nodes:
            self.client.bind(namespace_of(pod), name_of(pod), wanted)

    def _start(self, pod: Obj) -> None:
        number = len([1 for other in self.pods.list() if other["status"].get("podIP")]) + 2
        ip = f"10.244.0.{number}"
        bad = any("bad" in container["image"] for container in pod["spec"]["containers"])
        now = format_ms(self.world.engine.now_ms)
        kept = [one for one in pod["status"].get("conditions") or () if one["type"] == "PodScheduled"]
        ready = {"type": "Ready", "status": "False" if bad else "True", "lastTransitionTime": now}
        status = {**pod["status"], "conditions": [*kept, ready], "podIP": ip, "podIPs": [{"ip": ip}]}
        if not bad:
            status["phase"] = "Running"
        self.client.update_status("pods", {**pod, "status": status})

    def _renew(self, node: str) -> None:
        if node in self.world.up:
            world = self.world
            lease = world.apiserver.tables.get("leases", {}).get(f"kube-node-lease/{node}")
            spec = {"holderIdentity": node, "renewTime": format_micro(world.engine.now_ms)}
            metadata = {"name": node, "namespace": "kube-node-lease"}
            new: Obj = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
            if lease is None:
                self.client.create("leases", new)
            else:
                self.client.update("leases", {**lease, "spec": spec})
            world.engine.wake("stand-in", "renew " + node, LEASE_MS, quiet=True)

    def save(self) -> Any:
        return None

    def load(self, data: Any) -> None:
        return None


class World:
    """A cluster to try controllers in. `kubectl` is the reader's client."""

    def __init__(self, nodes: tuple[str, ...] = ("worker-1", "worker-2", "worker-3"), seed: int = 1) -> None:
        self.engine = Engine(seed)
        self.apiserver = APIServer(self.engine, Store())
        self.kubectl = Client(self.apiserver, "kubectl")
        self.informers = Informers(self.apiserver)
        self.nodes: list[str] = []
        self.up: set[str] = set()
        self.controllers: dict[str, Any] = {}
        for namespace in ("default", "kube-system", "kube-node-lease"):
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        for kind in CONTROLLERS:
            client = Client(self.apiserver, kind.name)
            controller = kind(
                self.engine, client, self.informers, Recorder(self.engine, client, kind.source or kind.name)
            )
            self.engine.register(kind.name, controller)
            self.controllers[kind.name] = controller
        self.stand_in = StandIn(self)
        self.engine.register("stand-in", self.stand_in)
        for name in nodes:
            self.join(name)
        self.run(500)

    # What a reader does.

    def create(self, obj: Obj) -> Obj:
        info = self.apiserver.info_for(obj["apiVersion"], obj["kind"])
        return self.kubectl.create(info.plural, obj)

    def join(self, name: str, taints: list[Obj] | None = None, labels: dict[str, str] | None = None) -> None:
        now = format_ms(self.engine.now_ms)
        node = self.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
                "spec": {"taints": taints} if taints else {},
            }
        )
        conditions = [
            {"type": kind, "status": status, "reason": "Kubelet", "message": "", "lastTransitionTime": now}
            for kind, status in (
                ("MemoryPressure", "False"),
                ("DiskPressure", "False"),
                ("PIDPressure", "False"),
                ("Ready", "True"),
            )
        ]
        self.nodes.append(name)
        self.up.add(name)
        self.kubectl.update_status("nodes", {**node, "status": {"conditions": conditions}})
        self.engine.wake("stand-in", "renew " + name, 0, quiet=True)

    def power_off(self, name: str) -> None:
        self.up.discard(name)

    def power_on(self, name: str) -> None:
        self.up.add(name)
        self.engine.wake("stand-in", "renew " + name, 0, quiet=True)
        node = self.get("nodes", name)
        now = format_ms(self.engine.now_ms)
        conditions = [
            {**one, "status": "True" if one["type"] == "Ready" else "False", "lastTransitionTime": now}
            for one in node["status"]["conditions"]
        ]
        self.kubectl.update_status("nodes", {**node, "status": {"conditions": conditions}})

    def patch(self, resource: str, name: str, body: Obj, namespace: str = "default") -> Obj:
        return self.kubectl.patch(resource, namespace, name, body, type="merge")

    def delete(self, resource: str, name: str, namespace: str = "default", **options: Any) -> None:
        self.kubectl.delete(resource, namespace, name, **options)

    def run(self, ms: int) -> None:
        self.engine.run_until(self.engine.now_ms + ms)

    # What a reader sees.

    def get(self, resource: str, name: str, namespace: str = "") -> Obj:
        return self.kubectl.get(resource, namespace, name)

    def list(self, resource: str, namespace: str = "default") -> list[Obj]:
        return self.kubectl.list(resource, namespace)

    def names(self, resource: str, namespace: str = "default") -> list[str]:
        return [name_of(obj) for obj in self.list(resource, namespace)]

    def status(self, resource: str, name: str, namespace: str = "") -> Obj:
        status: Obj = self.get(resource, name, namespace)["status"]
        return status

    def events(self, reason: str = "", namespace: str = "default") -> list[str]:
        """Messages of Events, in the order in which they were first told."""
        return [one["message"] for one in self.list("events", namespace) if reason in ("", one["reason"])]

    def history(self, resource: str, since: int = 0) -> list[tuple[str, str]]:
        """(verb, name) of every change of a resource."""
        return [
            (step.verb, step.ref.rpartition("/")[2])
            for step in self.engine.trace.steps[since:]
            if step.ref.startswith(resource + "/")
        ]
