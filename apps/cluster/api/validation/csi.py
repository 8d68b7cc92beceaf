"""StorageClass, VolumeAttributesClass, VolumeAttachment, CSIDriver, CSINode, CSIStorageCapacity.

Models      pkg/apis/storage/validation, pkg/registry/storage
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    IMMUTABLE,
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    immutable,
    invalid,
    is_negative,
    nonnegative,
    not_supported,
    required,
    same,
    too_long,
)
from apps.cluster.api.validation.objectmeta import label_name, label_selector, object_meta
from apps.cluster.api.validation.paths import dns_subdomain, qualified
from apps.cluster.api.validation.storage import inline_volume
from apps.cluster.apimachinery import features, names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

BINDING = ("Immediate", "WaitForFirstConsumer")
GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
LIFECYCLES = ("Persistent", "Ephemeral")
MOST_PARAMETERS, LARGEST = 512, 256 * 1024
LONGEST_ERROR, LONGEST_NODE = 1024, 256
LONGEST_TOKEN = 1 << 32
BOTH_OR_NONE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def _size(texts: Obj) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in texts.items())


def _provisioner(errors: Errors, at: str, name: str) -> None:
    if not name:
        required(errors, at)
    else:
        all_invalid(errors, at, name.lower(), names.qualified_name(name.lower()))


def _parameters(errors: Errors, found: Obj, *, may_be_empty: bool) -> None:
    if len(found) > MOST_PARAMETERS:
        too_long(errors, "parameters", MOST_PARAMETERS)
        return
    if "" in found:
        invalid(errors, "parameters", "", "field can not be empty.")
    if _size(found) > LARGEST:
        too_long(errors, "parameters", LARGEST)
    if not may_be_empty and not found:
        required(errors, "parameters", "must contain at least one key/value pair")


def _term(errors: Errors, at: str, term: Obj) -> dict[str, set[str]]:
    """What a term asks for: a set of values a label."""
    asked: dict[str, set[str]] = {}
    for index, expression in enumerate(term.get("matchLabelExpressions") or ()):
        here, key = f"{at}.matchLabelExpressions[{index}]", expression.get("key", "")
        values = expression.get("values") or []
        if not values:
            required(errors, f"{here}.values")
        for place, value in enumerate(values):
            if value in values[:place]:
                duplicate(errors, f"{here}.values[{place}]", value)
        label_name(errors, f"{here}.key", key)
        if key in asked:
            duplicate(errors, f"{here}.key", key)
        asked[key] = set(values)
    return asked


def _topologies(errors: Errors, at: str, terms: list[Obj]) -> None:
    # The server's own list starts with an empty entry a term, which a term that asks for nothing equals.
    seen: list[dict[str, set[str]] | None] = [None] * len(terms)
    for index, term in enumerate(terms):
        asked = _term(errors, f"{at}[{index}]", term)
        for other in seen:
            if asked == (other or {}):
                duplicate(errors, f"{at}[{index}].matchLabelExpressions", "")
        seen.append(asked)


def storage_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    _provisioner(errors, "provisioner", obj.get("provisioner", ""))
    _parameters(errors, obj.get("parameters") or {}, may_be_empty=True)
    policy, binding = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if policy and policy not in ("Delete", "Retain"):
        not_supported(errors, "reclaimPolicy", policy, ("Delete", "Retain"))
    if binding is None:
        required(errors, "volumeBindingMode")
    elif binding not in BINDING:
        not_supported(errors, "volumeBindingMode", binding, BINDING)
    _topologies(errors, "allowedTopologies", obj.get("allowedTopologies") or [])
    return errors


def storage_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = storage_class(new) + metadata_update(new, old)
    for field in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        immutable(errors, field, new.get(field), old.get(field))
    return errors


def attributes_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    _provisioner(errors, "driverName", obj.get("driverName", ""))
    _parameters(errors, obj.get("parameters") or {}, may_be_empty=False)
    return errors


def attributes_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    for field in ("driverName", "parameters"):
        if (new.get(field) or None) != (old.get(field) or None):
            forbidden(errors, field, f"updates to {field} are forbidden.")
    return errors + attributes_class(new)


def _driver_name(errors: Errors, at: str, name: str) -> None:
    if not name:
        required(errors, at)
        return
    if len(name) > 63:
        too_long(errors, at, 63)
    all_invalid(errors, at, name, names.dns1123_subdomain(name.lower()))


def _attached(errors: Errors, at: str, source: Obj) -> None:
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and name is None:
        required(errors, at, BOTH_OR_NONE)
    elif inline is not None and name is not None:
        forbidden(errors, at, BOTH_OR_NONE)
    elif inline is not None:
        inline_volume(errors, f"{at}.inlineVolumeSpec", inline)
    elif not name:
        required(errors, f"{at}.persistentVolumeName", "must specify non empty persistentVolumeName")


def _volume_error(errors: Errors, at: str, found: Obj | None) -> None:
    code = (found or EMPTY).get("errorCode")
    if len((found or EMPTY).get("message", "").encode()) > LONGEST_ERROR:
        too_long(errors, f"{at}.message", LARGEST)
    if code is not None and code < 0:
        invalid(errors, f"{at}.errorCode", code, f"must be between 0 and {2**31 - 1}, inclusive")


def attachment(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    spec, status = obj.get("spec") or EMPTY, obj.get("status") or EMPTY
    source: Obj = spec.get("source") or EMPTY
    _driver_name(errors, "spec.attacher", spec.get("attacher", ""))
    _attached(errors, "spec.source", source)
    dns_subdomain(errors, "spec.nodeName", spec.get("nodeName", ""))
    if _size(status.get("attachmentMetadata") or {}) > LARGEST:
        too_long(errors, "status.attachmentMetadata", LARGEST)
    for field in ("attachError", "detachError"):
        _volume_error(errors, f"status.{field}", status.get(field))
    if source.get("persistentVolumeName") is not None:
        dns_subdomain(errors, "spec.source.persistentVolumeName", source["persistentVolumeName"])
    return errors


def attachment_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = attachment(new)
    spec, before = new.get("spec"), old.get("spec")
    if not same(spec, before):
        invalid(errors, "spec", written("VolumeAttachmentSpec", spec or EMPTY, "storage"), IMMUTABLE)
    return errors


def csi_node(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    seen: set[str] = set()
    for index, driver in enumerate((obj.get("spec") or EMPTY).get("drivers") or ()):
        at, name, node = f"spec.drivers[{index}]", driver.get("name", ""), driver.get("nodeID", "")
        _driver_name(errors, f"{at}.name", name)
        if not node:
            required(errors, f"{at}.nodeID")
        if len(node.encode()) > LONGEST_NODE:
            invalid(errors, f"{at}.nodeID", node, f"must be {LONGEST_NODE} characters or less")
        nonnegative(errors, f"{at}.allocatable.count", (driver.get("allocatable") or EMPTY).get("count"))
        if name in seen:
            duplicate(errors, f"{at}.name", name)
        seen.add(name)
        keys = driver.get("topologyKeys") or []
        for place, key in enumerate(keys):
            if not key:
                required(errors, at)
            if key in keys[:place]:
                duplicate(errors, at, key)
            qualified(errors, at, key)
    return errors


def csi_node_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = csi_node(new)
    drivers: list[Obj] = (new.get("spec") or EMPTY).get("drivers") or []
    for before in (old.get("spec") or EMPTY).get("drivers") or ():
        for driver in drivers:
            if driver.get("name") != before.get("name"):
                continue
            kept, was = ({n: one[n] for n in one if n != "allocatable"} for one in (driver, before))
            if not same(kept, was):
                invalid(errors, "spec.drivers", written("CSINodeDriver", kept, "storage"), IMMUTABLE)
    return errors


def _token_requests(errors: Errors, at: str, requests: list[Obj]) -> None:
    audiences: set[str] = set()
    for index, request in enumerate(requests):
        here, audience = f"{at}[{index}]", request.get("audience", "")
        if audience in audiences:
            duplicate(errors, f"{here}.audience", audience)
            continue
        audiences.add(audience)
        seconds = request.get("expirationSeconds")
        if seconds is not None and seconds < 600:
            detail = "may not specify a duration less than 10 minutes"
            invalid(errors, f"{here}.expirationSeconds", seconds, detail)
        if seconds is not None and seconds > LONGEST_TOKEN:
            detail = "may not specify a duration larger than 2^32 seconds"
            invalid(errors, f"{here}.expirationSeconds", seconds, detail)


def _driver_spec(errors: Errors, spec: Obj) -> None:
    for field, shown in (
        ("attachRequired", "attachedRequired"),
        ("podInfoOnMount", "podInfoOnMount"),
        ("storageCapacity", "storageCapacity"),
    ):
        if spec.get(field) is None:
            required(errors, f"spec.{shown}")
    policy, requests = spec.get("fsGroupPolicy"), spec.get("tokenRequests") or []
    if policy is not None and policy not in GROUP_POLICIES:
        not_supported(errors, "spec.fsGroupPolicy", policy, GROUP_POLICIES)
    _token_requests(errors, "spec.tokenRequests", requests)
    for mode in spec.get("volumeLifecycleModes") or ():
        if mode not in LIFECYCLES:
            not_supported(errors, "spec.volumeLifecycleModes", mode, LIFECYCLES)
    if spec.get("seLinuxMount") is None:
        required(errors, "spec.seLinuxMount")
    period, in_secrets = spec.get("nodeAllocatableUpdatePeriodSeconds"), spec.get("serviceAccountTokenInSecrets")
    if period is not None and period < 10:
        detail = "must be greater than or equal to 10 seconds"
        invalid(errors, "spec.nodeAllocatableUpdatePeriodSeconds", period, detail)
    if in_secrets is not None and not requests:
        detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        invalid(errors, "spec.serviceAccountTokenInSecrets", in_secrets, detail)
    if features.enabled("VolumeLimitScaling") and spec.get("preventPodSchedulingIfMissing") is None:
        required(errors, "spec.preventPodSchedulingIfMissing")


def csi_driver(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    _driver_spec(errors, obj.get("spec") or EMPTY)
    return errors


def csi_driver_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    _driver_spec(errors, spec)
    immutable(errors, "spec.attachedRequired", spec.get("attachRequired"), before.get("attachRequired"))
    modes, was = spec.get("volumeLifecycleModes"), before.get("volumeLifecycleModes")
    immutable(errors, "spec.volumeLifecycleModes", modes, was)
    return errors


def _capacity(obj: Obj, *, any_value: bool) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    label_selector(errors, "nodeTopology", obj.get("nodeTopology"), any_value=any_value)
    dns_subdomain(errors, "storageClassName", obj.get("storageClassName", ""))
    capacity = obj.get("capacity")
    if capacity is not None and is_negative(capacity):
        invalid(errors, "capacity", capacity, "must be greater than or equal to 0")
    return errors


def capacity(obj: Obj) -> list[FieldError]:
    return _capacity(obj, any_value=False)


def capacity_update(new: Obj, old: Obj) -> list[FieldError]:
    before: Errors = []
    label_selector(before, "", old.get("nodeTopology"))
    errors = _capacity(new, any_value=bool(before)) + metadata_update(new, old)
    for field in ("nodeTopology", "storageClassName"):
        immutable(errors, field, new.get(field), old.get(field))
    return errors
