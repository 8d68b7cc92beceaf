"""Pods as the scheduler sees them: what matters for placing one, parsed once for all Pods that are alike.

Models      pkg/scheduler/framework/types.go (PodInfo) and the Pod signatures of opportunistic batching
            (framework/runtime/batch.go)
Leaves out  nothing known; upstream's signature leaves Pods with topology constraints out, ours includes them, since
            results are the same

Replicas of one template differ in their names alone. So everything that plugins need is kept in a `PodClass`, and a
`PodInfo` is a Pod with its class. Two Pods have one class exactly when no plugin could tell them apart (but for their
claims, which are looked up by the Pod).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.node_selector import NodeSelectorTerm, RequiredNodeAffinity, named_nodes, preferred_terms
from apps.cluster.scheduler.affinity_term import AffinityTerms, affinity_terms
from apps.cluster.scheduler.resources import Resource, non_zero_requested, requested

if TYPE_CHECKING:
    from apps.cluster.scheduler.counters import Counter, TermGroup

_SPEC = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "overhead",
    "resources",
    "priority",
    "preemptionPolicy",
    "schedulerName",
)
# Volume sources that a plugin looks at; the others (configMap, emptyDir, projected …) never keep a Pod off a node.
_VOLUMES = ("persistentVolumeClaim", "ephemeral", "gcePersistentDisk", "awsElasticBlockStore", "iscsi", "rbd", "image")
_MAX_CLASSES = 8192

ANY_ADDRESS = "0.0.0.0"  # noqa: S104
HostPort = tuple[str, str, int]  # address (ANY_ADDRESS: all of the node's), protocol, port


class PodClass:
    """What plugins read from a Pod's metadata and spec."""

    __slots__ = (
        "affinity",
        "claims",
        "conflicting_volumes",
        "containers",
        "counters",
        "counters_version",
        "fields",
        "groups",
        "groups_version",
        "host_ports",
        "image_count",
        "images",
        "index",
        "labels",
        "local_key",
        "namespace",
        "nodes",
        "non_zero_cpu",
        "non_zero_memory",
        "placed",
        "preferred_nodes",
        "priority",
        "request",
        "spread",
        "terms",
        "terms_key",
        "tolerations",
        "tolerations_prefer",
        "volumes",
    )

    def __init__(self, index: int, namespace: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> None:
        self.index = index
        self.namespace = namespace
        self.labels = labels
        self.fields = {name: spec[name] for name in _SPEC if name in spec}
        self.containers = _containers(spec)
        self.volumes = _volumes(spec)
        self.priority: int = spec.get("priority") or 0
        self.request: Resource = requested(spec)
        self.non_zero_cpu, self.non_zero_memory = non_zero_requested(spec)
        self.host_ports = host_ports(spec)
        self.tolerations: list[Obj] = spec.get("tolerations") or []
        self.tolerations_prefer = [t for t in self.tolerations if t.get("effect") in (None, "", "PreferNoSchedule")]
        self.affinity = RequiredNodeAffinity(spec)
        self.nodes = named_nodes(spec)
        self.preferred_nodes: list[tuple[int, NodeSelectorTerm]] | None = preferred_terms(spec)
        self.images = _images(spec)
        self.image_count = len(spec.get("initContainers") or ()) + len(spec.get("containers") or ())
        self.terms: AffinityTerms = affinity_terms(spec, namespace)
        self.terms_key = "" if self.terms.none else self.terms.text
        self.spread: list[Obj] = spec.get("topologySpreadConstraints") or []
        self.claims = any("persistentVolumeClaim" in v or "ephemeral" in v for v in self.volumes)
        self.conflicting_volumes = any("persistentVolumeClaim" not in v and "image" not in v for v in self.volumes)
        self.local_key = json.dumps(
            [self.fields.get(name) for name in ("nodeSelector", "tolerations")]
            + [(self.fields.get("affinity") or EMPTY).get("nodeAffinity")]
            + [self.request, self.non_zero_cpu, self.non_zero_memory, self.host_ports, self.images, self.image_count],
            sort_keys=True,
        )
        # Bookkeeping of the cache: how many such Pods stand on nodes, and which counters they belong to.
        self.placed = 0
        self.counters: list[Counter] = []
        self.counters_version = -1
        self.groups: list[TermGroup] = []
        self.groups_version = -1

    def alike(self, namespace: str, labels: Mapping[str, str], spec: Mapping[str, Any]) -> bool:
        """Whether a Pod with these belongs here. Cheap when the Pod shares its template's parts."""
        if namespace != self.namespace or labels != self.labels:
            return False
        fields = self.fields
        for name in _SPEC:
            if spec.get(name) != fields.get(name):
                return False
        return _containers(spec) == self.containers and _volumes(spec) == self.volumes


class PodInfo:
    """A Pod and its class. `node` is where it stands or is assumed to stand."""

    __slots__ = ("key", "kind", "node", "pod", "terminating", "uid")

    def __init__(self, pod: Obj, kind: PodClass) -> None:
        metadata = pod["metadata"]
        self.pod = pod
        self.kind = kind
        self.key: str = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
        self.uid: str = metadata.get("uid", "")
        self.node = ""
        self.terminating = "deletionTimestamp" in metadata


class PodClasses:
    """All classes in use. A Pod is first held against the class its owner's last Pod had."""

    __slots__ = ("_by_key", "_by_owner", "_most", "_next")

    def __init__(self) -> None:
        self._most = _MAX_CLASSES
        self._by_owner: dict[str, PodClass] = {}
        self._by_key: dict[str, PodClass] = {}
        self._next = 0

    def info(self, pod: Obj) -> PodInfo:
        return PodInfo(pod, self.of(pod))

    def of(self, pod: Obj) -> PodClass:
        metadata, spec = pod["metadata"], pod["spec"]
        namespace: str = metadata.get("namespace", "")
        labels: Mapping[str, str] = metadata.get("labels") or EMPTY
        owners = metadata.get("ownerReferences")
        owner = owners[0]["uid"] if owners else ""
        recent = self._by_owner.get(owner)
        if recent is not None and recent.alike(namespace, labels, spec):
            return recent
        key = json.dumps(
            [namespace, labels, [spec.get(name) for name in _SPEC], _containers(spec), _volumes(spec)], sort_keys=True
        )
        kind = self._by_key.get(key)
        if kind is None:
            if len(self._by_key) >= self._most:
                self._forget()
            self._next += 1
            kind = self._by_key[key] = PodClass(self._next, namespace, labels, spec)
        self._by_owner[owner] = kind
        return kind

    def _forget(self) -> None:
        """Drop classes that no placed Pod belongs to; a waiting Pod's class is made again when needed."""
        self._by_key = {key: kind for key, kind in self._by_key.items() if kind.placed}
        self._by_owner = {}
        # A daemon's Pods are a class each: where more are placed than that, the next look is as far away as the last.
        self._most = max(_MAX_CLASSES, 2 * len(self._by_key))


def _containers(spec: Mapping[str, Any]) -> list[list[Any]]:
    out = []
    for container in spec.get("containers") or ():
        get = container.get
        out.append([get("image"), get("resources"), get("ports"), get("restartPolicy")])
    for container in spec.get("initContainers") or ():
        get = container.get
        out.append(["init", get("image"), get("resources"), get("ports"), get("restartPolicy")])
    return out


def _volumes(spec: Mapping[str, Any]) -> list[Obj]:
    out = []
    for volume in spec.get("volumes") or ():
        for source in _VOLUMES:
            if source in volume:
                # Claims are named after their Pod; the plugins read them from the Pod itself.
                claim = source in ("persistentVolumeClaim", "ephemeral")
                out.append({source: {} if claim else volume[source]})
    return out


def host_ports(spec: Mapping[str, Any]) -> tuple[HostPort, ...]:
    """Host ports of containers and sidecars."""
    out = []
    containers = list(spec.get("containers") or ())
    containers += [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in containers:
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                out.append((port.get("hostIP") or ANY_ADDRESS, port.get("protocol") or "TCP", port["hostPort"]))
    return tuple(out)


def normalized_image_name(name: str) -> str:
    """As the CRI names it: a name without a tag means `:latest`.

    >>> normalized_image_name("nginx"), normalized_image_name("registry:5000/nginx")
    ('nginx:latest', 'registry:5000/nginx:latest')
    """
    return f"{name}:latest" if name.rfind(":") <= name.rfind("/") else name


def _images(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Images whose presence on a node counts, one entry a container (or image volume)."""
    names = [c.get("image") or "" for c in spec.get("initContainers") or ()]
    names += [c.get("image") or "" for c in spec.get("containers") or ()]
    names += [v["image"].get("reference") or "" for v in spec.get("volumes") or () if v.get("image")]
    return tuple(normalized_image_name(name) for name in names)
