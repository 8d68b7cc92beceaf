"""How much a Pod asks for.

Models      staging/src/k8s.io/component-helpers/resource/helpers.go (PodRequests) and
            pkg/scheduler/util/pod_resources.go
Leaves out  resizes in flight (status.resources) and devices claimed through dynamic resource allocation
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from apps.cluster.apimachinery.quantity import milli, value

# A container that asks for nothing is still counted as this much when nodes are compared.
DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024

_NATIVE = ("cpu", "memory", "ephemeral-storage", "pods", "storage")
_POD_LEVEL = ("cpu", "memory")


class Resource(NamedTuple):
    """Milli-CPU, bytes, bytes, and whatever else is counted (extended resources, huge pages), by name."""

    cpu: int = 0
    memory: int = 0
    ephemeral: int = 0
    scalar: tuple[tuple[str, int], ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.cpu or self.memory or self.ephemeral or self.scalar)


def _amounts(requests: Mapping[str, Any] | None, floor: Mapping[str, int] | None) -> dict[str, int]:
    out = {name: milli(amount) if name == "cpu" else value(amount) for name, amount in (requests or {}).items()}
    if floor is not None:
        for name, amount in floor.items():
            out.setdefault(name, amount)
    return out


def _add(into: dict[str, int], more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        into[name] = into.get(name, 0) + amount


def _requests(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return (container.get("resources") or {}).get("requests")


def pod_requests(spec: Mapping[str, Any], floor: Mapping[str, int] | None = None) -> dict[str, int]:
    """What the whole Pod requests, by resource name; CPU in thousandths, the rest in units.

    Containers add up; init containers run one after the other, so the largest counts; those that stay (sidecars) add
    to what comes after them. A request of the Pod as a whole replaces the sum, and `overhead` comes on top. `floor`:
    amounts for containers that name none.
    """
    total: dict[str, int] = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(_requests(container), floor))
    sidecars: dict[str, int] = {}
    largest: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        own = _amounts(_requests(container), floor)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = sidecars
        else:
            _add(own, sidecars)
        for name, amount in own.items():
            largest[name] = max(largest.get(name, 0), amount)
    for name, amount in largest.items():
        total[name] = max(total.get(name, 0), amount)
    for name, quantity in _pod_level(spec).items():
        total[name] = milli(quantity) if name == "cpu" else value(quantity)
    _add(total, _amounts(spec.get("overhead"), None))
    return total


def _pod_level(spec: Mapping[str, Any]) -> dict[str, Any]:
    requests = (spec.get("resources") or {}).get("requests") or {}
    return {
        name: quantity for name, quantity in requests.items() if name in _POD_LEVEL or name.startswith("hugepages-")
    }


def as_resource(amounts: Mapping[str, int]) -> Resource:
    scalar = tuple((name, amount) for name, amount in amounts.items() if name not in _NATIVE)
    return Resource(amounts.get("cpu", 0), amounts.get("memory", 0), amounts.get("ephemeral-storage", 0), scalar)


def requested(spec: Mapping[str, Any]) -> Resource:
    """What Filter counts."""
    return as_resource(pod_requests(spec))


def non_zero_requested(spec: Mapping[str, Any]) -> tuple[int, int]:
    """Milli-CPU and bytes as Score counts them: at least the defaults for every container."""
    amounts = pod_requests(spec, {"cpu": DEFAULT_MILLI_CPU, "memory": DEFAULT_MEMORY})
    return amounts.get("cpu", 0), amounts.get("memory", 0)
