"""The plugins of storage: a claim's default class, finalizers against deletion in use, and which claims may grow.

Models      plugin/pkg/admission/storage (storageclass/setdefault, storageobjectinuseprotection,
            persistentvolume/resize), pkg/volume/util (GetDefaultClass)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apps.cluster.apimachinery.quantity import parse
from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
BETA_DEFAULT_CLASS = "storageclass.beta.kubernetes.io/is-default-class"
FINALIZERS = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
}


def newest(classes: Iterable[Obj]) -> Obj | None:
    """Of several defaults the newest wins, then the first name."""
    best: Obj | None = None
    for candidate in sorted(classes, key=lambda one: str(one["metadata"]["name"])):
        if best is None or candidate["metadata"]["creationTimestamp"] > best["metadata"]["creationTimestamp"]:
            best = candidate
    return best


def _is_default(storage_class: Obj) -> bool:
    annotations = storage_class["metadata"].get("annotations") or NOTHING
    return "true" in (annotations.get(DEFAULT_CLASS), annotations.get(BETA_DEFAULT_CLASS))


def set_default_class(a: Attributes) -> None:
    spec = a.obj.get("spec") or NOTHING
    annotations = a.obj["metadata"].get("annotations") or NOTHING
    if spec.get("storageClassName") is not None or BETA_CLASS in annotations:
        return
    best = newest(one for one in a.table("storageclasses").values() if _is_default(one))
    if best is not None:
        a.with_spec(storageClassName=best["metadata"]["name"])


def protect(a: Attributes) -> None:
    finalizer = FINALIZERS[a.info.plural]
    finalizers = a.obj["metadata"].get("finalizers") or []
    if finalizer not in finalizers:
        a.with_metadata(finalizers=[*finalizers, finalizer])


def class_of(claim: Mapping[str, Any]) -> str:
    annotations = claim["metadata"].get("annotations") or NOTHING
    if BETA_CLASS in annotations:
        return str(annotations[BETA_CLASS])
    return str((claim.get("spec") or NOTHING).get("storageClassName") or "")


def validate_resize(a: Attributes) -> None:
    """Raises: StatusError 403."""
    if a.old is None:
        return
    if _size(a.obj) <= _size(a.old):
        return
    if a.old.get("status", NOTHING).get("phase") != "Bound":
        raise a.forbidden("Only bound persistent volume claims can be expanded")
    name = class_of(a.obj)
    found = a.table("storageclasses").get(name) if name and name == class_of(a.old) else None
    if found is None or not found.get("allowVolumeExpansion"):
        raise a.forbidden(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
            "resize"
        )


def _size(claim: Obj) -> int:
    text = (((claim.get("spec") or NOTHING).get("resources") or NOTHING).get("requests") or NOTHING).get("storage", "0")
    return parse(str(text)).scaled(-9)


_CLAIMS = frozenset({"persistentvolumeclaims"})
DEFAULT_STORAGE_CLASS = Plugin("DefaultStorageClass", frozenset({CREATE}), _CLAIMS, set_default_class, None)
IN_USE_PROTECTION = Plugin("StorageObjectInUseProtection", frozenset({CREATE}), frozenset(FINALIZERS), protect, None)
CLAIM_RESIZE = Plugin("PersistentVolumeClaimResize", frozenset({UPDATE}), _CLAIMS, None, validate_resize)
