"""VolumeZone: a volume that lives in a zone is used in that zone.

Models      pkg/scheduler/framework/plugins/volumezone/volume_zone.go
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj, labels_of
from apps.cluster.scheduler.cache import claims_of
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Hints, Plugin
from apps.cluster.scheduler.plugins.volume_binder import WAIT_FOR_FIRST_CONSUMER, class_of
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, Status

_GENERAL = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
TOPOLOGY_LABELS = (*_GENERAL, *_GENERAL.values())


class Topologies:
    """Label and the values allowed, for each bound volume with a zone."""

    __slots__ = ("wanted",)

    def __init__(self, wanted: list[tuple[str, frozenset[str]]]) -> None:
        self.wanted = wanted

    def clone(self) -> Topologies:
        return self


class VolumeZone(Plugin):
    name: ClassVar[str] = "VolumeZone"
    filters: ClassVar[bool] = True

    REJECTED: ClassVar[Status] = Status(UNRESOLVABLE, ("node(s) had no available volume zone",), "VolumeZone")

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        if not pod.kind.claims:
            return SKIPPED
        wanted: list[tuple[str, frozenset[str]]] = []
        namespace = pod.kind.namespace
        for volume in pod.pod["spec"].get("volumes") or ():
            claim = volume.get("persistentVolumeClaim")
            if claim is None:
                continue
            found = self._of_claim(namespace, claim["claimName"], wanted)
            if found is not None:
                return found
        if not wanted:
            return SKIPPED
        state.data[self.name] = Topologies(wanted)
        return None

    def _of_claim(self, namespace: str, name: str, wanted: list[tuple[str, frozenset[str]]]) -> Status | None:
        lister = self.handle.lister
        if not name:
            return self._refuse("PersistentVolumeClaim had no name")
        claim = lister("persistentvolumeclaims").get(f"{namespace}/{name}")
        if claim is None:
            return self._refuse(f'persistentvolumeclaim "{name}" not found')
        volume_name = claim["spec"].get("volumeName")
        if not volume_name:
            class_name = class_of(claim)
            if not class_name:
                return self._refuse("PersistentVolumeClaim had no pv name and storageClass name")
            storage_class = lister("storageclasses").get(class_name)
            if storage_class is None:
                return self._refuse(f'storageclass.storage.k8s.io "{class_name}" not found')
            if storage_class.get("volumeBindingMode") == WAIT_FOR_FIRST_CONSUMER:
                return None
            return self._refuse("PersistentVolume had no name")
        volume = lister("persistentvolumes").get(volume_name)
        if volume is None:
            return self._refuse(f'persistentvolume "{volume_name}" not found')
        labels = labels_of(volume)
        wanted += [(key, frozenset(labels[key].split("__"))) for key in TOPOLOGY_LABELS if key in labels]
        return None

    def _refuse(self, why: str) -> Status:
        return Status(UNRESOLVABLE, (why,), self.name)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        labels = node.labels
        if not any(key in labels for key in TOPOLOGY_LABELS):
            return None  # a cluster of one zone need not label its nodes
        for key, values in state.data[self.name].wanted:
            here = labels.get(key, labels.get(_GENERAL.get(key, key)))
            if here is None or here not in values:
                return self.REJECTED
        return None

    def hints(self) -> Hints:
        return {
            "storageclass/add": None,
            "node/add": None,
            "node/label": None,
            "pvc/add": after_claim_change,
            "pvc/update": after_claim_change,
            "pv/add": None,
            "pv/update": None,
        }


def after_claim_change(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    """Whether the Pod uses the claim, and the claim has come or has got its volume."""
    if new is None or new["metadata"].get("namespace") != pod["metadata"].get("namespace"):
        return False
    if f"{new['metadata'].get('namespace', '')}/{new['metadata']['name']}" not in claims_of(pod):
        return False
    return old is None or old["spec"].get("volumeName") != new["spec"].get("volumeName")
