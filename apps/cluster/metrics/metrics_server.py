"""metrics-server: what Pods and nodes use, measured every 15 s, as metrics.k8s.io.

Models      github.com/kubernetes-sigs/metrics-server (scraper, storage), which a cluster has once it is installed: an
            APIService v1beta1.metrics.k8s.io whose Service leads to a Ready Pod
Leaves out  the counters between two looks: what a container uses at the moment of a look counts for the whole window;
            requests to the kubelets one by one
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.apimachinery import quantity, timestamps
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of
from apps.cluster.apimachinery.selectors import parse
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.engine import Engine
from apps.cluster.metrics import tables
from apps.cluster.metrics.load import Loads
from apps.cluster.metrics.usage import Usage, of_pod, on_node

NAME = "metrics-server"
GROUP, VERSION = "metrics.k8s.io", "v1beta1"
API_SERVICE = f"{VERSION}.{GROUP}"
RESOLUTION_MS = 15_000  # --metric-resolution
FRESH_MS = 10_000  # a container younger than that says nothing yet
NODE_CPU, NODE_MEMORY = 60, 400 << 20  # what the machine itself uses: the kubelet, the runtime, the kernel

Sample = dict[str, Any]  # time, window, usage by container: plain data


class MetricsServer:
    """Looks at every node that can be reached, and answers with what it saw last."""

    resources: tuple[tuple[str, str, bool], ...] = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))

    def __init__(self, engine: Engine, apiserver: APIServer, loads: Loads, reachable: Callable[[str], bool]) -> None:
        self._engine = engine
        self._apiserver = apiserver
        self._loads = loads
        self._reachable = reachable
        self._ticking = False
        self.seen_ms = -1  # when it looked last
        self.pods: dict[str, Sample] = {}
        self.nodes: dict[str, Sample] = {}
        engine.register(NAME, self)
        apiserver.aggregation.register(GROUP, VERSION, self)
        apiserver.watch("apiservices", self._changed)

    def _changed(self, key: str, before: Obj | None, after: Obj | None) -> None:
        if key == API_SERVICE and not self._ticking and after is not None and _available(after):
            self._ticking = True
            self._engine.wake(NAME, "", 0, quiet=True)

    def run(self, key: str) -> None:
        """One look, and the next in 15 s, for as long as it is there."""
        service = self._apiserver.tables.get("apiservices", EMPTY).get(API_SERVICE)
        if service is None or not _available(service):
            self._ticking, self.seen_ms, self.pods, self.nodes = False, -1, {}, {}
            return
        self._scrape()
        self._engine.wake(NAME, "", RESOLUTION_MS, quiet=True)

    def _scrape(self) -> None:
        now, demands = self._engine.now_ms, self._loads.demands()
        by_node: dict[str, dict[str, dict[str, Usage]]] = {}
        windows: dict[str, int] = {}
        objects = self._apiserver.tables
        for key, pod in objects.get("pods", EMPTY).items():
            node = pod["spec"].get("nodeName")
            started = _started_ms(pod)
            if not node or started is None or not self._reachable(node):
                continue
            by_node.setdefault(node, {})[key] = of_pod(pod, demands.get(key, ()))
            if self.seen_ms >= 0 and started <= self.seen_ms:
                windows[key] = now - self.seen_ms
            elif now - started >= FRESH_MS:
                windows[key] = now - started
        pods: dict[str, Sample] = {}
        nodes: dict[str, Sample] = {}
        for name, node in objects.get("nodes", EMPTY).items():
            if not self._reachable(name):
                continue
            capacity = quantity.milli(str((node["status"].get("capacity") or EMPTY).get("cpu", "0")))
            shared = on_node(by_node.get(name, {}), capacity)
            cpu, memory = NODE_CPU, NODE_MEMORY
            for key, containers in shared.items():
                cpu += sum(usage.cpu for usage in containers.values())
                memory += sum(usage.memory for usage in containers.values())
                if key in windows:
                    used = {container: list(usage) for container, usage in containers.items()}
                    pods[key] = {"time_ms": now, "window_ms": windows[key], "usage": used}
            if self.seen_ms >= 0:
                nodes[name] = {"time_ms": now, "window_ms": now - self.seen_ms, "usage": [min(cpu, capacity), memory]}
        self.seen_ms, self.pods, self.nodes = now, pods, nodes

    # ---- metrics.k8s.io ------------------------------------------------------------------------

    def answer(self, resource: str, namespace: str, label_selector: str) -> list[Obj]:
        """PodMetrics or NodeMetrics of what there is and was seen."""
        matcher = parse(label_selector) if label_selector else None
        samples = self.pods if resource == "pods" else self.nodes
        out = []
        for key, obj in self._apiserver.tables.get(resource, EMPTY).items():
            sample = samples.get(key)
            if sample is None or (namespace and obj["metadata"].get("namespace") != namespace):
                continue
            if matcher is None or matcher.matches(labels_of(obj)):
                out.append(_pod_metrics(obj, sample) if resource == "pods" else _node_metrics(obj, sample))
        return out

    def columns(self, items: list[Obj]) -> list[Obj]:
        return tables.columns(items)

    def cells(self, item: Obj) -> list[Any]:
        return tables.cells(item)

    def missing(self, resource: str, namespace: str, name: str) -> StatusError:
        key = f"{namespace}/{name}" if namespace else name
        known = key in self._apiserver.tables.get(resource, EMPTY)
        return tables.missing(resource, namespace, name, known=known)

    def save(self) -> dict[str, Any]:
        return {"ticking": self._ticking, "seen_ms": self.seen_ms, "pods": self.pods, "nodes": self.nodes}

    def load(self, data: dict[str, Any]) -> None:
        self._ticking, self.seen_ms = data["ticking"], data["seen_ms"]
        self.pods, self.nodes = data["pods"], data["nodes"]


def _available(service: Obj) -> bool:
    return is_true((service.get("status") or EMPTY).get("conditions"), "Available")


def _started_ms(pod: Obj) -> int | None:
    """When the youngest of its running containers started; None where none runs, or one of them does not."""
    started = []
    for status in pod["status"].get("containerStatuses") or ():
        running = (status.get("state") or EMPTY).get("running")
        if running is None:
            return None
        started.append(timestamps.parse(running["startedAt"]))
    return max(started, default=None)


def _common(kind: str, obj: Obj, sample: Sample) -> Obj:
    metadata = obj["metadata"]
    named = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    window = f"{sample['window_ms'] / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "metadata": {**named, "creationTimestamp": format_ms(sample["time_ms"])},
        "timestamp": format_ms(sample["time_ms"]),
        "window": window,
    }


def _pod_metrics(pod: Obj, sample: Sample) -> Obj:
    containers = [{"name": name, "usage": _usage(*used)} for name, used in sample["usage"].items()]
    return {**_common("PodMetrics", pod, sample), "containers": containers}


def _node_metrics(node: Obj, sample: Sample) -> Obj:
    return {**_common("NodeMetrics", node, sample), "usage": _usage(*sample["usage"])}


def _usage(cpu: int, memory: int) -> dict[str, str]:
    # metrics-server tells CPU in billionths of a core and memory in Ki.
    return {"cpu": f"{cpu * 1_000_000}n", "memory": f"{memory >> 10}Ki"}
