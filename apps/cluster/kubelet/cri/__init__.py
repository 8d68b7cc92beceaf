"""The Container Runtime Interface: what a kubelet may ask of a runtime, and what a runtime asks of the network.

Models      k8s.io/cri-api runtime/v1 (RuntimeService, ImageService), the CNI's ADD and DEL
Leaves out  listing and status calls (the kubelet remembers what it asked for, and what the PLEG would find is told as
            the end of a container); exec; attach; logs; streaming; stats
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from apps.cluster.kubelet.container_status import Attempt
from apps.cluster.kubelet.images import Image

Obj = dict[str, Any]


class NetworkError(Exception):
    """A CNI plugin could not connect a Pod; its text is the plugin's own."""


class SandboxError(Exception):
    """RunPodSandbox has failed; its text is what the kubelet is answered."""


class Network(Protocol):
    """A CNI plugin, as the runtime sees it: Pods get an address when their sandbox is made."""

    def ready(self, node: str) -> bool:
        """Whether the plugin has been configured on that node."""
        ...

    def add(self, node: str, pod: Obj) -> str:
        """CNI ADD: connect a Pod's sandbox and give its address.

        Raises: NetworkError: it cannot be connected.
        """
        ...

    def delete(self, node: str, pod: Obj) -> None:
        """CNI DEL: take the connection and the address back. Asking twice is fine."""
        ...

    def up(self, node: str) -> None:
        """The plugin's agent runs on that node from now on."""
        ...

    def wiped(self, node: str) -> None:
        """The node was switched off and on: no sandbox is left, every address of its Pods is free."""
        ...


class RuntimeService(Protocol):
    """Sandboxes and containers of one node. A call is complete when it returns; the caller knows how long it took."""

    def run_pod_sandbox(self, pod: Obj, failed: int = 0) -> str:
        """Make a sandbox; gives its address, "" on the host's network. `failed`: how many came to nothing before it.

        Raises: SandboxError: the Pod could not be connected to the network.
        """
        ...

    @property
    def keeps_failed_sandboxes(self) -> bool:
        """What is left of a sandbox that came to nothing stays until the kubelet removes it."""
        ...

    @property
    def remembers_sandboxes(self) -> bool:
        """After a reboot it still knows of sandboxes that stand no more."""
        ...

    def stop_pod_sandbox(self, pod: Obj) -> None: ...
    def remove_pod_sandbox(self, pod: Obj) -> None: ...

    def create_container(self, pod: Obj, name: str, image: Image, restarts: int) -> Attempt: ...
    def start_container(self, pod: Obj, name: str, container: Attempt) -> None: ...
    def stop_container(self, pod: Obj, name: str, container: Attempt, grace_s: int) -> None: ...
    def container_ended(self, pod: Obj, name: str, container: Attempt) -> None: ...
    def remove_container(self, pod: Obj, name: str, container: Attempt) -> None: ...
    def update_container(self, pod: Obj, name: str, resources: Mapping[str, Any]) -> None: ...


class ImageService(Protocol):
    """Images of one node."""

    def image_present(self, image: Image) -> bool: ...

    def pull_image(self, pod: Obj, image: Image) -> tuple[int, int]:
        """Begin to pull; gives the ms until it is there, and how many of them are not spent waiting for other pulls."""
        ...

    def image_pulled(self, pod: Obj, image: Image, told: Mapping[str, Any] | None) -> None:
        """The pull has come to its end: the image is there. `told`: what it does that the catalogue does not say."""
        ...

    def pull_problem(self, asked: str, image: Image) -> str:
        """Why it cannot be pulled, in the runtime's words; "" when it can."""
        ...

    def contents(self, image: Image) -> Mapping[str, Any] | None:
        """What the image that is here does that the catalogue does not say."""
        ...


class Runtime(RuntimeService, ImageService, Protocol):
    """A whole runtime, which serves both halves on one socket."""
