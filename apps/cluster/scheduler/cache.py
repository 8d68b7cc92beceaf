"""The scheduler's own picture of nodes and of the Pods on them, Pods that are about to be bound included.

Models      pkg/scheduler/backend/cache (cache.go, node_tree.go, snapshot.go)
Leaves out  snapshots (one thread: the picture does not change during a scheduling cycle), expiry of assumed Pods

Instead of a generation number on every node, changes are written to a log; whoever keeps results per node reads the
log from where it stopped and looks again only at the nodes named there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.scheduler.counters import Counters
from apps.cluster.scheduler.node_info import NodeInfo, zone_of
from apps.cluster.scheduler.pod_info import PodClass, PodClasses, PodInfo

_LOG = 4096


class Cache:
    """Nodes by name and in order, Pods by key."""

    def __init__(self) -> None:
        self.classes = PodClasses()
        self.nodes: dict[str, NodeInfo] = {}
        self.pods: dict[str, PodInfo] = {}  # placed and assumed
        self.assumed: dict[str, str] = {}  # key -> node
        self.counters = Counters(self._labels_of)
        self.namespaces: dict[str, Mapping[str, str]] = {}  # name -> labels
        self.claim_users: dict[str, int] = {}  # "namespace/claim" -> Pods on nodes that use it
        self.image_nodes: dict[str, int] = {}  # image -> nodes that have it
        self.image_sizes: dict[str, int] = {}  # image -> its bytes; -1: nodes do not agree
        self.order: list[NodeInfo] = []
        self.order_version = 0  # changes when nodes come, go or change zone
        self._zones: dict[str, list[str]] = {}
        self._stale = False
        self.log: list[NodeInfo] = []
        self.log_start = 0  # how many entries were dropped from the front of the log

    def _labels_of(self, node: str) -> Mapping[str, str]:
        info = self.nodes.get(node)
        return info.labels if info is not None else EMPTY

    # Nodes

    def set_node(self, node: Obj) -> NodeInfo:
        """Add a node, or take note of its new state."""
        name: str = node["metadata"]["name"]
        info = self.nodes.get(name)
        if info is None:
            info = self.nodes[name] = NodeInfo(name)
        elif info.node is not None and _same(info.node, node):
            info.node = node
            return info
        old, zone = info.node, zone_of(node)
        if old is None or zone_of(old) != zone:
            if old is not None:
                self._leave_zone(name, zone_of(old))
            self._zones.setdefault(zone, []).append(name)
            self._stale = True
        labels, images = info.labels, info.images
        info.set_node(node)
        if info.labels != labels:
            self.counters.forget_topology()
        if info.images != images:
            self._count_images(images, -1)
            self._count_images(info.images, 1)
        self._changed(info)
        return info

    def remove_node(self, name: str) -> None:
        info = self.nodes.get(name)
        if info is None or info.node is None:
            return
        self._leave_zone(name, zone_of(info.node))
        self._count_images(info.images, -1)
        self._stale = True
        if info.pods:
            # Its Pods are not gone yet; keep them, without the node.
            empty = NodeInfo(name)
            for pod in info.pods.values():
                empty.add(pod)
            self.nodes[name] = empty
        else:
            del self.nodes[name]
        self.counters.forget_topology()

    def _leave_zone(self, name: str, zone: str) -> None:
        names = self._zones[zone]
        names.remove(name)
        if not names:
            del self._zones[zone]

    def _count_images(self, images: Mapping[str, int], sign: int) -> None:
        for name, size in images.items():
            self.image_nodes[name] = self.image_nodes.get(name, 0) + sign
            if self.image_sizes.setdefault(name, size) != size:
                self.image_sizes[name] = -1

    def ordered(self) -> list[NodeInfo]:
        """All nodes: the first of every zone, then the second of every zone, and so on."""
        if self._stale:
            self._stale = False
            self.order_version += 1
            self.order = []
            for info in self.nodes.values():
                info.index = -1
            zones = list(self._zones.values())
            for turn in range(max(map(len, zones), default=0)):
                for names in zones:
                    if turn < len(names):
                        info = self.nodes[names[turn]]
                        info.index = len(self.order)
                        self.order.append(info)
        return self.order

    # Pods

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count the Pod on the node from now on, before it is bound."""
        pod.node = node
        self.assumed[pod.key] = node
        self._place(pod)

    def forget(self, key: str) -> None:
        """Binding an assumed Pod failed."""
        if key in self.assumed:
            self.remove_pod(key)

    def add_pod(self, pod: Obj) -> None:
        """A Pod with `spec.nodeName`, which may be one assumed before."""
        metadata = pod["metadata"]
        key = f"{metadata.get('namespace', '')}/{metadata['name']}"
        node: str = pod["spec"]["nodeName"]
        known = self.pods.get(key)
        if known is not None:
            as_assumed = self.assumed.pop(key, None) == node and known.uid == metadata.get("uid", "")
            # Binding may add labels (the zone of the node), which makes it another kind of Pod.
            if as_assumed and metadata.get("labels") == known.pod["metadata"].get("labels"):
                known.pod = pod
                return
            self._take_away(known)
        info = self.classes.info(pod)
        info.node = node
        self._place(info)

    def update_pod(self, pod: Obj) -> None:
        """A Pod on a node changed. Cheap when nothing that matters did."""
        metadata = pod["metadata"]
        known = self.pods.get(f"{metadata.get('namespace', '')}/{metadata['name']}")
        if known is None:
            self.add_pod(pod)
            return
        old = known.pod
        if pod["spec"] is not old["spec"] or metadata.get("labels") is not old["metadata"].get("labels"):
            kind = self.classes.of(pod)
            if kind is not known.kind or pod["spec"]["nodeName"] != known.node:
                self.add_pod(pod)
                return
        known.pod = pod
        if not known.terminating and "deletionTimestamp" in metadata:
            self._mark_terminating(known)

    def remove_pod(self, key: str) -> None:
        known = self.pods.get(key)
        if known is not None:
            self.assumed.pop(key, None)
            self._take_away(known)

    def _place(self, pod: PodInfo) -> None:
        self.pods[pod.key] = pod
        info = self.nodes.get(pod.node)
        if info is None:
            info = self.nodes[pod.node] = NodeInfo(pod.node)
        info.add(pod)
        self._count(pod, info, 1)

    def _take_away(self, pod: PodInfo) -> None:
        del self.pods[pod.key]
        info = self.nodes[pod.node]
        info.remove(pod.key)
        self._count(pod, info, -1)
        if info.node is None and not info.pods:
            del self.nodes[pod.node]

    def _count(self, pod: PodInfo, info: NodeInfo, sign: int) -> None:
        kind = pod.kind
        kind.placed += sign
        for counter in self.counters.of(kind):
            if not (counter.without_terminating and pod.terminating):
                counter.count(info.name, info.labels, sign)
        if not kind.terms.none:
            self.counters.count_group(kind, info.name, info.labels, sign)
        if kind.claims:
            for claim in claims_of(pod.pod):
                self.claim_users[claim] = self.claim_users.get(claim, 0) + sign
        self._changed(info)

    def _mark_terminating(self, pod: PodInfo) -> None:
        """Spreading no longer counts it, though it still takes its room."""
        info = self.nodes[pod.node]
        for counter in self.counters.of(pod.kind):
            if counter.without_terminating:
                counter.count(info.name, info.labels, -1)
        pod.terminating = True
        self._changed(info)

    def _changed(self, info: NodeInfo) -> None:
        log = self.log
        log.append(info)
        if len(log) > _LOG:
            self.log_start += _LOG // 2
            del log[: _LOG // 2]

    def changed_since(self, place: int) -> Iterable[NodeInfo]:
        """The nodes that the log names from a place on, each once. The place must not have been dropped."""
        return dict.fromkeys(self.log[place - self.log_start :])

    # Namespaces

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """None: the namespace is gone."""
        if self.namespaces.get(name) == labels:
            return
        if labels is None:
            self.namespaces.pop(name, None)
        else:
            self.namespaces[name] = labels
        self.counters.forget_matches()

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        return self.namespaces.get(name, EMPTY)

    def terms_meaning(self, kind: PodClass) -> bool:
        """Whether any placed Pod has an affinity term about Pods of this class."""
        return bool(self.counters.groups and self.counters.groups_for(kind, self.namespace_labels(kind.namespace)))

    def fill(
        self,
        saved: dict[str, Any],
        namespaces: list[Obj],
        nodes: list[Obj],
        pods: list[Obj],
        pod: Callable[[str], Obj | None],
    ) -> None:
        """Be as `save` said, with the objects that the informers have."""
        for namespace in namespaces:
            self.set_namespace(namespace["metadata"]["name"], namespace["metadata"].get("labels") or EMPTY)
        for node in nodes:
            self.set_node(node)
        self._zones = {zone: list(names) for zone, names in saved["zones"]}
        self._stale = True
        for placed in pods:
            if placed["spec"].get("nodeName") and placed["status"].get("phase") not in ("Succeeded", "Failed"):
                self.add_pod(placed)
        for key, node_name in saved["assumed"].items():
            waiting = pod(key)
            if waiting is not None and not waiting["spec"].get("nodeName"):
                self.assume(self.classes.info(waiting), node_name)

    def save(self) -> dict[str, Any]:
        """What cannot be read from the API server again: the order of nodes, and Pods assumed but not bound."""
        return {"zones": [[zone, list(names)] for zone, names in self._zones.items()], "assumed": dict(self.assumed)}


def _same(old: Obj, new: Obj) -> bool:
    """Whether a node changed in nothing that placing Pods depends on (its heartbeats are such changes)."""
    if old["metadata"].get("labels") != new["metadata"].get("labels") or old.get("spec") != new.get("spec"):
        return False
    before, after = old.get("status") or EMPTY, new.get("status") or EMPTY
    return before.get("allocatable") == after.get("allocatable") and before.get("images") == after.get("images")


def claims_of(pod: Obj) -> list[str]:
    """`namespace/name` of each claim that the Pod's volumes refer to."""
    namespace, name = pod["metadata"].get("namespace", ""), pod["metadata"].get("name", "")
    out = []
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            out.append(f"{namespace}/{volume['persistentVolumeClaim']['claimName']}")
        elif "ephemeral" in volume:
            out.append(f"{namespace}/{name}-{volume['name']}")
    return out
