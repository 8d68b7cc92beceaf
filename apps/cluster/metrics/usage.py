"""How much a container uses, given the load on its Pod.

Models      nothing of Kubernetes: a stand-in for programs that do work
Leaves out  what a program does with the time it is given: a load is work that arrives and is done at once, and what is
            too much for a container is lost; memory beyond the limit kills nothing

Pure. CPU in thousandths of a core, memory in bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of

IDLE_CPU = 1
IDLE_MEMORY = 16 << 20  # of a container that asks for none; else half of what it asks for


class Usage(NamedTuple):
    """Of one container."""

    cpu: int
    memory: int


class Demand(NamedTuple):
    """What a load asks of one Pod; `container` "" is its first."""

    cpu: int = 0
    memory: int = 0
    container: str = ""


def of_pod(pod: Obj, demands: Iterable[Demand]) -> dict[str, Usage]:
    """What each running container uses: a little at rest, and the load on top, as far as its limits let it."""
    spec = pod["spec"]
    sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
    containers = [*spec["containers"], *sidecars]
    out = {}
    asked = list(demands)
    for place, container in enumerate(containers):
        resources = container.get("resources") or EMPTY
        requests, limits = resources.get("requests") or EMPTY, resources.get("limits") or EMPTY
        name = container["name"]
        mine = [one for one in asked if one.container == name or (not one.container and place == 0)]
        cpu = IDLE_CPU + sum(one.cpu for one in mine)
        rest = quantity.value(str(requests["memory"])) // 2 if "memory" in requests else IDLE_MEMORY
        memory = max(rest, sum(one.memory for one in mine))
        if "cpu" in limits:
            cpu = min(cpu, quantity.milli(str(limits["cpu"])))
        if "memory" in limits:
            memory = min(memory, quantity.value(str(limits["memory"])))
        out[name] = Usage(cpu, memory)
    return out


def on_node(pods: Mapping[str, Mapping[str, Usage]], capacity: int) -> dict[str, dict[str, Usage]]:
    """The same, once all containers of a node have shared its cores: where they want more than there is, each gets
    its part of what it wants.

    >>> on_node({"a": {"c": Usage(3000, 1)}, "b": {"c": Usage(1000, 1)}}, 2000)["a"]["c"].cpu
    1500
    """
    wanted = sum(usage.cpu for containers in pods.values() for usage in containers.values())
    out = {}
    for key, containers in pods.items():
        out[key] = {
            name: usage if wanted <= capacity else usage._replace(cpu=usage.cpu * capacity // wanted)
            for name, usage in containers.items()
        }
    return out


def shares(names: Iterable[Obj], whole: int) -> dict[str, int]:
    """A whole dealt out to Pods in equal parts.

    >>> shares([{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}], 5)
    {'a': 3, 'b': 2}
    """
    pods = [name_of(pod) for pod in names]
    if not pods:
        return {}
    part, rest = divmod(whole, len(pods))
    return {name: part + (1 if place < rest else 0) for place, name in enumerate(pods)}
