"""Tables of the storage.k8s.io kinds.

Models      pkg/printers/internalversion/printers.go (printStorageClass, printCSIDriver, …)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.printers.words import NONE, UNSET, Cells, Look, name_of, spec_of, status_of
from apps.cluster.apimachinery.meta import EMPTY, Obj

DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def storage_class(obj: Obj, look: Look) -> Cells:
    annotations = obj["metadata"].get("annotations") or EMPTY
    default = any(annotations.get(key) == "true" for key in DEFAULT)
    return [
        name_of(obj) + (" (default)" if default else ""),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        look.age(obj),
    ]


def volume_attributes_class(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), obj.get("driverName", ""), look.age(obj)]


def volume_attachment(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    volume = (spec.get("source") or EMPTY).get("persistentVolumeName") or ""
    attached = bool(status_of(obj).get("attached"))
    return [name_of(obj), spec.get("attacher", ""), volume, spec.get("nodeName", ""), attached, look.age(obj)]


def csi_node(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), len(spec_of(obj).get("drivers") or ()), look.age(obj)]


def csi_driver(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    tokens = spec.get("tokenRequests")
    audiences = UNSET if tokens is None else ",".join(one.get("audience", "") for one in tokens)
    return [
        name_of(obj),
        spec.get("attachRequired") is not False,
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        audiences,
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or NONE,
        look.age(obj),
    ]


def csi_storage_capacity(obj: Obj, look: Look) -> Cells:
    capacity = obj.get("capacity")
    return [name_of(obj), obj.get("storageClassName", ""), UNSET if capacity is None else capacity]
