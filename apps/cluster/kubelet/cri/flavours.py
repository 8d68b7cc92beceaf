"""The container runtimes that a kubelet can be given, and what tells them apart.

Models      cri-o (cri-o.io 1.36), containerd (2.2, its CRI plugin), cri-dockerd (0.4) in front of Docker Engine (29)
Leaves out  Kata, gVisor and other OCI runtimes; RuntimeClasses choose none

Docker Engine does not speak the CRI: since Kubernetes 1.24 it needs cri-dockerd between itself and the kubelet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.status import bad_request
from apps.cluster.kubelet.images import DENIED, Image, normalize, with_default_tag

CNI_NETWORK = "k8s-pod-network"  # as Calico's configuration in /etc/cni/net.d names it
PAUSE = "registry.k8s.io/pause:3.10.2"
_FEATURES = {"recursiveReadOnlyMounts": True, "userNamespaces": True}


@dataclass(frozen=True, slots=True)
class Flavour:
    """One runtime as it shows: names, addresses, processes."""

    name: str  # what Config.runtime says
    component: str  # the process that the kubelet talks to; who acts in the timeline
    spoken: str
    scheme: str  # of container ids and of nodeInfo.containerRuntimeVersion
    version: str  # what the CRI's Version call answers
    socket: str
    oci: str  # the OCI runtime it runs containers with
    monitor: str  # what stays as the parent of a container's process
    daemons: tuple[str, ...]  # on the machine, from the kubelet's side on
    handlers: tuple[str, ...]
    always_pause: bool  # every sandbox has a pause container; else only one whose containers share their processes
    shim_per_pod: bool  # one monitor a Pod, not one a container

    @property
    def runtime_version(self) -> str:
        return f"{self.scheme}://{self.version}"

    def container_id(self, digest: str) -> str:
        return f"{self.scheme}://{digest}"

    def image_name(self, image: Image) -> str:
        """How a container status names an image: Docker shortens what is from its own registry."""
        if self.scheme == "docker":
            return image.name.removeprefix("docker.io/").removeprefix("library/")
        return image.name

    def image_id(self, image: Image) -> str:
        if self.scheme == "docker":
            return f"docker-pullable://{image.ref.removeprefix('docker.io/').removeprefix('library/')}"
        return image.ref

    def pull_problem(self, asked: str, image: Image) -> str:
        """Why an image cannot be pulled, in the runtime's words; "" when it can."""
        if not image.error or self.scheme == "cri-o":
            return image.error
        denied = DENIED in image.error
        if self.scheme == "containerd":
            name = normalize(asked)
            why = (
                "pull access denied, repository does not exist or may require authorization: server message: "
                "insufficient_scope: authorization failed"
                if denied
                else f"{name}: not found"
            )
            return f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": {why}'
        name = with_default_tag(asked)
        if denied:
            repository = name.rpartition(":")[0]
            return (
                f"Error response from daemon: pull access denied for {repository}, repository does not exist or may "
                f"require 'docker login': denied: {DENIED}"
            )
        return f"Error response from daemon: manifest for {name} not found: manifest unknown: manifest unknown"

    def network_problem(self, pod: Mapping[str, Any], sandbox: str, why: str) -> str:
        """That a sandbox could not be connected, in the runtime's words. `why`: the CNI plugin's."""
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        plugin = f'plugin type="calico" failed (add): {why}'
        if self.scheme == "cri-o":
            whole = f"k8s_{name}_{namespace}_{metadata['uid']}_0({sandbox})"
            return (
                f"failed to create pod network sandbox {whole}: "
                f'error adding pod {namespace}_{name} to CNI network "{CNI_NETWORK}": {plugin}'
            )
        if self.scheme == "containerd":
            return f'failed to setup network for sandbox "{sandbox}": {plugin}'
        return (
            f'failed to set up sandbox container "{sandbox}" network for pod "{name}": '
            f'networkPlugin cni failed to set up pod "{name}_{namespace}" network: {plugin}'
        )

    def handler_list(self) -> list[dict[str, Any]]:
        """`status.runtimeHandlers` of a Node."""
        return [{"name": name, "features": _FEATURES} if self.features else {"name": name} for name in self.handlers]

    @property
    def features(self) -> bool:
        return self.scheme != "docker"


CRIO = Flavour(
    "cri-o",
    "crio",
    "CRI-O",
    "cri-o",
    "1.36.1",
    "unix:///var/run/crio/crio.sock",
    "crun",
    "conmon",
    ("crio",),
    ("runc", "", "crun"),
    always_pause=False,
    shim_per_pod=False,
)
CONTAINERD = Flavour(
    "containerd",
    "containerd",
    "containerd",
    "containerd",
    "2.2.3",
    "unix:///run/containerd/containerd.sock",
    "runc",
    "containerd-shim-runc-v2",
    ("containerd",),
    ("runc", ""),
    always_pause=True,
    shim_per_pod=True,
)
CRI_DOCKERD = Flavour(
    "cri-dockerd",
    "cri-dockerd",
    "cri-dockerd",
    "docker",
    "29.3.0",
    "unix:///var/run/cri-dockerd.sock",
    "runc",
    "containerd-shim-runc-v2",
    ("cri-dockerd", "dockerd", "containerd"),
    ("",),
    always_pause=True,
    shim_per_pod=False,
)
FLAVOURS = {flavour.name: flavour for flavour in (CRIO, CONTAINERD, CRI_DOCKERD)}
COMPONENTS = tuple(flavour.component for flavour in FLAVOURS.values())
BY_SCHEME = {flavour.scheme: flavour for flavour in FLAVOURS.values()}


def flavour_of(name: str) -> Flavour:
    """Raises: StatusError 400 for a runtime nobody knows."""
    found = FLAVOURS.get(name)
    if found is None:
        raise bad_request(f"config: runtime must be one of {', '.join(FLAVOURS)}")
    return found
