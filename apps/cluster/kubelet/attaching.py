"""Volumes of Pods that have to be attached to the machine first: the kubelet says that it needs them, and waits.

Models      pkg/kubelet/volumemanager (VerifyControllerAttachedVolume, GetVolumesInUse), pkg/kubelet/nodestatus
            (VolumesInUse), pkg/volume/csi/nodeinfomanager (CreateCSINode)
Leaves out  drivers that register with the kubelet: every driver is there
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from apps.cluster.apimachinery.attachment import attaches, driver_of, unique_name
from apps.cluster.kubelet.needs import claim_of

Obj = dict[str, Any]
Find = Callable[[str, str, str], "Obj | None"]  # resource, namespace, name

REPORT = "@volumes"  # a turn of the kubelet: other volumes are in use than its Node says
STATUS_MS = 10_000  # nodeStatusUpdateFrequency: how often a kubelet looks whether its Node says what is so
# The plugins of volumes inside Kubernetes that CSI drivers have taken over, as every CSINode lists them.
MIGRATED = (
    "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,"
    "kubernetes.io/gce-pd,kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume"
)


def needed(pod: Mapping[str, Any], find: Find) -> list[str]:
    """The volumes of a Pod that have to be attached, by the names that a Node's status uses. Its claims are bound."""
    out = []
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes") or ():
        name = claim_of(pod, volume)
        claim = find("persistentvolumeclaims", namespace, name) if name else None
        bound = find("persistentvolumes", "", claim["spec"].get("volumeName", "")) if claim is not None else None
        if bound is not None and driver_of(bound) and attaches(bound, find("csidrivers", "", driver_of(bound))):
            out.append(unique_name(bound))
    return out


def is_there(node: Mapping[str, Any] | None, volumes: list[str]) -> bool:
    """Whether the Node says of each volume that the kubelet needs it and that it is attached."""
    status = node["status"] if node is not None else {}
    attached = {one["name"] for one in status.get("volumesAttached") or ()}
    return all(name in attached and name in (status.get("volumesInUse") or ()) for name in volumes)


def until_report_ms(node: str, now_ms: int) -> int:
    """How long it is until the kubelet of a node looks at its status again."""
    return STATUS_MS - (now_ms + crc32(node.encode())) % STATUS_MS


def csi_node(node: Obj) -> Obj:
    """The CSINode that a kubelet makes for its Node."""
    name = node["metadata"]["name"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {
            "name": name,
            "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": MIGRATED},
            "ownerReferences": [owner],
        },
        "spec": {"drivers": None},
    }
