"""The attach/detach controller: a volume is attached to the node of the Pods that use it, and taken off it after them.

Models      pkg/controller/volume/attachdetach/attach_detach_controller.go, reconciler/reconciler.go,
            statusupdater/node_status_updater.go, pkg/volume/csi/csi_attacher.go (Attach, Detach)
Leaves out  volume plugins inside Kubernetes that attach (iSCSI, Fibre Channel) or that CSI drivers have taken over;
            back-off after a failure: the driver's next word counts
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.apimachinery.attachment import attaches, attachment_name, driver_of, may_be_shared, unique_name
from apps.cluster.apimachinery.conditions import find
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, key_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.persistentvolume.protection import claims_of
from apps.cluster.engine import Engine

MANAGED = "volumes.kubernetes.io/controller-managed-attach-detach"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
UNMOUNT_WAIT_MS = 360_000  # maxWaitForUnmountDuration: then a volume is taken off a node that is not Ready
TERMINAL = ("Succeeded", "Failed")
VOLUME_INDEX = "attachments of"
EXCLUSIVE = "Volume is already exclusively attached to one node and can't be attached to another"


def _volume_of(attachment: Obj) -> str:
    """An index value: the PersistentVolume that is attached."""
    return str((attachment["spec"].get("source") or EMPTY).get("persistentVolumeName") or "")


def uses_volumes(pod: Obj) -> bool:
    """Whether the Pod's volumes have to be where it is: not before it has a node, not once nothing of it runs."""
    status = pod.get("status") or EMPTY
    if not pod["spec"].get("nodeName") or status.get("phase") in TERMINAL:
        return False
    if "deletionTimestamp" not in pod["metadata"]:
        return True
    return any("terminated" not in (one.get("state") or EMPTY) for one in status.get("containerStatuses") or ())


def blocked(pod: Obj, others: list[Obj]) -> str:
    """What a Pod is told whose volume is on another node. Names of another namespace are not for it to see."""
    if not others:
        return EXCLUSIVE
    here = [name_of(other) for other in others if namespace_of(other) == namespace_of(pod)]
    elsewhere = len(others) - len(here)
    if not here:
        return f"Volume is already used by {elsewhere} pod(s) in different namespaces"
    said = f"Volume is already used by pod(s) {', '.join(here)}"
    return f"{said} and {elsewhere} pod(s) in different namespaces" if elsewhere else said


def healthy(node: Obj | None) -> bool:
    ready = find(_status(node).get("conditions") or [], "Ready")
    return ready is not None and ready["status"] == "True"


def is_out_of_service(node: Obj | None) -> bool:
    return node is not None and any(taint["key"] == OUT_OF_SERVICE for taint in node["spec"].get("taints") or ())


def names_attached(node: Obj) -> list[str]:
    return [one["name"] for one in _status(node).get("volumesAttached") or ()]


def _status(node: Obj | None) -> Mapping[str, Any]:
    return (node.get("status") if node is not None else None) or EMPTY


