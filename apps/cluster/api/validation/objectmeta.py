"""metadata: names, namespaces, labels, annotations, owners, finalizers; and label selectors.

Models      k8s.io/apimachinery/pkg/api/validation/objectmeta.go, pkg/apis/meta/v1/validation
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    forbidden,
    immutable,
    invalid,
    nonnegative,
    required,
    too_long,
)
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj

NameRule = Callable[[str], tuple[str, ...]]
ANNOTATIONS_MAX = 256 * 1024
LONGEST_MANAGER, LONGEST_SUBRESOURCE = 128, 256
FIXED = ("name", "namespace", "uid")
FIXED_TIMES = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def path_segment(name: str) -> tuple[str, ...]:
    """The rule of RBAC names: anything that can stand in a URL's path.

    >>> path_segment("system:node"), path_segment("a/b")
    ((), ("may not contain '/'",))
    """
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{letter}'" for letter in ("/", "%") if letter in name)


def _masked(prefix: str) -> str:
    """A generateName judged as the beginning of a name: a trailing dash is allowed."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def labels(errors: Errors, at: str, found: dict[str, str] | None) -> None:
    for key in sorted(found or ()):
        value = found[key]  # type: ignore[index]
        problems = names.qualified_name(key)
        if problems:
            all_invalid(errors, at, key, problems)
        problems = names.label_value(value)
        if problems:
            all_invalid(errors, at, value, problems)


def annotation_map(errors: Errors, at: str, found: dict[str, str] | None) -> None:
    if not found:
        return
    size = 0
    for key in sorted(found):
        problems = names.qualified_name(key.lower())
        if problems:
            all_invalid(errors, at, key, problems)
        size += len(key.encode()) + len(found[key].encode())
    if size > ANNOTATIONS_MAX:
        too_long(errors, at, ANNOTATIONS_MAX)


def _owners(errors: Errors, at: str, owners: list[Obj]) -> None:
    first = ""
    for owner in owners:
        version = owner.get("apiVersion", "").rpartition("/")[2]
        if not version:
            invalid(errors, f"{at}.apiVersion", owner.get("apiVersion", ""), "version must not be empty")
        for name in ("kind", "name", "uid"):
            if not owner.get(name):
                invalid(errors, f"{at}.{name}", "", "must not be empty")
        if owner.get("kind") == "Event" and owner.get("apiVersion") == "v1":
            invalid(errors, at, owner, "/v1, Kind=Event is disallowed from being an owner")
        if owner.get("controller"):
            current = f"{owner.get('kind', '')}/{owner.get('name', '')}"
            if first:
                detail = (
                    'Only one reference can have Controller set to true. Found "true" in references for'
                    f" {first} and {current}"
                )
                invalid(errors, at, owners, detail)
            else:
                first = current


def _finalizers(errors: Errors, at: str, finalizers: list[str]) -> None:
    for finalizer in finalizers:
        all_invalid(errors, at, finalizer, names.qualified_name(finalizer))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        invalid(errors, at, finalizers, "finalizer orphan and foregroundDeletion cannot be both set")


def _kube_finalizers(errors: Errors, at: str, finalizers: list[str]) -> None:
    for index, finalizer in enumerate(finalizers):
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            invalid(errors, f"{at}.finalizers[{index}]", finalizer, detail)


def _managers(errors: Errors, at: str, entries: list[Obj]) -> None:
    """Who is said to have set which fields."""
    for index, entry in enumerate(entries):
        here, operation, kind = f"{at}[{index}]", entry.get("operation", ""), entry.get("fieldsType", "")
        manager: str = entry.get("manager", "")
        if operation not in ("Apply", "Update"):
            invalid(errors, f"{here}.operation", operation, "must be `Apply` or `Update`")
        if kind not in ("", "FieldsV1"):
            invalid(errors, f"{here}.fieldsType", kind, "must be `FieldsV1`")
        if len(manager.encode()) > LONGEST_MANAGER:
            too_long(errors, f"{here}.manager", LONGEST_MANAGER)
        for place, letter in enumerate(manager):
            if not letter.isprintable():
                position = len(manager[:place].encode())
                detail = f"invalid character U+{ord(letter):04X} (at position {position})"
                invalid(errors, f"{here}.manager", manager, detail)
        if len(entry.get("subresource", "").encode()) > LONGEST_SUBRESOURCE:
            too_long(errors, f"{here}.subresource", LONGEST_SUBRESOURCE)


