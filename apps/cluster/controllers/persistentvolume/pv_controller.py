"""The PersistentVolume binder: joins claims and volumes, asks for new volumes, reclaims released ones.

Models      pkg/controller/volume/persistentvolume/pv_controller.go (1.36)
Leaves out  volume plugins inside Kubernetes, recycling, migration to CSI

Every 15 s it looks again at the claims that have no volume: a volume made by hand meets its claim then, and what a
claim waits for is told again.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, key_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.persistentvolume import matching
from apps.cluster.controllers.persistentvolume.protection import claims_of
from apps.cluster.engine import Engine

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

CLAIM_KEY, VOLUME_KEY = "claim:", "volume:"
CLAIM_INDEX, PENDING_INDEX = "claim", "pending"


RESYNC_MS = 15_000  # --pvclaimbinder-sync-period


def _claim_of(volume: Obj) -> Any:
    reference = volume["spec"].get("claimRef")
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference else ""


def _pending(claim: Obj) -> Any:
    return "" if BIND_COMPLETED in annotations_of(claim) else "yes"


class PersistentVolumeController(Controller):
    """Keys are "claim:default/data" and "volume:pvc-1"."""

    name = "persistentvolume-binder-controller"
    source = "persistentvolume-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.volumes = informers("persistentvolumes")
        self.claims = informers("persistentvolumeclaims")
        self.classes = informers("storageclasses")
        self.pods = informers("pods")
        self.begun_ms = 0
        self.volumes.add_index(CLAIM_INDEX, _claim_of)
        self.claims.add_index(PENDING_INDEX, _pending)
        self.claims.add_handler(self._claim_changed, lambda _, new: self._claim_changed(new), self._claim_deleted)
        self.volumes.add_handler(self._volume_changed, self._volume_updated, self._volume_deleted)
        self.classes.add_handler(lambda _: self._wake_pending())

    def _claim_changed(self, claim: Obj) -> None:
        self.enqueue(CLAIM_KEY + key_of(claim))

    def _claim_deleted(self, claim: Obj) -> None:
        for volume in self.volumes.by_index(CLAIM_INDEX, key_of(claim)):
            self.enqueue(VOLUME_KEY + name_of(volume))

    def _volume_changed(self, volume: Obj) -> None:
        self.enqueue(VOLUME_KEY + name_of(volume))

    def _volume_updated(self, old: Obj, new: Obj) -> None:
        self._volume_changed(new)
        if _phase(new) == "Available" and _phase(old) != "Available":
            self._wake_pending()

    def _volume_deleted(self, volume: Obj) -> None:
        claim = _claim_of(volume)
        if claim:
            self.enqueue(CLAIM_KEY + claim)

    def _wake_pending(self) -> None:
        """What is new may suit a claim that waits: that is found at the next look at all of them."""
        for claim in self.claims.by_index(PENDING_INDEX, "yes"):
            key, wait = CLAIM_KEY + key_of(claim), self._until_resync()
            if self._due.get(key) == self.engine.now_ms + wait:
                del self._due[key]  # that look is no house-keeping any more
            self.enqueue(key, wait)

    def _until_resync(self) -> int:
        return RESYNC_MS - (self.engine.now_ms - self.begun_ms) % RESYNC_MS

    def start(self) -> None:
        super().start()
        self.begun_ms = self.engine.now_ms

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key.startswith(CLAIM_KEY):
            claim = self.claims.get(key[len(CLAIM_KEY) :])
            if claim is None:
                return
            if BIND_COMPLETED in annotations_of(claim):
                self._sync_bound(claim)
            else:
                self._sync_unbound(claim)
                now = self.claims.get(key_of(claim))
                if now is not None and BIND_COMPLETED not in annotations_of(now):
                    self.enqueue(key, self._until_resync(), quiet=True)
        else:
            volume = self.volumes.get(key[len(VOLUME_KEY) :])
            if volume is not None:
                self._sync_volume(volume)

    # Claims.

    def _sync_unbound(self, claim: Obj) -> None:
        wanted = claim["spec"].get("volumeName")
        if wanted:
            self._sync_asking_for(claim, self.volumes.get(wanted))
            return
        delay = self._delays_binding(claim)
        named = self.volumes.by_index(CLAIM_INDEX, key_of(claim))
        volume = matching.best_match(claim, named or self.volumes.list(), delay)
        if volume is not None:
            self._bind(volume, claim)
        elif not matching.has_class(claim) and (default := self._default_class()):
            spec = {**claim["spec"], "storageClassName": default}
            self.client.update(
                "persistentvolumeclaims", {**claim, "spec": spec}, why="pv.default-class", storage=default
            )
        elif delay and SELECTED_NODE not in annotations_of(claim):
            self._tell_waiting(claim)
            self._claim_status(claim, "Pending", None)
        elif matching.claim_class(claim):
            self._provision(claim)
        else:
            message = "no persistent volumes available for this claim and no storage class is set"
            self.recorder.event(claim, "Normal", "FailedBinding", message)
            self._claim_status(claim, "Pending", None)

    def _sync_asking_for(self, claim: Obj, volume: Obj | None) -> None:
        """The claim names its volume."""
        if volume is None:
            self._claim_status(claim, "Pending", None)
        elif volume["spec"].get("claimRef") is None:
            problem = matching.why_not(claim, volume)
            if problem:
                message = f'Cannot bind to requested volume "{name_of(volume)}": {problem}'
                self.recorder.event(claim, "Warning", "VolumeMismatch", message)
                self._claim_status(claim, "Pending", None)
            else:
                self._bind(volume, claim)
        elif matching.is_bound_to(volume, claim):
            self._bind(volume, claim)
        else:
            message = f'volume "{name_of(volume)}" already bound to a different claim.'
            self.recorder.event(claim, "Warning", "FailedBinding", message)
            self._claim_status(claim, "Pending", None)

    def _sync_bound(self, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        if not name:
            message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
            self._lose(claim, "ClaimLost", message)
            return
        volume = self.volumes.get(name)
        if volume is None:
            self._lose(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
        elif volume["spec"].get("claimRef") is None or volume["spec"]["claimRef"].get("uid") == uid_of(claim):
            self._bind(volume, claim)
        else:
            message = "Two claims are bound to the same volume, this one is bound incorrectly"
            self._lose(claim, "ClaimMisbound", message)

    def _lose(self, claim: Obj, reason: str, message: str) -> None:
        if _phase(claim) != "Lost":
            self.recorder.event(self._claim_status(claim, "Lost", None), "Warning", reason, message)

    def _delays_binding(self, claim: Obj) -> bool:
        storage_class = self.classes.get(matching.claim_class(claim))
        return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _default_class(self) -> str:
        """The name of the default class, the newest if there are several; "" without one."""
        defaults = [one for one in self.classes.list() if annotations_of(one).get(DEFAULT_CLASS) == "true"]
        defaults.sort(key=name_of)
        defaults.sort(key=lambda one: str(one["metadata"]["creationTimestamp"]), reverse=True)
        return name_of(defaults[0]) if defaults else ""

    def _tell_waiting(self, claim: Obj) -> None:
        waiting = [name_of(pod) for pod in self.pods.list(namespace_of(claim)) if _waits_for(pod, name_of(claim))]
        if not waiting:
            message = "waiting for first consumer to be created before binding"
            self.recorder.event(claim, "Normal", "WaitForFirstConsumer", message)
        else:
            who = f"pod {waiting[0]}" if len(waiting) == 1 else "pods " + ",".join(waiting)
            self.recorder.event(claim, "Normal", "WaitForPodScheduled", f"waiting for {who} to be scheduled")

    def _provision(self, claim: Obj) -> None:
        """Ask the provisioner of the claim's class for a volume."""
        wanted = matching.claim_class(claim)
        storage_class = self.classes.get(wanted)
        if storage_class is None:
            message = f'storageclass.storage.k8s.io "{wanted}" not found'
            self.recorder.event(claim, "Warning", "ProvisioningFailed", message)
            return
        provisioner = storage_class.get("provisioner", "")
        if provisioner.startswith("kubernetes.io/"):
            message = f"no volume plugin matched name: {provisioner}"
            self.recorder.event(claim, "Warning", "ProvisioningFailed", message)
            return
        annotations = annotations_of(claim)
        if annotations.get(PROVISIONER) != provisioner:
            marked = {**annotations, BETA_PROVISIONER: provisioner, PROVISIONER: provisioner}
            new = {**claim, "metadata": {**claim["metadata"], "annotations": marked}}
            why = "pv.ask-provisioner"
            claim = self.client.update("persistentvolumeclaims", new, why=why, provisioner=provisioner)
        message = (
            f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
            "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
            "correctly registered."
        )
        self.recorder.event(claim, "Normal", "ExternalProvisioning", message)

    # Volumes.

    def _sync_volume(self, volume: Obj) -> None:
        reference = volume["spec"].get("claimRef")
        if reference is None or not reference.get("uid"):
            self._volume_phase(volume, "Available")
            return
        claim = self.claims.get(_claim_of(volume))
        if claim is None or uid_of(claim) != reference["uid"]:
            self._reclaim(volume)
        elif not claim["spec"].get("volumeName"):
            if matching.same_mode(claim, volume):
                self.enqueue(CLAIM_KEY + key_of(claim))
                return
            message = (
                f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{name_of(claim)}" due to '
                "incompatible volumeMode."
            )
            self.recorder.event(volume, "Warning", "VolumeMismatch", message)
            message = (
                f'Cannot bind PersistentVolume "{name_of(volume)}" to requested PersistentVolumeClaim due to '
                "incompatible volumeMode."
            )
            self.recorder.event(claim, "Warning", "VolumeMismatch", message)
        elif claim["spec"]["volumeName"] == name_of(volume):
            self._volume_phase(volume, "Bound")
        elif PROVISIONED_BY in annotations_of(volume) and _policy(volume) == "Delete":
            self._reclaim(volume)
        else:
            self._unbind(volume)

    def _reclaim(self, volume: Obj) -> None:
        """Its claim is gone: released, and then as the reclaim policy says."""
        if _phase(volume) not in ("Released", "Failed"):
            volume = self._volume_phase(volume, "Released")
        if _policy(volume) == "Delete" and PROVISIONED_BY not in annotations_of(volume) and _phase(volume) != "Failed":
            name = name_of(volume)
            message = f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
            self._volume_phase(volume, "Failed")
            self.recorder.event(volume, "Warning", "VolumeFailedDelete", message)

    def _unbind(self, volume: Obj) -> None:
        """Undo a binding whose claim was served elsewhere."""
        annotations = dict(annotations_of(volume))
        spec = dict(volume["spec"])
        if annotations.pop(BOUND_BY_CONTROLLER, None) is not None:
            del spec["claimRef"]
        else:
            spec["claimRef"] = {key: value for key, value in spec["claimRef"].items() if key != "uid"}
        metadata = {**volume["metadata"], "annotations": annotations}
        new = self.client.update("persistentvolumes", {**volume, "metadata": metadata, "spec": spec}, why="pv.unbind")
        self._volume_phase(new, "Available")

    # The four writes of a binding, in the order in which upstream makes them.

    def _bind(self, volume: Obj, claim: Obj) -> None:
        reference = volume["spec"].get("claimRef") or EMPTY
        ours = matching.is_bound_to(volume, claim)
        volume_name, claim_name = name_of(volume), name_of(claim)
        if not ours or reference.get("uid") != uid_of(claim):
            annotations = annotations_of(volume)
            if not ours:
                annotations = {**annotations, BOUND_BY_CONTROLLER: "yes"}
            metadata = {**volume["metadata"], "annotations": annotations}
            spec = {**volume["spec"], "claimRef": claim_reference(claim)}
            new = {**volume, "metadata": metadata, "spec": spec}
            volume = self.client.update("persistentvolumes", new, why="pv.bind-volume", claim=claim_name)
        volume = self._volume_phase(volume, "Bound")
        annotations = dict(annotations_of(claim))
        spec = claim["spec"]
        if spec.get("volumeName") != volume_name:
            spec = {**spec, "volumeName": volume_name}
            annotations.setdefault(BOUND_BY_CONTROLLER, "yes")
        annotations.setdefault(BIND_COMPLETED, "yes")
        if spec is not claim["spec"] or annotations != annotations_of(claim):
            new = {**claim, "metadata": {**claim["metadata"], "annotations": annotations}, "spec": spec}
            claim = self.client.update("persistentvolumeclaims", new, why="pv.bind-claim", volume=volume_name)
        self._claim_status(claim, "Bound", volume)

    def _claim_status(self, claim: Obj, phase: str, volume: Obj | None) -> Obj:
        before = claim.get("status") or EMPTY
        status = {**before, "phase": phase}
        if volume is None:
            for name in ("accessModes", "capacity", "currentVolumeAttributesClassName"):
                status.pop(name, None)
        else:
            status["accessModes"] = volume["spec"].get("accessModes") or []
            if before.get("phase") != phase:
                status["capacity"] = {"storage": volume["spec"]["capacity"]["storage"]}
                if matching.attributes_class(volume):
                    status["currentVolumeAttributesClassName"] = matching.attributes_class(volume)
        if status == before:
            return claim
        return self.client.update_status(
            "persistentvolumeclaims", {**claim, "status": status}, why="pv.claim-phase", phase=phase
        )

    def _volume_phase(self, volume: Obj, phase: str) -> Obj:
        before = volume.get("status") or EMPTY
        if before.get("phase") == phase:
            return volume
        status = {**before, "phase": phase, "lastPhaseTransitionTime": format_ms(self.engine.now_ms)}
        new = {**volume, "status": status}
        return self.client.update_status("persistentvolumes", new, why="pv.volume-phase", phase=phase)

    def state(self) -> dict[str, Any]:
        return {"begun_ms": self.begun_ms}

    def set_state(self, data: dict[str, Any]) -> None:
        self.begun_ms = data["begun_ms"]


def claim_reference(claim: Obj) -> Obj:
    """`claimRef` of the volume bound to a claim."""
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
        "apiVersion": "v1",
        "resourceVersion": claim["metadata"]["resourceVersion"],
    }


def _phase(obj: Obj) -> str:
    return (obj.get("status") or EMPTY).get("phase") or ""


def _policy(volume: Obj) -> str:
    return volume["spec"].get("persistentVolumeReclaimPolicy") or "Retain"


def _waits_for(pod: Obj, claim: str) -> bool:
    """Whether an unscheduled Pod uses the claim."""
    if pod["spec"].get("nodeName"):
        return False
    return claim in claims_of(pod)
