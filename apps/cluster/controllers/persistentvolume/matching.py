"""Which PersistentVolume a claim gets.

Models      k8s.io/component-helpers/storage/volume/pv_helpers.go (FindMatchingVolume),
            pkg/controller/volume/persistentvolume/index.go
Leaves out  node affinity of volumes (the scheduler looks at it)

Pure. Of the volumes that would do, the smallest; among those with the fewest access modes.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.cluster.apimachinery import quantity, selectors
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, labels_of, name_of, namespace_of, uid_of

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def claim_class(claim: Obj) -> str:
    """The StorageClass a claim asks for; "" for none."""
    annotation = annotations_of(claim).get(CLASS_ANNOTATION)
    return annotation if annotation is not None else claim["spec"].get("storageClassName") or ""


def has_class(claim: Obj) -> bool:
    """Whether the claim says anything about its class, "" included."""
    return CLASS_ANNOTATION in annotations_of(claim) or claim["spec"].get("storageClassName") is not None


def volume_class(volume: Obj) -> str:
    annotation = annotations_of(volume).get(CLASS_ANNOTATION)
    return annotation if annotation is not None else volume["spec"].get("storageClassName") or ""


def is_bound_to(volume: Obj, claim: Obj) -> bool:
    """Whether the volume names this claim; one that names no uid is meant for any claim of the name."""
    reference = volume["spec"].get("claimRef")
    if reference is None:
        return False
    if (reference.get("name"), reference.get("namespace")) != (name_of(claim), namespace_of(claim)):
        return False
    return not reference.get("uid") or reference["uid"] == uid_of(claim)


def storage_of(volume: Obj) -> int:
    """Bytes."""
    return quantity.value((volume["spec"].get("capacity") or EMPTY).get("storage", "0"))


def requested(claim: Obj) -> int:
    """Bytes."""
    return quantity.value(((claim["spec"].get("resources") or EMPTY).get("requests") or EMPTY).get("storage", "0"))


def same_mode(claim: Obj, volume: Obj) -> bool:
    """Filesystem or Block."""
    return (claim["spec"].get("volumeMode") or "Filesystem") == (volume["spec"].get("volumeMode") or "Filesystem")


def has_modes(claim: Obj, volume: Obj) -> bool:
    there = volume["spec"].get("accessModes") or ()
    return all(mode in there for mode in claim["spec"].get("accessModes") or ())


def attributes_class(obj: Obj) -> str:
    return obj["spec"].get("volumeAttributesClassName") or ""


def why_not(claim: Obj, volume: Obj) -> str:
    """Why a volume that the claim asks for by name will not do; "" when it will."""
    if "deletionTimestamp" in volume["metadata"]:
        return f'the volume is marked for deletion "{name_of(volume)}"'
    if storage_of(volume) < requested(claim):
        return "requested PV is too small"
    if volume_class(volume) != claim_class(claim):
        return "storageClassName does not match"
    if attributes_class(volume) != attributes_class(claim):
        return "volumeAttributesClassName does not match"
    if not same_mode(claim, volume):
        return "incompatible volumeMode"
    return "" if has_modes(claim, volume) else "incompatible accessMode"


def best_match(claim: Obj, volumes: Iterable[Obj], delay_binding: bool) -> Obj | None:
    """The volume for an unbound claim, or None.

    With `delay_binding` only a volume that names the claim: the scheduler finds the others.
    """
    by_modes: dict[tuple[str, ...], list[Obj]] = {}
    for volume in volumes:
        if has_modes(claim, volume):
            by_modes.setdefault(tuple(volume["spec"].get("accessModes") or ()), []).append(volume)
    for modes in sorted(by_modes, key=len):
        found = _best_of(claim, by_modes[modes], delay_binding)
        if found is not None:
            return found
    return None


def _best_of(claim: Obj, volumes: list[Obj], delay_binding: bool) -> Obj | None:
    selector = claim["spec"].get("selector")
    labels = selectors.from_label_selector(selector) if selector is not None else None
    wanted, wanted_class = requested(claim), claim_class(claim)
    best: Obj | None = None
    best_size = 0
    for volume in volumes:
        named = is_bound_to(volume, claim)
        if volume["spec"].get("claimRef") is not None and not named:
            continue
        size = storage_of(volume)
        if size < wanted or not same_mode(claim, volume) or attributes_class(volume) != attributes_class(claim):
            continue
        if "deletionTimestamp" in volume["metadata"]:
            continue
        if named:
            return volume
        if delay_binding or (volume.get("status") or EMPTY).get("phase") != "Available":
            continue
        if volume_class(volume) != wanted_class or (labels is not None and not labels.matches(labels_of(volume))):
            continue
        if best is None or size < best_size:
            best, best_size = volume, size
    return best
