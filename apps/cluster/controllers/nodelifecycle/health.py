"""When a node counts as silent, what its conditions become then, and which taints its conditions call for.

Models      pkg/controller/nodelifecycle/node_lifecycle_controller.go (tryUpdateNodeHealth, doNoScheduleTaintingPass)
Leaves out  nothing that shows

Pure. A node is alive as long as its kubelet renews its Lease or posts its status.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.apimachinery.conditions import find
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.timestamps import parse

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

# condition -> status -> taint
CONDITION_TAINTS = {
    "Ready": {"False": NOT_READY, "Unknown": UNREACHABLE},
    "MemoryPressure": {"True": "node.kubernetes.io/memory-pressure"},
    "DiskPressure": {"True": "node.kubernetes.io/disk-pressure"},
    "NetworkUnavailable": {"True": "node.kubernetes.io/network-unavailable"},
    "PIDPressure": {"True": "node.kubernetes.io/pid-pressure"},
}
_OURS = {taint for by_status in CONDITION_TAINTS.values() for taint in by_status.values()} | {UNSCHEDULABLE}
_WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


class Health(NamedTuple):
    """What was last seen of a node. Times in virtual ms."""

    probe_ms: int  # when it last gave a sign of life
    heartbeat: str | None  # lastHeartbeatTime of its Ready condition; None without one
    renewed: str = ""  # renewTime of its Lease

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


def ready_of(node: Obj) -> Obj | None:
    return find((node.get("status") or EMPTY).get("conditions"), "Ready")


def observe(health: Health | None, node: Obj, lease: Obj | None, now_ms: int) -> Health:
    """Look at a node and its Lease once more."""
    return observed(health, node, ready_of(node), lease, now_ms)


def observed(health: Health | None, node: Obj, condition: Obj | None, lease: Obj | None, now_ms: int) -> Health:
    """`observe`, for whoever has found the Ready condition already. The same Health when there was no sign of life."""
    heartbeat = None if condition is None else condition.get("lastHeartbeatTime") or ""
    if health is None:
        # Without a status yet, the node has been silent since it was created.
        since = now_ms if condition is not None else parse(node["metadata"]["creationTimestamp"])
        health = Health(since, heartbeat)
    elif heartbeat != health.heartbeat:
        health = Health(now_ms, heartbeat, health.renewed)
    renewed = (lease["spec"].get("renewTime") or "") if lease is not None else ""
    if renewed and renewed > health.renewed:
        health = Health(now_ms, health.heartbeat, renewed)
    return health


def grace_ms(node: Obj, monitor_ms: int, startup_ms: int) -> int:
    """How long the node may be silent: longer while it has never reported."""
    return startup_ms if ready_of(node) is None else monitor_ms


def silenced(node: Obj, now: str) -> list[Obj] | None:
    """The conditions of a node that has been silent too long; None when Ready says so already."""
    status = node.get("status") or EMPTY
    conditions: list[Obj] = list(status.get("conditions") or ())
    before = ready_of(node)
    if before is not None and before["status"] == "Unknown":
        return None
    for kind in _WATCHED:
        old = find(conditions, kind)
        if old is None:
            conditions.append(
                {
                    "type": kind,
                    "status": "Unknown",
                    "lastHeartbeatTime": node["metadata"]["creationTimestamp"],
                    "lastTransitionTime": now,
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                }
            )
        elif old["status"] != "Unknown":
            new = {
                **old,
                "status": "Unknown",
                "lastTransitionTime": now,
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }
            conditions = [new if one is old else one for one in conditions]
    return conditions


def no_schedule_taints(node: Obj) -> tuple[list[str], list[str]]:
    """NoSchedule taints of conditions and cordoning: (keys to add, keys to remove)."""
    wanted = []
    for condition in (node.get("status") or EMPTY).get("conditions") or ():
        taint = CONDITION_TAINTS.get(condition["type"], {}).get(condition["status"])
        if taint is not None:
            wanted.append(taint)
    spec = node.get("spec") or EMPTY
    if spec.get("unschedulable"):
        wanted.append(UNSCHEDULABLE)
    there = [taint["key"] for taint in spec.get("taints") or () if taint["effect"] == "NoSchedule"]
    there = [key for key in there if key in _OURS]
    return [key for key in wanted if key not in there], [key for key in there if key not in wanted]


def has_taint(node: Obj, key: str, effect: str) -> bool:
    taints = (node.get("spec") or EMPTY).get("taints") or ()
    return any(taint["key"] == key and taint["effect"] == effect for taint in taints)


def with_taints(node: Obj, add: list[str], remove: list[str], effect: str, now: str) -> Obj:
    """The node with taints of one effect added (since `now`) and removed."""
    spec = node.get("spec") or EMPTY
    taints = [
        taint for taint in spec.get("taints") or () if taint["effect"] != effect or taint["key"] not in (*add, *remove)
    ]
    taints += [{"key": key, "effect": effect, "timeAdded": now} for key in add]
    new = {**spec, "taints": taints}
    if not taints:
        del new["taints"]
    return {**node, "spec": new}
