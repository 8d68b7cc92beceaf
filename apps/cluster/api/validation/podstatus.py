"""The status of a Pod: what a kubelet may write.

Models      pkg/apis/core/validation/validation.go (ValidatePodStatusUpdate and what it calls)
Leaves out  nothing
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, NamedTuple

from apps.cluster.api.validation.addresses import ip
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
)
from apps.cluster.api.validation.paths import dns_label, qualified
from apps.cluster.api.validation.resources import is_native
from apps.cluster.apimachinery import names, quantity
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

SYSTEM_CONDITIONS = {"PodScheduled", "Ready", "Initialized"}
NOT_BACK = "may not be transitioned to non-terminated state"
HEALTH = ("Healthy", "Unhealthy", "Unknown")
STATUSES = (
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", "ephemeralContainers"),
)
MAX_HEALTH_MESSAGE, MAX_IMAGE_REF = 1024, 256
CLAIM_FORMAT = (
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>'"
    " if request is empty"
)


class Gates(NamedTuple):
    """Features that decide about a status, as 1.36 has them."""

    restart_rules: bool = True
    restart_all: bool = True
    clear_nominated: bool = True
    image_digests: bool = False


ON = Gates()


def _rule_restarts(container: Obj, policy: str, code: int) -> bool:
    """Whether a container that ended with `code` is started again, by its own rules or its Pod's policy."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or EMPTY
        listed = code in (codes.get("values") or ())
        if (codes.get("operator") == "In") == listed and codes:
            return True
    policy = container.get("restartPolicy") or policy
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _all_could_restart(spec: Obj) -> bool:
    return any(
        rule.get("action") == "RestartAllContainers"
        for kind in ("containers", "initContainers")
        for container in spec.get(kind) or ()
        for rule in container.get("restartPolicyRules") or ()
    )


def _may_go_on(spec: Obj, of: str, name: str, code: int, gates: Gates) -> bool:
    """Whether a terminated container may be anything else again."""
    container = next((one for one in spec.get(of) or () if one.get("name") == name), None)
    policy = spec.get("restartPolicy", "")
    if gates.restart_rules:
        return container is not None and _rule_restarts(container, policy, code)
    sidecar = of == "initContainers" and (container or EMPTY).get("restartPolicy") == "Always"
    return sidecar or policy == "Always" or (policy == "OnFailure" and code != 0)


def transitions(errors: Errors, at: str, of: str, new: list[Obj], old: list[Obj], spec: Obj, gates: Gates = ON) -> None:
    """What has ended does not go back to running unless it is to be restarted."""
    if not old or old is new:
        return
    forgiving = of != "ephemeralContainers" and gates.restart_rules and gates.restart_all
    if forgiving and _all_could_restart(spec):
        return
    for index, was in enumerate(old):
        ended = (was.get("state") or EMPTY).get("terminated")
        if ended is None:
            continue
        now = next((one for one in new if one.get("name") == was.get("name")), None)
        if now is None or (now.get("state") or EMPTY).get("terminated") is not None:
            continue
        code = ended.get("exitCode", 0)
        if of == "ephemeralContainers" or not _may_go_on(spec, of, was.get("name", ""), code, gates):
            forbidden(errors, f"{at}[{index}].state", NOT_BACK)


def conditions(errors: Errors, at: str, found: list[Obj]) -> None:
    for index, condition in enumerate(found):
        if condition.get("observedGeneration", 0) < 0:
            where = f"{at}[{index}].observedGeneration"
            invalid(errors, where, condition["observedGeneration"], "must be a non-negative integer")
        if condition.get("type") not in SYSTEM_CONDITIONS:
            qualified(errors, f"{at}[{index}].Type", condition.get("type", ""))


def pod_status(errors: Errors, new: Obj, old: Obj, gates: Gates = ON) -> None:
    status, before = new.get("status") or EMPTY, old.get("status") or EMPTY
    conditions(errors, "status.conditions", status.get("conditions") or [])
    node = (old.get("spec") or EMPTY).get("nodeName", "")
    if (new.get("spec") or EMPTY).get("nodeName", "") != node:
        forbidden(errors, "status.nodeName", "may not be changed directly")
    nominated = status.get("nominatedNodeName", "")
    if nominated and nominated != before.get("nominatedNodeName", ""):
        all_invalid(errors, "status.nominatedNodeName", nominated, names.dns1123_subdomain(nominated))
        if node and gates.clear_nominated:
            forbidden(errors, "status.nominatedNodeName", "may not be set on pods that are already bound to a node")
    if status.get("observedGeneration", 0) < 0:
        invalid(errors, "status.observedGeneration", status["observedGeneration"], "must be a non-negative integer")
    immutable(errors, "status.qosClass", status.get("qosClass", ""), before.get("qosClass", ""))
    spec, new_spec = old.get("spec") or EMPTY, new.get("spec") or EMPTY
    for kind, of in STATUSES:
        transitions(errors, f"status.{kind}", of, status.get(kind) or [], before.get(kind) or [], spec, gates)
    if status.get("resourceClaimStatuses"):
        _claims(errors, "status.resourceClaimStatuses", status["resourceClaimStatuses"], new_spec)
    if status.get("extendedResourceClaimStatus") is not None:
        _extended(errors, "status.extendedResourceClaimStatus", status["extendedResourceClaimStatus"], new_spec)
    if status.get("nodeAllocatableResourceClaimStatuses"):
        node_allocatable(errors, "status.nodeAllocatableResourceClaimStatuses", status, new_spec)
    ips(errors, status, before)
    _containers(errors, status, new_spec, gates)


