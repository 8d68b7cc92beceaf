"""A control plane without machines: the real engine, store, API server and controllers, and one stand-in kubelet.

The stand-in does what those of the recordings did: it binds a Pod, reports it ready a while later (never, when its
image says "bad"), and lets it go half a second after its deletion was asked for. So a test of a controller needs no
node.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import key_of, split_key
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.deployment.deployment_controller import DeploymentController
from apps.cluster.controllers.replicaset.replica_set import ReplicaSetController
from apps.cluster.controllers.replicaset.replication_controller import ReplicationManager
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store

Obj = dict[str, Any]
NODES = 3


class Fakelet:
    """Every kubelet at once. `spread_ms`: how much later than others a Pod may become ready, drawn from the seed."""

    def __init__(self, engine: Engine, client: Client, informers: Informers, spread_ms: int) -> None:
        self.engine, self.client, self.pods, self.spread_ms = engine, client, informers("pods"), spread_ms
        self.bound = 0
        self.pods.add_handler(self._added, self._updated)

    def _added(self, pod: Obj) -> None:
        self.engine.wake("fakelet", "bind " + key_of(pod), 20)

    def _updated(self, old: Obj, new: Obj) -> None:
        if "deletionTimestamp" in new["metadata"] and "deletionTimestamp" not in old["metadata"]:
            self.engine.wake("fakelet", "stop " + key_of(new), 500)

    def run(self, key: str) -> None:
        what, _, key = key.partition(" ")
        pod = self.pods.get(key)
        if pod is None:
            return
        namespace, name = split_key(key)
        if what == "bind":
            self.bound += 1
            self.client.bind(namespace, name, f"node-{self.bound % NODES}")
            late = self.engine.random.below(self.spread_ms) if self.spread_ms else 0
            self.engine.wake("fakelet", f"start {key}", 700 + late)
        elif what == "stop":
            self.client.delete("pods", namespace, name, grace_period_seconds=0)
        elif "deletionTimestamp" not in pod["metadata"] and "bad" not in pod["spec"]["containers"][0]["image"]:
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": format_ms(self.engine.now_ms)}
            status = {**pod["status"], "phase": "Running", "conditions": [*pod["status"]["conditions"], ready]}
            self.client.update_status("pods", {**pod, "status": status})

    def save(self) -> int:
        return self.bound

    def load(self, data: int) -> None:
        self.bound = data


class ControlPlane:
    """What a test holds: `kubectl` to ask with, `run` to let things happen, and what there is then."""

    def __init__(self, seed: int = 1, spread_ms: int = 0) -> None:
        self.engine = Engine(seed)
        self.apiserver = APIServer(self.engine, Store())
        self.kubectl = Client(self.apiserver, "kubectl")
        informers = Informers(self.apiserver)
        kinds: tuple[type[Controller], ...] = (DeploymentController, ReplicaSetController, ReplicationManager)
        for kind in kinds:
            client = Client(self.apiserver, kind.name)
            self.engine.register(
                kind.name, kind(self.engine, client, informers, Recorder(self.engine, client, kind.name))
            )
        self.engine.register("fakelet", Fakelet(self.engine, Client(self.apiserver, "kubelet"), informers, spread_ms))
        self.kubectl.create("namespaces", {"metadata": {"name": "default"}})
        self.kubectl.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}})

    def run(self, limit_ms: int = 120_000) -> bool:
        """Until nothing is left to do; False when `limit_ms` was not enough."""
        return self.engine.run_to_rest(self.engine.now_ms + limit_ms)

    def run_for(self, ms: int) -> None:
        self.engine.run_until(self.engine.now_ms + ms)

    def get(self, resource: str, name: str) -> Obj:
        return self.apiserver.get(resource, "default", name)

    def set_image(self, image: str, name: str = "web") -> None:
        body = {"spec": {"template": {"spec": {"containers": [{"name": "nginx", "image": image}]}}}}
        self.kubectl.patch("deployments", "default", name, body)

    def scale(self, replicas: int, name: str = "web") -> None:
        self.kubectl.patch("deployments", "default", name, {"spec": {"replicas": replicas}}, subresource="scale")

    def messages(self, reason: str) -> list[str]:
        """The texts of Events with that reason, in order."""
        steps = [step for step in self.engine.trace.steps if step.rank == "event" and step.after is not None]
        return [step.after["message"] for step in steps if step.after["reason"] == reason]  # type: ignore[index]

    def sizes(self, name: str = "web") -> dict[str, int]:
        """`spec.replicas` of each ReplicaSet of a Deployment, by image."""
        uid = self.get("deployments", name)["metadata"]["uid"]
        return {
            rs["spec"]["template"]["spec"]["containers"][0]["image"]: rs["spec"]["replicas"]
            for rs in self.apiserver.list("replicasets")
            if any(owner["uid"] == uid for owner in rs["metadata"].get("ownerReferences", ()))
        }


def deployment(replicas: int = 3, image: str = "nginx:1", name: str = "web", **spec: Any) -> Obj:
    """A Deployment of one container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": pod_template(image, name),
        }
        | spec,
    }


def pod_template(image: str = "nginx:1", app: str = "web") -> Obj:
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "nginx", "image": image}]}}


def condition(obj: Obj, type_: str) -> tuple[str, str]:
    """A condition's status and reason."""
    [found] = [c for c in obj["status"]["conditions"] if c["type"] == type_]
    return found["status"], found["reason"]
