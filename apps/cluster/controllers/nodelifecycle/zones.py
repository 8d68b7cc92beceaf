"""Zones: how many nodes of one are down, and how fast its nodes may be tainted NoExecute then.

Models      pkg/controller/nodelifecycle/node_lifecycle_controller.go (ComputeZoneState, handleDisruption),
            scheduler/rate_limited_queue.go
Leaves out  nothing that shows

Tainting NoExecute is what drives Pods away, so it is rationed: one node in 10 s in a healthy zone, one in 100 s or none
where more than half of a zone is down, and none at all when every zone is: then the trouble is likely our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.cluster.apimachinery.meta import Obj, labels_of

NORMAL, PARTIAL, FULL, INITIAL = "Normal", "PartialDisruption", "FullDisruption", "Initial"
HEALTHY_INTERVAL_MS = 10_000  # --node-eviction-rate 0.1
REDUCED_INTERVAL_MS = 100_000  # --secondary-node-eviction-rate 0.01
LARGE_CLUSTER = 50  # --large-cluster-size-threshold
UNHEALTHY_THRESHOLD = 0.55  # --unhealthy-zone-threshold
NEVER = 0


def zone_of(node: Obj) -> str:
    """Region and zone of a node as one key; "" without either."""
    labels = labels_of(node)
    region, zone = labels.get("topology.kubernetes.io/region", ""), labels.get("topology.kubernetes.io/zone", "")
    return f"{region}:\x00:{zone}" if region or zone else ""


def zone_state(ready: Sequence[bool]) -> str:
    """The state of a zone by which of its nodes are ready."""
    up = sum(ready)
    down = len(ready) - up
    if down and not up:
        return FULL
    if down > 2 and down / len(ready) >= UNHEALTHY_THRESHOLD:
        return PARTIAL
    return NORMAL


def interval_for(state: str, nodes: int) -> int:
    """Milliseconds between two nodes tainted in a zone; NEVER for none."""
    if state == PARTIAL:
        return REDUCED_INTERVAL_MS if nodes > LARGE_CLUSTER else NEVER
    return HEALTHY_INTERVAL_MS


@dataclass(slots=True)
class Zone:
    """One zone's state, its ration, and the nodes that wait to be tainted."""

    state: str = INITIAL
    interval_ms: int = HEALTHY_INTERVAL_MS
    next_ms: int = 0  # no node is tainted before then
    # Names in order, as the keys of a dict: thousands of nodes may be down at once.
    waiting: dict[str, None] = field(default_factory=dict)
    marked: dict[str, None] = field(default_factory=dict)  # waiting, or tainted already: not to be queued again

    def mark(self, node: str) -> bool:
        """Queue a node for tainting; False when it is marked already."""
        if node in self.marked:
            return False
        self.marked[node] = self.waiting[node] = None
        return True

    def unmark(self, node: str) -> bool:
        if node not in self.marked:
            return False
        self.waiting.pop(node, None)
        del self.marked[node]
        return True

    def take(self, now_ms: int) -> str | None:
        """The next node to taint, if the ration allows one now."""
        if not self.waiting or self.interval_ms == NEVER or now_ms < self.next_ms:
            return None
        self.next_ms = now_ms + self.interval_ms
        node = next(iter(self.waiting))
        del self.waiting[node]
        return node

    def set_interval(self, interval_ms: int, now_ms: int) -> None:
        """Another ration. One that was used up stays so for a whole new interval."""
        if interval_ms != self.interval_ms:
            if now_ms < self.next_ms:
                self.next_ms = now_ms + interval_ms
            self.interval_ms = interval_ms

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "waiting": list(self.waiting), "marked": list(self.marked)}

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Zone:
        return cls(
            **{**data, "waiting": dict.fromkeys(data["waiting"]), "marked": dict.fromkeys(data["marked"])},
        )


@dataclass(frozen=True, slots=True)
class Disruption:
    """What the zones' new states mean: `entering` or `leaving` the state in which every zone is down."""

    states: Mapping[str, str]
    entering: bool = False
    leaving: bool = False


def disruption(zones: Mapping[str, Zone], ready: Mapping[str, Sequence[bool]]) -> Disruption:
    """Compare the zones' states with how their nodes do now."""
    states = {name: zone_state(nodes) for name, nodes in ready.items()}
    all_down = all(state == FULL for state in states.values())
    all_were_down = all(zone.state == FULL for name, zone in zones.items() if name in ready)
    if all_down and all_were_down:
        return Disruption({name: zone.state for name, zone in zones.items()})
    return Disruption(states, entering=all_down, leaving=not all_down and all_were_down)