def _claims(errors: Errors, at: str, found: list[Obj], spec: Obj) -> None:
    known = {claim.get("name", "") for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for index, claim in enumerate(found):
        name, made = claim.get("name", ""), claim.get("resourceClaimName")
        if name not in known:
            detail = "must match the name of an entry in `spec.resourceClaims`"
            invalid(errors, f"{at}[{index}].name", name, detail)
        if name in seen:
            duplicate(errors, f"{at}[{index}].name", name)
        seen.add(name)
        if made is not None:
            all_invalid(errors, f"{at}[{index}].resourceClaimName", made, names.dns1123_subdomain(made))


def node_allocatable(errors: Errors, at: str, status: Obj, spec: Obj) -> None:
    """Claims that are taken out of what a node has of cpu, memory and the like."""
    known = {
        claim.get("resourceClaimName")
        for claim in (*(spec.get("resourceClaims") or ()), *(status.get("resourceClaimStatuses") or ()))
    }
    for index, one in enumerate(status.get("nodeAllocatableResourceClaimStatuses") or ()):
        here, name = f"{at}[{index}]", one.get("resourceClaimName", "")
        if not name:
            required(errors, f"{here}.resourceClaimName", "must not be empty")
        if name not in known:
            invalid(errors, f"{here}.resourceClaimName", name, "no mapping found in pod reference")
        for field in ("containers", "resources"):
            if not one.get(field):
                required(errors, f"{here}.{field}", "must not be empty")
        for resource, amount in sorted((one.get("resources") or EMPTY).items()):
            where = f"{here}.resources[{resource}]"
            if not is_native(resource):
                invalid(errors, where, resource, "must be a node allocatable resource name")
            if quantity.nano(amount) < 0:
                invalid(errors, where, amount, "must be non-negative")


def _extended(errors: Errors, at: str, found: Obj, spec: Obj) -> None:
    known = {
        container.get("name", ""): container
        for kind in ("initContainers", "containers")
        for container in spec.get(kind) or ()
    }
    mappings = found.get("requestMappings") or []
    if not mappings:
        required(errors, f"{at}.requestMappings", "at least one request mapping is required")
    seen: set[tuple[str, ...]] = set()
    places = "spec.initContainers{0} or spec.containers{0}"
    for index, mapping in enumerate(mappings):
        here = f"{at}.requestMappings[{index}]"
        key = tuple(mapping.get(field, "") for field in ("containerName", "resourceName", "requestName"))
        container = known.get(key[0])
        if container is None:
            detail = f"must match the name of an entry in {places.format('.name')}"
            invalid(errors, f"{here}.containerName", key[0], detail)
        elif key[1] not in ((container.get("resources") or EMPTY).get("requests") or EMPTY):
            where = places.format(".resources.requests")
            invalid(
                errors, f"{here}.resourceName", key[1], f"must match the extended resource name of an entry in {where}"
            )
        dns_label(errors, f"{at}.requestName", key[2])
        if key in seen:
            for field, value in zip(("containerName", "resourceName", "requestName"), key, strict=True):
                duplicate(errors, f"{here}.{field}", value)
        seen.add(key)
    name = found.get("resourceClaimName", "")
    if not name:
        required(errors, f"{at}.resourceClaimName")
    else:
        all_invalid(errors, f"{at}.resourceClaimName", name, names.dns1123_subdomain(name))


def _containers(errors: Errors, status: Obj, spec: Obj, gates: Gates) -> None:
    """Users, health of devices and volumes in the statuses of containers."""
    system = (spec.get("os") or EMPTY).get("name", "") if spec.get("os") is not None else "linux"
    for kind, _ in STATUSES:
        for index, one in enumerate(status.get(kind) or ()):
            if one.get("user") is not None:
                _user(errors, f"status.{kind}[{index}].user.linux", one["user"].get("linux"), system)
    for kind, of in STATUSES[:2]:
        allocated_resources(errors, f"status.{kind}", status.get(kind) or [], spec.get(of) or [])
    allocated_resources(errors, f"status.{STATUSES[2][0]}", status.get(STATUSES[2][0]) or [])
    if not gates.image_digests:
        return
    for kind, _ in STATUSES:
        for index, one in enumerate(status.get(kind) or ()):
            for place, mount in enumerate(one.get("volumeMounts") or ()):
                image = (mount.get("volumeStatus") or EMPTY).get("image")
                if image is None:
                    continue
                where = f"status.{kind}[{index}].volumeMounts[{place}].volumeStatus.imageVolumeStatus.imageRef"
                if not image.get("imageRef"):
                    required(errors, where, "imageRef must not be empty")
                elif len(image["imageRef"]) > MAX_IMAGE_REF:
                    too_long(errors, where, MAX_IMAGE_REF)


def _user(errors: Errors, at: str, user: Obj | None, system: str) -> None:
    if user is None:
        return
    if system == "windows":
        forbidden(errors, at, "cannot be set for a windows pod")
    elif system == "linux":
        all_invalid(errors, f"{at}.uid", user.get("uid", 0), names.user_id(user.get("uid", 0)))
        all_invalid(errors, f"{at}.gid", user.get("gid", 0), names.group_id(user.get("gid", 0)))
        for index, group in enumerate(user.get("supplementalGroups") or ()):
            all_invalid(errors, f"{at}.supplementalGroups[{index}]", group, names.group_id(group))


def _wanted(container: Obj, name: str) -> bool:
    found = container.get("resources") or EMPTY
    if not name.startswith("claim:"):
        return name in (found.get("requests") or EMPTY)
    claims = found.get("claims") or ()
    return name in {f"claim:{one['name']}" + (f"/{one['request']}" if one.get("request") else "") for one in claims}


def _devices(statuses: list[Obj]) -> Iterator[tuple[str, Obj, Obj]]:
    for index, status in enumerate(statuses):
        for place, resource in enumerate(status.get("allocatedResourcesStatus") or ()):
            yield f"[{index}].allocatedResourcesStatus[{place}]", status, resource


def allocated_resources(errors: Errors, at: str, statuses: list[Obj], containers: list[Obj] | None = None) -> None:
    """How well the devices of containers are; None stands for containers that may have none."""
    if containers is None:
        for index, status in enumerate(statuses):
            if status.get("allocatedResourcesStatus"):
                where = f"{at}[{index}].allocatedResourcesStatus"
                forbidden(errors, where, "must not be specified in container status")
        return
    for place, status, resource in _devices(statuses):
        name, here = resource.get("name", ""), at + place
        container = next((one for one in containers if one.get("name") == status.get("name")), None)
        if container is not None and not _wanted(container, name):
            plain = "must match one of the container's resource requests"
            invalid(errors, f"{here}.name", name, CLAIM_FORMAT if name.startswith("claim:") else plain)
        seen: set[str] = set()
        for index, one in enumerate(resource.get("resources") or ()):
            which = f"{here}.resources[{index}]"
            if one.get("health", "") not in HEALTH:
                not_supported(errors, f"{which}.health", one.get("health", ""), sorted(HEALTH))
            message = one.get("message")
            if message == "":
                required(errors, f"{which}.message", "must be non-empty if specified")
            elif message is not None and len(message) > MAX_HEALTH_MESSAGE:
                too_long(errors, f"{which}.message", MAX_HEALTH_MESSAGE)
            if one.get("resourceID", "") in seen:
                duplicate(errors, f"{which}.resourceID", one.get("resourceID", ""))
            seen.add(one.get("resourceID", ""))


def _families(errors: Errors, at: str, found: list[Obj]) -> None:
    if len(found) < 2:
        return
    versions: set[int] = set()
    for one in found:
        try:
            versions.add(ipaddress.ip_address(one.get("ip", "")).version)
        except ValueError:
            text = f"failed to check for dual stack with error:invalid IP[{_place(found, one)}]: {one.get('ip', '')}"
            errors.append(FieldError("Internal error", at, None, text))
            versions.clear()
            break
    if len(found) > 2 or len(versions) != 2:
        shown = [{"IP": one.get("ip", "")} for one in found]
        invalid(errors, at, shown, "may specify no more than one IP for each IP family")


def _place(found: list[Obj], one: Obj) -> int:
    return next(index for index, other in enumerate(found) if other is one)


def ips(errors: Errors, status: Obj, before: Obj) -> None:
    for kind in ("podIPs", "hostIPs"):
        found: list[Any] = status.get(kind) or []
        if not found or found is before.get(kind):
            continue
        if kind == "hostIPs" and status.get("hostIP", "") != found[0].get("ip", ""):
            invalid(errors, "status.hostIPs[0].ip", found[0].get("ip", ""), "must be equal to `hostIP`")
        known = {one.get("ip", "") for one in before.get(kind) or ()}
        for index, one in enumerate(found):
            if one.get("ip", "") not in known:
                ip(errors, f"status.{kind}[{index}]", one.get("ip", ""))
        _families(errors, f"status.{kind}", found)
