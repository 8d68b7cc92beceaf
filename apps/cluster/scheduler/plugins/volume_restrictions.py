"""VolumeRestrictions: disks that two Pods may not share on a node, and claims that one Pod has to itself.

Models      pkg/scheduler/framework/plugins/volumerestrictions/volume_restrictions.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.scheduler.cache import claims_of
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Hints, Plugin
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, UNSCHEDULABLE, Status

_IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
)
_DISKS = ("gcePersistentDisk", "awsElasticBlockStore", "rbd", "iscsi")


class ExclusiveClaims:
    """ReadWriteOncePod claims of the Pod, and how many of them are in use."""

    __slots__ = ("claims", "conflicts")

    def __init__(self, claims: frozenset[str], conflicts: int) -> None:
        self.claims = claims
        self.conflicts = conflicts

    def clone(self) -> ExclusiveClaims:
        return ExclusiveClaims(self.claims, self.conflicts)


class VolumeRestrictions(Plugin):
    name: ClassVar[str] = "VolumeRestrictions"
    filters: ClassVar[bool] = True

    DISK: ClassVar[Status] = Status(UNSCHEDULABLE, ("node(s) had no available disk",), "VolumeRestrictions")
    IN_USE: ClassVar[Status] = Status(
        UNSCHEDULABLE,
        (_IN_USE,),
        "VolumeRestrictions",
    )

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        kind = pod.kind
        if not kind.volumes:
            return SKIPPED
        exclusive = []
        namespace = kind.namespace
        for volume in pod.pod["spec"].get("volumes") or ():
            claim = volume.get("persistentVolumeClaim")
            if claim is None:
                continue
            found = self.handle.lister("persistentvolumeclaims").get(f"{namespace}/{claim['claimName']}")
            if found is None:
                return Status(UNRESOLVABLE, (f'persistentvolumeclaim "{claim["claimName"]}" not found',), self.name)
            if "ReadWriteOncePod" in (found["spec"].get("accessModes") or ()):
                exclusive.append(f"{namespace}/{claim['claimName']}")
        users = self.handle.cache.claim_users
        conflicts = sum(users.get(claim, 0) > 0 for claim in exclusive)
        if not conflicts and not any(disk in volume for volume in kind.volumes for disk in _DISKS):
            return SKIPPED
        state.data[self.name] = ExclusiveClaims(frozenset(exclusive), conflicts)
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        self._update(state, other, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        self._update(state, other, -1)

    def _update(self, state: CycleState, other: PodInfo, amount: int) -> None:
        known: ExclusiveClaims = state.data[self.name]
        if other.kind.claims:
            known.conflicts += amount * sum(claim in known.claims for claim in claims_of(other.pod))

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        for volume in pod.kind.volumes:
            if any(disk in volume for disk in _DISKS):
                for other in node.pods.values():
                    if any(conflicts(volume, existing) for existing in other.kind.volumes):
                        return self.DISK
        return self.IN_USE if state.data[self.name].conflicts > 0 else None

    def hints(self) -> Hints:
        return {"pod/delete": _after_pod_deleted, "node/add": None, "pvc/add": uses_claim}


def conflicts(volume: Obj, existing: Obj) -> bool:
    """Whether two volumes are the same disk, and not both only read it."""
    for source in ("gcePersistentDisk", "iscsi", "rbd", "awsElasticBlockStore"):
        one, other = volume.get(source), existing.get(source)
        if one is None or other is None or not _same_disk(source, one, other):
            continue
        if source == "awsElasticBlockStore" or not (one.get("readOnly") and other.get("readOnly")):
            return True
    return False


def _same_disk(source: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    if source == "gcePersistentDisk":
        return bool(one["pdName"] == other["pdName"])
    if source == "iscsi":
        return bool(one["iqn"] == other["iqn"])
    if source == "awsElasticBlockStore":
        return bool(one["volumeID"] == other["volumeID"])
    if not any(monitor in other["monitors"] for monitor in one["monitors"]):
        return False
    return all(one.get(field, "") == other.get(field, "") for field in ("pool", "image"))


def _after_pod_deleted(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    if old is None or old["metadata"].get("namespace") != pod["metadata"].get("namespace"):
        return False
    mine = pod["spec"].get("volumes") or ()
    theirs = old["spec"].get("volumes") or ()
    if any(conflicts(volume, existing) for volume in mine for existing in theirs):
        return True
    used = {v["persistentVolumeClaim"]["claimName"] for v in theirs if "persistentVolumeClaim" in v}
    return any("persistentVolumeClaim" in v and v["persistentVolumeClaim"]["claimName"] in used for v in mine)


def uses_claim(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    """Whether the Pod uses that claim."""
    if new is None or new["metadata"].get("namespace") != pod["metadata"].get("namespace"):
        return False
    return f"{new['metadata'].get('namespace', '')}/{new['metadata']['name']}" in claims_of(pod)
