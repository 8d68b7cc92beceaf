"""Namespace, ConfigMap, Secret, ServiceAccount, Event, ReplicationController.

Models      pkg/apis/core/validation/validation.go, pkg/apis/core/validation/events.go
Leaves out  nothing
"""

from __future__ import annotations

import base64
from typing import Any

from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    forbidden,
    immutable,
    invalid,
    nonnegative,
    not_supported,
    required,
    same,
    sorted_map,
    too_long,
)
from apps.cluster.api.validation.gojson import object_problem
from apps.cluster.api.validation.objectmeta import object_meta, object_meta_update
from apps.cluster.api.validation.podspec import pod_template
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

MAX_DATA = 1024 * 1024
NO_MATCH = "`selector` does not match template `labels`"
WHEN_IMMUTABLE = "field is immutable when `immutable` is set"


def namespace(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_label)
    for finalizer in (obj.get("spec") or EMPTY).get("finalizers") or ():
        _finalizer(errors, "spec.finalizers", finalizer)
    return errors


def metadata_update(new: Obj, old: Obj) -> list[FieldError]:
    """A kind of which only the metadata is judged on a change."""
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    return errors


def namespace_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    phase = (new.get("status") or EMPTY).get("phase", "")
    terminating = new["metadata"].get("deletionTimestamp") is not None
    if terminating and phase != "Terminating":
        detail = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        invalid(errors, "status.Phase", phase, detail)
    elif not terminating and phase != "Active":
        invalid(errors, "status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")
    return errors


def namespace_finalize_update(new: Obj, old: Obj) -> list[FieldError]:
    """The finalize subresource: who must be done with a namespace before it goes."""
    errors = metadata_update(new, old)
    for index, finalizer in enumerate((new.get("spec") or EMPTY).get("finalizers") or ()):
        _finalizer(errors, f"spec.finalizers[{index}]", finalizer)
    return errors


def _finalizer(errors: Errors, at: str, finalizer: str) -> None:
    problems = names.qualified_name(finalizer)
    all_invalid(errors, at, finalizer, problems)
    if "/" not in finalizer and finalizer not in ("kubernetes", "orphan", "foregroundDeletion"):
        invalid(errors, at, finalizer, "name is neither a standard finalizer name nor is it fully qualified")


def _size(data: Obj, decoded: bool) -> int:
    return sum(len(base64.b64decode(text)) if decoded else len(text.encode()) for text in data.values())


def config_map(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in sorted(data):
        all_invalid(errors, f"data[{key}]", key, names.config_map_key(key))
        if key in binary:
            invalid(errors, f"data[{key}]", key, "duplicate of key present in binaryData")
    for key in sorted(binary):
        all_invalid(errors, f"binaryData[{key}]", key, names.config_map_key(key))
    if _size(data, False) + _size(binary, True) > MAX_DATA:
        too_long(errors, "", MAX_DATA)
    return errors


def _frozen(errors: Errors, new: Obj, old: Obj, fields: tuple[str, ...]) -> None:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        forbidden(errors, "immutable", WHEN_IMMUTABLE)
    for field in fields:
        if not same(new.get(field), old.get(field)):
            forbidden(errors, field, WHEN_IMMUTABLE)


def config_map_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    _frozen(errors, new, old, ("data", "binaryData"))
    return errors + config_map(new)


_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_ACCOUNT = "kubernetes.io/service-account.name"


def secret(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    plain = obj.get("stringData") or {}
    data = {**(obj.get("data") or {}), **{key: base64.b64encode(plain[key].encode()).decode() for key in plain}}
    for key in sorted(data):
        all_invalid(errors, f"data[{key}]", key, names.config_map_key(key))
    if _size(obj.get("data") or {}, True) + _size(obj.get("stringData") or {}, False) > MAX_DATA:
        too_long(errors, "data", MAX_DATA)
    kind = obj.get("type", "")
    if kind == "kubernetes.io/service-account-token" and not (obj["metadata"].get("annotations") or EMPTY).get(
        _ACCOUNT
    ):
        required(errors, f"metadata.annotations[{_ACCOUNT}]")
    for key in _SECRET_KEYS.get(kind, ()):
        if key not in data or (kind == "kubernetes.io/ssh-auth" and not data[key]):
            required(errors, f"data[{key}]")
        elif "docker" in kind:
            problem = object_problem(base64.b64decode(data[key]).decode("utf-8", "replace"))
            if problem:
                invalid(errors, f"data[{key}]", "<secret contents redacted>", problem)
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        required(errors, "data[username]")
        required(errors, "data[password]")
    return errors


def secret_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    immutable(errors, "type", new.get("type", ""), old.get("type", ""))
    _frozen(errors, new, old, ("data",))
    return errors + secret(new)


def replication_controller(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _controller_spec(errors, obj.get("spec") or EMPTY)
    return errors


def _controller_spec(errors: Errors, spec: Obj) -> None:
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds"))
    selector = spec.get("selector")
    if not selector:
        required(errors, "spec.selector")
    if spec.get("replicas") is None:
        required(errors, "spec.replicas")
    else:
        nonnegative(errors, "spec.replicas", spec["replicas"])
    template = spec.get("template")
    if template is None:
        required(errors, "spec.template")
        return
    labels: dict[str, Any] | None = (template.get("metadata") or EMPTY).get("labels")
    if selector and any((labels or EMPTY).get(key) != value for key, value in selector.items()):
        invalid(errors, "spec.template.metadata.labels", sorted_map(labels), NO_MATCH)
    pod_template(errors, "spec.template", template)
    always_restarts(errors, "spec.template.spec", template.get("spec") or EMPTY, "ReplicationController")


def always_restarts(errors: Errors, at: str, spec: Obj, kind: str) -> None:
    """Controllers that keep Pods running take no others."""
    if spec.get("restartPolicy") != "Always":
        not_supported(errors, f"{at}.restartPolicy", spec.get("restartPolicy", ""), ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        forbidden(errors, f"{at}.activeDeadlineSeconds", detail)


def replication_controller_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    if new.get("spec") is not old.get("spec"):
        _controller_spec(errors, new.get("spec") or EMPTY)
    return errors


def counts(errors: Errors, status: Obj, fields: tuple[str, ...], bounded: tuple[str, ...], ready: str) -> None:
    """Numbers in a status: not negative, no more than there are replicas, no more available than ready."""
    for field in fields:
        nonnegative(errors, f"status.{field}", status.get(field))
    for field in bounded:
        if status.get(field, 0) > status.get("replicas", 0):
            invalid(errors, f"status.{field}", status.get(field, 0), "cannot be greater than status.replicas")
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        invalid(
            errors, "status.availableReplicas", status.get("availableReplicas", 0), f"cannot be greater than {ready}"
        )


REPLICA_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")
BOUNDED = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")


def replicas_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    counts(errors, new.get("status") or EMPTY, REPLICA_COUNTS, BOUNDED, "readyReplicas")
    return errors


def event(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    namespace = obj["metadata"].get("namespace", "")
    involved = (obj.get("involvedObject") or EMPTY).get("namespace", "")
    if involved != namespace and not (not involved and namespace in ("", "default")):
        invalid(errors, "involvedObject.namespace", involved, "does not match event.namespace")
    if namespace and names.dns1123_subdomain(namespace):
        invalid(errors, "namespace", namespace, "")
    return errors
