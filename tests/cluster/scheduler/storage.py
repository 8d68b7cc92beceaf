"""Volumes on the small control plane: their controllers, a class, a claim."""

from __future__ import annotations

from apps.cluster.client import Client, Informers, Recorder
from apps.cluster.controllers.persistentvolume.provisioner import StorageProvisioner
from apps.cluster.controllers.persistentvolume.pv_controller import PersistentVolumeController
from tests.cluster.scheduler.small import Small

USES_DATA = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]


def with_volumes(small: Small) -> None:
    informers = Informers(small.apiserver)
    for kind in (PersistentVolumeController, StorageProvisioner):
        client = Client(small.apiserver, kind.name)
        small.engine.register(
            kind.name, kind(small.engine, client, informers, Recorder(small.engine, client, kind.name))
        )


def storage_class(small: Small, mode: str, provisioner: str = "disk.example.com") -> None:
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "disk"}}
    small.create("storageclasses", {**kind, "provisioner": provisioner, "volumeBindingMode": mode})


def make_claim(small: Small, name: str = "data") -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk"}
    kind = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"}}
    small.create("persistentvolumeclaims", {**kind, "spec": {**spec, "resources": {"requests": {"storage": "1Gi"}}}})


def volume(small: Small, name: str = "v1", **more: object) -> None:
    """One of the class, on a path of the machine."""
    spec = {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "disk"}
    kind = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}}
    small.create("persistentvolumes", {**kind, "spec": {**spec, "hostPath": {"path": "/data"}, **more}})
