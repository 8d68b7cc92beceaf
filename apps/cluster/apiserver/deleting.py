"""What a deletion waits for: a grace period, and finalizers.

Models      rest.BeforeDelete, pkg/registry/core/pod/strategy.go (CheckGracefulDelete), registry/store.go (finalizers)
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery import status as errors

Obj = dict[str, Any]
NOTHING: dict[str, Any] = {}
# Kinds from before there was garbage collection: who deletes one and says nothing else keeps its Pods.
ORPHAN_BY_DEFAULT = frozenset({"jobs", "replicationcontrollers"})


def grace_seconds(resource: str, obj: Obj, asked: int | None) -> int:
    """Seconds a deletion waits for. Only Pods know grace, and only once a kubelet may be running them."""
    if resource != "pods":
        return 0
    if not obj["spec"].get("nodeName") or obj["status"].get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return max(asked, 0)
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30))


def may_go(info: ResourceInfo, obj: Obj) -> bool:
    """An object under deletion without finalizers may be removed, unless a kubelet still has to let it go."""
    if info.plural == "namespaces":
        return not (obj.get("spec") or NOTHING).get("finalizers")
    return not obj["metadata"].get("deletionGracePeriodSeconds")


def finalizers_for(resource: str, finalizers: list[str], propagation: str | None) -> list[str]:
    """The finalizers a deletion leaves: Foreground and Orphan each add their own and take the other's away."""
    if propagation is None:
        if resource not in ORPHAN_BY_DEFAULT or "foregroundDeletion" in finalizers or "orphan" in finalizers:
            return finalizers
        propagation = "Orphan"
    kept = [name for name in finalizers if name not in ("foregroundDeletion", "orphan")]
    if propagation == "Foreground":
        return [*kept, "foregroundDeletion"]
    if propagation == "Orphan":
        return [*kept, "orphan"]
    return kept


def check_preconditions(info: ResourceInfo, metadata: dict[str, Any], uid: str, resource_version: str) -> None:
    """Raises: StatusError 409, the object is another or another version than the one meant."""
    name = metadata["name"]
    if uid and uid != metadata["uid"]:
        raise errors.conflict(
            info.kind,
            name,
            why=f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated",
        )
    if resource_version and resource_version != metadata["resourceVersion"]:
        raise errors.conflict(
            info.kind,
            name,
            why=f"the ResourceVersion in the precondition ({resource_version}) does not match the ResourceVersion "
            f"in record ({metadata['resourceVersion']}). The object might have been modified",
        )
