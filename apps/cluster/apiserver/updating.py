"""A change of an object: what a PUT or a patch may touch, and what it leaves as it was.

Models      rest.BeforeUpdate, pkg/registry/*/strategy.go (PrepareForUpdate), endpoints/handlers/patch.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.cluster.api.decode import decode
from apps.cluster.api.resource import ResourceInfo, ValidateUpdate
from apps.cluster.api.validation import certificates, pods
from apps.cluster.apimachinery import status as errors
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import allocators, service_types
from apps.cluster.apiserver.admission import Attributes, chain
from apps.cluster.apiserver.strategy import (
    template_generation,
    wanted_state_changed,
    with_template_generation,
    without_disabled,
)
from apps.cluster.engine import Randomness

Obj = dict[str, Any]
# What judges a change through a subresource, where it is not the kind's own rule.
_RULES: dict[str, ValidateUpdate] = {
    "ephemeralcontainers": pods.ephemeral_containers_update,
    "resize": pods.pod_resize,
    "finalize": lambda new, old: [],
    "approval": certificates.request_approval,
}
Tables = Mapping[str, Mapping[str, Obj]]
NOTHING: dict[str, Any] = {}


def part(subresource: str, old: Obj, obj: Obj) -> Obj:
    """The old object with the one part that a subresource may change, as the new one has it.

    Raises:
        StatusError: 422.
    """
    metadata = {**old["metadata"], "resourceVersion": obj["metadata"].get("resourceVersion", "")}
    spec = old.get("spec") or {}
    wanted = obj.get("spec") or {}
    if subresource == "ephemeralcontainers":
        new = {**spec, "ephemeralContainers": wanted.get("ephemeralContainers") or []}
        if not new["ephemeralContainers"]:
            del new["ephemeralContainers"]
        return {**old, "metadata": metadata, "spec": new}
    if subresource == "resize":
        new = {**spec}
        for field in ("containers", "initContainers"):
            sizes = {container["name"]: container for container in wanted.get(field) or ()}
            if spec.get(field):
                new[field] = [_resized(container, sizes.get(container["name"])) for container in spec[field]]
        return {**old, "metadata": metadata, "spec": new}
    if subresource == "finalize":
        return {**old, "metadata": metadata, "spec": {**spec, "finalizers": wanted.get("finalizers") or []}}
    if subresource == "approval":
        conditions = (obj.get("status") or {}).get("conditions") or []
        return {**old, "metadata": metadata, "status": {**(old.get("status") or {}), "conditions": conditions}}
    return obj


def _resized(container: Obj, wanted: Obj | None) -> Obj:
    if wanted is None:
        return container
    out = {**container, "resources": wanted.get("resources") or {}}
    if wanted.get("resizePolicy"):
        out["resizePolicy"] = wanted["resizePolicy"]
    return out


def prepare(info: ResourceInfo, old: Obj, obj: Obj, a: Attributes, random: Randomness) -> Obj:
    """The object that a PUT would store; the old one when nothing would change.

    `a` is what the admission plugins are told of the request.

    Raises:
        StatusError: 403, 422.
    """
    tables = a.tables
    resource = info.plural
    current = old["metadata"]
    wanted = obj["metadata"]
    metadata = {**current}
    for field in ("labels", "annotations", "ownerReferences", "finalizers"):
        value = wanted.get(field)
        if value:
            metadata[field] = value
        else:
            metadata.pop(field, None)
    if resource == "daemonsets":
        metadata = with_template_generation(metadata, template_generation(current))
    if resource == "statefulsets":
        obj = without_disabled(obj, old)
    new = {**obj, "apiVersion": info.api_version, "kind": info.kind, "metadata": metadata}
    if "status" in info.subresources:
        if a.subresource == "approval":
            pass  # of the status, this changes the conditions
        elif "status" in old:
            new["status"] = old["status"]
        else:
            new.pop("status", None)
    if wanted_state_changed(old, new):
        a.obj = info.default(new)
        chain.admit(a)
        new = dict(a.obj)
        metadata = dict(new["metadata"])
        if resource == "daemonsets" and new["spec"].get("template") != old["spec"].get("template"):
            metadata = with_template_generation(metadata, template_generation(current) + 1)
        new["metadata"] = metadata
        if resource == "services":
            new = _service(old, new, tables, random, a.dry_run)
        if "generation" in metadata and wanted_state_changed(old, new):
            metadata["generation"] = current["generation"] + 1
        found = _RULES.get(a.subresource, info.validate_update)(new, old)
        if found:
            raise refused(errors.invalid(info.kind, info.group, metadata["name"], found))
    elif a.subresource == "approval":
        new = {**old, "status": new["status"]}
        found = _RULES["approval"](new, old)
        if found:
            raise refused(errors.invalid(info.kind, info.group, metadata["name"], found))
    elif metadata == current:
        return old
    else:
        if resource == "deployments" and metadata.get("annotations") != current.get("annotations"):
            # Alone among kinds: annotations count as wanted state (a change cause is worth a revision's note).
            metadata["generation"] = current["generation"] + 1
        # Only metadata changed: what the store holds of the rest is kept, object for object.
        a.obj = {**old, "metadata": metadata}
        chain.admit(a)
        new = dict(a.obj)
        if metadata.get("labels") != current.get("labels") or metadata.get("annotations") != current.get("annotations"):
            found = info.validate_update(new, old)
            if found:
                raise refused(errors.invalid(info.kind, info.group, metadata["name"], found))
    a.obj = new
    chain.validate(a)
    if new == old:
        return old
    return new


def refused(error: StatusError) -> StatusError:
    error.stage = "schema"
    return error


def _service(old: Obj, new: Obj, tables: Tables, random: Randomness, dry_run: bool) -> Obj:
    """A changed Service with what it is given, and without what its type has no use for."""
    new = allocators.reallocate(new, old, tables, random, dry_run=dry_run)
    spec = service_types.without_unneeded(old["spec"], new["spec"])
    balancer = (new.get("status") or NOTHING).get("loadBalancer")
    if spec.get("type") != "LoadBalancer" and balancer:
        new = {**new, "status": {**new["status"], "loadBalancer": {}}}
    return {**new, "spec": spec}


# Kinds of which a write to /status moves no metadata; of Deployments the labels stay, of Pods the owners.
STILL = frozenset(
    {
        "customresourcedefinitions",
        "apiservices",
        "flowschemas",
        "prioritylevelconfigurations",
        "validatingadmissionpolicies",
    }
)


def status_metadata(info: ResourceInfo, current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What a write to /status makes of the metadata: labels and annotations may move with the status."""
    resource = info.plural
    if resource in STILL or not info.builtin:
        return current
    metadata = {**current}
    for field in ("labels", "annotations", "ownerReferences", "finalizers"):
        if (resource, field) in (("deployments", "labels"), ("pods", "ownerReferences")):
            continue
        value = wanted.get(field)
        if value:
            metadata[field] = value
        else:
            metadata.pop(field, None)
    return metadata


def decoded(info: ResourceInfo, name: str, obj: Any) -> Obj:
    """What a reader's patch made of an object, if it still is one of its kind.

    Raises:
        StatusError: 400, a field of the wrong type, an unknown one, or another object's identity.
    """
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        raise errors.bad_request("the patched object is no object any more")
    given = obj["metadata"].get("name")
    if given != name:
        raise errors.bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
    if obj.get("kind") != info.kind or obj.get("apiVersion") != info.api_version:
        raise errors.bad_request(
            f"the API version in the data ({obj.get('apiVersion')}) does not match the expected API version "
            f"({info.api_version}), or the kind ({obj.get('kind')}) is not {info.kind}"
        )
    return decode(obj).obj
