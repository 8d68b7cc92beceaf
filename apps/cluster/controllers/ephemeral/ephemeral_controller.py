"""The ephemeral volume controller: a claim for every generic ephemeral volume of a Pod.

Models      pkg/controller/volume/ephemeral/controller.go
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, controller_of, controller_ref, key_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine


def ephemeral_volumes(pod: Obj) -> list[Obj]:
    """The volumes of a Pod that bring their own claim."""
    return [volume for volume in pod["spec"].get("volumes") or () if volume.get("ephemeral")]


def claim_name(pod: Obj, volume: Obj) -> str:
    return f"{name_of(pod)}-{volume['name']}"


class EphemeralVolumeController(Controller):
    """Keys are those of Pods."""

    name = "ephemeral-volume-controller"
    source = "ephemeral_volume"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.pods = informers("pods")
        self.claims = informers("persistentvolumeclaims")
        self.pods.add_handler(self._added)
        self.claims.add_handler(None, None, self._claim_deleted)

    def _added(self, pod: Obj) -> None:
        if "volumes" in pod["spec"] and ephemeral_volumes(pod) and "deletionTimestamp" not in pod["metadata"]:
            self.enqueue(key_of(pod))

    def _claim_deleted(self, claim: Obj) -> None:
        owner = controller_of(claim)
        if owner is not None and owner["kind"] == "Pod":
            pod = self.pods.get(f"{namespace_of(claim)}/{owner['name']}")
            if pod is not None:
                self._added(pod)

    def sync(self, key: str) -> None:
        """Raises: StatusError, a claim could not be had; the turn is tried again later."""
        pod = self.pods.get(key)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        for volume in ephemeral_volumes(pod):
            try:
                self._claim(pod, volume)
            except StatusError as error:
                told = f"ephemeral volume {volume['name']}: {error.message}"
                self.recorder.event(pod, "Warning", "FailedBinding", told)
                raise

    def _claim(self, pod: Obj, volume: Obj) -> None:
        namespace, name = namespace_of(pod), claim_name(pod, volume)
        there = self.claims.get(f"{namespace}/{name}")
        if there is not None:
            owner = controller_of(there)
            if owner is None or owner["uid"] != uid_of(pod):
                told = f"PVC {namespace}/{name} was not created for pod {namespace}/{name_of(pod)} (pod is not owner)"
                raise StatusError(409, "Conflict", told)
            return
        template = volume["ephemeral"]["volumeClaimTemplate"]
        metadata: Obj = {"name": name, "namespace": namespace, "ownerReferences": [controller_ref(pod)]}
        for field in ("annotations", "labels"):
            if (template.get("metadata") or {}).get(field):
                metadata[field] = template["metadata"][field]
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": template["spec"]}
        try:
            self.client.create("persistentvolumeclaims", claim, why="ephemeral.create-claim", owner=name_of(pod))
        except StatusError as error:
            raise StatusError(error.code, error.reason, f"create PVC {name}: {error.message}") from None
