"""Whether a kubelet takes a Pod on that was bound to its node, and what it says if not.

Models      pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/eviction/eviction_manager.go (Admit),
            pkg/kubelet/nodeshutdown (Admit), pkg/kubelet/preemption, pkg/scheduler (AdmissionCheck)
Leaves out  topology, CPU and memory managers; AppArmor; declared features; SupplementalGroupsPolicy
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.cluster.apimachinery.node_selector import RequiredNodeAffinity, tolerates
from apps.cluster.kubelet.criticality import (
    BEST_EFFORT,
    BURSTABLE,
    GUARANTEED,
    is_critical,
    preemptable,
    quality,
)
from apps.cluster.kubelet.phase import is_static

Obj = dict[str, Any]

PREEMPTED = "Preempted in order to admit critical pod"
PREEMPTED_CONDITION = "Pod was preempted by Kubelet to accommodate a critical pod."
MEMORY_PRESSURE_TAINT = {"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}
NODE_SHUTDOWN = ("NodeShutdown", "Pod was rejected as the node is shutting down.")
NOTHING: Obj = {}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `resource` and `missing`: what there is too little of, and how much."""

    reason: str
    message: str
    resource: str = ""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Room:
    """What a node has, and what of it is taken: resource -> (used, capacity), in the order they are checked."""

    amounts: Mapping[str, tuple[int, int]]
    ports: frozenset[tuple[str, str, int]] = frozenset()


def under_pressure(pod: Mapping[str, Any], pressures: Sequence[str]) -> Refusal | None:
    """The eviction manager's word: nobody but critical Pods; under memory pressure alone, what asks for something."""
    if not pressures or is_critical(pod):
        return None
    if list(pressures) == ["MemoryPressure"]:
        if quality(pod) != BEST_EFFORT:
            return None
        tolerations = pod["spec"].get("tolerations") or ()
        if any(tolerates(toleration, MEMORY_PRESSURE_TAINT) for toleration in tolerations):
            return None
    return Refusal("Evicted", f"The node had condition: [{' '.join(pressures)}]. ")


def predicates(
    pod: Mapping[str, Any], wanted: Mapping[str, int], node: Mapping[str, Any] | None, room: Room
) -> list[Refusal]:
    """Everything that speaks against the Pod, in the order the kubelet finds it. `node`: None when nobody knows it.

    >>> room = Room({"pods": (4, 110), "cpu": (3000, 4000)})
    >>> predicates({"metadata": {}, "spec": {}}, {"pods": 1, "cpu": 2000}, None, room)[0].message
    "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000"
    """
    out = []
    for name, (used, capacity) in room.amounts.items():
        asked = wanted.get(name, 0)
        if asked and used + asked > capacity:
            amounts = f"requested: {asked}, used: {used}, capacity: {capacity}"
            message = f"Node didn't have enough resource: {name}, {amounts}"
            out.append(Refusal(f"OutOf{name}", message, name, asked - (capacity - used)))
    spec = pod["spec"]
    if node is not None and ("nodeSelector" in spec or "affinity" in spec):
        metadata = node["metadata"]
        if not RequiredNodeAffinity(spec).matches(metadata["name"], metadata.get("labels") or NOTHING):
            out.append(_predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector"))
    if node is not None and spec.get("nodeName") not in (None, "", node["metadata"]["name"]):
        out.append(_predicate("NodeName", "node(s) didn't match the requested node name"))
    if room.ports and not room.ports.isdisjoint(host_ports(spec)):
        out.append(_predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports"))
    if node is not None and not is_static(pod):
        tolerations = spec.get("tolerations") or ()
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] == "NoExecute" and not any(tolerates(one, taint) for one in tolerations):
                out.append(_predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate"))
                break
    return out


def _predicate(name: str, why: str) -> Refusal:
    return Refusal(name, f"Predicate {name} failed: {why}")


def wrong_system(pod: Mapping[str, Any]) -> Refusal | None:
    """It is made for another operating system."""
    said = (pod["metadata"].get("labels") or NOTHING).get("kubernetes.io/os")
    if said is not None and said != "linux":
        why = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
        return Refusal("PodOSSelectorNodeLabelDoesNotMatch", why)
    if (pod["spec"].get("os") or NOTHING).get("name", "linux") != "linux":
        return Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    return None


def host_ports(spec: Mapping[str, Any]) -> set[tuple[str, str, int]]:
    """(address, protocol, port) of each port that the Pod takes on its machine."""
    return {
        (port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])  # noqa: S104
        for container in spec["containers"]
        for port in container.get("ports") or ()
        if port.get("hostPort")
    }


# ---- making room for a critical Pod -------------------------------------------------------------

Victim = tuple[Obj, Mapping[str, int]]  # a Pod, and what it asks for


def victims(pod: Mapping[str, Any], others: Iterable[Victim], missing: Mapping[str, int]) -> list[Obj] | None:
    """The Pods to push off the node so that a critical one fits: as few as may be, those of lower quality first.

    None: pushing off all that may be pushed off would not do.
    """
    by_quality: dict[str, list[Victim]] = {BEST_EFFORT: [], BURSTABLE: [], GUARANTEED: []}
    for other in others:
        if preemptable(pod, other[0]):
            by_quality[quality(other[0])].append(other)
    best_effort, burstable, guaranteed = by_quality.values()
    if _left(missing, [*best_effort, *burstable, *guaranteed]):
        return None
    of_guaranteed = _nearest(guaranteed, _left(missing, [*best_effort, *burstable]))
    of_burstable = _nearest(burstable, _left(missing, [*best_effort, *of_guaranteed]))
    of_best_effort = _nearest(best_effort, _left(missing, [*of_burstable, *of_guaranteed]))
    return [victim for victim, _ in [*of_best_effort, *of_burstable, *of_guaranteed]]


def _left(missing: Mapping[str, int], gone: Sequence[Victim]) -> dict[str, int]:
    """What is still missing once these are gone."""
    out = {}
    for name, amount in missing.items():
        rest = amount - sum(asked.get(name, 0) for _, asked in gone)
        if rest > 0:
            out[name] = rest
    return out


def _nearest(pods: Sequence[Victim], missing: Mapping[str, int]) -> list[Victim]:
    """Pods, each the one that comes nearest to what is still missing; of equals, the one that asks for less."""
    out: list[Victim] = []
    left = list(pods)
    need = dict(missing)
    while need:
        assert left, "asked for more than there is"
        best, best_distance = 0, float(len(need) + 1)
        for position, (_, asked) in enumerate(left):
            distance = _distance(need, asked)
            if distance < best_distance or (distance == best_distance and _smaller(asked, left[best][1])):
                best, best_distance = position, distance
        chosen = left[best]
        need = _left(need, [chosen])
        out.append(chosen)
        left[best] = left[-1]
        left.pop()
    return out


def _distance(missing: Mapping[str, int], asked: Mapping[str, int]) -> float:
    out = 0.0
    for name, amount in missing.items():
        rest = amount - asked.get(name, 0)
        if rest > 0:
            out += (rest / amount) ** 2
    return out


def _smaller(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    for name in ("memory", "cpu"):
        if one.get(name, 0) != other.get(name, 0):
            return one.get(name, 0) < other.get(name, 0)
    return True
