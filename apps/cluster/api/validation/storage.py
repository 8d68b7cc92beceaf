"""PersistentVolumes.

Models      pkg/apis/core/validation/validation.go (ValidatePersistentVolume)
Leaves out  nothing
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from typing import Any

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation import volumes
from apps.cluster.api.validation.claims import ON, VOLUME_MODES, Gates, Options, access_modes
from apps.cluster.api.validation.difference import difference
from apps.cluster.api.validation.fields import (
    Errors,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    same,
)
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, no_backsteps, require
from apps.cluster.api.validation.scheduling import node_selector
from apps.cluster.apimachinery import features, names, quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

RECLAIM = ("Delete", "Recycle", "Retain")


def _glusterfs(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "endpoints", "path")
    namespace = source.get("endpointsNamespace")
    if namespace is not None:
        where = f"{at}.endpointsNamespace"
        if not namespace:
            invalid(errors, where, "", "if the endpointnamespace is set, it must be a valid namespace name")
        else:
            dns_label(errors, where, namespace)


def _with_secret(*fields: str) -> Callable[[Errors, str, Obj], None]:
    def rule(errors: Errors, at: str, source: Obj) -> None:
        require(errors, at, source, *fields)
        if source.get("secretRef") is not None:
            require(errors, at, source, "secretRef.name", "secretRef.namespace")

    return rule


def _azure_file(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "secretName", "shareName")
    if source.get("secretNamespace") is not None:
        require(errors, at, source, "secretNamespace")


def _local(errors: Errors, at: str, source: Obj) -> None:
    require(errors, at, source, "path")
    no_backsteps(errors, f"{at}.path", source.get("path", ""))


def _csi(errors: Errors, at: str, source: Obj) -> None:
    volumes.csi_driver_name(errors, f"{at}.driver", source.get("driver", ""))
    require(errors, at, source, "volumeHandle")
    for name in ("controllerPublish", "controllerExpand", "nodePublish", "nodeExpand"):
        reference = source.get(f"{name}SecretRef")
        if reference is None:
            continue
        secret_reference(errors, f"{at}.{name}SecretRef", reference)


def secret_reference(errors: Errors, at: str, reference: Obj) -> None:
    """A Secret of any namespace."""
    for field, rule in (("name", dns_subdomain), ("namespace", dns_label)):
        if not reference.get(field):
            required(errors, f"{at}.{field}")
        else:
            rule(errors, f"{at}.{field}", reference[field])


def _storage_os(errors: Errors, at: str, source: Obj) -> None:
    volumes.storage_os(errors, at, source, persistent=True)


SOURCES: dict[str, Callable[[Errors, str, Obj], None]] = {
    "hostPath": volumes.host_path,
    "gcePersistentDisk": volumes.gce_disk,
    "awsElasticBlockStore": volumes.aws_disk,
    "glusterfs": _glusterfs,
    "flocker": volumes.flocker,
    "nfs": volumes.nfs,
    "rbd": volumes.SOURCES["rbd"],
    "quobyte": volumes.quobyte,
    "cephfs": volumes.SOURCES["cephfs"],
    "iscsi": volumes.iscsi,
    "cinder": _with_secret("volumeID"),
    "fc": volumes.fc,
    "flexVolume": volumes.flex,
    "azureFile": _azure_file,
    "vsphereVolume": volumes.SOURCES["vsphereVolume"],
    "photonPersistentDisk": volumes.SOURCES["photonPersistentDisk"],
    "portworxVolume": volumes.SOURCES["portworxVolume"],
    "azureDisk": volumes.azure_disk,
    "scaleIO": volumes.SOURCES["scaleIO"],
    "local": _local,
    "storageos": _storage_os,
    "csi": _csi,
}


def _capacity(errors: Errors, spec: Obj) -> None:
    capacity, at = spec.get("capacity") or {}, "spec.capacity"
    if not capacity:
        required(errors, at)
    if "storage" not in capacity or len(capacity) > 1:
        not_supported(errors, at, capacity or None, ("storage",))
    for name, amount in sorted(capacity.items()):
        whole = quantity.value(amount)
        if whole < 0:
            invalid(errors, f"{at}[{name}]", whole, "must be a valid resource quantity")
        if quantity.nano(amount) <= 0:
            invalid(errors, f"{at}[{name}]", amount, "must be greater than zero")


def _source(errors: Errors, at: str, spec: Obj, owner: str) -> None:
    found = [name for name in SOURCES if spec.get(name) is not None]
    for place, name in enumerate(found):
        here = f"{at}.{name}"
        if place and name != "flexVolume":
            shown = "cephFS" if name == "cephfs" else name
            forbidden(errors, f"{at}.{shown}", volumes.MORE_THAN_ONE)
        elif name == "iscsi":
            volumes.iscsi(errors, here, spec[name], owner, True)
        else:
            SOURCES[name](errors, here, spec[name])
            if name == "local" and spec.get("nodeAffinity") is None:
                required(errors, f"{at}.nodeAffinity", "Local volume requires node affinity")
    if not found:
        required(errors, at, "must specify a volume type")


INLINE = "in the context of inline volumes"


def inline_volume(errors: Errors, at: str, spec: Obj) -> None:
    """The volume that a VolumeAttachment brings with it."""
    for field in ("claimRef", "capacity"):
        if spec.get(field):
            forbidden(errors, f"{at}.{field}", f"may not be specified {INLINE}")
    if spec.get("csi") is None:
        required(errors, f"{at}.csi", f"has to be specified {INLINE}")
    _modes(errors, at, spec)
    reclaim = spec.get("persistentVolumeReclaimPolicy")
    if reclaim and reclaim != "Retain":
        forbidden(errors, f"{at}.persistentVolumeReclaimPolicy", f"may only be Retain {INLINE}")
    if spec.get("nodeAffinity") is not None:
        forbidden(errors, f"{at}.nodeAffinity", f"may not be specified {INLINE}")
    _source(errors, at, spec, "")
    if spec.get("storageClassName"):
        forbidden(errors, f"{at}.storageClassName", f"may not be specified {INLINE}")
    if spec.get("volumeMode") not in (None, "Filesystem"):
        forbidden(errors, f"{at}.volumeMode", f"may not specify volumeMode other than Filesystem {INLINE}")
    _attributes_class(errors, at, spec)


def _modes(errors: Errors, at: str, spec: Obj) -> None:
    modes = spec.get("accessModes") or []
    if not modes:
        required(errors, f"{at}.accessModes")
    access_modes(errors, f"{at}.accessModes", modes)


def _attributes_class(errors: Errors, at: str, spec: Obj) -> None:
    name = spec.get("volumeAttributesClassName")
    if name is None:
        return
    if not name:
        required(errors, f"{at}.volumeAttributesClassName", "an empty string is disallowed")
    else:
        dns_subdomain(errors, f"{at}.volumeAttributesClassName", name)
    if spec.get("csi") is None:
        required(errors, f"{at}.csi", "has to be specified when using volumeAttributesClassName")


def options(old: Obj | None, gates: Gates = ON) -> Options:
    """What a changed volume may still have because the old one had it."""
    spec = (old or EMPTY).get("spec") or EMPTY
    terms = ((spec.get("nodeAffinity") or EMPTY).get("required") or EMPTY).get("nodeSelectorTerms") or ()
    return {
        "AllowInvalidLabelValueInRequiredNodeAffinity": any(
            names.label_value(value)
            for term in terms
            for expression in term.get("matchExpressions") or ()
            for value in expression.get("values") or ()
        ),
        "EnableVolumeAttributesClass": gates.classes or spec.get("volumeAttributesClassName") is not None,
    }


def persistent_volume(obj: Obj, allowed: Options | None = None) -> list[FieldError]:
    errors: Errors = []
    allowed = allowed or options(None)
    metadata, spec = obj["metadata"], obj.get("spec") or EMPTY
    object_meta(errors, metadata, False, names.dns1123_subdomain)
    _modes(errors, "spec", spec)
    _capacity(errors, spec)
    reclaim = spec.get("persistentVolumeReclaimPolicy")
    if reclaim and reclaim not in RECLAIM:
        not_supported(errors, "spec.persistentVolumeReclaimPolicy", reclaim, RECLAIM)
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        if affinity.get("required") is None:
            required(errors, "spec.nodeAffinity.required", "must specify required node constraints")
        else:
            lenient = allowed["AllowInvalidLabelValueInRequiredNodeAffinity"]
            node_selector(errors, "spec.nodeAffinity.required", affinity["required"], any_value=lenient)
    _source(errors, "spec", spec, metadata.get("name", ""))
    path = (spec.get("hostPath") or EMPTY).get("path")
    if path and posixpath.normpath(path) == "/" and reclaim == "Recycle":
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        forbidden(errors, "spec.persistentVolumeReclaimPolicy", detail)
    if spec.get("storageClassName"):
        dns_subdomain(errors, "spec.storageClassName", spec["storageClassName"])
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        not_supported(errors, "spec.volumeMode", mode, VOLUME_MODES)
    if allowed["EnableVolumeAttributesClass"]:
        _attributes_class(errors, "spec", spec)
    return errors


# What a node's labels were called before they were stable.
STABLE = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def _same_nodes(new: Any, old: Any) -> bool:
    """The same affinity, but for keys of labels that became stable."""
    if isinstance(new, dict) and isinstance(old, dict):
        key = old.get("key")
        if key is not None and STABLE.get(key) == new.get("key"):
            old = {**old, "key": new["key"]}
        return all(_same_nodes(new.get(name), old.get(name)) for name in dict.fromkeys((*new, *old)))
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(_same_nodes, new, old))
    return same(new, old)


def persistent_volume_update(new: Obj, old: Obj, gates: Gates = ON) -> list[FieldError]:
    if new.get("spec") is old.get("spec"):
        errors: Errors = []
        object_meta_update(errors, new["metadata"], old["metadata"])
        return errors
    allowed = options(old, gates)
    errors = persistent_volume(new, allowed)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    after_source = {name: spec[name] for name in SOURCES if spec.get(name) is not None}
    before_source = {name: before[name] for name in SOURCES if before.get(name) is not None}
    csi, had = after_source.get("csi"), before_source.get("csi")
    if csi is not None and had is not None and had.get("controllerExpandSecretRef") is None:
        after_source["csi"] = {name: csi[name] for name in csi if name != "controllerExpandSecretRef"}
    if not same(after_source, before_source):
        text = difference("PersistentVolumeSource", before_source, after_source)
        detail = f"spec.persistentvolumesource is immutable after creation\n{text}"
        forbidden(errors, "spec.persistentvolumesource", detail)
    immutable(errors, "volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    affinity, was = spec.get("nodeAffinity"), before.get("nodeAffinity")
    fixed = was is not None and not features.enabled("MutablePVNodeAffinity")
    if fixed and (affinity is None or not _same_nodes(affinity, was)):
        detail = "field is immutable, except for updating from beta label to GA"
        invalid(errors, "nodeAffinity", written("VolumeNodeAffinity", affinity), detail)
    name, had_name = spec.get("volumeAttributesClassName"), before.get("volumeAttributesClassName")
    at = "spec.volumeAttributesClassName"
    if name != had_name:
        if not gates.classes:
            forbidden(errors, at, "update is forbidden when the VolumeAttributesClass feature gate is disabled")
        if allowed["EnableVolumeAttributesClass"] and had_name is not None and name is None:
            forbidden(errors, at, "update from non-nil value to nil is forbidden")
    return errors


def persistent_volume_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    if not new["metadata"].get("resourceVersion"):
        required(errors, "resourceVersion")
    return errors
