"""The load on a workload, as a reader sets it.

Models      nothing of Kubernetes: it stands for clients and their requests
Leaves out  requests one by one: a load is so much CPU and memory, dealt out evenly to the Pods that are Ready (as a
            Service would), or the same for each Pod

Plain data. It is no object of the cluster, so it is a note in the trace and no revision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apimachinery import quantity, selectors
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of
from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.cluster.apiserver import APIServer
from apps.cluster.engine import Engine
from apps.cluster.metrics.usage import Demand, shares

RESOURCES = (
    "deployments",
    "statefulsets",
    "daemonsets",
    "replicasets",
    "replicationcontrollers",
    "services",
    "pods",
)
PER = ("total", "pod")
MOST_CPU = 10_000_000  # ten thousand cores, in thousandths
MOST_MEMORY = 1 << 45
COMPONENT = "load"


class Loads:
    """Every load there is, by what it is on. Registered with the engine, which saves it."""

    def __init__(self, engine: Engine, apiserver: APIServer) -> None:
        self._engine = engine
        self._apiserver = apiserver
        self.entries: dict[str, dict[str, Any]] = {}  # "deployments/default/web" -> cpu, memory, per, container
        engine.register(COMPONENT, self)

    def put(self, command: Mapping[str, Any]) -> None:
        """Set the load on a workload, or take it away (neither CPU nor memory).

        Raises:
            StatusError: 404, no such workload; 400 for what is no load.
        """
        resource, name = command["resource"], command["name"]
        namespace = command.get("namespace") or "default"
        if resource not in RESOURCES:
            raise bad_request(f"load: resource must be one of {', '.join(RESOURCES)}")
        target = self._apiserver.get(resource, namespace, name)
        per = command.get("per", "total")
        if per not in PER:
            raise bad_request(f"load: per must be one of {', '.join(PER)}")
        container = command.get("container", "")
        if container and container not in _containers(target):
            raise bad_request(f'load: container "{container}" is not in {resource}/{name}')
        cpu = _amount("cpu", command.get("cpu"), MOST_CPU)
        memory = _amount("memory", command.get("memory"), MOST_MEMORY)
        key = f"{resource}/{namespace}/{name}"
        entries = {other: entry for other, entry in self.entries.items() if other != key}
        if cpu or memory:
            entries[key] = {"cpu": cpu, "memory": memory, "per": per, "container": container}
        self.entries = entries
        said = {
            "name": name,
            "cpu": str(command.get("cpu") or "0"),
            "memory": str(command.get("memory") or "0"),
        }
        message = "load.none" if not (cpu or memory) else f"load.{per}"
        self._engine.note(COMPONENT, "", "load", key, message, said)

    def demands(self) -> dict[str, list[Demand]]:
        """What the loads ask of each Pod now, by the Pod's key."""
        out: dict[str, list[Demand]] = {}
        for key, entry in self.entries.items():
            resource, namespace, name = key.split("/")
            pods = self._pods(resource, namespace, name)
            if entry["per"] == "total":
                cpu, memory = shares(pods, entry["cpu"]), shares(pods, entry["memory"])
            else:
                names = [pod["metadata"]["name"] for pod in pods]
                cpu, memory = dict.fromkeys(names, entry["cpu"]), dict.fromkeys(names, entry["memory"])
            for pod, amount in cpu.items():
                demand = Demand(amount, memory[pod], entry["container"])
                out.setdefault(f"{namespace}/{pod}", []).append(demand)
        return out

    def _pods(self, resource: str, namespace: str, name: str) -> list[Obj]:
        """The Ready Pods that a load falls on; none when what it is on has gone."""
        tables = self._apiserver.tables
        target = tables.get(resource, EMPTY).get(f"{namespace}/{name}")
        if target is None:
            return []
        if resource == "pods":
            return [target] if _takes_work(target) else []
        selector = target["spec"].get("selector") or EMPTY
        if not selector:
            return []
        plain = resource in ("services", "replicationcontrollers")
        matcher = selectors.from_label_selector({"matchLabels": selector} if plain else selector)
        return [
            pod
            for pod in self._apiserver.list("pods", namespace)
            if matcher.matches(labels_of(pod)) and _takes_work(pod)
        ]

    def run(self, key: str) -> None:
        """It has no turns."""

    def save(self) -> dict[str, Any]:
        return {"entries": self.entries}

    def load(self, data: dict[str, Any]) -> None:
        self.entries = dict(data["entries"])


def _takes_work(pod: Obj) -> bool:
    return is_true(pod["status"].get("conditions"), "Ready") and "deletionTimestamp" not in pod["metadata"]


def _containers(target: Obj) -> list[str]:
    spec = target["spec"]
    pod = (spec.get("template") or EMPTY).get("spec") if target["kind"] != "Pod" else spec
    return [one["name"] for one in (pod or EMPTY).get("containers") or ()]


def _amount(field: str, text: Any, most: int) -> int:
    if text in (None, ""):
        return 0
    try:
        amount = quantity.milli(str(text)) if field == "cpu" else quantity.value(str(text))
    except quantity.InvalidQuantity as error:
        raise StatusError(400, "BadRequest", f"load: {field}: {error}") from None
    if not 0 <= amount <= most:
        raise bad_request(f"load: {field} is out of bounds")
    return amount
