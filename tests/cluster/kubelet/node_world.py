"""An API server and the kubelets of some machines, nothing else: Pods are given their node by the test."""

from __future__ import annotations

from typing import Any

from apps.cluster.apiserver import APIServer
from apps.cluster.client import Client
from apps.cluster.engine import Engine
from apps.cluster.etcd import Store
from apps.cluster.kubeadm.pod_network import PodNetwork
from apps.cluster.kubelet import Kubelet
from apps.cluster.kubelet.cri.flavours import CRIO, Flavour
from apps.cluster.kubelet.registry import Registry
from apps.cluster.machines import Machine

Obj = dict[str, Any]


POOL = "192.168.0.0/16"


def network_of(engine: Engine, apiserver: APIServer, cidr: str = POOL) -> PodNetwork:
    """A network with one pool, though no resource of Calico's is there."""
    pool = {"metadata": {"name": "default-ipv4-ippool"}, "spec": {"cidr": cidr}}
    return PodNetwork(engine, apiserver, [pool])


class NodeWorld:
    """Machines that are on, with a network. `host`: what kubelets told of system components."""

    def __init__(
        self,
        nodes: int = 1,
        *,
        network: bool = True,
        images: dict[str, Any] | None = None,
        flavour: Flavour = CRIO,
        pool: str = POOL,
        **machine: Any,
    ) -> None:
        self.engine = Engine(1)
        self.apiserver = APIServer(self.engine, Store())
        self.client = Client(self.apiserver, "kubectl")
        self.host: list[tuple[str, str, str]] = []
        self.network = network_of(self.engine, self.apiserver, pool)
        self.registry = Registry(images or {})
        for namespace in ("default", "kube-system", "kube-node-lease"):
            self.client.create("namespaces", {"metadata": {"name": namespace}})
            self.client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": namespace}})
            self.client.create(
                "configmaps",
                {"metadata": {"name": "kube-root-ca.crt", "namespace": namespace}, "data": {"ca.crt": "…"}},
            )
        self.kubelets: list[Kubelet] = []
        for number in range(1, nodes + 1):
            made = Machine(f"worker-{number}", address=f"10.0.0.{10 + number}", **machine)
            if network:
                self.network.up(made.name)
            self.kubelets.append(
                Kubelet(
                    self.engine,
                    self.apiserver,
                    made,
                    self.network,
                    self,
                    images=self.registry.overrides,
                    flavour=flavour,
                )
            )
            self.kubelets[-1].start()

    def process_started(self, node: str, name: str) -> None:
        self.host.append(("started", node, name))

    def process_stopped(self, node: str, name: str) -> None:
        self.host.append(("stopped", node, name))

    def run(self, ms: int) -> NodeWorld:
        self.engine.run_until(self.engine.now_ms + ms)
        return self

    def pod(self, image: str = "nginx:1.27", /, name: str = "web", *, node: str = "worker-1", **more: Any) -> Obj:
        """Create a Pod with one container `c`. `container`: more of the container; `meta`: more metadata; else spec."""
        container = {"name": "c", "image": image, **more.pop("container", {})}
        metadata = {"name": name, "namespace": "default", **more.pop("meta", {})}
        return self.client.create(
            "pods", {"metadata": metadata, "spec": {"nodeName": node, "containers": [container], **more}}
        )

    def get(self, name: str = "web", namespace: str = "default") -> Obj | None:
        return self.apiserver.tables["pods"].get(f"{namespace}/{name}")

    def status(self, name: str = "web") -> Obj:
        found = self.get(name)
        assert found is not None
        return found["status"]

    def events(self, name: str = "web") -> list[str]:
        """`Reason: message` of the Events about a Pod or a node, in the order of their first telling."""
        return [
            f"{event['reason']}: {event['message']}"
            for event in self.apiserver.tables.get("events", {}).values()
            if event["involvedObject"]["name"] == name
        ]

    def calls(self, name: str = "web") -> list[str]:
        """CRI calls for a Pod."""
        ref = f"pods/default/{name}"
        return [step.verb for step in self.engine.trace.steps if step.component == "crio" and step.ref == ref]

    def history(self, name: str = "web") -> list[str]:
        """How the Pod looked after each write of its status: phase, first container's state, readiness."""
        out = []
        for step in self.engine.trace.steps:
            if step.ref == f"pods/default/{name}" and step.subresource == "status" and step.after is not None:
                out.append(look(step.after["status"]))
        return out


def look(status: Obj) -> str:
    """`Running/running/ready`, `Pending/ErrImagePull`, `Running/terminated 1` …"""
    containers = status.get("containerStatuses") or ()
    if not containers:
        return str(status["phase"])
    state = containers[0]["state"]
    if "waiting" in state:
        said = state["waiting"].get("reason", "waiting")
    elif "terminated" in state:
        said = f"terminated {state['terminated']['exitCode']}"
    else:
        said = "running"
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status["conditions"])
    return f"{status['phase']}/{said}/ready" if ready else f"{status['phase']}/{said}"


def condition(status: Obj, type_: str) -> Obj:
    return next(one for one in status["conditions"] if one["type"] == type_)
