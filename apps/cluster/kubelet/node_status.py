"""The Node object that a kubelet keeps: who the machine is, what it has, and how it is.

Models      pkg/kubelet/kubelet_node_status.go (initialNode, registerWithAPIServer), pkg/kubelet/nodestatus/setters.go
Leaves out  cloud providers; resource pressure; volumes attached and in use; devices; machine ids are made of the name
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from apps.cluster.apimachinery.quantity import BINARY_SI, Quantity, milli, value
from apps.cluster.kubelet.cri.crio import VERSION as CRIO_VERSION
from apps.cluster.machines import Machine

Obj = dict[str, Any]

KUBELET_VERSION = "v1.36.2"
KERNEL = "6.12.57+deb13-amd64"
OS_IMAGE = "Debian GNU/Linux 13 (trixie)"
EVICTION_MEMORY = 100 << 20  # memory.available below which Pods are evicted, kept out of allocatable
DISK = "100Gi"
DISK_ALLOCATABLE = "96636764160"  # less the tenth that evictions begin at
MAX_IMAGES = 50  # nodeStatusMaxImages

READY_MESSAGE = "kubelet is posting ready status"
NETWORK_MESSAGE = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin "
    "returns error: No CNI configuration file in /etc/cni/net.d/. Has your network provider started?"
)
FEATURES: Obj = {"supplementalGroupsPolicy": True}
_HANDLER = {"recursiveReadOnlyMounts": True, "userNamespaces": True}
RUNTIME_HANDLERS: list[Obj] = [
    {"name": "runc", "features": _HANDLER},
    {"name": "", "features": _HANDLER},
    {"name": "crun", "features": _HANDLER},
]


def capacity(machine: Machine) -> Obj:
    """`status.capacity`."""
    return {
        "cpu": machine.cpu,
        "ephemeral-storage": DISK,
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
        "ephemeral-storage": DISK_ALLOCATABLE,
        "memory": Quantity(memory, 0, BINARY_SI, False, "").canonical(),
    }


def limits(machine: Machine) -> tuple[int, int, int]:
    """What admission counts against: thousandths of a core, bytes, Pods."""
    return milli(machine.cpu), max(0, value(machine.memory) - EVICTION_MEMORY), machine.pods


def labels(name: str) -> dict[str, str]:
    return {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }


def conditions(network_ready: bool, before: Sequence[Obj], now: str, runtime_error: str = "") -> list[Obj]:
    """The four conditions a kubelet reports. `lastTransitionTime` moves only with the status."""
    problem = runtime_error or ("" if network_ready else NETWORK_MESSAGE)
    was = {condition["type"]: condition for condition in before}
    out = []
    for type_, status, reason, message in (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "False", "KubeletNotReady", problem) if problem else ("Ready", "True", "KubeletReady", READY_MESSAGE),
    ):
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


def image_list(images: Mapping[str, int]) -> list[Obj]:
    """`status.images`, the largest first."""
    ranked = sorted(images.items(), key=lambda entry: -entry[1])[:MAX_IMAGES]
    return [{"names": [name], "sizeBytes": size} for name, size in ranked]


def status(
    machine: Machine,
    boot: int,
    network_ready: bool,
    images: Mapping[str, int],
    before: Sequence[Obj],
    now: str,
    runtime_error: str = "",
) -> Obj:
    """The whole `status`. `boot`: how many times the machine has been switched on."""
    return {
        "capacity": capacity(machine),
        "allocatable": allocatable(machine),
        "conditions": conditions(network_ready, before, now, runtime_error),
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
            "containerRuntimeVersion": f"cri-o://{CRIO_VERSION}",
            "kubeletVersion": KUBELET_VERSION,
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
        "images": image_list(images),
        "runtimeHandlers": RUNTIME_HANDLERS,
        "features": FEATURES,
    }


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
