"""What a Pod asks for and may use, as its status tells it, and whether it still fits the node.

Models      k8s.io/component-helpers/resource (PodRequests, PodLimits, AggregateContainerRequestsAndLimits),
            pkg/kubelet/kubelet_pods.go (convertToAPIPodLevelResourcesStatus)
Leaves out  extended resources at admission: no node has any
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.api import podresources
from apps.cluster.apimachinery.quantity import BINARY_SI, DECIMAL_SI, Quantity, milli, parse, value

Obj = dict[str, Any]
NOTHING: Obj = {}


def pod_amounts(spec: Mapping[str, Any], kind: str, *, pod_level: bool = True, overhead: bool = True) -> Obj:
    """The Pod's `requests` or `limits` by resource, as quantities.

    Containers add up with sidecars; of the init containers the largest counts; a value for the whole Pod replaces the
    sum; overhead comes on top, of limits where there is one. `pod_level`, `overhead`: whether to count those.

    >>> pod_amounts({"containers": [{"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}},
    ...                             {"resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}]}, "requests")
    {'cpu': '1500m', 'memory': '1536Mi'}
    """
    containers = spec["containers"]
    whole = spec.get("resources") if pod_level else None
    extra = spec.get("overhead") if overhead else None
    if len(containers) == 1 and not spec.get("initContainers") and not whole and not extra:
        return (containers[0].get("resources") or NOTHING).get(kind) or NOTHING
    total: dict[str, Quantity] = {}
    for container in containers:
        _add(total, (container.get("resources") or NOTHING).get(kind))
    sidecars: dict[str, Quantity] = {}
    largest: dict[str, Quantity] = {}
    for container in spec.get("initContainers") or ():
        own = (container.get("resources") or NOTHING).get(kind)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            wanted = sidecars
        else:
            wanted = dict(sidecars)
            _add(wanted, own)
        for name, amount in wanted.items():
            if name not in largest or _nano(amount) > _nano(largest[name]):
                largest[name] = amount
    for name, amount in largest.items():
        if name not in total or _nano(amount) > _nano(total[name]):
            total[name] = amount
    for name, text in ((whole or NOTHING).get(kind) or NOTHING).items():
        if podresources.is_pod_level(name):
            total[name] = parse(text)
    if kind == "requests":
        _add(total, extra)
    else:
        _add(total, {name: text for name, text in (extra or NOTHING).items() if name in total and _nano(total[name])})
    return {name: amount.canonical() for name, amount in total.items()}


def _nano(amount: Quantity) -> int:
    return amount.scaled(-9)


def _add(total: dict[str, Quantity], more: Mapping[str, str] | None) -> None:
    for name, text in (more or NOTHING).items():
        amount = parse(text)
        there = total.get(name)
        if there is None:
            total[name] = amount
            continue
        style = BINARY_SI if BINARY_SI in (there.format, amount.format) else DECIMAL_SI
        total[name] = Quantity(_nano(there) + _nano(amount), -9, style, False, "")


def status_resources(spec: Mapping[str, Any]) -> tuple[Obj, Obj]:
    """`allocatedResources` and `resources` of a Pod's status."""
    requests = pod_amounts(spec, "requests")
    limits = pod_amounts(spec, "limits")
    if not requests and not limits:
        return NOTHING, NOTHING
    allowed: Obj = {}
    if limits:
        allowed["limits"] = limits
    if requests:
        allowed["requests"] = requests
    return requests, allowed


Request = tuple[int, int, int]  # thousandths of a core, bytes of memory, bytes of ephemeral storage


def request(spec: Mapping[str, Any]) -> Request:
    """What admission counts of a Pod."""
    requests = pod_amounts(spec, "requests")
    if not requests:
        return 0, 0, 0
    cpu, memory, disk = requests.get("cpu"), requests.get("memory"), requests.get("ephemeral-storage")
    return (milli(cpu) if cpu else 0, value(memory) if memory else 0, value(disk) if disk else 0)


def named(wanted: Request) -> dict[str, int]:
    """The same by name, and the Pod itself."""
    return {"pods": 1, "cpu": wanted[0], "memory": wanted[1], "ephemeral-storage": wanted[2]}
