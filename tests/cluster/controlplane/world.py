"""A booted cluster with some Pods in it, to break things in."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from tests.cluster.stories import workload

Obj = dict[str, Any]
CP = "control-plane-1"


class World:
    """`web`: a Deployment of three Pods on two workers. `pods`: those of it that are there."""

    def __init__(self, *, control_planes: int = 1, workers: int = 2, replicas: int = 3, seed: int = 1) -> None:
        more = {"control_planes": control_planes} if control_planes > 1 else {}
        self.cluster = Cluster.boot(Config(workers=workers, seed=seed, **more))
        if replicas:
            self.apply(workload("Deployment", "web", replicas, "nginx:1.28"))
            self.cluster.run_to_rest()
        self.since = len(self.cluster.trace.steps)

    def run(self, seconds: float) -> World:
        self.cluster.run_for(int(seconds * 1000))
        return self

    def do(self, **command: Any) -> str:
        """Carry out a command; gives what it was refused with."""
        try:
            self.cluster.execute(command)
        except StatusError as error:
            return error.message
        return ""

    def component(self, verb: str, name: str, node: str = "") -> str:
        return self.do(op="component", verb=verb, name=name, **({"node": node} if node else {}))

    def node(self, verb: str, name: str, peer: str = "") -> str:
        return self.do(op="node", verb=verb, name=name, **({"peer": peer} if peer else {}))

    def apply(self, *objects: Obj) -> str:
        return self.do(op="apply", objects=list(objects))

    def scale(self, replicas: int, name: str = "web") -> str:
        return self.do(op="scale", resource="deployments", namespace="default", name=name, replicas=replicas)

    def delete_pod(self, name: str) -> str:
        return self.do(op="delete", resource="pods", namespace="default", name=name)

    def table(self, resource: str, namespace: str = "default") -> dict[str, Obj]:
        found = self.cluster.apiserver.tables.get(resource, {})
        return {o["metadata"]["name"]: o for o in found.values() if o["metadata"].get("namespace", "") == namespace}

    @property
    def pods(self) -> dict[str, Obj]:
        return self.table("pods")

    def ready(self) -> int:
        return sum(1 for pod in self.pods.values() if condition(pod, "Ready") == "True")

    def on(self, node: str) -> list[str]:
        return [name for name, pod in self.pods.items() if pod["spec"].get("nodeName") == node]

    def node_ready(self, name: str) -> str:
        return condition(self.table("nodes", "")[name], "Ready")

    def restarts(self, name: str, node: str = CP) -> int:
        pod = self.table("pods", "kube-system")[f"{name}-{node}"]
        return int(pod["status"]["containerStatuses"][0]["restartCount"])

    def told(self, *messages: str) -> list[str]:
        """Message ids of the steps since the beginning, of those named."""
        return [step.message for step in self.cluster.trace.steps[self.since :] if step.message in messages]

    def leader(self, name: str) -> str:
        """The machine whose process holds the lease."""
        return str(self.table("leases", "kube-system")[name]["spec"]["holderIdentity"]).rpartition("_")[0]


def condition(obj: Obj, type_: str) -> str:
    found = [one["status"] for one in obj["status"].get("conditions", ()) if one["type"] == type_]
    return str(found[0]) if found else ""
