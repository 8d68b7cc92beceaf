"""A control plane with a scheduler, nodes that are only objects, and kubelets that say Running at once.

The real engine, store, API server, client and scheduler. Stand-in kubelets report a bound Pod running
and let a deleted one go after a while, as those of the recordings did.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import key_of, split_key
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client, Informers, Recorder
from apps.cluster.engine import Engine, Trace
from apps.cluster.etcd import Store
from apps.cluster.scheduler import Scheduler

Obj = dict[str, Any]
STOP_MS = 1_500


class Kubelets:
    """Every kubelet at once."""

    def __init__(self, engine: Engine, client: Client, informers: Informers) -> None:
        self.engine, self.client, self.pods = engine, client, informers("pods")
        self.pods.add_handler(self._changed, lambda old, new: self._changed(new))

    def _changed(self, pod: Obj) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            self.engine.wake("kubelets", f"stop {key_of(pod)}", STOP_MS)
        elif pod["spec"].get("nodeName") and pod["status"]["phase"] == "Pending":
            self.engine.wake("kubelets", f"start {key_of(pod)}", 100)

    def run(self, key: str) -> None:
        what, _, key = key.partition(" ")
        pod = self.pods.get(key)
        if pod is None:
            return
        if what == "stop":
            namespace, name = split_key(key)
            self.client.delete("pods", namespace, name, grace_period_seconds=0)
        elif pod["status"]["phase"] == "Pending":
            started = {**pod["status"], "phase": "Running", "startTime": format_ms(self.engine.now_ms)}
            self.client.update_status("pods", {**pod, "status": started})

    def save(self) -> None: ...
    def load(self, data: Any) -> None: ...


class Small:
    """`engine`, `kubectl` and `scheduler`, and shorthand for the usual requests."""

    def __init__(self, nodes: list[Obj] | None = None, *, seed: int = 1, keep_trace: bool = True) -> None:
        self.engine = Engine(seed, trace=Trace(keep=keep_trace))
        self.store = Store()
        self.apiserver = APIServer(self.engine, self.store)
        self.kubectl = Client(self.apiserver, "kubectl")
        self.informers = Informers(self.apiserver)
        client = Client(self.apiserver, "kube-scheduler", "cp")
        recorder = Recorder(self.engine, client, "default-scheduler", "cp", modern=True)
        self.scheduler = Scheduler(self.engine, client, self.informers, recorder)
        self.engine.register("kube-scheduler", self.scheduler)
        self.kubelet_informers = Informers(self.apiserver)
        self.kubelets = Kubelets(self.engine, Client(self.apiserver, "kubelet"), self.kubelet_informers)
        self.engine.register("kubelets", self.kubelets)
        if nodes is not None:
            for namespace in ("default", "kube-system"):
                self.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
                account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
                account["metadata"]["namespace"] = namespace  # type: ignore[index]
                self.create("serviceaccounts", account)
            for node in nodes:
                self.add_node(node)

    def create(self, resource: str, obj: Obj) -> Obj:
        return self.kubectl.create(resource, obj)

    def add_node(self, node: Obj) -> None:
        """Register a node and make it ready: admission taints new ones until they are."""
        self.create("nodes", node)
        name = node["metadata"]["name"]
        self.kubectl.patch("nodes", "", name, {"status": node["status"]}, subresource="status", type="merge")
        self.taint(name, *(node.get("spec") or {}).get("taints", ()))

    def taint(self, name: str, *taints: Obj) -> None:
        self.kubectl.patch("nodes", "", name, {"spec": {"taints": list(taints) or None}}, type="merge")

    def rest(self, limit_ms: int = 30_000) -> None:
        self.engine.run_to_rest(self.engine.now_ms + limit_ms)

    def pod(self, name: str) -> Obj:
        return self.kubectl.get("pods", "default", name)

    def node_of(self, name: str) -> str | None:
        return self.pod(name)["spec"].get("nodeName")

    def events(self, name: str) -> list[Obj]:
        return [e for e in self.kubectl.list("events") if e["involvedObject"]["name"] == name]

    def condition(self, name: str) -> Obj | None:
        conditions = self.pod(name)["status"].get("conditions") or ()
        return next((c for c in conditions if c["type"] == "PodScheduled"), None)

    def replicas(self, name: str, count: int, spec: Obj, labels: Obj | None = None) -> list[str]:
        """A ReplicaSet's Pods, made as its controller makes them: one template, shared."""
        labels = labels or {"app": name}
        template = {"metadata": {"labels": labels}, "spec": spec}
        owner = self.create(
            "replicasets",
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {"name": name, "namespace": "default"},
                "spec": {"replicas": count, "selector": {"matchLabels": labels}, "template": template},
            },
        )
        reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": owner["metadata"]["uid"]}
        names = [f"{name}-{i}" for i in range(count)]
        shared = owner["spec"]["template"]["spec"]
        for pod in names:
            metadata = {"name": pod, "namespace": "default", "labels": labels}
            metadata["ownerReferences"] = [{**reference, "controller": True}]
            self.create("pods", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": shared})
        return names
