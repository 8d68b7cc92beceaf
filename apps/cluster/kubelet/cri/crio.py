"""CRI-O: the container runtime behind the CRI. Pulls one image at a time, makes sandboxes and containers.

Models      cri-o server/sandbox_run.go, container_create.go, container_start.go, container_stop.go, image_pull.go
            and the kubelet's serializeImagePulls
Leaves out  conmon; runc; storage layers; OCI hooks; image garbage collection; what is on disk survives a power cut,
            containers do not (crio wipe)
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from apps.cluster.engine import Engine
from apps.cluster.kubelet.container_status import CREATED, RUNNING, Attempt
from apps.cluster.kubelet.cri import Network
from apps.cluster.kubelet.images import Image, look_up

Obj = dict[str, Any]

VERSION = "1.36.1"
NAME = "crio"
RESOLVE_MS = 250  # asking the registry about an image whose layers are there already


class CRIO:
    """The runtime of one node."""

    __slots__ = ("_engine", "_network", "coming", "images", "node", "pulling_until_ms")

    def __init__(self, engine: Engine, network: Network, node: str) -> None:
        self._engine = engine
        self._network = network
        self.node = node
        self.images: dict[str, int] = {}  # full name -> size, in the order they came
        self.pulling_until_ms = 0
        self.coming: dict[str, int] = {}  # full name -> when the first pull of it will be done

    # ---- images --------------------------------------------------------------------------------

    def preload(self, *images: str) -> None:
        """Images that were on the machine before it joined."""
        for image in images:
            found = look_up(image)
            self.images[found.name] = found.size

    def image_present(self, image: Image) -> bool:
        return image.name in self.images

    def pull_image(self, pod: Obj, image: Image) -> tuple[int, int]:
        now = self._engine.now_ms
        begin = max(now, self.pulling_until_ms)
        known = image.error or image.name in self.images or self.coming.get(image.name, 0) > now
        takes = RESOLVE_MS if known else image.pull_ms
        done = self.pulling_until_ms = begin + takes
        if not known:
            self.coming[image.name] = done
        self._note("crio.pull-image", "PullImage", pod, {"image": image.name})
        return done - now, takes

    def image_pulled(self, pod: Obj, image: Image) -> None:
        self.images[image.name] = image.size
        self.coming.pop(image.name, None)

    # ---- sandboxes -----------------------------------------------------------------------------

    def run_pod_sandbox(self, pod: Obj) -> str:
        if pod["spec"].get("hostNetwork"):
            self._note("crio.run-sandbox-host", "RunPodSandbox", pod, {})
            return ""
        address = self._network.add(self.node, pod)
        self._note("crio.run-sandbox", "RunPodSandbox", pod, {"ip": address})
        return address

    def stop_pod_sandbox(self, pod: Obj) -> None:
        if not pod["spec"].get("hostNetwork"):
            self._network.delete(self.node, pod)
        self._note("crio.stop-sandbox", "StopPodSandbox", pod, {})

    def remove_pod_sandbox(self, pod: Obj) -> None:
        self._note("crio.remove-sandbox", "RemovePodSandbox", pod, {})

    # ---- containers ----------------------------------------------------------------------------

    def create_container(self, pod: Obj, name: str, image: Image, restarts: int) -> Attempt:
        metadata = pod["metadata"]
        digest = sha256(f"{metadata.get('uid', '')}/{name}/{restarts}".encode()).hexdigest()
        self._note("crio.create-container", "CreateContainer", pod, {"container": name})
        return Attempt(f"cri-o://{digest}", image.name, image.ref, restarts, CREATED)

    def start_container(self, pod: Obj, name: str, container: Attempt) -> None:
        container.state = RUNNING
        container.started_ms = self._engine.now_ms
        self._note("crio.start-container", "StartContainer", pod, {"container": name})

    def stop_container(self, pod: Obj, name: str, container: Attempt, grace_s: int) -> None:
        self._note("crio.stop-container", "StopContainer", pod, {"container": name, "grace": grace_s})

    def _note(self, message: str, call: str, pod: Obj, params: dict[str, Any]) -> None:
        trace = self._engine.trace
        if not trace.keep:
            return
        metadata = pod["metadata"]
        name = metadata["name"]
        self._engine.note(NAME, self.node, call, f"pods/{metadata['namespace']}/{name}", message, params)

    def save(self) -> dict[str, Any]:
        return {
            "images": dict(self.images),
            "pulling_until_ms": self.pulling_until_ms,
            "coming": dict(self.coming),
        }

    def load(self, data: dict[str, Any]) -> None:
        self.images = dict(data["images"])
        self.pulling_until_ms = data["pulling_until_ms"]
        self.coming = dict(data["coming"])
