"""Protection of claims, volumes and their classes in use: their finalizers go only when nobody uses them any more.

Models      pkg/controller/volume/{pvcprotection,pvprotection,vacprotection} (1.36)
Leaves out  nothing that shows
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, name_of, namespace_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

PVC_FINALIZER = "kubernetes.io/pvc-protection"
PV_FINALIZER = "kubernetes.io/pv-protection"
VAC_FINALIZER = "kubernetes.io/vac-protection"


def is_candidate(obj: Obj, finalizer: str) -> bool:
    """Whether the object is being deleted and our finalizer holds it."""
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ())


def lacks(obj: Obj, finalizer: str) -> bool:
    """Whether it ought to have the finalizer: admission gives it to what is new, not to what was there before."""
    metadata = obj["metadata"]
    return "deletionTimestamp" not in metadata and finalizer not in (metadata.get("finalizers") or ())


def with_finalizer(obj: Obj, finalizer: str) -> Obj:
    metadata = obj["metadata"]
    return {**obj, "metadata": {**metadata, "finalizers": [*(metadata.get("finalizers") or ()), finalizer]}}


def claims_of(pod: Obj) -> list[str]:
    """Names of the claims that a Pod mounts, those of its generic ephemeral volumes among them."""
    out = []
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("ephemeral"):
            out.append(f"{name_of(pod)}-{volume['name']}")
        elif name := (volume.get("persistentVolumeClaim") or EMPTY).get("claimName"):
            out.append(name)
    return out


def is_used(claim: Obj, pod: Obj) -> bool:
    """Whether a scheduled Pod mounts the claim. A finished one counts too: its kubelet may not have let go yet."""
    return bool(pod["spec"].get("nodeName")) and name_of(claim) in claims_of(pod)


def without_finalizer(obj: Obj, finalizer: str) -> Obj:
    kept = [name for name in obj["metadata"].get("finalizers") or () if name != finalizer]
    metadata = {**obj["metadata"], "finalizers": kept}
    if not kept:
        del metadata["finalizers"]
    return {**obj, "metadata": metadata}


class PVCProtectionController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "persistentvolumeclaim-protection-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.claims = informers("persistentvolumeclaims")
        self.pods = informers("pods")
        self.claims.add_handler(self._changed, lambda _, new: self._changed(new))
        self.pods.add_handler(on_delete=self._pod_deleted)

    def _changed(self, claim: Obj) -> None:
        if is_candidate(claim, PVC_FINALIZER) or lacks(claim, PVC_FINALIZER):
            self.enqueue(key_of(claim))

    def _pod_deleted(self, pod: Obj) -> None:
        for name in claims_of(pod):
            claim = self.claims.get(f"{namespace_of(pod)}/{name}")
            if claim is not None:
                self._changed(claim)

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        claim = self.claims.get(key)
        if claim is not None and lacks(claim, PVC_FINALIZER):
            wanted = with_finalizer(claim, PVC_FINALIZER)
            self.client.update("persistentvolumeclaims", wanted, why="pv.protect-claim")
        if claim is None or not is_candidate(claim, PVC_FINALIZER):
            return
        if any(is_used(claim, pod) for pod in self.pods.list(namespace_of(claim))):
            return
        self.client.update(
            "persistentvolumeclaims", without_finalizer(claim, PVC_FINALIZER), why="pv.release-claim-protection"
        )


class PVProtectionController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "persistentvolume-protection-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.volumes = informers("persistentvolumes")
        self.volumes.add_handler(self._changed, lambda _, new: self._changed(new))

    def _changed(self, volume: Obj) -> None:
        if is_candidate(volume, PV_FINALIZER) or lacks(volume, PV_FINALIZER):
            self.enqueue(name_of(volume))

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        volume = self.volumes.get(key)
        if volume is not None and lacks(volume, PV_FINALIZER):
            self.client.update("persistentvolumes", with_finalizer(volume, PV_FINALIZER), why="pv.protect-volume")
        if volume is None or not is_candidate(volume, PV_FINALIZER):
            return
        if (volume.get("status") or EMPTY).get("phase") != "Bound":
            self.client.update(
                "persistentvolumes", without_finalizer(volume, PV_FINALIZER), why="pv.release-volume-protection"
            )


def attributes_classes_of(obj: Obj) -> set[str]:
    """The VolumeAttributesClasses that a claim or a volume names, wants or has."""
    status = obj.get("status") or EMPTY
    wanted = (status.get("modifyVolumeStatus") or EMPTY).get("targetVolumeAttributesClassName")
    names = (
        obj["spec"].get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        wanted,
    )
    return {name for name in names if name}


class VACProtectionController(Controller):
    """Keys are names of VolumeAttributesClasses."""

    name = "volumeattributesclass-protection-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.classes = informers("volumeattributesclasses")
        self.users = (informers("persistentvolumes"), informers("persistentvolumeclaims"))
        self.classes.add_handler(self._changed, lambda _, new: self._changed(new))
        for users in self.users:
            users.add_handler(None, self._user_changed, self._user_deleted)

    def _changed(self, one: Obj) -> None:
        if is_candidate(one, VAC_FINALIZER) or lacks(one, VAC_FINALIZER):
            self.enqueue(name_of(one))

    def _user_changed(self, old: Obj, new: Obj) -> None:
        for name in sorted(attributes_classes_of(old) - attributes_classes_of(new)):
            self.enqueue(name)

    def _user_deleted(self, user: Obj) -> None:
        for name in sorted(attributes_classes_of(user)):
            self.enqueue(name)

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        one = self.classes.get(key)
        if one is None:
            return
        if lacks(one, VAC_FINALIZER):
            self.client.update("volumeattributesclasses", with_finalizer(one, VAC_FINALIZER), why="pv.protect-class")
        elif is_candidate(one, VAC_FINALIZER) and not self._is_used(key):
            wanted = without_finalizer(one, VAC_FINALIZER)
            self.client.update("volumeattributesclasses", wanted, why="pv.release-class-protection")

    def _is_used(self, name: str) -> bool:
        return any(name in attributes_classes_of(user) for users in self.users for user in users.cache.values())
