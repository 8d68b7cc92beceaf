"""Node ports: no two Services get the same one.

Models      pkg/registry/core/service/portallocator (allocator.go, operation.go), service/allocator/bitmap.go, and of
            storage/alloc.go initNodePorts, updateNodePorts, allocHealthCheckNodePort
Leaves out  the RangeAllocation that a real server keeps in etcd: here what the Services say is taken

The first ports of the range are for those who ask by number; who does not care gets one of the others while there are
any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from apps.cluster.apimachinery.status import FieldError, StatusError, internal_error, invalid
from apps.cluster.apiserver.service_types import gets_node_ports, node_ports
from apps.cluster.engine import Randomness

Obj = dict[str, Any]
Spec = dict[str, Any]

NODE_PORTS = range(30000, 32768)
DRY = 32768  # a dry run is shown ports from the next on: nobody looks for free ones
TAKEN = "provided port is already allocated"
OUTSIDE = "provided port is not in the valid range. The range of valid ports is 30000-32767"
FULL = "range is full"


def static_band(size: int) -> int:
    """How many of its first ports a range keeps for those who ask by number (calculateRangeOffset).

    >>> [static_band(size) for size in (2768, 16, 100, 100_000)]
    [86, 0, 16, 128]
    """
    return 0 if size <= 16 else min(max(16, size // 32), 128)


def used_ports(services: Iterable[Obj]) -> set[int]:
    """Every node port in use, the health check's included."""
    ports: set[int] = set()
    for service in services:
        spec = service["spec"]
        ports.update(node_ports(spec))
        if spec.get("healthCheckNodePort"):
            ports.add(spec["healthCheckNodePort"])
    return ports


class Operation:
    """The ports that one request takes. `taken` is asked for once, and only where a port is wanted."""

    def __init__(self, taken: Callable[[], set[int]], random: Randomness, *, dry_run: bool = False) -> None:
        self._ask = taken
        self._there: set[int] | None = None
        self._random = random
        self._dry_run = dry_run
        self.allocated: list[int] = []

    @property
    def _taken(self) -> set[int]:
        if self._there is None:
            self._there = self._ask()
        return self._there

    def allocate(self, port: int) -> str:
        """Take this one: "", or why not."""
        if port not in NODE_PORTS and not self._dry_run:
            return OUTSIDE
        if port in self._taken or port in self.allocated:
            return TAKEN
        self.allocated.append(port)
        return ""

    def next(self) -> int:
        """Take any; 0 when there is none."""
        if self._dry_run:
            port = max(self.allocated, default=DRY) + 1
        else:
            port = self._any()
        if port:
            self.allocated.append(port)
        return port

    def _any(self) -> int:
        """From a random port on, going round: in the upper band first."""
        band = static_band(len(NODE_PORTS))
        for first, size in ((band, len(NODE_PORTS) - band), (0, band)):
            start = self._random.below(size)
            for step in range(size):
                port = NODE_PORTS.start + first + (start + step) % size
                if port not in self._taken and port not in self.allocated:
                    return port
        return 0


def _refused(name: str, index: int, port: int, problem: str) -> StatusError:
    return invalid("Service", "", name, [FieldError("Invalid value", f"spec.ports[{index}].nodePort", port, problem)])


def _any(operation: Operation) -> int:
    port = operation.next()
    if not port:
        raise internal_error(f"failed to allocate a nodePort: {FULL}")
    return port


def created(name: str, spec: Spec, operation: Operation) -> list[Obj]:
    """The ports of a new Service with their node ports. Ports of the same number share one, as DNS over TCP and UDP.

    Raises:
        StatusError: 422, one that is asked for is taken or out of range; 500, none is left.
    """
    out: list[Obj] = []
    ports: list[Obj] = spec.get("ports") or []
    given: dict[int, int] = {}  # by number of the Service's port
    for index, port in enumerate(ports):
        number, asked = port.get("port", 0), port.get("nodePort", 0)
        if not asked and not gets_node_ports(spec):
            out.append(port)
            continue
        shared = given.get(number, 0)
        if not shared:
            wanted = next((one["nodePort"] for one in ports if one.get("port") == number and one.get("nodePort")), 0)
            if wanted:
                problem = operation.allocate(wanted)
                if problem:
                    raise _refused(name, index, wanted, problem)
            shared = asked = given[number] = wanted or _any(operation)
        elif asked and asked != shared:
            problem = operation.allocate(asked)
            if problem:
                raise _refused(name, index, asked, problem)
        out.append({**port, "nodePort": asked or shared})
    return out


def changed(name: str, old: Spec, new: Spec, operation: Operation) -> list[Obj]:
    """The ports of a Service that was there before: what it had it may keep.

    Raises:
        StatusError: 422, one that is asked for is taken or out of range; 500, none is left, or one is there twice.
    """
    out: list[Obj] = []
    own, asked, mine = node_ports(old), set[int](), set[tuple[str, int]]()
    for index, port in enumerate(new.get("ports") or ()):
        number = port.get("nodePort", 0)
        if not number and not gets_node_ports(new):
            out.append(port)
            continue
        if not number:
            number = _any(operation)
        elif number not in own and number not in asked:
            problem = operation.allocate(number)
            if problem:
                raise _refused(name, index, number, problem)
            asked.add(number)
        key = (port.get("protocol", "TCP"), number)
        if key in mine:
            raise StatusError(500, "", f"duplicate nodePort: {{{key[0]} {number}}}")
        mine.add(key)
        out.append({**port, "nodePort": number})
    return out


def health_check(wanted: int, operation: Operation) -> int:
    """The port at which a node says whether it has endpoints of a Service.

    Raises:
        StatusError: 500, it is taken or out of range, or none is left.
    """
    if wanted:
        problem = operation.allocate(wanted)
        if problem:
            raise internal_error(f"failed to allocate requested HealthCheck NodePort {wanted}: {problem}")
        return wanted
    port = operation.next()
    if not port:
        raise internal_error(f"failed to allocate a HealthCheck NodePort 0: {FULL}")
    return port
