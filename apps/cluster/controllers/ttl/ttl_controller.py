"""The TTL controller: how long a kubelet may keep what it read of Secrets and ConfigMaps, by the size of the cluster.

Models      pkg/controller/ttl/ttl_controller.go, 1.36
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj, annotations_of, name_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

ANNOTATION = "node.alpha.kubernetes.io/ttl"
# (fewest nodes, most nodes, seconds). The steps overlap, so that a node that comes and goes changes nothing.
BOUNDARIES = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 2**31 - 1, 300))


class TTLController(Controller):
    """Keys are names of nodes."""

    name = "ttl-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.count = 0
        self.step = 0
        self.nodes = informers("nodes")
        self.nodes.add_handler(self._added, lambda _, new: self._changed(new), self._deleted)

    @property
    def seconds(self) -> int:
        return BOUNDARIES[self.step][2]

    def _added(self, node: Obj) -> None:
        self.count += 1
        if self.count > BOUNDARIES[self.step][1]:
            self.step += 1
        self._changed(node)

    def _deleted(self, node: Obj) -> None:
        self.count -= 1
        if self.count < BOUNDARIES[self.step][0]:
            self.step -= 1

    def _changed(self, node: Obj) -> None:
        if annotations_of(node).get(ANNOTATION) != str(self.seconds):
            self.enqueue(name_of(node))

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        node = self.nodes.get(key)
        wanted = str(self.seconds)
        if node is not None and annotations_of(node).get(ANNOTATION) != wanted:
            body = {"metadata": {"annotations": {ANNOTATION: wanted}}}
            self.client.patch("nodes", "", key, body, why="ttl.annotate", seconds=wanted)

    def stop(self) -> None:
        super().stop()
        self.count = self.step = 0

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "step": self.step}

    def set_state(self, data: dict[str, Any]) -> None:
        self.count, self.step = data["count"], data["step"]
