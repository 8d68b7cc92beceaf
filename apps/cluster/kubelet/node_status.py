"""The Node object that a kubelet keeps: who the machine is, what it has, and how it is.

Models      pkg/kubelet/kubelet_node_status.go (initialNode, registerWithAPIServer), pkg/kubelet/nodestatus/setters.go
Leaves out  cloud providers; devices; machine ids are made of the name
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from apps.cluster.apimachinery.quantity import BINARY_SI, Quantity, milli, value
from apps.cluster.kubelet.cri.runtime import ContainerRuntime
from apps.cluster.machines import Machine

Obj = dict[str, Any]

KUBELET_VERSION = "v1.36.2"
KERNEL = "6.12.57+deb13-amd64"
OS_IMAGE = "Debian GNU/Linux 13 (trixie)"
EVICTION_MEMORY = 100 << 20  # memory.available below which Pods are evicted, kept out of allocatable
EVICTION_DISK = 0.1  # of the disk, likewise
MAX_IMAGES = 50  # nodeStatusMaxImages

READY_MESSAGE = "kubelet is posting ready status"
NETWORK_MESSAGE = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin "
    "returns error: No CNI configuration file in /etc/cni/net.d/. Has your network provider started?"
)
FEATURES: Obj = {"supplementalGroupsPolicy": True}


class Condition(NamedTuple):
    """How the machine is."""

    network_ready: bool
    pressures: Sequence[str] = ()
    runtime_error: str = ""
    shutting_down: bool = False


def capacity(machine: Machine) -> Obj:
    """`status.capacity`."""
    return {
        "cpu": machine.cpu,
        "ephemeral-storage": machine.disk,
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": machine.memory,
        "pods": str(machine.pods),
    }


def allocatable(machine: Machine) -> Obj:
    """`status.allocatable`: what is left for Pods."""
    memory = max(0, value(machine.memory) - EVICTION_MEMORY)
    return {
        **capacity(machine),
        "ephemeral-storage": str(_disk_for_pods(machine)),
        "memory": Quantity(memory, 0, BINARY_SI, False, "").canonical(),
    }


def _disk_for_pods(machine: Machine) -> int:
    disk = value(machine.disk)
    return disk - int(disk * EVICTION_DISK)


def limits(machine: Machine) -> tuple[int, int, int, int]:
    """What admission counts against: thousandths of a core, bytes, Pods, bytes of ephemeral storage."""
    memory = max(0, value(machine.memory) - EVICTION_MEMORY)
    return milli(machine.cpu), memory, machine.pods, _disk_for_pods(machine)


def labels(name: str) -> dict[str, str]:
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }


# Condition -> what is said of it when it holds, and when it does not: reason and message.
_PRESSURES = {
    "MemoryPressure": (
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ),
    "DiskPressure": (
        ("KubeletHasDiskPressure", "kubelet has disk pressure"),
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ),
    "PIDPressure": (
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ),
}
# What Events say when a condition turns: (type, status) -> reason.
_TOLD = {
    ("MemoryPressure", "True"): "NodeHasInsufficientMemory",
    ("MemoryPressure", "False"): "NodeHasSufficientMemory",
    ("DiskPressure", "True"): "NodeHasDiskPressure",
    ("DiskPressure", "False"): "NodeHasNoDiskPressure",
    ("PIDPressure", "True"): "NodeHasInsufficientPID",
    ("PIDPressure", "False"): "NodeHasSufficientPID",
    ("Ready", "True"): "NodeReady",
    ("Ready", "False"): "NodeNotReady",
}
SHUTDOWN_MESSAGE = "node is shutting down"


def ready(how: Condition) -> tuple[str, str, str]:
    """Status, reason and message of the Ready condition: everything that speaks against it."""
    problems = []
    if how.runtime_error:
        problems.append(how.runtime_error)
    if not how.network_ready:
        problems.append(NETWORK_MESSAGE)
    if how.shutting_down:
        problems.append(SHUTDOWN_MESSAGE)
    if not problems:
        return "True", "KubeletReady", READY_MESSAGE
    return "False", "KubeletNotReady", problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"


def conditions(how: Condition, before: Sequence[Obj], now: str) -> list[Obj]:
    """The four conditions a kubelet reports. `lastTransitionTime` moves only with the status."""
    was = {condition["type"]: condition for condition in before}
    found: list[tuple[str, tuple[str, str, str]]] = []
    for type_, (held, free) in _PRESSURES.items():
        found.append((type_, ("True", *held) if type_ in how.pressures else ("False", *free)))
    found.append(("Ready", ready(how)))
    out = []
    for type_, (status, reason, message) in found:
        old = was.pop(type_, None)
        since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
        out.append(
            {
                "type": type_,
                "status": status,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            }
        )
    # NetworkUnavailable and the like are others' to say.
    return [*(condition for condition in before if condition["type"] in was), *out]


def told(before: Sequence[Obj], after: Sequence[Obj]) -> list[str]:
    """Reasons of the Events that a change of the conditions brings."""
    was = {condition["type"]: condition["status"] for condition in before}
    return [
        _TOLD[condition["type"], condition["status"]]
        for condition in after
        if (condition["type"], condition["status"]) in _TOLD and was.get(condition["type"]) != condition["status"]
    ]


def image_list(runtime: ContainerRuntime) -> list[Obj]:
    """`status.images`, the largest first: each by its digest and by its name."""
    ranked = sorted(runtime.images.items(), key=lambda entry: -entry[1])[:MAX_IMAGES]
    return [{"names": [runtime.image_digest(name), name], "sizeBytes": size} for name, size in ranked]


def status(
    machine: Machine,
    boot: int,
    how: Condition,
    runtime: ContainerRuntime,
    before: Obj,
    now: str,
    version: str = KUBELET_VERSION,
    volumes: Sequence[str] = (),
) -> Obj:
    """The whole `status`. `boot`: how many times the machine has been switched on. `volumes`: attached ones in use."""
    made = {
        "capacity": capacity(machine),
        "allocatable": allocatable(machine),
        "conditions": conditions(how, before.get("conditions") or [], now),
        "addresses": [
            {"type": "InternalIP", "address": machine.address},
            {"type": "Hostname", "address": machine.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": _digest("machine", machine.name)[:32],
            "systemUUID": _uuid("system", machine.name),
            "bootID": _uuid(f"boot {boot}", machine.name),
            "kernelVersion": KERNEL,
            "osImage": OS_IMAGE,
            "containerRuntimeVersion": runtime.flavour.runtime_version,
            "kubeletVersion": version,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
        "images": image_list(runtime),
        "runtimeHandlers": runtime.flavour.handler_list(),
        "features": FEATURES,
    }
    if volumes:
        made["volumesInUse"] = list(volumes)
    if "volumesAttached" in before:
        made["volumesAttached"] = before["volumesAttached"]  # the attach/detach controller's to say
    return made


def _digest(what: str, name: str) -> str:
    return sha256(f"{what}/{name}".encode()).hexdigest()


def _uuid(what: str, name: str) -> str:
    text = _digest(what, name)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def lease(node: Obj, renewed: str) -> Obj:
    """The Lease by which a node says that it is alive."""
    name = node["metadata"]["name"]
    return {
        "metadata": {
            "name": name,
            "namespace": "kube-node-lease",
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]},
            ],
        },
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed},
    }
