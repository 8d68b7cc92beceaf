"""metrics.k8s.io as `kubectl get` shows it: how much of each resource, over which window; and what is not there.

Models      github.com/kubernetes-sigs/metrics-server pkg/api (table.go, pod.go, node.go)
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import StatusError, not_found

NAME = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "The object that was measured.",
    "priority": 0,
}


def columns(items: list[Obj]) -> list[Obj]:
    """The headings: one for each resource that the first was measured in; none when there is none."""
    if not items:
        return []
    used = [
        {"name": name, "type": "string", "format": "quantity", "description": "", "priority": 0}
        for name in sorted(usage(items[0]))
    ]
    window = {"name": "Window", "type": "string", "format": "duration", "description": "", "priority": 0}
    return [NAME, *used, window]


def cells(item: Obj) -> list[Any]:
    used = usage(item)
    return [item["metadata"]["name"], *(used[name] for name in sorted(used)), item["window"]]


def usage(item: Obj) -> dict[str, str]:
    """What a node uses, or all containers of a Pod together."""
    parts = [item["usage"]] if "usage" in item else [container["usage"] for container in item["containers"]]
    cpu = sum(int(part["cpu"].removesuffix("n")) for part in parts)
    memory = sum(int(part["memory"].removesuffix("Ki")) for part in parts)
    return {"cpu": quantity.canonical(f"{cpu}n"), "memory": quantity.canonical(f"{memory}Ki")}


def missing(resource: str, namespace: str, name: str, *, known: bool) -> StatusError:
    """404: there is no such object, or (`known`) nothing was seen of it yet."""
    if not known:
        return not_found("nodes" if resource == "nodes" else "pods", name)
    full = f"{namespace}/{name}" if namespace else name
    return not_found("nodemetrics" if resource == "nodes" else "podmetrics", full, "metrics.k8s.io")
