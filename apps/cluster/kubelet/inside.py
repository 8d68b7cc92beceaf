"""Inside one node: the tree of its processes, and what its container runtime has, at any revision.

Models      what `ps --forest`, `crictl pods` and `crictl ps -a` would print on a machine of a kubeadm cluster
Leaves out  kernel threads; other services of the system; process ids are made of names

Pure: worked out from the Node and the Pods that the API server has, so it can be asked of the past. A machine that is
off has no processes. Which runtime it is says the Node itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from zlib import crc32

from apps.cluster.kubelet.cri.flavours import BY_SCHEME, CRIO, PAUSE, Flavour
from apps.cluster.kubelet.cri.runtime import sandbox_id
from apps.cluster.machines import Machine

Obj = dict[str, Any]

FIRST_PID, PIDS = 1_000, 30_000
SHORT = 13


class SnapshotLike(Protocol):
    @property
    def objects(self) -> Mapping[str, Mapping[str, Obj]]: ...
    @property
    def machines(self) -> Mapping[str, Machine]: ...


@dataclass(frozen=True, slots=True)
class Process:
    """One process and those it has started. `ref`: the Pod it belongs to; `container`: which of its containers."""

    pid: int
    name: str
    ref: str = ""
    container: str = ""
    children: tuple[Process, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Process]]:
        """The tree, line by line, as `ps --forest` has it."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


@dataclass(frozen=True, slots=True)
class CRIContainer:
    """A line of `crictl ps -a`."""

    id: str
    name: str
    image: str
    state: str  # CONTAINER_RUNNING | CONTAINER_EXITED
    attempt: int


@dataclass(frozen=True, slots=True)
class CRISandbox:
    """A line of `crictl pods`, and the containers in it."""

    id: str
    ref: str
    ready: bool
    ip: str  # "" on the machine's network
    containers: tuple[CRIContainer, ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """What there is on one machine."""

    flavour: Flavour
    processes: Process | None  # systemd; None: the machine is off
    sandboxes: tuple[CRISandbox, ...]
    images: tuple[tuple[str, int], ...]  # name and size, the largest first


def look(snapshot: SnapshotLike, node: str) -> Inside:
    """One machine of a cluster."""
    api = snapshot.objects.get("nodes", {}).get(node)
    machine = snapshot.machines.get(node)
    flavour = flavour_of(api)
    pods = [
        (f"pods/{key}", pod)
        for key, pod in snapshot.objects.get("pods", {}).items()
        if pod["spec"].get("nodeName") == node
    ]
    off = machine is not None and machine.power != "on"
    boxes = () if off else tuple(box for ref, pod in pods if (box := _sandbox(ref, pod)) is not None)
    images = (
        ()
        if api is None
        else tuple((image["names"][-1], image.get("sizeBytes", 0)) for image in api["status"].get("images") or ())
    )
    tree = None if off else _tree(flavour, [(ref, pod) for ref, pod in pods if _stands(pod)])
    return Inside(flavour, tree, boxes, images)


def flavour_of(node: Obj | None) -> Flavour:
    """The runtime of a Node, as its status tells it."""
    said = ((node or {}).get("status") or {}).get("nodeInfo", {}).get("containerRuntimeVersion", "")
    return BY_SCHEME.get(said.partition("://")[0], CRIO)


def _statuses(pod: Obj) -> Iterator[Obj]:
    status = pod.get("status") or {}
    for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        yield from status.get(field) or ()


def _stands(pod: Obj) -> bool:
    """Its sandbox is there: that is when containers may be started in it."""
    return any(
        one["type"] == "PodReadyToStartContainers" and one["status"] == "True"
        for one in (pod.get("status") or {}).get("conditions") or ()
    )


def _sandbox(ref: str, pod: Obj) -> CRISandbox | None:
    containers = tuple(
        CRIContainer(
            one["containerID"].partition("://")[2][:SHORT],
            one["name"],
            one["image"],
            "CONTAINER_RUNNING" if "running" in one["state"] else "CONTAINER_EXITED",
            one.get("restartCount", 0),
        )
        for one in _statuses(pod)
        if one.get("containerID")
    )
    standing = _stands(pod)
    if not standing and not containers:
        return None
    ip = "" if pod["spec"].get("hostNetwork") else (pod["status"].get("podIP") or "")
    return CRISandbox(sandbox_id(pod)[:SHORT], ref, standing, ip if standing else "", containers)


def _tree(flavour: Flavour, pods: list[tuple[str, Obj]]) -> Process:
    """systemd, what it runs, and the parents of every container."""
    monitors = tuple(process for ref, pod in pods for process in _monitors(flavour, ref, pod))
    daemons = tuple(_process(name) for name in flavour.daemons)
    return Process(1, "systemd", children=(_process("kubelet"), *daemons, *monitors))


def _monitors(flavour: Flavour, ref: str, pod: Obj) -> Iterator[Process]:
    """conmon per container, or a shim per Pod (containerd) or per container (Docker Engine)."""
    running = [
        _process(_program(one["image"]), one["containerID"], ref, one["name"])
        for one in _statuses(pod)
        if "running" in one["state"] and one.get("containerID")
    ]
    pause = flavour.always_pause or bool(pod["spec"].get("shareProcessNamespace"))
    if pause:
        running.insert(0, _process(_program(PAUSE), sandbox_id(pod), ref))
    if flavour.shim_per_pod:
        yield _process(flavour.monitor, f"{sandbox_id(pod)}/shim", ref, children=tuple(running))
        return
    for process in running:
        yield _process(flavour.monitor, f"{process.pid}/monitor", ref, process.container, children=(process,))


def _process(
    name: str, seed: str = "", ref: str = "", container: str = "", children: tuple[Process, ...] = ()
) -> Process:
    digest = sha256((seed or name).encode()).digest()
    return Process(FIRST_PID + crc32(digest) % PIDS, name, ref, container, children)


def _program(image: str) -> str:
    """What runs in a container, as its image is called: `nginx` of docker.io/library/nginx:1.27."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]
