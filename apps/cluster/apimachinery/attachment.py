"""Volumes that have to be attached to a machine before they can be mounted: which they are, and how they are called.

Models      pkg/volume/csi/csi_plugin.go (CanAttach, GetVolumeName), csi_attacher.go (getAttachmentName),
            pkg/volume/util/util.go (IsMultiAttachAllowed)
Leaves out  volume plugins inside Kubernetes that attach (iSCSI, Fibre Channel) or that CSI drivers have taken over
"""

from __future__ import annotations

from hashlib import sha256

from apps.cluster.apimachinery.meta import EMPTY, Obj

SHARED = ("ReadWriteMany", "ReadOnlyMany")


def driver_of(volume: Obj) -> str:
    """The CSI driver of a PersistentVolume, "" without one."""
    return str((volume["spec"].get("csi") or EMPTY).get("driver", ""))


def attaches(volume: Obj, csi_driver: Obj | None) -> bool:
    """Whether the volume has to be attached. A driver that nobody has described is assumed to want it."""
    if not driver_of(volume):
        return False
    return csi_driver is None or (csi_driver.get("spec") or EMPTY).get("attachRequired") is not False


def unique_name(volume: Obj) -> str:
    """How the status of a Node names the volume.

    >>> unique_name({"spec": {"csi": {"driver": "disk.example.com", "volumeHandle": "vol-1"}}})
    'kubernetes.io/csi/disk.example.com^vol-1'
    """
    csi = volume["spec"]["csi"]
    return f"kubernetes.io/csi/{csi['driver']}^{csi['volumeHandle']}"


def attachment_name(volume: Obj, node: str) -> str:
    """The name of the VolumeAttachment of a volume to a node."""
    csi = volume["spec"]["csi"]
    return f"csi-{sha256((csi['volumeHandle'] + csi['driver'] + node).encode()).hexdigest()}"


def may_be_shared(volume: Obj) -> bool:
    """Whether several nodes may have the volume at once."""
    modes = volume["spec"].get("accessModes")
    return not modes or any(mode in SHARED for mode in modes)
