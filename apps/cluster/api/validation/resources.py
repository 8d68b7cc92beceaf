"""Requests and limits.

Models      pkg/apis/core/validation/validation.go (validateResourceRequirements), pkg/apis/core/helper
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Callable

from apps.cluster.api.validation.fields import (
    NEGATIVE,
    NOT_INTEGER,
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from apps.cluster.api.validation.paths import dns_label
from apps.cluster.apimachinery import names, quantity
from apps.cluster.apimachinery.meta import Obj

CONTAINER = {"cpu", "memory", "ephemeral-storage"}
OBJECTS = {
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
}
STANDARD = {
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "storage",
    "requests.storage",
    *OBJECTS,
}
Rule = Callable[[Errors, str, str], None]


def is_huge(name: str) -> bool:
    return name.startswith("hugepages-")


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """`example.com/gpu`: a resource of a device plugin."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not names.qualified_name(f"requests.{name}")


def overcommits(name: str) -> bool:
    """A limit may exceed the request."""
    return is_native(name) and not is_huge(name)


def resource_name(errors: Errors, at: str, name: str) -> bool:
    problems = names.qualified_name(name)
    if problems:
        all_invalid(errors, at, name, problems)
        return False
    if "/" not in name and name not in STANDARD and not name.startswith(("hugepages-", "requests.hugepages-")):
        invalid(errors, at, name, "must be a standard resource type or fully qualified")
    return True


def container_resource(errors: Errors, at: str, name: str) -> None:
    """The name of something that a container may ask for."""
    if name in CONTAINER:
        return
    resource_name(errors, at, name)
    if "/" not in name:
        if not is_huge(name):
            invalid(errors, at, name, "must be a standard resource for containers")
    elif not is_native(name) and not is_extended(name):
        invalid(errors, at, name, "doesn't follow extended resource name standard")


def pod_resource(errors: Errors, at: str, name: str) -> None:
    before = len(errors)
    resource_name(errors, at, name)
    if len(errors) == before and name not in ("cpu", "memory") and not is_huge(name):
        not_supported(errors, at, name, ("cpu", "memory"))


def amount(errors: Errors, at: str, name: str, value: str) -> None:
    """Not negative, and whole where the resource is counted."""
    parsed = quantity.parse(value)
    if parsed.unscaled < 0:
        invalid(errors, at, value, NEGATIVE)
    if name not in CONTAINER and (name in OBJECTS or is_extended(name)) and parsed.scaled(-3) % 1000:
        invalid(errors, at, value, NOT_INTEGER)


def _huge(errors: Errors, at: str, name: str, value: str) -> None:
    try:
        size = quantity.parse(name.removeprefix("hugepages-")).scaled(0)
    except quantity.InvalidQuantity:
        size = 0
    whole = quantity.parse(value).scaled(0)
    if size <= 0 or whole < size or whole % size:
        invalid(errors, at, value, f"{value} is not positive integer multiple of {name}")


def requirements(errors: Errors, at: str, found: Obj | None, claims: set[str], rule: Rule = container_resource) -> None:
    """requests, limits and claims of a container, or of a Pod with `rule=pod_resource`."""
    if not found:
        return
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    for name in sorted(limits):
        where, value = f"{at}.limits[{name}]", limits[name]
        rule(errors, where, name)
        amount(errors, where, name, value)
        if is_huge(name):
            _huge(errors, where, name, value)
    for name in sorted(requests):
        where, value = f"{at}.requests[{name}]", requests[name]
        rule(errors, where, name)
        amount(errors, where, name, value)
        limit = limits.get(name)
        if limit is not None:
            asked, most = quantity.nano(value), quantity.nano(limit)
            if asked != most and not overcommits(name):
                invalid(errors, f"{at}.requests", value, f"must be equal to {name} limit of {limit}")
            elif asked > most:
                invalid(errors, f"{at}.requests", value, f"must be less than or equal to {name} limit of {limit}")
        elif not overcommits(name):
            required(errors, f"{at}.limits", "Limit must be set for non overcommitable resources")
        if is_huge(name):
            _huge(errors, where, name, value)
    asked_names = {*limits, *requests}
    if any(is_huge(name) for name in asked_names) and not asked_names & {"cpu", "memory"}:
        forbidden(errors, at, "HugePages require cpu or memory")
    if found.get("claims"):
        _claims(errors, f"{at}.claims", found["claims"], claims)


def _claims(errors: Errors, at: str, found: list[Obj], known: set[str]) -> None:
    seen: set[str] = set()
    for index, claim in enumerate(found):
        name, request, here = claim.get("name", ""), claim.get("request", ""), f"{at}[{index}]"
        if not name:
            required(errors, here)
            continue
        if name in seen:
            duplicate(errors, here, name)
        else:
            key = name
            if request:
                dns_label(errors, f"{here}.request", request)
                key = f"{name}/{request}"
            if key in seen:
                duplicate(errors, here, key)
            elif not request:
                for other in sorted(seen):
                    if other.partition("/")[0] == name and "/" in other:
                        duplicate(errors, here, name)
            seen.add(key)
        if name not in known:
            detail = "must be one of the names in pod.spec.resourceClaims"
            detail += f": {', '.join(sorted(known))}" if known else " which is empty"
            not_found(errors, here, name, detail)
