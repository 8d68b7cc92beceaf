"""A deletion: graceful where the kind knows grace, and not before the last finalizer has gone.

Models      k8s.io/apiserver registry/generic/registry/store.go (Delete), pkg/registry/core/namespace/storage
Leaves out  nothing known
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver import admission, deleting
from apps.cluster.apiserver.admission import chain
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.apiserver.cache import NO_PARAMS, Obj

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer


def delete(
    server: APIServer,
    actor: Actor,
    resource: str,
    namespace: str,
    name: str,
    *,
    grace_period_seconds: int | None = None,
    propagation: str | None = None,
    uid: str = "",
    resource_version: str = "",
    why: str = "",
    params: dict[str, Any] = NO_PARAMS,
    dry_run: bool = False,
) -> tuple[Obj, bool]:
    """`delete`, by whoever may."""
    info = server.infos[resource]
    old = server.get(resource, namespace, name)
    metadata = old["metadata"]
    key = f"{namespace}/{name}" if namespace else name
    if actor.component == "kubelet" or resource == "namespaces":
        chain.admit(server.attributes(actor, admission.DELETE, info, namespace, name, None, old))
    deleting.check_preconditions(info, metadata, uid, resource_version)
    if resource == "namespaces":
        return _delete_namespace(server, actor, info, key, old, why, params, dry_run)
    grace = deleting.grace_seconds(resource, old, grace_period_seconds)
    finalizers = deleting.finalizers_for(resource, metadata.get("finalizers") or [], propagation)
    if resource == "customresourcedefinitions":
        finalizers = server.customs.finalizers(metadata, finalizers)
    if "deletionTimestamp" in metadata:
        already = metadata.get("deletionGracePeriodSeconds", 0)
        if grace >= already and finalizers == (metadata.get("finalizers") or []) and not (grace == 0 == already):
            return old, False  # a deletion is under way, and this one asks for nothing sooner
        if grace == 0 and not finalizers:
            if dry_run:
                return old, True
            if already:
                # The grace period is over: upstream writes that down, and removes the object by the next revision.
                asked_ms = timestamps.parse(metadata["deletionTimestamp"]) - already * 1000
                over = {**metadata, "deletionTimestamp": format_ms(asked_ms), "deletionGracePeriodSeconds": 0}
                old = server.commit(actor, "delete", info, key, old, {**old, "metadata": over}, "", why, params)
            return server.drop(actor, info, key, old, why, params), True
        grace = min(grace, already)
    elif grace == 0 and not finalizers:
        if dry_run:
            return old, True
        if resource == "pods":
            # A kind that knows grace is marked first, even when there is none to wait for.
            now = {**metadata, "deletionTimestamp": format_ms(server.now_ms), "deletionGracePeriodSeconds": 0}
            now["generation"] = metadata.get("generation", 0) + 1
            old = server.commit(actor, "delete", info, key, old, {**old, "metadata": now}, "", why, params)
        return server.drop(actor, info, key, old, why, params), True
    marked = {
        **metadata,
        "deletionTimestamp": metadata.get("deletionTimestamp") or format_ms(server.now_ms + grace * 1000),
        "deletionGracePeriodSeconds": grace,
    }
    if grace < metadata.get("deletionGracePeriodSeconds", grace):
        marked["deletionTimestamp"] = format_ms(server.now_ms + grace * 1000)
    if "generation" in metadata and "deletionTimestamp" not in metadata:
        marked["generation"] = metadata["generation"] + 1
    if finalizers:
        marked["finalizers"] = finalizers
    else:
        marked.pop("finalizers", None)
    if marked == metadata:
        return old, False
    new = {**old, "metadata": marked}
    if resource == "customresourcedefinitions":
        new = server.customs.marked_for_deletion(old, new)
    if dry_run:
        return new, False
    return server.commit(actor, "delete", info, key, old, new, "", why, params), False


def _delete_namespace(
    server: APIServer,
    actor: Actor,
    info: ResourceInfo,
    key: str,
    old: Obj,
    why: str,
    params: dict[str, Any],
    dry_run: bool,
) -> tuple[Obj, bool]:
    if "deletionTimestamp" in old["metadata"]:
        if (old.get("spec") or NO_PARAMS).get("finalizers") or old["metadata"].get("finalizers"):
            return old, False
        return (old if dry_run else server.drop(actor, info, key, old, why, params)), True
    marked = {**old["metadata"], "deletionTimestamp": format_ms(server.now_ms)}
    new = {**old, "metadata": marked, "status": {**old.get("status", {}), "phase": "Terminating"}}
    if dry_run:
        return new, False
    return server.commit(actor, "delete", info, key, old, new, "", why, params), False