class AttachDetachController(Controller):
    """Keys are names of PersistentVolumes. Level-triggered: who uses one, and where it is, are looked up each time."""

    name = "persistentvolume-attach-detach-controller"
    source = "attachdetach-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.pods = informers("pods")
        self.nodes = informers("nodes")
        self.claims = informers("persistentvolumeclaims")
        self.volumes = informers("persistentvolumes")
        self.drivers = informers("csidrivers")
        self.attachments = informers("volumeattachments")
        self._users: dict[str, dict[str, None]] = {}  # claim -> Pods that mount it
        self._told: dict[str, str] = {}  # "volume node" -> what its Pods were told last of why it is not attached
        self._asked: dict[str, int] = {}  # "volume node" -> since when it ought to go from there
        self.attachments.add_index(VOLUME_INDEX, _volume_of)
        self.pods.add_handler(self._pod, self._pod_changed, self._pod_deleted)
        self.nodes.add_handler(None, self._node_changed, self._node_deleted)
        self.claims.add_handler(self._claim, lambda _, new: self._claim(new))
        self.attachments.add_handler(self._attachment, lambda _, new: self._attachment(new), self._attachment)

    # ---- what happens ---------------------------------------------------------------------------

    def _pod(self, pod: Obj) -> None:
        if not pod["spec"].get("nodeName"):
            return
        for name in claims_of(pod):
            key = f"{namespace_of(pod)}/{name}"
            self._users.setdefault(key, {})[key_of(pod)] = None
            self._claim_key(key)

    def _pod_changed(self, old: Obj, new: Obj) -> None:
        if (
            old["spec"] is new["spec"]
            and "deletionTimestamp" not in new["metadata"]
            and (old.get("status") or EMPTY).get("phase") == (new.get("status") or EMPTY).get("phase")
        ):
            return
        self._pod(new)

    def _pod_deleted(self, pod: Obj) -> None:
        for name in claims_of(pod):
            key = f"{namespace_of(pod)}/{name}"
            users = self._users.get(key)
            if users is not None and users.pop(key_of(pod), "") is None:
                if not users:
                    del self._users[key]
                self._claim_key(key)

    def _claim(self, claim: Obj) -> None:
        if key_of(claim) in self._users:
            self._claim_key(key_of(claim))

    def _claim_key(self, key: str) -> None:
        claim = self.claims.get(key)
        if claim is not None and claim["spec"].get("volumeName"):
            self.enqueue(claim["spec"]["volumeName"])

    def _attachment(self, attachment: Obj) -> None:
        if name := _volume_of(attachment):
            self.enqueue(name)

    def _node_changed(self, old: Obj, new: Obj) -> None:
        was, now = _status(old), _status(new)
        if not was.get("volumesAttached") and not now.get("volumesInUse") and not was.get("volumesInUse"):
            return
        if (
            was.get("volumesInUse") != now.get("volumesInUse")
            or old["spec"].get("taints") != new["spec"].get("taints")
            or healthy(old) is not healthy(new)
        ):
            self._node_deleted(new)

    def _node_deleted(self, node: Obj) -> None:
        for attachment in self.attachments.list():
            if attachment["spec"]["nodeName"] == name_of(node):
                self._attachment(attachment)

    # ---- turns ----------------------------------------------------------------------------------

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        volume = self.volumes.get(key)
        attachments = {one["spec"]["nodeName"]: one for one in self.attachments.by_index(VOLUME_INDEX, key)}
        wanted: dict[str, list[Obj]] = {}
        if volume is not None and attaches(volume, self.drivers.get(driver_of(volume))):
            for pod in self._pods_of(volume):
                wanted.setdefault(pod["spec"]["nodeName"], []).append(pod)
        for node, attachment in attachments.items():
            if node not in wanted:
                self._detach(key, volume, node, attachment)
        for node in [*self._marks(key)]:
            if node not in wanted:
                self._told.pop(f"{key} {node}", None)
        for node, pods in wanted.items():
            assert volume is not None
            self._asked.pop(f"{key} {node}", None)
            self._attach(volume, node, pods, attachments, wanted)

    def _marks(self, volume: str) -> list[str]:
        return [mark.partition(" ")[2] for mark in self._told if mark.startswith(f"{volume} ")]

    def _pods_of(self, volume: Obj) -> list[Obj]:
        claim = volume["spec"].get("claimRef") or EMPTY
        key = f"{claim.get('namespace')}/{claim.get('name')}"
        bound = self.claims.get(key)
        if bound is None or bound["spec"].get("volumeName") != name_of(volume):
            return []
        found = (self.pods.get(name) for name in self._users.get(key, ()))
        return [pod for pod in found if pod is not None and uses_volumes(pod) and self._manages(pod)]

    def _manages(self, pod: Obj) -> bool:
        node = self.nodes.get(pod["spec"]["nodeName"])
        return node is not None and MANAGED in annotations_of(node)

    def _attach(
        self, volume: Obj, node: str, pods: list[Obj], attachments: dict[str, Obj], wanted: dict[str, list[Obj]]
    ) -> None:
        name = name_of(volume)
        attachment = attachments.get(node)
        if attachment is None:
            if attachments and not may_be_shared(volume):
                others = [pod for other in attachments if other != node for pod in wanted.get(other, ())]
                self._refuse(name, node, pods, others)
                return
            made = self._new(volume, node)
            attachments[node] = self.client.create("volumeattachments", made, why="pv.attach", volume=name, target=node)
            return
        if "deletionTimestamp" in attachment["metadata"]:
            return  # it is on its way off the node: once it is gone it can come back
        status = attachment.get("status") or EMPTY
        if not status.get("attached"):
            error = (status.get("attachError") or EMPTY).get("message")
            if error:
                self._tell(name, node, pods, f'AttachVolume.Attach failed for volume "{name}" : {error}')
            return
        found = self.nodes.get(node)
        if found is None or unique_name(volume) in names_attached(found):
            return
        for pod in pods:
            said = f'AttachVolume.Attach succeeded for volume "{name}" '
            self.recorder.event(pod, "Normal", "SuccessfulAttachVolume", said)
        self._told.pop(f"{name} {node}", None)
        attached = [*(_status(found).get("volumesAttached") or ()), {"name": unique_name(volume), "devicePath": ""}]
        self._report(node, attached, "pv.node-attached", name)

    def _refuse(self, name: str, node: str, pods: list[Obj], others: list[Obj]) -> None:
        """A volume for one node alone is wanted on a second."""
        mark = f"{name} {node}"
        if mark not in self._told:
            self._told[mark] = "Multi-Attach"
            for pod in pods:
                said = f'Multi-Attach error for volume "{name}" {blocked(pod, others)}'
                self.recorder.event(pod, "Warning", "FailedAttachVolume", said)

    def _tell(self, name: str, node: str, pods: list[Obj], said: str) -> None:
        mark = f"{name} {node}"
        if self._told.get(mark) != said:
            self._told[mark] = said
            for pod in pods:
                self.recorder.event(pod, "Warning", "FailedAttachVolume", said)

    @staticmethod
    def _new(volume: Obj, node: str) -> Obj:
        return {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "VolumeAttachment",
            "metadata": {"name": attachment_name(volume, node)},
            "spec": {
                "attacher": driver_of(volume),
                "nodeName": node,
                "source": {"persistentVolumeName": name_of(volume)},
            },
        }

    def _detach(self, name: str, volume: Obj | None, node: str, attachment: Obj) -> None:
        if "deletionTimestamp" in attachment["metadata"]:
            return
        mark = f"{name} {node}"
        found = self.nodes.get(node)
        unique = unique_name(volume) if volume is not None and driver_of(volume) else ""
        if not is_out_of_service(found) and (found is None or unique in (_status(found).get("volumesInUse") or ())):
            since = self._asked.setdefault(mark, self.engine.now_ms)
            left = since + UNMOUNT_WAIT_MS - self.engine.now_ms
            if healthy(found) or left > 0:
                if not healthy(found):
                    self.enqueue(name, left)
                return
        self._asked.pop(mark, None)
        if found is not None and unique in names_attached(found):
            kept = [one for one in found["status"]["volumesAttached"] if one["name"] != unique]
            self._report(node, kept, "pv.node-detached", name)
        try:
            self.client.delete("volumeattachments", "", name_of(attachment), why="pv.detach", volume=name, target=node)
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    def _report(self, node: str, attached: list[Any], why: str, volume: str) -> None:
        """Say on the Node what is attached to it: its kubelet mounts nothing else."""
        body = {"status": {"volumesAttached": attached or None}}
        try:
            self.client.patch(
                "nodes", "", node, body, type="merge", subresource="status", why=why, volume=volume, target=node
            )
        except StatusError as error:
            if error.reason != "NotFound":
                raise

    # ---- saving ---------------------------------------------------------------------------------

    def stop(self) -> None:
        super().stop()
        self._told.clear()
        self._asked.clear()

    def state(self) -> dict[str, Any]:
        users = {claim: list(pods) for claim, pods in self._users.items()}
        return {"users": users, "told": dict(self._told), "asked": dict(self._asked)}

    def set_state(self, data: dict[str, Any]) -> None:
        self._users = {claim: dict.fromkeys(pods) for claim, pods in data["users"].items()}
        self._told = dict(data["told"])
        self._asked = dict(data["asked"])
