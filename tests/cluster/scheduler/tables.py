"""The small world that tests of plugins speak of: nodes, the Pods on them, other objects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from apps.cluster.scheduler.cache import Cache
from apps.cluster.scheduler.framework import Framework
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.nominator import Nominator
from apps.cluster.scheduler.plugins.base import CycleState, Handle
from apps.cluster.scheduler.pod_info import PodInfo

Obj = dict[str, Any]
DATA = Path(__file__).resolve().parents[2] / "testdata" / "scheduler"


class Listed:
    """An informer that holds what it was given."""

    def __init__(self, objects: Iterable[Obj]) -> None:
        self.objects = {_key(obj): obj for obj in objects}

    def get(self, key: str) -> Obj | None:
        return self.objects.get(key)

    def list(self, namespace: str = "") -> list[Obj]:
        return [o for o in self.objects.values() if not namespace or o["metadata"].get("namespace") == namespace]


def _key(obj: Obj) -> str:
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]


class World:
    """Nodes and the Pods on them, seen through the scheduler's cache. Pods without a name get one."""

    def __init__(
        self, nodes: Iterable[Obj] | None = (), pods: Iterable[Obj] | None = (), **objects: Iterable[Obj]
    ) -> None:
        self.cache = Cache()
        lists = {resource: Listed([named(obj, resource) for obj in of]) for resource, of in objects.items()}
        self.handle = Handle(self.cache, lambda resource: lists.get(resource, Listed(())))
        for namespace in objects.get("namespaces", ()):
            self.cache.set_namespace(namespace["metadata"]["name"], namespace["metadata"].get("labels") or {})
        for node in nodes or ():
            self.cache.set_node(named(node, ""))
        for i, pod in enumerate(pods or ()):
            placed = named(pod, f"unnamed-{i}")
            self.cache.add_pod({**placed, "spec": {"nodeName": "", **placed["spec"]}})
        self.nodes: list[NodeInfo] = self.cache.ordered()
        self.framework = Framework(self.handle, Nominator())

    def pod(self, pod: Obj) -> PodInfo:
        return self.cache.classes.info(named(pod, "incoming"))

    def scores(self, plugin: Any, pod: Obj, *, pre_score: bool = True) -> list[Obj] | None:
        """What the plugin scores each node, as the tables write it; None when it has nothing to say."""
        info, state = self.pod(pod), CycleState()
        if pre_score and plugin.pre_score(state, info, self.nodes) is not None:
            return None
        scores = [plugin.score(state, info, node) for node in self.nodes]
        assert plugin.score_all(state, info, self.nodes) == scores
        scores = plugin.normalize(state, self.nodes, scores)
        return [{"Name": node.name, "Score": score} for node, score in zip(self.nodes, scores, strict=True)]


def named(obj: Obj, name: str) -> Obj:
    """The object, with that name if it has none."""
    metadata = obj["metadata"]
    return obj if metadata.get("name") else {**obj, "metadata": {**metadata, "name": name}}


def node_info(dumped: Obj) -> NodeInfo:
    """A NodeInfo from the Pods of a dumped one."""
    info = NodeInfo("")
    cache = Cache()
    for i, entry in enumerate(dumped.get("Pods") or ()):
        info.add(cache.classes.info(named(entry["Pod"], f"unnamed-{i}")))
    return info


def node(name: str, cpu: str = "4", memory: str = "16Gi", pods: str = "110", **labels: str) -> Obj:
    """A node with that much room; labels by their short names."""
    long = {"zone": "topology.kubernetes.io/zone", "host": "kubernetes.io/hostname"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {long["host"]: name, **{long.get(k, k): v for k, v in labels.items()}}},
        "spec": {},
        "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods}},
    }


def pod(name: str, node_name: str = "", *, cpu: str = "", labels: Obj | None = None, **spec: Any) -> Obj:
    """A Pod in namespace default."""
    requests = {"resources": {"requests": {"cpu": cpu}}} if cpu else {}
    out: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": name, "labels": labels or {}},
        "spec": {"containers": [{"name": "c", "image": "nginx:1", **requests}], **spec},
        "status": {"phase": "Pending"},
    }
    if node_name:
        out["spec"]["nodeName"] = node_name
    return out