def object_meta(
    errors: Errors, metadata: Obj, namespaced: bool, rule: NameRule, at: str = "metadata", *, kube: bool = True
) -> None:
    """The metadata of an object to be created. `kube`: finalizers are held to what kinds of Kubernetes ask for."""
    prefix = metadata.get("generateName")
    if prefix:
        all_invalid(errors, f"{at}.generateName", prefix, rule(_masked(prefix)))
    name = metadata.get("name")
    if not name:
        required(errors, f"{at}.name", "name or generateName is required")
    else:
        problems = rule(name)
        if problems:
            all_invalid(errors, f"{at}.name", name, problems)
    namespace = metadata.get("namespace")
    if namespaced:
        if not namespace:
            required(errors, f"{at}.namespace")
        else:
            problems = names.dns1123_label(namespace)
            if problems:
                all_invalid(errors, f"{at}.namespace", namespace, problems)
    elif namespace:
        forbidden(errors, f"{at}.namespace", "not allowed on this type")
    generation = metadata.get("generation")
    if generation is not None:
        nonnegative(errors, f"{at}.generation", generation)
    _common(errors, at, metadata)
    finalizers = metadata.get("finalizers")
    if finalizers:
        _finalizers(errors, f"{at}.finalizers", finalizers)
    if metadata.get("managedFields"):
        _managers(errors, f"{at}.managedFields", metadata["managedFields"])
    if finalizers and kube:
        _kube_finalizers(errors, at, finalizers)


def _common(errors: Errors, at: str, metadata: Obj) -> None:
    found = metadata.get("labels")
    if found:
        labels(errors, f"{at}.labels", found)
    found = metadata.get("annotations")
    if found:
        annotation_map(errors, f"{at}.annotations", found)
    owners = metadata.get("ownerReferences")
    if owners:
        _owners(errors, f"{at}.ownerReferences", owners)


def object_meta_update(errors: Errors, new: Obj, old: Obj, at: str = "metadata", *, kube: bool = True) -> None:
    """What may not change in metadata, and what is new in it."""
    finalizers = new.get("finalizers") or []
    if old.get("deletionTimestamp") is not None:
        extra = sorted(set(finalizers) - set(old.get("finalizers") or []))
        if extra:
            listed = ", ".join(f'"{one}"' for one in extra)
            detail = (
                "no new finalizers can be added if the object is being deleted, found new finalizers"
                f" []string{{{listed}}}"
            )
            forbidden(errors, f"{at}.finalizers", detail)
    if not new.get("resourceVersion"):
        invalid(errors, f"{at}.resourceVersion", "", "must be specified for an update")
    if new.get("generation", 0) < old.get("generation", 0):
        invalid(errors, f"{at}.generation", new.get("generation", 0), "must not be decremented")
    for name in FIXED:
        after, before = new.get(name), old.get(name)
        if after is not before and after != before:
            immutable(errors, f"{at}.{name}", after or "", before or "")
    for name in FIXED_TIMES:
        after, before = new.get(name), old.get(name)
        if after is not before and after != before:
            immutable(errors, f"{at}.{name}", after, before)
    for name, rule in (("labels", labels), ("annotations", annotation_map)):
        found = new.get(name)
        if found and found is not old.get(name):
            rule(errors, f"{at}.{name}", found)
    owners = new.get("ownerReferences")
    if owners and owners is not old.get("ownerReferences"):
        _owners(errors, f"{at}.ownerReferences", owners)
    managers = new.get("managedFields")
    if managers and managers is not old.get("managedFields"):
        _managers(errors, f"{at}.managedFields", managers)
    if kube and finalizers and finalizers is not old.get("finalizers"):
        _kube_finalizers(errors, at, finalizers)


def label_selector(errors: Errors, at: str, selector: Obj | None, *, any_value: bool = False) -> None:
    if not selector:
        return
    labels(errors, f"{at}.matchLabels", selector.get("matchLabels"))
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        _requirement(errors, f"{at}.matchExpressions[{index}]", expression, any_value)


def _requirement(errors: Errors, at: str, expression: Obj, any_value: bool) -> None:
    operator, values = expression.get("operator", ""), expression.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            required(errors, f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            forbidden(errors, f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        invalid(errors, f"{at}.operator", operator, "not a valid selector operator")
    label_name(errors, f"{at}.key", expression.get("key", ""))
    for index, value in enumerate(() if any_value else values):
        all_invalid(errors, f"{at}.values[{index}]", value, names.label_value(value))


def label_name(errors: Errors, at: str, key: str) -> None:
    all_invalid(errors, at, key, names.qualified_name(key))


def is_empty_selector(selector: Obj | None) -> bool:
    """A selector that selects everything."""
    return not selector or not (selector.get("matchLabels") or selector.get("matchExpressions"))


def go_selector(selector: Obj | None) -> Any:
    """A label selector as Go's JSON shows it in a message: maps sorted, fields in the struct's order."""
    if selector is None:
        return None
    shown: Obj = {}
    if selector.get("matchLabels"):
        shown["matchLabels"] = {key: selector["matchLabels"][key] for key in sorted(selector["matchLabels"])}
    if selector.get("matchExpressions"):
        shown["matchExpressions"] = [
            {name: one[name] for name in ("key", "operator", "values") if one.get(name)}
            for one in selector["matchExpressions"]
        ]
    return shown
