"""The node lifecycle controller: notices silent nodes, says so on them and their Pods, and taints them.

Models      pkg/controller/nodelifecycle/node_lifecycle_controller.go (1.36)
Leaves out  nothing that shows: a Pod that is bound to a node known to be down has not been Ready yet
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.apimachinery.conditions import find, set_condition
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of, name_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.indexes import add_node_index, pods_on
from apps.cluster.controllers.nodelifecycle import health, zones
from apps.cluster.controllers.nodelifecycle.health import NOT_READY, UNREACHABLE, Health
from apps.cluster.engine import Engine

MONITOR_PERIOD_MS = 5_000  # --node-monitor-period
MONITOR_GRACE_MS = 50_000  # --node-monitor-grace-period
STARTUP_GRACE_MS = 60_000  # --node-startup-grace-period
TAINT_PERIOD_MS = 100  # how often the queue of nodes to taint NoExecute is looked at
WATCH_CLOSELY_MS = 15_000  # silent for longer than a heartbeat should take: the cluster is not at rest
LEASE_NAMESPACE = "kube-node-lease"

MONITOR, WATCH, TAINT = "monitor", "watch", "taint"  # queue keys; besides, "node:" and a node's name
NODE_KEY = "node:"
BETA_LABELS = (("kubernetes.io/os", "beta.kubernetes.io/os"), ("kubernetes.io/arch", "beta.kubernetes.io/arch"))


class Look(NamedTuple):
    """What a round over all nodes needs of one, as long as the node stays the same object."""

    node: Obj
    zone: str
    counts: bool  # for whether its zone is disrupted
    ready: Obj | None  # the condition
    well: bool  # it says that it is ready, and bears no taint


def look(node: Obj) -> Look:
    ready = health.ready_of(node)
    well = ready is not None and ready["status"] == "True" and not (node.get("spec") or EMPTY).get("taints")
    counts = "node.kubernetes.io/exclude-disruption" not in labels_of(node)
    return Look(node, zones.zone_of(node), counts, ready, well)


class NodeLifecycleController(Controller):
    """Looks at every node each `period_ms`; between two looks it keeps NoSchedule taints in step with conditions."""

    name = "node-lifecycle-controller"
    source = "node-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.period_ms = MONITOR_PERIOD_MS
        self.grace_ms = MONITOR_GRACE_MS
        self.nodes = informers("nodes")
        self.pods = informers("pods")
        self.leases = informers("leases")
        add_node_index(self.pods)
        self.known: dict[str, str] = {}  # node -> uid
        self.health: dict[str, Health] = {}
        self.zones: dict[str, zones.Zone] = {}
        self._looks: dict[str, Look] = {}  # by node; worked out anew when in doubt
        self.nodes.add_handler(self._node_added, self._node_updated)
        self.enqueue(MONITOR, self.period_ms, quiet=True)

    def _node_added(self, node: Obj) -> None:
        self.enqueue(NODE_KEY + name_of(node))

    def _node_updated(self, old: Obj, new: Obj) -> None:
        if _taint_facts(old) != _taint_facts(new) or labels_of(old) != labels_of(new):
            self.enqueue(NODE_KEY + name_of(new))

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        if key in (MONITOR, WATCH):
            if key == MONITOR:
                self.enqueue(MONITOR, self.period_ms, quiet=True)
            self._monitor()
        elif key == TAINT:
            self._taint_no_execute()
        else:
            self._sync_node(key[len(NODE_KEY) :])

    # NoSchedule taints and labels, as soon as a node changes.

    def _sync_node(self, name: str) -> None:
        node = self.nodes.get(name)
        if node is None:
            return
        add, remove = health.no_schedule_taints(node)
        if add or remove:
            self._swap_taints(name, add, remove, "NoSchedule")
            node = self.nodes.get(name)
            assert node is not None
        labels = labels_of(node)
        missing = {beta: labels[stable] for stable, beta in BETA_LABELS if stable in labels}
        missing = {key: value for key, value in missing.items() if labels.get(key) != value}
        if missing:
            metadata = {**node["metadata"], "labels": {**labels, **missing}}
            self.client.update("nodes", {**node, "metadata": metadata}, why="node-lifecycle.label-node")

    def _swap_taints(self, name: str, add: list[str], remove: list[str], effect: str) -> None:
        """Additions first, then removals, each in a write of its own."""
        now = format_ms(self.engine.now_ms)
        node = self.nodes.get(name)
        new = [key for key in add if node is not None and not health.has_taint(node, key, effect)]
        if node is not None and new:
            changed = health.with_taints(node, new, [], effect, now)
            self.client.update("nodes", changed, why="node-lifecycle.taint-node", taint=new[0], effect=effect)
        node = self.nodes.get(name)
        gone = [key for key in remove if node is not None and health.has_taint(node, key, effect)]
        if node is not None and gone:
            changed = health.with_taints(node, [], gone, effect, now)
            self.client.update("nodes", changed, why="node-lifecycle.untaint-node", taint=gone[0], effect=effect)

    # The round over all nodes.

    def _monitor(self) -> None:
        looks = self._look_at(self.nodes.list())
        self._classify(looks)
        ready: dict[str, list[bool]] = {}
        suspicious = False
        now, leases, known = self.engine.now_ms, self.leases.cache, self.health
        marked = {name for zone in self.zones.values() for name in zone.marked}
        for name, (node, zone, counts, condition, well) in looks.items():
            if well and name not in marked:
                # Nothing is wrong with nearly all of them.
                lease = leases.get(f"{LEASE_NAMESPACE}/{name}")
                seen = known[name] = health.observed(known.get(name), node, condition, lease, now)
                silent = now - seen.probe_ms
                if silent <= self.grace_ms:
                    if counts:
                        ready.setdefault(zone, []).append(True)
                    suspicious = suspicious or silent > WATCH_CLOSELY_MS
                    continue
            try:
                before, condition = self._update_health(node)
            except StatusError:
                continue  # it has just changed or gone: the next round sees it
            if counts:
                ready.setdefault(zone, []).append(condition is not None and condition["status"] == "True")
            if condition is None:
                continue
            self._process_eviction(name, zone, condition["status"])
            if condition["status"] != "True" and before == "True":
                message = f"Node {name} status is now: NodeNotReady"
                self.recorder.event(node, "Normal", "NodeNotReady", message)
                self._mark_pods_not_ready(name)
            silent = now - self.health[name].probe_ms
            suspicious = suspicious or (condition["status"] != "Unknown" and silent > WATCH_CLOSELY_MS)
        self._handle_disruption(ready, [one.node for one in looks.values()])
        if suspicious:
            self.enqueue(WATCH, self.period_ms)

    def _look_at(self, nodes: list[Obj]) -> dict[str, Look]:
        kept = self._looks
        looks = {}
        for node in nodes:
            name = node["metadata"]["name"]
            one = kept.get(name)
            looks[name] = one if one is not None and one.node is node else look(node)
        self._looks = looks
        return looks

    def _classify(self, looks: dict[str, Look]) -> None:
        """Say hello to new nodes and farewell to removed ones."""
        known = self.known
        for name, one in looks.items():
            if one.zone not in self.zones:
                self.zones[one.zone] = zones.Zone()
            if name not in known:
                known[name] = uid_of(one.node)
                message = f"Node {name} event: Registered Node {name} in Controller"
                self.recorder.event(one.node, "Normal", "RegisteredNode", message)
                self._mark_reachable(name)
        if len(known) == len(looks):
            return
        for name in [name for name in known if name not in looks]:
            gone = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": known.pop(name)}}
            self.recorder.event(
                gone, "Normal", "RemovingNode", f"Node {name} event: Removing Node {name} from Controller"
            )
            self.health.pop(name, None)
            for zone in self.zones.values():
                zone.unmark(name)

    def _update_health(self, node: Obj) -> tuple[str, Obj | None]:
        """The status of Ready as it was observed, and the Ready condition as it is now."""
        name, now = name_of(node), self.engine.now_ms
        seen = health.observe(self.health.get(name), node, self.leases.get(f"{LEASE_NAMESPACE}/{name}"), now)
        self.health[name] = seen
        condition = health.ready_of(node)
        before = condition["status"] if condition is not None else "Unknown"
        if now > seen.probe_ms + health.grace_ms(node, self.grace_ms, STARTUP_GRACE_MS):
            conditions = health.silenced(node, format_ms(now))
            if conditions is not None:
                new = {**node, "status": {**(node.get("status") or EMPTY), "conditions": conditions}}
                node = self.client.update_status("nodes", new, why="node-lifecycle.silent")
                condition = health.ready_of(node)
        return before, condition

    def _process_eviction(self, name: str, zone: str, status: str) -> None:
        """Ready False or Unknown calls for a NoExecute taint; True for none."""
        if status == "True":
            self._mark_reachable(name)
            return
        node = self.nodes.get(name)
        if node is None:
            return
        wanted, opposite = (NOT_READY, UNREACHABLE) if status == "False" else (UNREACHABLE, NOT_READY)
        if health.has_taint(node, opposite, "NoExecute"):
            self._swap_taints(name, [wanted], [opposite], "NoExecute")
            return
        queue = self.zones[zone]
        if not health.has_taint(node, wanted, "NoExecute"):
            if name not in queue.waiting:
                queue.unmark(name)
            if queue.mark(name):
                self.enqueue(TAINT, TAINT_PERIOD_MS)

    def _mark_reachable(self, name: str) -> None:
        node = self.nodes.get(name)
        if node is not None and (node.get("spec") or EMPTY).get("taints"):
            for key in (UNREACHABLE, NOT_READY):
                self._swap_taints(name, [], [key], "NoExecute")
        for zone in self.zones.values():
            zone.unmark(name)

    def _taint_no_execute(self) -> None:
        """Taint as many waiting nodes as the zones' rations allow."""
        now = self.engine.now_ms
        for zone in self.zones.values():
            while (name := zone.take(now)) is not None:
                node = self.nodes.get(name)
                condition = health.ready_of(node) if node is not None else None
                if condition is None or condition["status"] == "True":
                    continue
                unknown = condition["status"] == "Unknown"
                wanted, opposite = (UNREACHABLE, NOT_READY) if unknown else (NOT_READY, UNREACHABLE)
                self._swap_taints(name, [wanted], [opposite], "NoExecute")
        waits = [zone.next_ms - now for zone in self.zones.values() if zone.waiting and zone.interval_ms]
        if waits:
            # Not for longer than until the next round, which may find that nobody waits any more.
            self.enqueue(TAINT, min(max(TAINT_PERIOD_MS, min(waits)), self.period_ms))

    def _mark_pods_not_ready(self, name: str) -> None:
        now = format_ms(self.engine.now_ms)
        for pod in pods_on(self.pods, name):
            status = pod.get("status") or EMPTY
            old = find(status.get("conditions"), "Ready")
            if old is None or old["status"] == "False":
                continue
            conditions = set_condition(status["conditions"], {**old, "status": "False"}, now)
            try:
                new = {**pod, "status": {**status, "conditions": conditions}}
                self.client.update_status("pods", new, why="node-lifecycle.pod-not-ready", target=name)
            except StatusError as error:
                if error.reason == "NotFound":
                    continue
            self.recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    def _handle_disruption(self, ready: dict[str, list[bool]], nodes: list[Obj]) -> None:
        for name in [name for name in self.zones if name not in ready and name]:
            if not any(zones.zone_of(node) == name for node in nodes):
                del self.zones[name]
        decided = zones.disruption(self.zones, ready)
        now = self.engine.now_ms
        if decided.entering:
            for node in nodes:
                self._mark_reachable(name_of(node))
            for zone in self.zones.values():
                zone.state = zones.FULL
                zone.set_interval(zones.NEVER, now)
            return
        if decided.leaving:
            for name, seen in self.health.items():
                self.health[name] = Health(now, seen.heartbeat, seen.renewed)
        for name, zone in self.zones.items():
            state = decided.states.get(name, zone.state)
            if state != zone.state:
                zone.state = state
                zone.set_interval(zones.interval_for(state, len(ready.get(name, ()))), now)
        if any(zone.waiting for zone in self.zones.values()):
            self.enqueue(TAINT, TAINT_PERIOD_MS)

    # What it remembers.

    def stop(self) -> None:
        super().stop()
        self.known.clear()
        self.health.clear()
        self.zones.clear()
        self._looks = {}

    def start(self) -> None:
        super().start()
        self.enqueue(MONITOR, self.period_ms, quiet=True)

    def state(self) -> dict[str, Any]:
        return {
            "period_ms": self.period_ms,
            "grace_ms": self.grace_ms,
            "known": dict(self.known),
            "health": {name: seen.as_dict() for name, seen in self.health.items()},
            "zones": {name: zone.as_dict() for name, zone in self.zones.items()},
        }

    def set_state(self, data: dict[str, Any]) -> None:
        self.period_ms = data["period_ms"]
        self.grace_ms = data["grace_ms"]
        self.known = dict(data["known"])
        self.health = {name: Health(**seen) for name, seen in data["health"].items()}
        self.zones = {name: zones.Zone.restore(zone) for name, zone in data["zones"].items()}
        self._looks = {}


def _taint_facts(node: Obj) -> Any:
    """What the NoSchedule taints of a node rest on. Heartbeats leave it as it is."""
    spec = node.get("spec") or EMPTY
    conditions = (node.get("status") or EMPTY).get("conditions") or ()
    return (
        [(one["type"], one["status"]) for one in conditions],
        spec.get("unschedulable"),
        [(taint["key"], taint["effect"]) for taint in spec.get("taints") or ()],
    )
