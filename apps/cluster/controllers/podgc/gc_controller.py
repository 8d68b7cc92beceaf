"""The Pod garbage collector: Pods of nodes that are gone or out of service, and too many finished ones.

Models      pkg/controller/podgc/gc_controller.go (1.36)
Leaves out  nothing that shows
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.conditions import find, set_condition
from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.indexes import NODE_INDEX, add_node_index, pods_on
from apps.cluster.engine import Engine

PERIOD_MS = 20_000
QUARANTINE_MS = 40_000  # a node may come back for so long before its Pods are given up
TERMINATED_THRESHOLD = 12_500  # --terminated-pod-gc-threshold
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
ROUND_INDEX, FINISHED, UNSCHEDULED = "podgc", "finished", "terminating and unscheduled"
ROUND, ORPHANS = "round", "orphans"  # queue keys: the regular round, and one that somebody waits for


def too_many(pods: list[Obj], threshold: int) -> list[Obj]:
    """Finished Pods beyond the threshold: evicted ones first, then the oldest."""
    finished = [pod for pod in pods if _finished(pod)]
    excess = len(finished) - threshold
    if excess <= 0:
        return []
    finished.sort(key=_worth)
    return finished[:excess]


def _finished(pod: Obj) -> bool:
    return pod["status"].get("phase") not in ("Pending", "Running", "Unknown")


def _round_index(pod: Obj) -> str | tuple[str, ...]:
    """What a round over all Pods looks for: kept as they change, a round costs what it finds."""
    if "deletionTimestamp" in pod["metadata"] and not pod["spec"].get("nodeName"):
        return (FINISHED, UNSCHEDULED) if _finished(pod) else UNSCHEDULED
    return FINISHED if _finished(pod) else ""


def _worth(pod: Obj) -> tuple[bool, str, str]:
    status, metadata = pod["status"], pod["metadata"]
    evicted = status.get("phase") == "Failed" and status.get("reason") == "Evicted"
    return (not evicted, metadata["creationTimestamp"], metadata["name"])


class PodGCController(Controller):
    """One round each 20 s."""

    name = "pod-garbage-collector-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.pods = informers("pods")
        self.nodes = informers("nodes")
        self.quarantine: dict[str, int] = {}  # node -> when it counts as gone
        add_node_index(self.pods)
        self.pods.add_index(ROUND_INDEX, _round_index)
        self.nodes.add_handler(on_delete=self._node_deleted)
        self.enqueue(ROUND, PERIOD_MS, quiet=True)

    def _node_deleted(self, node: Obj) -> None:
        if pods_on(self.pods, name_of(node)):
            self.enqueue(ORPHANS, PERIOD_MS - self.engine.now_ms % PERIOD_MS)

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key == ROUND:
            self.enqueue(ROUND, PERIOD_MS, quiet=True)
        for pod in too_many(self.pods.by_index(ROUND_INDEX, FINISHED), TERMINATED_THRESHOLD):
            self._delete(pod, "podgc.delete-terminated")
        self._out_of_service()
        self._orphaned()
        for pod in self.pods.by_index(ROUND_INDEX, UNSCHEDULED):
            self._delete(pod, "podgc.delete-unscheduled")

    def _out_of_service(self) -> None:
        """Terminating Pods on nodes that someone has declared out of service."""
        for node in self.nodes.list():
            taints = (node.get("spec") or EMPTY).get("taints") or ()
            if not any(taint["key"] == OUT_OF_SERVICE for taint in taints):
                continue
            ready = find((node.get("status") or EMPTY).get("conditions"), "Ready")
            if ready is not None and ready["status"] == "True":
                continue
            going = [pod for pod in pods_on(self.pods, name_of(node)) if "deletionTimestamp" in pod["metadata"]]
            for pod in sorted(going, key=_worth):
                self._delete(pod, "podgc.delete-out-of-service")

    def _orphaned(self) -> None:
        """Pods of nodes that have been missing for the time of quarantine."""
        now = self.engine.now_ms
        missing = [name for name in self.pods.index_values(NODE_INDEX) if self.nodes.get(name) is None]
        for name in missing:
            self.quarantine.setdefault(name, now + QUARANTINE_MS)
        for name, due in list(self.quarantine.items()):
            if due > now:
                continue
            del self.quarantine[name]
            if name in missing:
                for pod in pods_on(self.pods, name):
                    condition = {
                        "type": "DisruptionTarget",
                        "observedGeneration": pod["metadata"].get("generation", 1),
                        "status": "True",
                        "lastProbeTime": None,
                        "reason": "DeletionByPodGC",
                        "message": "PodGC: node no longer exists",
                    }
                    self._delete(pod, "podgc.delete-orphaned", condition)
        if self.quarantine:
            self.enqueue(ORPHANS, PERIOD_MS)

    def _delete(self, pod: Obj, why: str, condition: Obj | None = None) -> None:
        """Mark it Failed, for no kubelet will, and delete it without grace."""
        status, namespace, name = pod["status"], namespace_of(pod), name_of(pod)
        node = pod["spec"].get("nodeName", "")
        try:
            if status.get("phase") not in ("Succeeded", "Failed"):
                failed = {**status, "phase": "Failed", "observedGeneration": pod["metadata"].get("generation", 1)}
                if condition is not None:
                    now = format_ms(self.engine.now_ms)
                    failed["conditions"] = set_condition(status.get("conditions"), condition, now)
                body = {"status": failed}
                self.client.patch("pods", namespace, name, body, subresource="status", why="podgc.mark-failed")
            self.client.delete("pods", namespace, name, grace_period_seconds=0, why=why, target=node)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    def stop(self) -> None:
        super().stop()
        self.quarantine.clear()

    def start(self) -> None:
        super().start()
        self.enqueue(ROUND, PERIOD_MS, quiet=True)

    def state(self) -> dict[str, Any]:
        return {"quarantine": dict(self.quarantine)}

    def set_state(self, data: dict[str, Any]) -> None:
        self.quarantine = dict(data["quarantine"])
