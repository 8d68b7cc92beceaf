"""Protection of claims and volumes in use: their finalizers go only when nobody uses them any more.

Models      pkg/controller/volume/{pvcprotection,pvprotection} (1.36)
Leaves out  generic ephemeral volumes; adding the finalizers to objects from before there was admission for it
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import EMPTY, Obj, key_of, name_of, namespace_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

PVC_FINALIZER = "kubernetes.io/pvc-protection"
PV_FINALIZER = "kubernetes.io/pv-protection"


def is_candidate(obj: Obj, finalizer: str) -> bool:
    """Whether the object is being deleted and our finalizer holds it."""
    metadata = obj["metadata"]
    return "deletionTimestamp" in metadata and finalizer in (metadata.get("finalizers") or ())


def claims_of(pod: Obj) -> list[str]:
    """Names of the claims that a Pod mounts."""
    volumes = pod["spec"].get("volumes") or ()
    names = ((volume.get("persistentVolumeClaim") or EMPTY).get("claimName") for volume in volumes)
    return [name for name in names if name]


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
        if is_candidate(claim, PVC_FINALIZER):
            self.enqueue(key_of(claim))

    def _pod_deleted(self, pod: Obj) -> None:
        for name in claims_of(pod):
            claim = self.claims.get(f"{namespace_of(pod)}/{name}")
            if claim is not None:
                self._changed(claim)

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        claim = self.claims.get(key)
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
        if is_candidate(volume, PV_FINALIZER):
            self.enqueue(name_of(volume))

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        volume = self.volumes.get(key)
        if volume is None or not is_candidate(volume, PV_FINALIZER):
            return
        if (volume.get("status") or EMPTY).get("phase") != "Bound":
            self.client.update(
                "persistentvolumes", without_finalizer(volume, PV_FINALIZER), why="pv.release-volume-protection"
            )
