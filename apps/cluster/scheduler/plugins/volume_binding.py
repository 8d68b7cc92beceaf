"""VolumeBinding: a Pod goes where its volumes are, and its late-bound claims go where the Pod does.

Models      pkg/scheduler/framework/plugins/volumebinding/volume_binding.go
Leaves out  scoring by storage capacity (feature gate off)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.plugins.base import CycleState, Handle, Hints, Plugin
from apps.cluster.scheduler.plugins.volume_binder import Binding, Claims, VolumeBinder
from apps.cluster.scheduler.plugins.volume_restrictions import uses_claim
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIPPED, UNRESOLVABLE, Status


class PodVolumes:
    """The Pod's claims, and by node what would have to be done for them."""

    __slots__ = ("by_node", "claims")

    def __init__(self, claims: Claims, by_node: dict[str, tuple[list[Binding], list[Obj]]]) -> None:
        self.claims = claims
        self.by_node = by_node

    def clone(self) -> PodVolumes:
        return PodVolumes(self.claims, dict(self.by_node))


class VolumeBinding(Plugin):
    name: ClassVar[str] = "VolumeBinding"
    filters: ClassVar[bool] = True

    def __init__(self, handle: Handle) -> None:
        super().__init__(handle)
        self.binder = VolumeBinder(handle)
        self._known: dict[tuple[str, ...], Status] = {}

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        if not pod.kind.claims:
            return SKIPPED
        for volume in pod.pod["spec"].get("volumes") or ():
            _, wrong = self.binder.claim_for(pod.pod, volume)
            if wrong:
                return Status(UNRESOLVABLE, (wrong,), self.name)
        claims = self.binder.claims(pod.pod)
        if claims.immediate:
            return Status(UNRESOLVABLE, ("pod has unbound immediate PersistentVolumeClaims",), self.name)
        state.data[self.name] = PodVolumes(claims, {})
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        volumes: PodVolumes = state.data[self.name]
        bindings, provision, reasons = self.binder.find(volumes.claims, node)
        if reasons:
            key = tuple(reasons)
            status = self._known.get(key)
            if status is None:
                status = self._known[key] = Status(UNRESOLVABLE, key, self.name)
            return status
        if bindings or provision:
            volumes.by_node[node.name] = (bindings, provision)
        return None

    def hints(self) -> Hints:
        return {
            "storageclass/add": None,
            "storageclass/update": _after_class_update,
            "pvc/add": uses_claim,
            "pvc/update": uses_claim,
            "pv/add": None,
            "pv/update": None,
            "node/add": None,
            "node/label": None,
        }


def _after_class_update(pod: Obj, old: Obj | None, new: Obj | None) -> bool:
    return old is None or new is None or old.get("allowedTopologies") != new.get("allowedTopologies")
