"""A driver's attacher: does what VolumeAttachments ask for, and says so.

Models      kubernetes-csi/external-attacher (pkg/controller/csi_handler.go, util.go), which runs beside a CSI driver
Leaves out  the driver's own Pod and Events; secrets; attachments that fail

It stands in for the attacher of every driver, as `provisioner.py` does for provisioners.
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.persistentvolume.protection import is_candidate, lacks, with_finalizer, without_finalizer
from apps.cluster.engine import Engine

ATTACH_MS, DETACH_MS = 1_500, 1_000  # what a driver takes
VOLUME_KEY = "volume:"


def finalizer_of(driver: str) -> str:
    """The mark by which an attacher keeps what it still has to do something for.

    >>> finalizer_of("disk.csi.example.com")
    'external-attacher/disk-csi-example-com'
    """
    return f"external-attacher/{driver.replace('.', '-')}"


class StorageAttacher(Controller):
    """Keys are names of VolumeAttachments, and "volume:pvc-1" of PersistentVolumes that are to go."""

    name = "storage-attacher"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.attachments = informers("volumeattachments")
        self.volumes = informers("persistentvolumes")
        self.attachments.add_handler(self._changed, lambda _, new: self._changed(new), self._gone)
        self.volumes.add_handler(None, lambda _, new: self._volume_changed(new))

    def _changed(self, attachment: Obj) -> None:
        attached = (attachment.get("status") or EMPTY).get("attached")
        if "deletionTimestamp" in attachment["metadata"]:
            self.enqueue(name_of(attachment), DETACH_MS if attached else 0)
        elif lacks(attachment, finalizer_of(attachment["spec"]["attacher"])):
            self.enqueue(name_of(attachment))
        elif not attached:
            self.enqueue(name_of(attachment), ATTACH_MS)

    def _gone(self, attachment: Obj) -> None:
        name = (attachment["spec"].get("source") or EMPTY).get("persistentVolumeName")
        volume = self.volumes.get(name) if name else None
        if volume is not None:
            self._volume_changed(volume)

    def _volume_changed(self, volume: Obj) -> None:
        csi = volume["spec"].get("csi")
        if csi and is_candidate(volume, finalizer_of(csi["driver"])):
            self.enqueue(VOLUME_KEY + name_of(volume))

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key.startswith(VOLUME_KEY):
            self._let_go(key[len(VOLUME_KEY) :])
            return
        attachment = self.attachments.get(key)
        if attachment is None:
            return
        mark = finalizer_of(attachment["spec"]["attacher"])
        if "deletionTimestamp" in attachment["metadata"]:
            if (attachment.get("status") or EMPTY).get("attached"):
                off = {**attachment, "status": {"attached": False}}
                attachment = self.client.update_status("volumeattachments", off, why="pv.detached", **_told(attachment))
            if is_candidate(attachment, mark):
                done = without_finalizer(attachment, mark)
                self.client.update("volumeattachments", done, why="pv.detach-done", **_told(attachment))
        elif lacks(attachment, mark):
            kept = with_finalizer(attachment, mark)
            self.client.update("volumeattachments", kept, why="pv.keep-attachment", **_told(attachment))
            volume = self.volumes.get(_told(attachment)["volume"])
            if volume is not None and lacks(volume, mark):
                self.client.update("persistentvolumes", with_finalizer(volume, mark), why="pv.keep-attached")
        elif not (attachment.get("status") or EMPTY).get("attached"):
            on = {**attachment, "status": {"attached": True}}
            self.client.update_status("volumeattachments", on, why="pv.attached", **_told(attachment))

    def _let_go(self, name: str) -> None:
        """A volume that is to go and is attached nowhere any more."""
        volume = self.volumes.get(name)
        if volume is None or any(_told(one)["volume"] == name for one in self.attachments.list()):
            return
        mark = finalizer_of(volume["spec"]["csi"]["driver"])
        if is_candidate(volume, mark):
            self.client.update("persistentvolumes", without_finalizer(volume, mark), why="pv.release-attached")


def _told(attachment: Obj) -> dict[str, str]:
    """What a sentence about it names."""
    spec = attachment["spec"]
    return {"volume": (spec.get("source") or EMPTY).get("persistentVolumeName") or "", "target": spec["nodeName"]}
