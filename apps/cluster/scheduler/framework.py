"""The framework: the plugins in their order, and how each extension point runs them.

Models      pkg/scheduler/framework/runtime/framework.go and apis/config/v1/default_plugins.go
Leaves out  profiles other than the default one, extenders, NodeDeclaredFeatures, gang scheduling
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.scheduler.node_info import NodeInfo
from apps.cluster.scheduler.nominator import Nominator
from apps.cluster.scheduler.plugins.base import CycleState, Handle, Plugin
from apps.cluster.scheduler.plugins.image_locality import ImageLocality
from apps.cluster.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from apps.cluster.scheduler.plugins.node_affinity import NodeAffinity
from apps.cluster.scheduler.plugins.node_name import NodeName
from apps.cluster.scheduler.plugins.node_ports import NodePorts
from apps.cluster.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from apps.cluster.scheduler.plugins.node_resources_fit import NodeResourcesFit
from apps.cluster.scheduler.plugins.node_unschedulable import NodeUnschedulable
from apps.cluster.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from apps.cluster.scheduler.plugins.pod_topology_spread import PodTopologySpread
from apps.cluster.scheduler.plugins.scheduling_gates import SchedulingGates
from apps.cluster.scheduler.plugins.taint_toleration import TaintToleration
from apps.cluster.scheduler.plugins.volume_binding import VolumeBinding
from apps.cluster.scheduler.plugins.volume_restrictions import VolumeRestrictions
from apps.cluster.scheduler.plugins.volume_zone import VolumeZone
from apps.cluster.scheduler.pod_info import PodInfo
from apps.cluster.scheduler.status import SKIP, UNRESOLVABLE, Status

PLUGINS: tuple[type[Plugin], ...] = (
    SchedulingGates,
    NodeUnschedulable,
    NodeName,
    TaintToleration,
    NodeAffinity,
    NodePorts,
    NodeResourcesFit,
    VolumeRestrictions,
    NodeVolumeLimits,
    VolumeBinding,
    VolumeZone,
    PodTopologySpread,
    InterPodAffinity,
    NodeResourcesBalancedAllocation,
    ImageLocality,
)
FILTERS = tuple(kind.name for kind in PLUGINS if kind.filters)
SCORES = tuple((kind.name, kind.weight) for kind in PLUGINS if kind.scores)


class Framework:
    """The default profile."""

    def __init__(self, handle: Handle, nominator: Nominator) -> None:
        self.handle = handle
        self.nominator = nominator
        self.fit = NodeResourcesFit(handle)
        self.spread = PodTopologySpread(handle)
        self.affinity = InterPodAffinity(handle)
        self.volumes = VolumeBinding(handle)
        known: dict[type[Plugin], Plugin] = {
            type(one): one for one in (self.fit, self.spread, self.affinity, self.volumes)
        }
        self.plugins = tuple([known.get(kind) or kind(handle) for kind in PLUGINS])
        self.filters = tuple(plugin for plugin in self.plugins if plugin.filters)
        self.scores = tuple(plugin for plugin in self.plugins if plugin.scores)
        self.local_filters = tuple(plugin for plugin in self.filters if plugin.local)
        self.local_scores = tuple(plugin for plugin in self.scores if plugin.local)
        self.other_filters = tuple(plugin for plugin in self.filters if not plugin.local)
        self.other_scores = tuple(plugin for plugin in self.scores if not plugin.local)
        self.hints = {plugin.name: plugin.hints() for plugin in self.plugins}
        self.events = {event for hints in self.hints.values() for event in hints}

    def pre_enqueue(self, pod: Obj) -> Status | None:
        """Not None: which plugin keeps the Pod out of the queue, and why."""
        if not pod["spec"].get("schedulingGates"):
            return None
        for plugin in self.plugins:
            status = plugin.pre_enqueue(pod)
            if status is not None:
                return status
        return None

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> Status | None:
        """Not None: the Pod fits no node, whatever they are like. `PodClass.nodes` names the only ones to look at."""
        for plugin in self.filters:
            status = plugin.pre_filter(state, pod, nodes)
            if status is None:
                continue
            if status.code != SKIP:
                return status
            state.skip_filter.add(plugin.name)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """The first rejection, or None."""
        skip = state.skip_filter
        for plugin in self.filters:
            if plugin.name not in skip:
                status = plugin.filter(state, pod, node)
                if status is not None:
                    return status
        return None

    def filter_with_nominated(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Status | None:
        """Filter as if the Pods nominated to the node, no less important than this one, stood there; then as it is.

        Passing both is asked for: some filters fail with them (resources), some without (affinity), and nobody knows
        yet.
        """
        nominated = [
            other
            for other in self.nominator.on(node.name)
            if other.kind.priority >= pod.kind.priority and other.uid != pod.uid
        ]
        if nominated:
            crowded, imagined = node.clone(), state.clone()
            for other in nominated:
                self.add_pod(imagined, pod, other, crowded)
            status = self.filter(imagined, pod, crowded)
            if status is not None:
                return status
        return self.filter(state, pod, node)

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        """Put `other` on the (copied) node, and let the plugins' (copied) state know."""
        node.add(other)
        for plugin in self.other_filters:
            if plugin.name in state.data:
                plugin.add_pod(state, pod, other, node)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo) -> None:
        node.remove(other.key)
        for plugin in self.other_filters:
            if plugin.name in state.data:
                plugin.remove_pod(state, pod, other, node)


def only_named(names: list[str]) -> Status:
    """The status of nodes that PreFilter left out: the Pod's affinity names others."""
    return Status(UNRESOLVABLE, (f"node(s) didn't satisfy plugin(s) [{' '.join(names)}]",))
