"""What the scheduler hears: objects come, change and go; the cache follows, and waiting Pods get another try.

Models      pkg/scheduler/eventhandlers.go and framework/events.go
Leaves out  events of kinds that no modelled plugin asks about (CSIDriver, ResourceClaim …)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of
from apps.cluster.scheduler.resources import pod_requests

if TYPE_CHECKING:
    from apps.cluster.scheduler.scheduler import Scheduler

SCHEDULER_NAME = "default-scheduler"
_FINISHED = ("Succeeded", "Failed")
_GROUPING = ("services", "replicasets", "statefulsets", "replicationcontrollers")


def node_events(old: Obj, new: Obj) -> list[str]:
    """What about a node changed, as far as plugins ask."""
    events = []
    before, after = old.get("spec") or EMPTY, new.get("spec") or EMPTY
    if before is not after:
        taints = before.get("taints") != after.get("taints")
        if taints or bool(before.get("unschedulable")) != bool(after.get("unschedulable")):
            events.append("node/taint")
    if (old.get("status") or EMPTY).get("allocatable") != (new.get("status") or EMPTY).get("allocatable"):
        events.append("node/allocatable")
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        events.append("node/label")
    return events


def pod_events(old: Obj, new: Obj) -> list[str]:
    """What about a Pod changed, as far as plugins ask."""
    events = []
    if old["metadata"].get("labels") != new["metadata"].get("labels"):
        events.append("pod/label")
    before, after = old["spec"], new["spec"]
    if before is not after:
        was, now = pod_requests(before), pod_requests(after)
        if any(amount > now.get(name, 0) for name, amount in was.items()):
            events.append("pod/scale-down")
        if before.get("schedulingGates") and not after.get("schedulingGates"):
            events.append("pod/gates")
        if len(before.get("tolerations") or ()) != len(after.get("tolerations") or ()):
            events.append("pod/toleration")
    return events


class EventHandlers:
    """Connects the scheduler to the informers of its process."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        informers = scheduler.informers
        # Nodes and namespaces first, so that a restarted scheduler knows them before it hears of Pods.
        informers("namespaces").add_handler(
            lambda new: self._namespace(new), lambda old, new: self._namespace(new), self._namespace_gone
        )
        informers("nodes").add_handler(self._node_added, self._node_updated, self._node_deleted)
        for resource in _GROUPING:
            informers(resource).add_handler(self._grouping, self._grouping_updated, self._grouping)
        for resource, name in (
            ("storageclasses", "storageclass"),
            ("persistentvolumes", "pv"),
            ("persistentvolumeclaims", "pvc"),
            ("csinodes", "csinode"),
            ("volumeattachments", "volumeattachment"),
        ):
            self._volumes(resource, name)
        informers("poddisruptionbudgets")
        informers("pods").add_handler(self._pod_added, self._pod_updated, self._pod_deleted)

    def _move(self, event: str, old: Obj | None, new: Obj | None, most_priority: int | None = None) -> None:
        scheduler = self.scheduler
        scheduler.queue.move(event, old, new, scheduler.engine.now_ms, scheduler.engine.cause, most_priority)
        scheduler.wake()

    # Pods

    def _pod_added(self, pod: Obj) -> None:
        if pod["status"].get("phase") in _FINISHED:
            return
        spec = pod["spec"]
        if spec.get("nodeName"):
            self.scheduler.cache.add_pod(pod)
            self._move("pod/add", None, pod)
        elif spec.get("schedulerName", SCHEDULER_NAME) == SCHEDULER_NAME:
            scheduler = self.scheduler
            scheduler.queue.add(key_of(pod), pod, scheduler.engine.now_ms, scheduler.engine.cause)
            if (pod["status"].get("nominatedNodeName")) is not None:
                scheduler.nominate(pod, pod["status"]["nominatedNodeName"])
            scheduler.wake()

    def _pod_updated(self, old: Obj, new: Obj) -> None:
        node = new["spec"].get("nodeName")
        if new["status"].get("phase") in _FINISHED:
            if old["status"].get("phase") not in _FINISHED:
                self._pod_deleted(old)
            return
        if not node:
            if new["spec"].get("schedulerName", SCHEDULER_NAME) == SCHEDULER_NAME:
                self._waiting_pod_updated(old, new)
            return
        scheduler = self.scheduler
        if not old["spec"].get("nodeName"):
            # It has been bound, by this scheduler or by someone else.
            scheduler.cache.add_pod(new)
            scheduler.forget_waiting(key_of(new))
            self._move("pod/add", None, new)
            return
        scheduler.cache.update_pod(new)
        if new["spec"] is not old["spec"] or new["metadata"].get("labels") is not old["metadata"].get("labels"):
            for event in pod_events(old, new):
                self._move(event, old, new)

    def _waiting_pod_updated(self, old: Obj, new: Obj) -> None:
        scheduler = self.scheduler
        key = key_of(new)
        if key in scheduler.cache.assumed:
            if "deletionTimestamp" in new["metadata"] and "deletionTimestamp" not in old["metadata"]:
                scheduler.give_up(key)
                self._move("pod/delete", new, None)
            return
        if scheduler.in_hand == key and key not in scheduler.queue.pods:
            return  # it is being scheduled, and will be put back in its newest state
        scheduler.queue.update(key, old, new, pod_events(old, new), scheduler.engine.now_ms, scheduler.engine.cause)
        before, after = old["status"].get("nominatedNodeName"), new["status"].get("nominatedNodeName")
        if before != after:
            scheduler.nominate(new, after or "")
            if before:
                self._move("pod/delete", old, None, old["spec"].get("priority") or 0)
        scheduler.wake()

    def _pod_deleted(self, pod: Obj) -> None:
        scheduler = self.scheduler
        key = key_of(pod)
        if pod["spec"].get("nodeName"):
            scheduler.cache.remove_pod(key)
            self._move("pod/delete", pod, None)
            return
        scheduler.forget_waiting(key)
        if key in scheduler.cache.assumed:
            scheduler.give_up(key)
            self._move("pod/delete", pod, None)
        elif pod["status"].get("nominatedNodeName"):
            self._move("pod/delete", pod, None, pod["spec"].get("priority") or 0)

    # Nodes and namespaces

    def _node_added(self, node: Obj) -> None:
        self.scheduler.cache.set_node(node)
        self._move("node/add", None, node)

    def _node_updated(self, old: Obj, new: Obj) -> None:
        self.scheduler.cache.set_node(new)
        for event in node_events(old, new):
            self._move(event, old, new)

    def _node_deleted(self, node: Obj) -> None:
        self._move("node/delete", node, None)
        self.scheduler.cache.remove_node(node["metadata"]["name"])

    def _namespace(self, namespace: Obj) -> None:
        metadata = namespace["metadata"]
        self.scheduler.cache.set_namespace(metadata["name"], metadata.get("labels") or EMPTY)

    def _namespace_gone(self, namespace: Obj) -> None:
        self.scheduler.cache.set_namespace(namespace["metadata"]["name"], None)

    # What says which Pods belong together, and volumes

    def _grouping(self, obj: Obj) -> None:
        self.scheduler.handle.selectors_version += 1

    def _grouping_updated(self, old: Obj, new: Obj) -> None:
        if old["spec"].get("selector") != new["spec"].get("selector"):
            self.scheduler.handle.selectors_version += 1

    def _volumes(self, resource: str, name: str) -> None:
        def added(new: Obj) -> None:
            self._move(f"{name}/add", None, new)

        def updated(old: Obj, new: Obj) -> None:
            self._move(f"{name}/update", old, new)
            self.scheduler.volumes_changed()

        def deleted(old: Obj) -> None:
            self._move(f"{name}/delete", old, None)

        self.scheduler.informers(resource).add_handler(added, updated, deleted)
