"""PersistentVolumeClaims, and the claim templates of StatefulSets and ephemeral volumes.

Models      pkg/apis/core/validation/validation.go (ValidatePersistentVolumeClaim, …Update, …StatusUpdate)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.api.validation.difference import difference
from apps.cluster.api.validation.fields import (
    IMMUTABLE,
    Errors,
    all_invalid,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    same,
)
from apps.cluster.api.validation.objectmeta import (
    annotation_map,
    label_selector,
    labels,
    object_meta,
    object_meta_update,
)
from apps.cluster.apimachinery import names, quantity
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import FieldError

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
RESIZE_STATES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
NOT_BOUND = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n"
)


Options = dict[str, bool]


class Gates(NamedTuple):
    """Features that decide about claims, as 1.36 has them."""

    recover: bool = True
    classes: bool = True


ON = Gates()


def options(old: Obj | None, gates: Gates = ON) -> Options:
    """What a changed claim may still have because the old one had it."""
    found = {
        "AllowInvalidAPIGroupInDataSourceOrRef": False,
        "AllowInvalidLabelValueInSelector": False,
        "EnableRecoverFromExpansionFailure": gates.recover,
        "EnableVolumeAttributesClass": gates.classes,
    }
    if old is None:
        return found
    spec, status = old.get("spec") or {}, old.get("status") or {}
    sources = [spec.get("dataSource") or {}, spec.get("dataSourceRef") or {}]
    found["AllowInvalidAPIGroupInDataSourceOrRef"] = any(one.get("apiGroup") is not None for one in sources)
    problems: Errors = []
    label_selector(problems, "", spec.get("selector"))
    found["AllowInvalidLabelValueInSelector"] = bool(problems)
    if spec.get("volumeAttributesClassName") is not None:
        found["EnableVolumeAttributesClass"] = True
    if status.get("allocatedResources") is not None or status.get("allocatedResourceStatuses") is not None:
        found["EnableRecoverFromExpansionFailure"] = True
    return found


CREATED = options(None)


def template_options(old: Obj | None, gates: Gates = ON) -> Options:
    """The same of the claim template of an ephemeral volume."""
    problems: Errors = []
    label_selector(problems, "", ((old or {}).get("spec") or {}).get("selector"))
    return {
        "AllowInvalidAPIGroupInDataSourceOrRef": False,
        "AllowInvalidLabelValueInSelector": bool(problems),
        "EnableRecoverFromExpansionFailure": False,
        "EnableVolumeAttributesClass": gates.classes,
    }


def access_modes(errors: Errors, at: str, modes: list[str], *, shared: bool = True) -> None:
    for mode in modes:
        if mode not in ACCESS_MODES:
            not_supported(errors, at, mode, ACCESS_MODES)
    others = [mode for mode in modes if mode in ACCESS_MODES and mode != "ReadWriteOncePod"]
    if "ReadWriteOncePod" in modes and others:
        forbidden(errors, at, "may not use ReadWriteOncePod with other access modes")


def _data_source(errors: Errors, at: str, source: Obj, any_group: bool) -> None:
    for name in ("name", "kind"):
        if not source.get(name):
            required(errors, f"{at}.{name}")
    group, kind = source.get("apiGroup") or "", source.get("kind", "")
    if not group and kind != "PersistentVolumeClaim":
        invalid(errors, at, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
    if group and not any_group:
        all_invalid(errors, f"{at}.apiGroup", group, names.dns1123_subdomain(group))


def _data_sources(errors: Errors, at: str, spec: Obj, any_group: bool) -> None:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None:
        _data_source(errors, f"{at}.dataSource", source, any_group)
    namespace = ""
    if reference is not None:
        _data_source(errors, f"{at}.dataSourceRef", reference, any_group)
        namespace = reference.get("namespace") or ""
        if namespace:
            all_invalid(errors, f"{at}.dataSourceRef.namespace", namespace, names.dns1123_label(namespace))
    if namespace:
        if source is not None:
            invalid(errors, at, {}, "may not be specified when dataSourceRef.namespace is specified")
    elif (
        source is not None
        and reference is not None
        and any(source.get(name) != reference.get(name) for name in ("apiGroup", "kind", "name"))
    ):
        invalid(errors, at, {}, "must match dataSourceRef")


def claim_spec(errors: Errors, at: str, spec: Obj, allowed: Options | None = None) -> None:
    """`allowed` says what the old claim lets pass."""
    allowed = allowed or CREATED
    modes = spec.get("accessModes") or []
    if not modes:
        required(errors, f"{at}.accessModes", "at least 1 access mode is required")
    label_selector(
        errors, f"{at}.selector", spec.get("selector"), any_value=allowed["AllowInvalidLabelValueInSelector"]
    )
    access_modes(errors, f"{at}.accessModes", modes)
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        required(errors, f"{at}.resources[storage]")
    elif quantity.nano(storage) <= 0:
        invalid(errors, f"{at}.resources[storage]", storage, "must be greater than zero")
    name = spec.get("storageClassName")
    if name:
        all_invalid(errors, f"{at}.storageClassName", name, names.dns1123_subdomain(name))
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        not_supported(errors, f"{at}.volumeMode", mode, VOLUME_MODES)
    _data_sources(errors, at, spec, allowed["AllowInvalidAPIGroupInDataSourceOrRef"])
    name = spec.get("volumeAttributesClassName")
    if name and allowed["EnableVolumeAttributesClass"]:
        all_invalid(errors, f"{at}.volumeAttributesClassName", name, names.dns1123_subdomain(name))


def claim_template(errors: Errors, at: str, template: Obj) -> None:
    """The claim template of an ephemeral volume: only labels and annotations in its metadata."""
    metadata = template.get("metadata") or {}
    annotation_map(errors, f"{at}.metadata.annotations", metadata.get("annotations"))
    labels(errors, f"{at}.metadata.labels", metadata.get("labels"))
    for name in metadata:
        if name not in ("annotations", "labels"):
            shown = "uID" if name == "uid" else name
            forbidden(errors, f"{at}.metadata.{shown}", "cannot be set")
    claim_spec(errors, f"{at}.spec", template.get("spec") or {})


def claim(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    claim_spec(errors, "spec", obj.get("spec") or {})
    return errors


def _storage(obj: Obj, *path: str) -> Any:
    value: Any = obj
    for part in path:
        value = (value or {}).get(part)
    return (value or {}).get("storage", "0")


def _class_of(obj: Obj) -> str | None:
    """The class that the annotation names which came before the field."""
    found: str | None = (obj["metadata"].get("annotations") or {}).get(BETA_CLASS)
    return found


def _class_change(errors: Errors, new: Obj, old: Obj, after: Obj, before: Obj) -> None:
    """The class may move from the old annotation to the field, and be filled in where there was none."""
    annotated, named = _class_of(old), after.get("storageClassName")
    unnamed = before.get("storageClassName") is None
    if annotated is not None and unnamed and named == annotated and _class_of(new) in (None, annotated):
        after["storageClassName"] = None
        return
    if _class_of(new) != annotated:
        invalid(errors, f"metadata.annotations.{BETA_CLASS}", _class_of(new) or "", IMMUTABLE)
    if named is not None and unnamed and annotated in (None, named):
        after["storageClassName"] = None


def claim_update(new: Obj, old: Obj, gates: Gates = ON) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    new_spec, old_spec = new.get("spec") or {}, old.get("spec") or {}
    if new_spec is old_spec and _class_of(new) == _class_of(old):
        return errors
    allowed = options(old, gates)
    object_meta(errors, new["metadata"], True, names.dns1123_subdomain)
    claim_spec(errors, "spec", new_spec, allowed)
    before = dict(old_spec)
    after = dict(new_spec)
    if not before.get("volumeName") and after.get("volumeName"):
        before["volumeName"] = after["volumeName"]
    _class_change(errors, new, old, after, before)
    if (new.get("status") or {}).get("phase") == "Bound":
        requests = (after.get("resources") or {}).get("requests")
        if requests is not None:
            kept = {**requests, "storage": _storage(before, "resources", "requests")}
            after["resources"] = {**after["resources"], "requests": kept}
        after["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
    if not same(after, before):
        forbidden(errors, "spec", NOT_BOUND + difference("PersistentVolumeClaimSpec", before, after))
    old_size, new_size = _storage(old_spec, "resources", "requests"), _storage(new_spec, "resources", "requests")
    if quantity.nano(new_size) < quantity.nano(old_size):
        at = "spec.resources.requests.storage"
        if not allowed["EnableRecoverFromExpansionFailure"]:
            forbidden(errors, at, "field can not be less than previous value")
        elif quantity.nano(new_size) <= quantity.nano(_storage(old, "status", "capacity")):
            forbidden(errors, at, "field can not be less than status.capacity")
    immutable(errors, "volumeMode", new_spec.get("volumeMode"), old_spec.get("volumeMode"))
    _attributes_class(errors, new_spec, old_spec, old.get("status") or {}, gates, allowed)
    return errors


def _attributes_class(errors: Errors, new: Obj, old: Obj, status: Obj, gates: Gates, allowed: Options) -> None:
    name, at = new.get("volumeAttributesClassName"), "spec.volumeAttributesClassName"
    if name == old.get("volumeAttributesClassName"):
        return
    if not gates.classes:
        forbidden(errors, at, "update is forbidden when the VolumeAttributesClass feature gate is disabled")
    if not allowed["EnableVolumeAttributesClass"] or status.get("currentVolumeAttributesClassName") is None:
        return
    tail = "is forbidden when status.currentVolumeAttributesClassName is not nil"
    if name is None:
        forbidden(errors, at, f"update to nil {tail}")
    elif not name:
        forbidden(errors, at, f"update to empty string {tail}")


def basic_amount(errors: Errors, at: str, amount: Any) -> None:
    if quantity.value(amount) < 0:
        invalid(errors, at, quantity.value(amount), "must be a valid resource quantity")


def claim_status_update(new: Obj, old: Obj, gates: Gates = ON) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    if not new["metadata"].get("resourceVersion"):
        required(errors, "resourceVersion")
    if not (new.get("spec") or {}).get("accessModes"):
        required(errors, "Spec.accessModes")
    status = new.get("status") or {}
    if status is old.get("status"):
        return errors
    for name, amount in sorted((status.get("capacity") or {}).items()):
        basic_amount(errors, f"status.capacity[{name}]", amount)
    if not options(old, gates)["EnableRecoverFromExpansionFailure"]:
        return errors
    at = "status.allocatedResourceStatuses"
    for name, state in sorted((status.get("allocatedResourceStatuses") or {}).items()):
        _resource_key(errors, at, name)
        if state not in RESIZE_STATES:
            not_supported(errors, at, name, sorted(RESIZE_STATES))
    at = "status.allocatedResources"
    for name, amount in sorted((status.get("allocatedResources") or {}).items()):
        if _resource_key(errors, at, name):
            basic_amount(errors, f"{at}[{name}]", amount)
    return errors


def _resource_key(errors: Errors, at: str, name: str) -> bool:
    problems = names.qualified_name(name)
    all_invalid(errors, at, name, problems)
    if not problems and ("/" not in name or "kubernetes.io/" in name) and name != "storage":
        not_supported(errors, at, name, ("storage",))
        return False
    return not problems
