"""NodeVolumeLimits: no more volumes of a CSI driver on a node than its CSINode says fit.

Models      pkg/scheduler/framework/plugins/nodevolumelimits/csi.go
Leaves out  migration of in-tree volumes to CSI, VolumeLimitScaling (feature gate off)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, name_of, namespace_of
from apps.cluster.scheduler.cache import claims_of
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Hints, Plugin
from apps.cluster.scheduler.plugins.volume_binder import class_of
from apps.cluster.scheduler.plugins.volume_restrictions import uses_claim
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, UNSCHEDULABLE, Status

Volumes = dict[str, str]  # a volume's own name -> its driver


class NodeVolumeLimits(Plugin):
    name: ClassVar[str] = "NodeVolumeLimits"
    filters: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(UNSCHEDULABLE, ("node(s) exceed max volume count",), "NodeVolumeLimits")

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        return None if pod.kind.claims else SKIPPED

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        wanted: Volumes = {}
        missing = self._count(claims_of(pod.pod), wanted)
        if missing:
            return Status(UNRESOLVABLE, (missing,), self.name)
        if not wanted:
            return None
        limits = limits_of(self.handle.lister("csinodes").get(node.name))
        if not limits:
            return None
        attached: Volumes = {}
        for other in node.pods.values():
            self._count(claims_of(other.pod), attached)
        self._attachments(node.name, attached)
        here: dict[str, int] = {}
        for volume, driver in attached.items():
            wanted.pop(volume, None)  # one volume in two Pods is one volume
            here[driver] = here.get(driver, 0) + 1
        more: dict[str, int] = {}
        for driver in wanted.values():
            more[driver] = more.get(driver, 0) + 1
        too_many = any(driver in limits and here.get(driver, 0) + n > limits[driver] for driver, n in more.items())
        return self.REJECTED if too_many else None

    def _count(self, claims: Iterable[str], into: Volumes) -> str:
        """Add the CSI volumes behind claims. Gives what is to be said of the first claim that is not there."""
        missing = ""
        lister = self.handle.lister
        for key in claims:
            claim = lister("persistentvolumeclaims").get(key)
            if claim is None:
                missing = missing or f'looking up PVC {key}: persistentvolumeclaim "{key.partition("/")[2]}" not found'
                continue
            driver, volume = self._driver(claim)
            if driver and volume:
                into[f"{driver}/{volume}"] = driver
        return missing

    def _driver(self, claim: Obj) -> tuple[str, str]:
        lister = self.handle.lister
        name = claim["spec"].get("volumeName")
        volume = lister("persistentvolumes").get(name) if name else None
        if volume is not None:
            csi = volume["spec"].get("csi") or {}
            return csi.get("driver", ""), csi.get("volumeHandle", "")
        storage_class = lister("storageclasses").get(class_of(claim)) if class_of(claim) else None
        if storage_class is None:
            return "", ""
        return storage_class.get("provisioner", ""), f"unbound-{namespace_of(claim)}/{name_of(claim)}"

    def _attachments(self, node: str, into: Volumes) -> None:
        for attachment in self.handle.lister("volumeattachments").list():
            spec = attachment["spec"]
            name = (spec.get("source") or {}).get("persistentVolumeName")
            if spec.get("nodeName") != node or not name:
                continue
            volume = self.handle.lister("persistentvolumes").get(name)
            csi = (volume or {"spec": {}})["spec"].get("csi")
            if csi:
                into.setdefault(f"{csi['driver']}/{csi['volumeHandle']}", csi["driver"])

    def hints(self) -> Hints:
        return {
            "csinode/add": None,
            "csinode/update": _after_csi_node_update,
            "pod/delete": _after_pod_deleted,
            "pvc/add": uses_claim,
            "volumeattachment/delete": _after_attachment_deleted,
        }


def limits_of(csi_node: Obj | None) -> dict[str, int]:
    """How many volumes of each driver the node can have; a driver that does not say is not limited."""
    found = {}
    for driver in ((csi_node or {}).get("spec") or {}).get("drivers") or ():
        count = (driver.get("allocatable") or {}).get("count")
        if count is not None:
            found[driver["name"]] = int(count)
    return found


def _after_csi_node_update(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    before = limits_of(old)
    return any(count > before.get(driver, 0) for driver, count in limits_of(new).items())


def _after_pod_deleted(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    if old is None or not claims_of(old):
        return False
    return bool(old["spec"].get("nodeName") or (old.get("status") or {}).get("nominatedNodeName"))


def _after_attachment_deleted(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    return any("persistentVolumeClaim" in volume for volume in pod["spec"].get("volumes") or ())
