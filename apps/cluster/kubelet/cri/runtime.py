"""The runtime of one node behind the CRI: it pulls one image at a time, makes sandboxes and containers.

Models      cri-o server/sandbox_run.go, container_create.go, container_start.go, container_stop.go, image_pull.go;
            containerd internal/cri/server; cri-dockerd core; and the kubelet's serializeImagePulls
Leaves out  storage layers; OCI hooks; calls that change nothing (ImageStatus, ContainerStatus, PodSandboxStatus,
            stats). What is on disk survives a power cut, containers do not (crio wipe)

Each call of the kubelet is a note, and behind it notes of what the runtime sets going: the CNI plugin, and the OCI
runtime with the monitor that stays as a container's parent. They cost nothing when no trace is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from apps.cluster.engine import Engine
from apps.cluster.kubelet.container_status import CREATED, RUNNING, Attempt
from apps.cluster.kubelet.cri import Network, NetworkError, SandboxError
from apps.cluster.kubelet.cri.flavours import CRIO, PAUSE, Flavour
from apps.cluster.kubelet.images import Image, look_up

Obj = dict[str, Any]

RESOLVE_MS = 250  # asking the registry about an image whose layers are there already
SHORT = 13  # letters of an id that people look at
SIGKILL_CODE = 137


class ContainerRuntime:
    """The runtime of one node."""

    __slots__ = (
        "_contents",
        "_engine",
        "_network",
        "coming",
        "detected",
        "flavour",
        "images",
        "node",
        "pinned",
        "pulling_until_ms",
        "stored",
    )

    def __init__(self, engine: Engine, network: Network, node: str, flavour: Flavour = CRIO) -> None:
        self._engine = engine
        self._network = network
        self.node = node
        self.flavour = flavour
        self.images: dict[str, int] = {}  # full name -> size, in the order they came
        self.stored = 0  # bytes of all images
        self.detected: dict[str, int] = {}  # full name -> when it came
        self.pinned: list[str] = []  # never collected: the sandbox image
        self._contents: dict[str, Mapping[str, Any]] = {}  # what an image was when it was pulled, if it was pushed
        self.pulling_until_ms = 0
        self.coming: dict[str, int] = {}  # full name -> when the first pull of it will be done

    def hello(self) -> None:
        """The kubelet has started: it asks who it talks to, and whether all is well."""
        ref = f"nodes/{self.node}"
        flavour = self.flavour
        told = {"runtime": flavour.spoken, "version": flavour.version, "socket": flavour.socket}
        self._engine.note(flavour.component, self.node, "Version", ref, "cri.version", told)
        ready = self._network.ready(self.node)
        told = {"runtime": flavour.spoken, "network": "true" if ready else "false"}
        self._engine.note(flavour.component, self.node, "Status", ref, "cri.status", told)

    # ---- images --------------------------------------------------------------------------------

    def preload(self, *images: str) -> None:
        """Images that were on the machine before it joined."""
        for image in images:
            found = look_up(image)
            self._store(found)
            if "/pause:" in found.name:
                self.pinned.append(found.name)

    def image_present(self, image: Image) -> bool:
        return image.name in self.images

    def contents(self, image: Image) -> Mapping[str, Any] | None:
        return self._contents.get(image.name)

    def pull_problem(self, asked: str, image: Image) -> str:
        return self.flavour.pull_problem(asked, image)

    def pull_image(self, pod: Obj, image: Image) -> tuple[int, int]:
        now = self._engine.now_ms
        begin = max(now, self.pulling_until_ms)
        same = image.name in self.images and self._contents.get(image.name, {}).get("digest") in (None, image.digest)
        known = image.error or same or self.coming.get(image.name, 0) > now
        takes = RESOLVE_MS if known else image.pull_ms
        done = self.pulling_until_ms = begin + takes
        if not known:
            self.coming[image.name] = done
        self._note("cri.pull-image", "PullImage", pod, {"image": image.name})
        return done - now, takes

    def image_pulled(self, pod: Obj, image: Image, told: Mapping[str, Any] | None) -> None:
        self._store(image)
        if told:
            self._contents[image.name] = told
        else:
            self._contents.pop(image.name, None)
        self.coming.pop(image.name, None)

    def remove_image(self, name: str, why: str) -> int:
        """RemoveImage. Gives the bytes that it was."""
        size = self.images.pop(name)
        self.stored -= size
        del self.detected[name]
        self._contents.pop(name, None)
        told = {"runtime": self.flavour.spoken, "image": name, "size": size, "why": why}
        self._engine.note(
            self.flavour.component, self.node, "RemoveImage", f"nodes/{self.node}", "cri.remove-image", told
        )
        return size

    def image_digest(self, name: str) -> str:
        """Repository and digest of an image that is here, as Nodes list it."""
        found = look_up(name)
        digest = (self._contents.get(name) or {}).get("digest")
        return f"{found.ref.partition('@')[0]}@{digest}" if digest else found.ref

    def _store(self, image: Image) -> None:
        self.stored += image.size - self.images.get(image.name, 0)
        self.images[image.name] = image.size
        self.detected.setdefault(image.name, self._engine.now_ms)

    # ---- sandboxes -----------------------------------------------------------------------------

    def run_pod_sandbox(self, pod: Obj, failed: int = 0) -> str:
        host = bool(pod["spec"].get("hostNetwork"))
        try:
            address = "" if host else self._network.add(self.node, pod)
        except NetworkError as error:
            raise self._unconnected(pod, str(error), failed) from error
        if not self._engine.trace.keep:
            return address
        flavour = self.flavour
        told = {"runtime": flavour.spoken, "id": sandbox_id(pod)[:SHORT], "ip": address}
        call = self._note("cri.run-sandbox-host" if host else "cri.run-sandbox", "RunPodSandbox", pod, told)
        pause = flavour.always_pause or bool(pod["spec"].get("shareProcessNamespace"))
        message = "oci.pause" if pause else "oci.namespaces"
        self._behind(
            call, flavour.oci if pause else "pinns", "create", pod, message, {"oci": flavour.oci, "image": PAUSE}
        )
        if not host:
            self._behind(call, "cni", "ADD", pod, "cni.add", {"ip": address})
        return address

    def _unconnected(self, pod: Obj, why: str, failed: int) -> SandboxError:
        """The sandbox is taken down again: without a network it is of no use."""
        sandbox = sandbox_id(pod, failed + 1)
        told = {"runtime": self.flavour.spoken, "id": sandbox[:SHORT]}
        call = self._note("cri.run-sandbox-failed", "RunPodSandbox", pod, told)
        self._behind(call, "cni", "ADD", pod, "cni.add-failed", {"why": why})
        return SandboxError(f"rpc error: code = Unknown desc = {self.flavour.network_problem(pod, sandbox, why)}")

    @property
    def keeps_failed_sandboxes(self) -> bool:
        """What is left of a sandbox that came to nothing stays, for the kubelet to find and to remove."""
        return self.flavour.scheme == "docker"

    @property
    def remembers_sandboxes(self) -> bool:
        """After a reboot it still knows of sandboxes that stand no more. CRI-O wipes them."""
        return self.flavour.scheme != "cri-o"

    def stop_pod_sandbox(self, pod: Obj) -> None:
        host = bool(pod["spec"].get("hostNetwork"))
        if not host:
            self._network.delete(self.node, pod)
        if self._engine.trace.keep:
            call = self._note("cri.stop-sandbox", "StopPodSandbox", pod, {"runtime": self.flavour.spoken})
            if not host:
                self._behind(call, "cni", "DEL", pod, "cni.del", {})

    def remove_pod_sandbox(self, pod: Obj) -> None:
        self._note("cri.remove-sandbox", "RemovePodSandbox", pod, {"id": sandbox_id(pod)[:SHORT]})

    # ---- containers ----------------------------------------------------------------------------

    def create_container(self, pod: Obj, name: str, image: Image, restarts: int) -> Attempt:
        digest = container_digest(pod, name, restarts)
        flavour = self.flavour
        if self._engine.trace.keep:
            told = {"runtime": flavour.spoken, "container": name, "id": digest[:SHORT], "attempt": restarts}
            call = self._note("cri.create-container", "CreateContainer", pod, told)
            told = {"oci": flavour.oci, "monitor": flavour.monitor, "container": name}
            message = "oci.create-in-shim" if flavour.shim_per_pod else "oci.create"
            self._behind(call, flavour.oci, "create", pod, message, told)
        return Attempt(
            flavour.container_id(digest), flavour.image_name(image), flavour.image_id(image), restarts, CREATED
        )

    def start_container(self, pod: Obj, name: str, container: Attempt) -> None:
        container.state = RUNNING
        container.started_ms = self._engine.now_ms
        if self._engine.trace.keep:
            call = self._note("cri.start-container", "StartContainer", pod, {"container": name})
            self._behind(
                call, self.flavour.oci, "start", pod, "oci.start", {"oci": self.flavour.oci, "container": name}
            )

    def stop_container(self, pod: Obj, name: str, container: Attempt, grace_s: int) -> None:
        if self._engine.trace.keep:
            call = self._note("cri.stop-container", "StopContainer", pod, {"container": name, "grace": grace_s})
            told = {"oci": self.flavour.oci, "container": name, "signal": "SIGTERM"}
            self._behind(call, self.flavour.oci, "kill", pod, "oci.kill", told)

    def container_ended(self, pod: Obj, name: str, container: Attempt) -> None:
        """Its monitor tells with which code the process ended; the kubelet's next relist finds it."""
        if not self._engine.trace.keep:
            return
        flavour = self.flavour
        told: dict[str, Any] = {"monitor": flavour.monitor, "container": name, "code": container.exit_code}
        self._note("oci.ended", "exit", pod, told, by=flavour.monitor)

    def remove_container(self, pod: Obj, name: str, container: Attempt) -> None:
        if self._engine.trace.keep:
            call = self._note("cri.remove-container", "RemoveContainer", pod, {"container": name})
            self._behind(
                call, self.flavour.oci, "delete", pod, "oci.delete", {"oci": self.flavour.oci, "container": name}
            )

    def update_container(self, pod: Obj, name: str, resources: Mapping[str, Any]) -> None:
        """UpdateContainerResources: other limits for a running container."""
        limits = ", ".join(f"{what}={amount}" for what, amount in (resources.get("limits") or {}).items()) or "-"
        requests = ", ".join(f"{what}={amount}" for what, amount in (resources.get("requests") or {}).items()) or "-"
        told = {"container": name, "limits": limits, "requests": requests}
        self._note("cri.update-container", "UpdateContainerResources", pod, told)

    # ---- notes ---------------------------------------------------------------------------------

    def _note(self, message: str, call: str, pod: Obj, params: dict[str, Any], *, by: str = "") -> int:
        engine = self._engine
        if not engine.trace.keep:
            return 0
        metadata = pod["metadata"]
        ref = f"pods/{metadata['namespace']}/{metadata['name']}"
        engine.note(by or self.flavour.component, self.node, call, ref, message, params)
        return engine.cause

    def _behind(self, call: int, who: str, verb: str, pod: Obj, message: str, params: dict[str, Any]) -> None:
        """What a call set going: it is the cause, and stays the cause of what follows."""
        self._note(message, verb, pod, params, by=who)
        self._engine.cause = call

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "images": dict(self.images),
            "detected": dict(self.detected),
            "pinned": list(self.pinned),
            "contents": {name: dict(told) for name, told in self._contents.items()},
            "pulling_until_ms": self.pulling_until_ms,
            "coming": dict(self.coming),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.images = dict(data["images"])
        self.stored = sum(self.images.values())
        self.detected = dict(data["detected"])
        self.pinned = list(data["pinned"])
        self._contents = dict(data["contents"])
        self.pulling_until_ms = data["pulling_until_ms"]
        self.coming = dict(data["coming"])


def container_digest(pod: Obj, name: str, restarts: int) -> str:
    """The id of a container, from what it is: the same life gives the same ids."""
    return sha256(f"{pod['metadata'].get('uid', '')}/{name}/{restarts}".encode()).hexdigest()


def sandbox_id(pod: Obj, failed: int = 0) -> str:
    """The id of a Pod's sandbox, or of the one that was the nth to fail."""
    which = f"/{failed}" if failed else ""
    return sha256(f"{pod['metadata'].get('uid', '')}/sandbox{which}".encode()).hexdigest()
