"""The taint eviction controller: Pods leave nodes with NoExecute taints, each after the seconds it tolerates.

Models      pkg/controller/tainteviction/{taint_eviction.go,timed_workers.go} (1.36)
Leaves out  retrying a refused deletion five times at once: it is tried again after the usual back-off
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery.conditions import set_condition
from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, name_of, split_key
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.indexes import add_node_index, pods_on
from apps.cluster.controllers.placement import tolerates
from apps.cluster.engine import Engine

NODE_KEY, POD_KEY, EVICT_KEY = "node:", "pod:", "evict:"  # what a queue key asks for
FOREVER = -1


def stay_ms(taints: Sequence[Obj], tolerations: Sequence[Obj]) -> int | None:
    """How long a Pod may stay on a node with these NoExecute taints: milliseconds, FOREVER, or None for not at all."""
    shortest: int | None = None
    for taint in taints:
        used = next((toleration for toleration in tolerations if tolerates(toleration, taint)), None)
        if used is None:
            return None
        seconds = used.get("tolerationSeconds")
        if seconds is not None:
            shortest = max(seconds, 0) if shortest is None else min(shortest, max(seconds, 0))
    return FOREVER if shortest is None else shortest * 1000


def no_execute(node: Obj) -> list[Obj]:
    return [taint for taint in (node.get("spec") or EMPTY).get("taints") or () if taint["effect"] == "NoExecute"]


class TaintEvictionController(Controller):
    """Keys say what changed: a node, a Pod, or that a Pod's time is up."""

    name = "taint-eviction-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.nodes = informers("nodes")
        self.pods = informers("pods")
        add_node_index(self.pods)
        self.tainted: dict[str, list[Obj]] = {}  # node -> its NoExecute taints
        # Pod -> [uid, when its toleration began, when it is up]; None: evicted, and not to be planned again
        self.planned: dict[str, list[Any] | None] = {}
        self.nodes.add_handler(self._node_added, self._node_updated, self._node_deleted)
        self.pods.add_handler(self._pod_added, self._pod_updated, self._pod_deleted)

    def _node_added(self, node: Obj) -> None:
        if no_execute(node):
            self.enqueue(NODE_KEY + name_of(node))

    def _node_updated(self, old: Obj, new: Obj) -> None:
        if old.get("spec") is not new.get("spec") and no_execute(old) != no_execute(new):
            self.enqueue(NODE_KEY + name_of(new))

    def _node_deleted(self, node: Obj) -> None:
        self.enqueue(NODE_KEY + name_of(node))

    def _pod_added(self, pod: Obj) -> None:
        if self.tainted and pod["spec"].get("nodeName") in self.tainted:
            self.enqueue(POD_KEY + key_of(pod))

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        before, after = old["spec"], new["spec"]
        if before is after or not self.tainted:
            return
        moved = before.get("nodeName") != after.get("nodeName")
        if (moved or before.get("tolerations") != after.get("tolerations")) and after.get("nodeName") in self.tainted:
            self.enqueue(POD_KEY + key_of(new))

    def _pod_deleted(self, pod: Obj) -> None:
        if key_of(pod) in self.planned:
            self.enqueue(POD_KEY + key_of(pod))

    def sync(self, key: str) -> None:
        """Raises: StatusError, the deletion was refused; it is tried again later."""
        if key.startswith(EVICT_KEY):
            self._time_is_up(key[len(EVICT_KEY) :])
        elif key.startswith(NODE_KEY):
            self._sync_node(key[len(NODE_KEY) :])
        else:
            self._sync_pod(key[len(POD_KEY) :])

    def _sync_node(self, name: str) -> None:
        node = self.nodes.get(name)
        taints = no_execute(node) if node is not None else []
        if not taints:
            self.tainted.pop(name, None)
            if node is not None:
                for pod in pods_on(self.pods, name):
                    self._cancel(key_of(pod))
            return
        self.tainted[name] = taints
        for pod in pods_on(self.pods, name):
            self._plan(pod, taints)

    def _sync_pod(self, key: str) -> None:
        pod = self.pods.get(key)
        if pod is None:
            self._cancel(key)
            return
        planned = self.planned.get(key)
        if key in self.planned and (planned is None or planned[0] != pod["metadata"]["uid"]):
            self._cancel(key)  # an earlier Pod of this name
        taints = self.tainted.get(pod["spec"].get("nodeName") or "")
        if taints is not None:
            self._plan(pod, taints)

    def _plan(self, pod: Obj, taints: list[Obj]) -> None:
        key, now = key_of(pod), self.engine.now_ms
        stay = stay_ms(taints, pod["spec"].get("tolerations") or ())
        if stay is None or stay == FOREVER:
            self._cancel(key)
            if stay is None:
                self._evict(key)
            return
        planned = self.planned.get(key)
        began = now
        if planned is not None:
            began = planned[1]
            if began + stay < now + stay:
                return  # its time is running already
            self._cancel(key)
        elif key in self.planned:
            return  # evicted, and on its way out
        self.planned[key] = [pod["metadata"]["uid"], began, now + stay]
        self.enqueue(EVICT_KEY + key, stay)

    def _cancel(self, key: str) -> None:
        planned = self.planned.pop(key, None)
        if planned is not None:
            self._tell(key, f"Cancelling deletion of Pod {key}")

    def _time_is_up(self, key: str) -> None:
        planned = self.planned.get(key)
        if planned is not None and planned[2] <= self.engine.now_ms:
            self._evict(key)

    def _evict(self, key: str) -> None:
        self._tell(key, f"Marking for deletion Pod {key}")
        self.planned[key] = None
        pod = self.pods.get(key)
        if pod is None:
            return
        namespace, name = split_key(key)
        status = pod["status"]
        condition = {
            "type": "DisruptionTarget",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "True",
            "lastProbeTime": None,
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
        }
        conditions = set_condition(status.get("conditions"), condition, format_ms(self.engine.now_ms))
        try:
            if conditions != (status.get("conditions") or []):
                new = {**pod, "status": {**status, "conditions": conditions}}
                self.client.update_status("pods", new, why="taint-eviction.mark-pod")
            why, node = "taint-eviction.evict", pod["spec"].get("nodeName", "")
            self.client.delete("pods", namespace, name, why=why, target=node)
        except StatusError as error:
            if error.reason != "NotFound":
                del self.planned[key]
                raise

    def _tell(self, key: str, message: str) -> None:
        namespace, name = split_key(key)
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
        self.recorder.event(pod, "Normal", "TaintManagerEviction", message)

    def stop(self) -> None:
        super().stop()
        self.tainted.clear()
        self.planned.clear()

    def state(self) -> dict[str, Any]:
        planned = {key: None if entry is None else list(entry) for key, entry in self.planned.items()}
        return {"tainted": {node: list(taints) for node, taints in self.tainted.items()}, "planned": planned}

    def set_state(self, data: dict[str, Any]) -> None:
        self.tainted = {node: list(taints) for node, taints in data["tainted"].items()}
        self.planned = {key: None if entry is None else list(entry) for key, entry in data["planned"].items()}
