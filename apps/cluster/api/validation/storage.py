"""PersistentVolumes and StorageClasses.

Models      pkg/apis/core/validation/validation.go (ValidatePersistentVolume), pkg/apis/storage/validation
Leaves out  CSI drivers, nodes and attachments beyond their metadata
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from apps.cluster.api.validation import volumes
from apps.cluster.api.validation.claims import VOLUME_MODES, access_modes
from apps.cluster.api.validation.difference import difference
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    same,
    too_long,
)
from apps.cluster.api.validation.objectmeta import label_name, object_meta, object_meta_update
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, no_backsteps, require
from apps.cluster.api.validation.scheduling import node_selector
from apps.cluster.apimachinery import names, quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

RECLAIM = ("Delete", "Recycle", "Retain")
BINDING = ("Immediate", "WaitForFirstConsumer")


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
        here = f"{at}.{name}SecretRef"
        for field, rule in (("name", dns_subdomain), ("namespace", dns_label)):
            if not reference.get(field):
                required(errors, f"{here}.{field}")
            else:
                rule(errors, f"{here}.{field}", reference[field])


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


def _source(errors: Errors, spec: Obj, owner: str) -> None:
    found = [name for name in SOURCES if spec.get(name) is not None]
    for place, name in enumerate(found):
        at = f"spec.{name}"
        if place and name != "flexVolume":
            shown = "cephFS" if name == "cephfs" else name
            forbidden(errors, f"spec.{shown}", volumes.MORE_THAN_ONE)
        elif name == "iscsi":
            volumes.iscsi(errors, at, spec[name], owner, True)
        else:
            SOURCES[name](errors, at, spec[name])
            if name == "local" and spec.get("nodeAffinity") is None:
                required(errors, "spec.nodeAffinity", "Local volume requires node affinity")
    if not found:
        required(errors, "spec", "must specify a volume type")


def persistent_volume(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    metadata, spec = obj["metadata"], obj.get("spec") or EMPTY
    object_meta(errors, metadata, False, names.dns1123_subdomain)
    modes = spec.get("accessModes") or []
    if not modes:
        required(errors, "spec.accessModes")
    access_modes(errors, "spec.accessModes", modes)
    _capacity(errors, spec)
    reclaim = spec.get("persistentVolumeReclaimPolicy")
    if reclaim and reclaim not in RECLAIM:
        not_supported(errors, "spec.persistentVolumeReclaimPolicy", reclaim, RECLAIM)
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        if affinity.get("required") is None:
            required(errors, "spec.nodeAffinity.required", "must specify required node constraints")
        else:
            node_selector(errors, "spec.nodeAffinity.required", affinity["required"])
    _source(errors, spec, metadata.get("name", ""))
    path = (spec.get("hostPath") or EMPTY).get("path")
    if path and posixpath.normpath(path) == "/" and reclaim == "Recycle":
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        forbidden(errors, "spec.persistentVolumeReclaimPolicy", detail)
    if spec.get("storageClassName"):
        dns_subdomain(errors, "spec.storageClassName", spec["storageClassName"])
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        not_supported(errors, "spec.volumeMode", mode, VOLUME_MODES)
    name = spec.get("volumeAttributesClassName")
    if name is not None:
        if not name:
            required(errors, "spec.volumeAttributesClassName", "an empty string is disallowed")
        else:
            dns_subdomain(errors, "spec.volumeAttributesClassName", name)
        if spec.get("csi") is None:
            required(errors, "spec.csi", "has to be specified when using volumeAttributesClassName")
    return errors


def persistent_volume_update(new: Obj, old: Obj) -> list[FieldError]:
    if new.get("spec") is old.get("spec"):
        errors: Errors = []
        object_meta_update(errors, new["metadata"], old["metadata"])
        return errors
    errors = persistent_volume(new)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    after_source = {name: spec[name] for name in SOURCES if spec.get(name) is not None}
    before_source = {name: before[name] for name in SOURCES if before.get(name) is not None}
    if not same(after_source, before_source):
        text = difference("PersistentVolumeSource", before_source, after_source)
        detail = f"spec.persistentvolumesource is immutable after creation\n{text}"
        forbidden(errors, "spec.persistentvolumesource", detail)
    immutable(errors, "volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None and not same(spec.get("nodeAffinity"), before["nodeAffinity"]):
        detail = "field is immutable, except for updating from beta label to GA"
        invalid(errors, "nodeAffinity", spec.get("nodeAffinity"), detail)
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        forbidden(errors, "spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden")
    return errors


def _topologies(errors: Errors, at: str, terms: list[Obj]) -> None:
    for index, term in enumerate(terms):
        seen: set[str] = set()
        for place, expression in enumerate(term.get("matchLabelExpressions") or ()):
            here = f"{at}[{index}].matchLabelExpressions[{place}]"
            values = expression.get("values") or []
            if not values:
                required(errors, f"{here}.values")
            for number, value in enumerate(values):
                if value in values[:number]:
                    duplicate(errors, f"{here}.values[{number}]", value)
            key = expression.get("key", "")
            label_name(errors, f"{here}.key", key)
            if key in seen:
                duplicate(errors, f"{here}.key", key)
            seen.add(key)


def storage_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    provisioner = obj.get("provisioner", "")
    if not provisioner:
        required(errors, "provisioner")
    else:
        all_invalid(errors, "provisioner", provisioner, names.qualified_name(provisioner.lower()))
    parameters = obj.get("parameters") or {}
    if len(parameters) > 512:
        too_long(errors, "parameters", 512)
    for key in sorted(parameters):
        if not key:
            invalid(errors, "parameters", key, "field can not be empty.")
    policy = obj.get("reclaimPolicy")
    if policy and policy not in ("Delete", "Retain"):
        not_supported(errors, "reclaimPolicy", policy, ("Delete", "Retain"))
    binding = obj.get("volumeBindingMode")
    if binding is None:
        required(errors, "volumeBindingMode")
    elif binding not in BINDING:
        not_supported(errors, "volumeBindingMode", binding, BINDING)
    _topologies(errors, "allowedTopologies", obj.get("allowedTopologies") or [])
    return errors


def storage_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    for field in ("parameters", "provisioner"):
        if not same(new.get(field), old.get(field)):
            forbidden(errors, field, f"updates to {field} are forbidden.")
    if new.get("reclaimPolicy") != old.get("reclaimPolicy"):
        forbidden(errors, "reclaimPolicy", "updates to reclaimPolicy are forbidden.")
    immutable(errors, "volumeBindingMode", new.get("volumeBindingMode"), old.get("volumeBindingMode"))
    return errors
