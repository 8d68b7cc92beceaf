"""A dynamic provisioner: makes a volume for each claim that asks for one, and removes it when it is released.

Models      sigs.k8s.io/sig-storage-lib-external-provisioner (controller.go), which every external provisioner builds on
Leaves out  the storage itself; the provisioner's own Pod, Events and finalizer; volumes that have to be near a node

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
from apps.cluster.engine import Engine

CLAIM_KEY, VOLUME_KEY = "claim:", "volume:"


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
        if not claim["spec"].get("volumeName") and _provisioner_of(claim):
            self.enqueue(CLAIM_KEY + key_of(claim))

    def _volume_changed(self, volume: Obj) -> None:
        if (volume.get("status") or EMPTY).get("phase") == "Released":
            self.enqueue(VOLUME_KEY + name_of(volume))

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key.startswith(CLAIM_KEY):
            claim = self.claims.get(key[len(CLAIM_KEY) :])
            if claim is not None:
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

    def _remove(self, volume: Obj) -> None:
        released = (volume.get("status") or EMPTY).get("phase") == "Released"
        deletes = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        ours = PROVISIONED_BY in annotations_of(volume) and "deletionTimestamp" not in volume["metadata"]
        if released and deletes and ours:
            self.client.delete("persistentvolumes", "", name_of(volume), why="pv.remove")


def _provisioner_of(claim: Obj) -> str:
    annotations = annotations_of(claim)
    return annotations.get(PROVISIONER) or annotations.get(BETA_PROVISIONER) or ""
