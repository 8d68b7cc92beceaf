"""Nodes: taints, resources, addresses, address ranges, where a kubelet's configuration comes from, declared features.

Models      pkg/apis/core/validation/validation.go (ValidateNode, ValidateNodeUpdate)
Leaves out  nothing
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.addresses import cidr
from apps.cluster.api.validation.fields import (
    NOT_POSITIVE,
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
)
from apps.cluster.api.validation.gojson import object_problem
from apps.cluster.api.validation.objectmeta import label_name, object_meta, object_meta_update
from apps.cluster.api.validation.resources import amount
from apps.cluster.api.validation.scheduling import taint_effect
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError, go_quoted

FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*", re.ASCII)
FEATURE_DETAIL = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or"
    " MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)
TAINTS, AVOID = "scheduler.alpha.kubernetes.io/taints", "scheduler.alpha.kubernetes.io/preferAvoidPods"
ONE_SOURCE = "exactly one reference subfield must be non-nil"


def _taints(errors: Errors, at: str, taints: list[Obj]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        here, key, effect = f"{at}[{index}]", taint.get("key", ""), taint.get("effect", "")
        label_name(errors, f"{here}.key", key)
        problems = names.label_value(taint.get("value", ""))
        if problems:
            invalid(errors, f"{here}.value", taint["value"], ";".join(problems))
        taint_effect(errors, f"{here}.effect", effect, False)
        if (key, effect) in seen:
            detail = "taints must be unique by key and effect pair"
            errors.append(FieldError("Duplicate value", here, written("Taint", taint), detail))
        seen.add((key, effect))


def _annotations(errors: Errors, found: dict[str, str]) -> None:
    """Taints and Pods to keep away, as they were written before they had fields."""
    at = "metadata.annotations"
    if found.get(TAINTS):
        taints = _read(errors, at, TAINTS, found[TAINTS], list)
        if taints:
            _taints(errors, f"{at}.{TAINTS}", taints)
    if not found.get(AVOID):
        return
    avoided = _read(errors, f"{at}.AvoidPods", AVOID, found[AVOID], dict) or EMPTY
    for index, entry in enumerate(avoided.get("preferAvoidPods") or ()):
        here = f"{at}.{AVOID}[{index}].PodSignature"
        controller = (entry.get("podSignature") or EMPTY).get("podController")
        if controller is None:
            required(errors, here)
        elif not controller.get("controller"):
            invalid(errors, f"{here}.PodController.Controller", False, "must point to a controller")


def _read(errors: Errors, at: str, key: str, text: str, kind: type) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        invalid(errors, at, key, object_problem(text))
        return None
    return found if isinstance(found, kind) else None


def _amounts(errors: Errors, status: Obj, before: Obj) -> None:
    for kind in ("capacity", "allocatable"):
        found = status.get(kind)
        if found and found is not before.get(kind):
            for name in sorted(found):
                amount(errors, f"status.{kind}.{name}", name, found[name])


def _features(errors: Errors, found: list[str]) -> None:
    for index, feature in enumerate(found):
        where, problem = f"status.declaredFeatures[{index}]", ""
        if len(feature) > names.SUBDOMAIN_MAX:
            problem = names.max_length(names.SUBDOMAIN_MAX)
        elif not FEATURE.fullmatch(feature):
            problem = FEATURE_DETAIL
        if problem:
            invalid(errors, where, feature, f"invalid feature name {go_quoted(feature)}: {problem}")
        if index + 1 < len(found):
            where, following = f"status.declaredFeatures[{index + 1}]", found[index + 1]
            if feature == following:
                duplicate(errors, where, following)
            elif feature > following:
                invalid(errors, where, following, "list must be sorted alphabetically")


def _ranges(errors: Errors, found: list[str]) -> None:
    for index, value in enumerate(found):
        cidr(errors, f"spec.podCIDRs[{index}]", value)
    if len(found) < 2:
        return
    families = set()
    for value in found:
        try:
            families.add(ipaddress.ip_network(value, strict=False).version)
        except ValueError:
            text = f"invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR address: {value}"
            errors.append(FieldError("Internal error", "spec.podCIDRs", None, text))
            families.clear()
            break
    if len(families) != 2 or len(found) > 2:
        invalid(errors, "spec.podCIDRs", found, "may specify no more than one CIDR for each IP family")


def node(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    spec, status = obj.get("spec") or EMPTY, obj.get("status") or EMPTY
    _annotations(errors, obj["metadata"].get("annotations") or {})
    _taints(errors, "metadata.taints", spec.get("taints") or [])
    _amounts(errors, status, EMPTY)
    swap = ((status.get("nodeInfo") or EMPTY).get("swap") or EMPTY).get("capacity")
    if swap is not None and swap <= 0:
        invalid(errors, "metadata.nodeSwapStatus.capacity", swap, NOT_POSITIVE)
    _features(errors, status.get("declaredFeatures") or [])
    _ranges(errors, spec.get("podCIDRs") or [])
    return errors


def _addresses(errors: Errors, found: list[Obj]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, address in enumerate(found):
        key = address.get("type", ""), address.get("address", "")
        if key in seen:
            duplicate(errors, f"status.addresses[{index}]", {"Type": key[0], "Address": key[1]})
        seen.add(key)


def _source(errors: Errors, at: str, source: Obj, in_status: bool) -> None:
    found = source.get("configMap")
    if found is None:
        invalid(errors, at, written("NodeConfigSource", source), ONE_SOURCE)
        return
    at += ".configMap"
    for field in ("uid", "resourceVersion"):
        if in_status and not found.get(field):
            required(errors, f"{at}.{field}")
        elif not in_status and found.get(field):
            forbidden(errors, f"{at}.{field}", f"{field} must not be set in spec")
    for field, rule in (
        ("namespace", names.dns1123_label),
        ("name", names.dns1123_subdomain),
        ("kubeletConfigKey", names.config_map_key),
    ):
        value = found.get(field, "")
        if not value:
            required(errors, f"{at}.{field}")
        else:
            all_invalid(errors, f"{at}.{field}", value, rule(value))


def node_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    status, had = new.get("status") or EMPTY, old.get("status") or EMPTY
    if new["metadata"].get("annotations") is not old["metadata"].get("annotations"):
        _annotations(errors, new["metadata"].get("annotations") or {})
    _amounts(errors, status, had)
    if status.get("declaredFeatures") is not had.get("declaredFeatures"):
        _features(errors, status.get("declaredFeatures") or [])
    if status.get("addresses") is not had.get("addresses"):
        _addresses(errors, status.get("addresses") or [])
    ranges, now = before.get("podCIDRs") or [], spec.get("podCIDRs") or []
    detail = 'node updates may not change podCIDR except from "" to valid'
    if ranges and len(ranges) != len(now):
        forbidden(errors, "spec.podCIDRs", detail)
    else:
        for one, other in zip(ranges, now, strict=False):
            if one != other:
                forbidden(errors, "spec.podCIDRs", detail)
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        forbidden(errors, "spec.providerID", 'node updates may not change providerID except from "" to valid')
    if spec.get("configSource") is not None:
        _source(errors, "spec.configSource", spec["configSource"], False)
    for kind in ("assigned", "active", "lastKnownGood"):
        source = (status.get("config") or EMPTY).get(kind)
        if source is not None:
            _source(errors, f"status.config.{kind}", source, True)
    if spec.get("taints") and spec["taints"] is not before.get("taints"):
        _taints(errors, "metadata.taints", spec["taints"])
    if spec.get("externalID", "") != before.get("externalID", ""):
        forbidden(errors, "spec.externalID", "may not be updated")
    return errors
