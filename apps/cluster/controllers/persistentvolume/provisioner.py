"""A dynamic provisioner: makes a volume for each claim that asks for one, and removes it when it is released.

Models      sigs.k8s.io/sig-storage-lib-external-provisioner (controller.go), which every external provisioner builds on
Leaves out  the storage itself; the provisioner's own Pod, Events and finalizer; volumes that have to be near a node;
            resizing on the node

It stands in for the provisioner of every StorageClass but Kubernetes' own (kubernetes.io/…), so volumes of any class
come about.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, key_of, name_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.persistentvolume.matching import claim_class
from apps.cluster.controllers.persistentvolume.pv_controller import (
    BETA_PROVISIONER,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    claim_reference,
)
from apps.cluster.controllers.volumeexpand.expand_controller import asked_for, has
from apps.cluster.engine import Engine

CLAIM_KEY, VOLUME_KEY = "claim:", "volume:"
RESIZE_MS = 500  # what a driver takes to make a volume larger


def new_volume(claim: Obj, storage_class: Obj, provisioner: str) -> Obj:
    """The PersistentVolume made for a claim."""
    name = f"pvc-{uid_of(claim)}"
    spec: dict[str, Any] = {
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        # A driver's name is a DNS name; older provisioners have a slash in theirs.
        "csi": {"driver": provisioner.replace("/", "."), "volumeHandle": name},
        "accessModes": claim["spec"]["accessModes"],
        "claimRef": claim_reference(claim),
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": name_of(storage_class),
        "volumeMode": claim["spec"].get("volumeMode") or "Filesystem",
    }
    if storage_class.get("mountOptions"):
        spec["mountOptions"] = storage_class["mountOptions"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: provisioner}},
        "spec": spec,
    }


class StorageProvisioner(Controller):
    """Keys are "claim:default/data" and "volume:pvc-1"."""

    name = "storage-provisioner"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.claims = informers("persistentvolumeclaims")
        self.volumes = informers("persistentvolumes")
        self.classes = informers("storageclasses")
        self.claims.add_handler(self._claim_changed, lambda _, new: self._claim_changed(new))
        self.volumes.add_handler(self._volume_changed, lambda _, new: self._volume_changed(new))

    def _claim_changed(self, claim: Obj) -> None:
        if not claim["spec"].get("volumeName"):
            if _provisioner_of(claim):
                self.enqueue(CLAIM_KEY + key_of(claim))
        elif (claim.get("status") or EMPTY).get("phase") == "Bound" and asked_for(claim) > has(claim):
            self.enqueue(CLAIM_KEY + key_of(claim), RESIZE_MS)

    def _volume_changed(self, volume: Obj) -> None:
        if (volume.get("status") or EMPTY).get("phase") == "Released":
            self.enqueue(VOLUME_KEY + name_of(volume))

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key.startswith(CLAIM_KEY):
            claim = self.claims.get(key[len(CLAIM_KEY) :])
            if claim is not None and claim["spec"].get("volumeName"):
                self._resize(claim)
            elif claim is not None:
                self._provision(claim)
        else:
            volume = self.volumes.get(key[len(VOLUME_KEY) :])
            if volume is not None:
                self._remove(volume)

    def _provision(self, claim: Obj) -> None:
        storage_class = self.classes.get(claim_class(claim))
        provisioner = _provisioner_of(claim)
        if claim["spec"].get("volumeName") or storage_class is None or storage_class.get("provisioner") != provisioner:
            return
        waits = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        if waits and SELECTED_NODE not in annotations_of(claim):
            return
        try:
            volume = new_volume(claim, storage_class, provisioner)
            self.client.create("persistentvolumes", volume, why="pv.provision", claim=key_of(claim))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    def _resize(self, claim: Obj) -> None:
        """As a driver's external-resizer, for storage that has nothing to do on the node: first the volume, then the
        claim's own account of it."""
        volume = self.volumes.get(claim["spec"]["volumeName"])
        if volume is None or PROVISIONED_BY not in annotations_of(volume) or asked_for(claim) <= has(claim):
            return
        size = claim["spec"]["resources"]["requests"]["storage"]
        resizer = Recorder(self.engine, self.client, f"external-resizer {annotations_of(volume)[PROVISIONED_BY]}")
        resizer.event(claim, "Normal", "Resizing", f"External resizer is resizing volume {name_of(volume)}")
        body = {"spec": {"capacity": {"storage": size}}}
        self.client.patch("persistentvolumes", "", name_of(volume), body, why="pv.grow-volume", size=size)
        status = {**claim["status"], "capacity": {**claim["status"]["capacity"], "storage": size}}
        new = {**claim, "status": status}
        self.client.update_status("persistentvolumeclaims", new, why="pv.grow-claim", size=size)
        resizer.event(claim, "Normal", "VolumeResizeSuccessful", "Resize volume succeeded")

    def _remove(self, volume: Obj) -> None:
        released = (volume.get("status") or EMPTY).get("phase") == "Released"
        deletes = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        ours = PROVISIONED_BY in annotations_of(volume) and "deletionTimestamp" not in volume["metadata"]
        if released and deletes and ours:
            self.client.delete("persistentvolumes", "", name_of(volume), why="pv.remove")


def _provisioner_of(claim: Obj) -> str:
    annotations = annotations_of(claim)
    return annotations.get(PROVISIONER) or annotations.get(BETA_PROVISIONER) or ""
