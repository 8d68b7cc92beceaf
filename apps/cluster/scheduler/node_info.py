"""A node and what stands on it, added up.

Models      pkg/scheduler/framework/types.go (NodeInfo, HostPortInfo, ImageStateSummary)
Leaves out  devices of dynamic resource allocation
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.quantity import milli, value
from apps.cluster.scheduler.pod_info import ANY_ADDRESS, HostPort, PodInfo

HOSTNAME = "kubernetes.io/hostname"
_NATIVE = ("cpu", "memory", "ephemeral-storage", "pods")
_ZONE = ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone")
_REGION = ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region")


class NodeInfo:
    """`node` is None while Pods are known of a node that is not."""

    __slots__ = (
        "cpu",
        "ephemeral",
        "has_hostname",
        "images",
        "index",
        "labels",
        "max_pods",
        "memory",
        "name",
        "node",
        "non_zero_cpu",
        "non_zero_memory",
        "pods",
        "ports",
        "priorities",
        "requested_cpu",
        "requested_ephemeral",
        "requested_memory",
        "requested_scalar",
        "scalar",
        "taints",
        "unschedulable",
        "zone",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.index = -1  # its place in the cache's order of nodes
        self.node: Obj | None = None
        self.labels: dict[str, str] = EMPTY
        self.has_hostname = False  # a label of it
        self.zone: str | None = None  # the zone label
        self.taints: list[Obj] = []
        self.unschedulable = False
        self.cpu = self.memory = self.ephemeral = self.max_pods = 0
        self.scalar: dict[str, int] = {}
        self.images: dict[str, int] = {}  # name -> bytes
        self.pods: dict[str, PodInfo] = {}
        self.requested_cpu = self.requested_memory = self.requested_ephemeral = 0
        self.requested_scalar: dict[str, int] = {}
        self.non_zero_cpu = self.non_zero_memory = 0
        self.ports: dict[HostPort, int] = {}
        self.priorities: dict[int, int] = {}  # priority -> Pods that have it

    def set_node(self, node: Obj) -> None:
        self.node = node
        spec: dict[str, Any] = node.get("spec") or EMPTY
        status: dict[str, Any] = node.get("status") or EMPTY
        allocatable: dict[str, Any] = status.get("allocatable") or EMPTY
        self.labels = node["metadata"].get("labels") or EMPTY
        self.has_hostname, self.zone = HOSTNAME in self.labels, self.labels.get(_ZONE[1])
        self.taints = spec.get("taints") or []
        self.unschedulable = bool(spec.get("unschedulable"))
        self.cpu = milli(allocatable.get("cpu", 0))
        self.memory = value(allocatable.get("memory", 0))
        self.ephemeral = value(allocatable.get("ephemeral-storage", 0))
        self.max_pods = value(allocatable.get("pods", 0))
        self.scalar = {name: value(amount) for name, amount in allocatable.items() if name not in _NATIVE}
        self.images = {
            name: image.get("sizeBytes") or 0
            for image in status.get("images") or ()
            for name in image.get("names") or ()
        }

    def add(self, pod: PodInfo) -> None:
        self.pods[pod.key] = pod
        self._count(pod, 1)

    def remove(self, key: str) -> PodInfo | None:
        pod = self.pods.pop(key, None)
        if pod is not None:
            self._count(pod, -1)
        return pod

    def _count(self, pod: PodInfo, sign: int) -> None:
        kind = pod.kind
        request = kind.request
        self.requested_cpu += sign * request.cpu
        self.requested_memory += sign * request.memory
        self.requested_ephemeral += sign * request.ephemeral
        self.non_zero_cpu += sign * kind.non_zero_cpu
        self.non_zero_memory += sign * kind.non_zero_memory
        alike = self.priorities.get(kind.priority, 0) + sign
        if alike:
            self.priorities[kind.priority] = alike
        else:
            del self.priorities[kind.priority]
        for name, amount in request.scalar:
            self.requested_scalar[name] = self.requested_scalar.get(name, 0) + sign * amount
        for port in kind.host_ports:
            users = self.ports.get(port, 0) + sign
            if users > 0:
                self.ports[port] = users
            else:
                self.ports.pop(port, None)

    def clone(self) -> NodeInfo:
        """A copy on which Pods can be added and removed, to see what would be."""
        out = NodeInfo(self.name)
        for slot in self.__slots__:
            setattr(out, slot, getattr(self, slot))
        out.pods = dict(self.pods)
        out.requested_scalar = dict(self.requested_scalar)
        out.ports = dict(self.ports)
        out.priorities = dict(self.priorities)
        return out

    def has_less_important(self, priority: int) -> bool:
        """Whether any Pod here has a lower priority."""
        return any(other < priority for other in self.priorities)


def ports_conflict(wanted: Iterable[HostPort], used: Iterable[HostPort]) -> bool:
    """Whether a wanted port is taken: same protocol and port, and the addresses meet (0.0.0.0 meets all)."""
    taken = list(used)
    for address, protocol, port in wanted:
        for other, other_protocol, other_port in taken:
            if port != other_port or protocol != other_protocol:
                continue
            if address == other or ANY_ADDRESS in (address, other):
                return True
    return False


def zone_of(node: Obj) -> str:
    """Region and zone in one, "" when the node names neither: what the node order goes round by."""
    labels = node["metadata"].get("labels") or EMPTY
    region = next((labels[key] for key in _REGION if key in labels), "")
    zone = next((labels[key] for key in _ZONE if key in labels), "")
    return f"{region}:\0:{zone}" if region or zone else ""
