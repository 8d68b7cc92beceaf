"""The kubelet: the agent of one node. Registers it, keeps its lease, and runs the Pods that are bound to it.

Models      pkg/kubelet/kubelet.go, kubelet_node_status.go, pkg/kubelet/nodelease, pkg/kubelet/config (sources)
Leaves out  TLS bootstrap; the node's own HTTP API; evictions and garbage collection; graceful shutdown of the node;
            a node that is switched off forgets everything but its images
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from zlib import crc32

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro, format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.client import REACTION_MS, Access, Client, Informers, Problem, Recorder
from apps.cluster.engine import Engine
from apps.cluster.kubelet import failing, node_status, static_pods
from apps.cluster.kubelet.cri import Network
from apps.cluster.kubelet.cri.crio import CRIO
from apps.cluster.kubelet.phase import CONFIG_MIRROR
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker
from apps.cluster.kubelet.pod_workers import PodWorkers
from apps.cluster.machines import Machine

Obj = dict[str, Any]

LEASE_MS = 10_000  # a quarter of leaseDurationSeconds
STATUS_MS = 300_000  # nodeStatusReportFrequency
HEARTBEAT = "@heartbeat"
SILENCE = "@silence"
SILENCE_MS = 21_000  # by then the node controller has seen that a lease was not renewed
FOUND = "@found"
RUNTIME = "@runtime"
FOUND_MS, FOUND_SPREAD_MS = 400, 1_600  # until a kubelet tries again to reach an API server that answers again
NETWORK_AGENT = "calico-node"
NOTHING: Mapping[str, Mapping[str, Any]] = {}


class Host(Protocol):
    """The machine and what runs on it besides containers: told when a system component's container runs or stops."""

    def process_started(self, node: str, name: str) -> None: ...
    def process_stopped(self, node: str, name: str) -> None: ...


class Kubelet:
    """One a node, registered with the engine as `kubelet/<node>`. Its keys: Pods' keys, and @heartbeat."""

    __slots__ = (
        "_boots",
        "_client",
        "_engine",
        "_epoch",
        "_host",
        "_known_images",
        "_network",
        "_reported_ms",
        "access",
        "connected",
        "crio",
        "enrolled",
        "informers",
        "machine",
        "name",
        "node",
        "offline",
        "recorder",
        "running",
        "runtime_down_ms",
        "static",
        "workers",
    )

    def __init__(
        self,
        engine: Engine,
        apiserver: APIServer,
        machine: Machine,
        network: Network,
        host: Host,
        *,
        images: Mapping[str, Mapping[str, Any]] = NOTHING,
    ) -> None:
        """`images`: what differs from the catalogue, by image or by its short name."""
        self._engine = engine
        self._network = network
        self._host = host
        self.machine = machine
        self.node = machine.name
        self.name = f"kubelet/{machine.name}"
        self._client = Client(apiserver, "kubelet", machine.name)
        self.recorder = Recorder(engine, self._client, "kubelet", machine.name)
        self.informers = Informers(apiserver, machine.name)
        self.informers.stop()
        pods = self.informers("pods")
        pods.add_handler(self._added, self._updated, self._deleted)
        self.crio = CRIO(engine, network, machine.name)
        self.workers = PodWorkers(
            engine,
            machine.name,
            machine.address,
            node_status.limits(machine),
            client=self._client,
            recorder=self,
            runtime=self.crio,
            network=network,
            overrides=images,
            find=self._find,
            report_to=pods.get,
            tell_host=self._tell_host,
        )
        self.static: dict[str, Obj] = {}
        self.running = False
        self.enrolled = False  # it has been told where the API server is
        self.connected = False  # it has found it
        self.offline: Problem | None = None  # why the API server does not answer
        self.access = Access(apiserver, [self._client], [self.recorder])  # follows a moment later
        self.runtime_down_ms = NEVER  # since when the container runtime is down
        self._boots = 0
        self._epoch = 0  # tells this life's heartbeats from those of an earlier one
        self._reported_ms = 0
        self._known_images = 0
        engine.register(self.name, self)

    @property
    def now_ms(self) -> int:
        return self._engine.now_ms

    # ---- life ----------------------------------------------------------------------------------

    def start(self, *, connect: bool = True) -> None:
        """The machine is on and the kubelet runs. `connect`: there is an API server to talk to."""
        if self.running:
            return
        self.running = True
        self.access.change(self.offline)
        self._boots += 1
        if self._boots > 1:
            self._network.wiped(self.node)  # sandboxes did not outlive the power cut
        for key in self.static:
            self._engine.wake(self.name, key, REACTION_MS)
        if connect:
            self.connect()

    def connect(self) -> None:
        """Register the node, begin to renew its lease, and watch for Pods."""
        self.enrolled = True
        if self.connected or not self.running or not self.access.open:
            return
        self.recorder.flush()
        self.connected = True
        self._epoch += 1
        self._register()
        self.informers.forget()
        self.informers.start()
        for key in self.static:
            self._engine.wake(self.name, key)
        self._renew_lease()
        self._engine.wake(self.name, f"{HEARTBEAT}{self._epoch}", LEASE_MS, quiet=True)

    def stop(self) -> None:
        """The power is cut. Nothing is written; what was in memory is gone."""
        if not self.running:
            return
        self.running = self.connected = False
        self.runtime_down_ms = NEVER
        # Nobody has noticed yet. Until somebody can, the cluster is not at rest, though only house-keeping is due.
        self._engine.wake(self.name, SILENCE, SILENCE_MS)
        self.workers.lose_power()
        self.informers.stop()

    def halt(self) -> None:
        """The kubelet is killed. Containers run on; nobody looks after them, and nobody reports."""
        if self.running:
            self.running = self.connected = False
            self._engine.wake(self.name, SILENCE, SILENCE_MS)
            self.informers.stop()
            self.recorder.forget()
            self.workers.containers.crashes.entries.clear()
            self.workers.containers.pulls.entries.clear()

    def resume(self) -> None:
        """It is started again on a machine that has been on all the time: it finds the containers that there are."""
        if not self.running:
            self.running = True
            self.access.change(self.offline)
            self._look_at_everything()
            if self.enrolled:
                self.connect()

    def reach(self, problem: Problem | None) -> None:
        """The API server answers from now on (None), or no longer."""
        was, self.offline = self.offline, problem
        if problem is not None:
            if self.access.change(problem) and self.running and self.connected:
                self.informers.stop()
                self._engine.wake(self.name, SILENCE, SILENCE_MS)
        elif was is not None:
            if self.running and self.enrolled:
                self._engine.wake(self.name, FOUND, FOUND_MS + crc32(self.node.encode()) % FOUND_SPREAD_MS)
            else:
                self.access.change(None)

    def _found(self) -> None:
        """An API server answers again: tell it what it has missed, and see what we have."""
        if self.offline is not None or not self.access.change(None):
            return
        if not self.connected:
            self.connect()
            return
        self.recorder.flush()
        self.informers.start()
        self._report_node(quiet=True)
        self._renew_lease()
        self.workers.catch_up()
        self._look_at_everything()

    def _look_at_everything(self) -> None:
        for worker in self.workers.workers.values():
            worker.wake_ms = NEVER
        keys = dict.fromkeys([*self.static, *self.workers.workers, *(self.informers("pods").cache)])
        for key in keys:
            self.wake(key)

    def stop_runtime(self) -> None:
        """CRI-O is gone. Containers run on without it; no Pod is looked after until it is back."""
        if self.runtime_down_ms == NEVER:
            self.runtime_down_ms = self._engine.now_ms
            self._engine.wake(self.name, RUNTIME, failing.RUNTIME_DOWN_MS)

    def start_runtime(self) -> None:
        if self.runtime_down_ms != NEVER:
            self.runtime_down_ms = NEVER
            self._engine.wake(self.name, RUNTIME, REACTION_MS)

    def pod_of(self, worker: PodWorker) -> Obj | None:
        """The Pod that a worker works on."""
        return self.static.get(worker.key) or self.informers("pods").get(worker.key)

    def leave(self) -> None:
        """The machine is no longer part of the cluster."""
        self.stop()
        self._engine.unregister(self.name)

    def add_manifest(self, manifest: Obj) -> str:
        """Put a Pod's manifest into the static Pod directory. Gives the Pod's key."""
        pod = static_pods.from_manifest(manifest, self.node, self._engine.now_ms)
        key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self.static[key] = pod
        if self.running:
            self._engine.wake(self.name, key, REACTION_MS)
        return key

    def restore_manifest(self, pod: Obj) -> None:
        """Put a manifest back that was taken away: the same file, so the same Pod."""
        metadata = pod["metadata"]
        seen = {**metadata["annotations"], static_pods.CONFIG_SEEN: format_micro(self._engine.now_ms)}
        key = f"{metadata['namespace']}/{metadata['name']}"
        self.static[key] = {**pod, "metadata": {**metadata, "annotations": seen}}
        if self.running:
            self._engine.wake(self.name, key, REACTION_MS)

    def remove_manifest(self, key: str) -> None:
        """Take a manifest away: its Pod stops."""
        del self.static[key]
        if self.running:
            self._engine.wake(self.name, key, REACTION_MS)

    # ---- turns ---------------------------------------------------------------------------------

    def run(self, key: str) -> None:
        if not self.running:
            return
        if key[0] == "@":
            if key == f"{HEARTBEAT}{self._epoch}" and self.connected:
                self._beat(key)
            elif key == FOUND:
                self._found()
            elif key == RUNTIME:
                self._runtime_changed()
            return
        if not self.runtime_up:
            return  # no Pod is synchronised while the runtime is down
        static = self.static.get(key)
        if static is not None:
            self._mirror(key, static)
            delay = self.workers.sync(key, static, static=True)
        else:
            pod = self.informers("pods").get(key)
            if pod is not None and _is_mirror(pod):
                self.workers.sync(key, None)
                self.workers.delete(pod)  # its manifest is no longer here
                return
            delay = self.workers.sync(key, pod)
        if delay != NEVER:
            self._wake_at(key, self._engine.now_ms + delay)

    def _wake_at(self, key: str, due_ms: int) -> None:
        """Ask for a turn, unless the same one was asked for already."""
        worker = self.workers.workers[key]
        now = self._engine.now_ms
        if worker.wake_ms != due_ms or due_ms <= now:
            worker.wake_ms = due_ms
            self._engine.wake(self.name, key, due_ms - now, quiet=worker.settled())

    def wake(self, key: str) -> None:
        self._engine.wake(self.name, key, REACTION_MS)

    _wake = wake

    @property
    def runtime_up(self) -> bool:
        return self.runtime_down_ms == NEVER

    def _runtime_changed(self) -> None:
        if self.connected and self.access.open:
            node = self._find("nodes", "", self.node)
            if node is not None and _is_ready(node) is bool(failing.runtime_error(self)):
                self._report_node()
        if self.runtime_up:
            self._look_at_everything()

    def _added(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        self._wake(f"{metadata['namespace']}/{metadata['name']}")

    def _updated(self, old: Obj, new: Obj) -> None:
        before, after = old["metadata"], new["metadata"]
        if (
            old["spec"] is not new["spec"]
            or before.get("deletionGracePeriodSeconds") != after.get("deletionGracePeriodSeconds")
            or before["uid"] != after["uid"]
            or "readinessGates" in new["spec"]
        ):
            self._wake(f"{after['namespace']}/{after['name']}")

    def _deleted(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        if key in self.workers.workers:
            self._wake(key)

    def _find(self, resource: str, namespace: str, name: str) -> Obj | None:
        try:
            return self._client.get(resource, namespace, name)
        except StatusError:
            return None

    def _mirror(self, key: str, pod: Obj) -> None:
        """Show a static Pod to the API server, if there is one to show it to."""
        if not self.connected or not self.access.open:
            return
        there = self.informers("pods").get(key)
        if there is not None:
            if there["metadata"]["annotations"].get(CONFIG_MIRROR) == pod["metadata"]["uid"]:
                return
            self.workers.delete(there)  # the mirror of an earlier manifest
        try:
            node = self._client.get("nodes", "", self.node)
            self._client.create("pods", static_pods.mirror(pod, node), why="kubelet.mirror-pod")
        except StatusError:
            self._engine.wake(self.name, key, 1_000)

    def event(self, obj: Obj, type_: str, reason: str, message: str, *, field_path: str = "", action: str = "") -> None:
        """Record an Event. Before there is an API server to take it, it is lost."""
        if self.connected:
            self.recorder.event(obj, type_, reason, message, field_path=field_path, action=action)

    def _tell_host(self, process: str, running: bool) -> None:
        if not running:
            self._host.process_stopped(self.node, process)
            return
        if process == NETWORK_AGENT and not self._network.ready(self.node):
            self._network.up(self.node)
            for key in self.workers.network_up():
                self._wake(key)
            self._report_node()
        self._host.process_started(self.node, process)

    # ---- the node ------------------------------------------------------------------------------

    def _register(self) -> None:
        now = format_ms(self._engine.now_ms)
        existing = self._find("nodes", "", self.node)
        ready = self._network.ready(self.node)
        before = existing["status"].get("conditions") or [] if existing is not None else []
        made = node_status.status(self.machine, self._boots, ready, self.crio.images, before, now)
        self._reported_ms = self._engine.now_ms
        self._known_images = len(self.crio.images)
        if existing is None:
            metadata: Obj = {
                "name": self.node,
                "labels": node_status.labels(self.node),
                "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            }
            node = self._client.create(
                "nodes",
                {"metadata": metadata, "spec": {}, "status": made},
                why="kubelet.register-node",
            )
        else:
            was_ready = _is_ready(existing)
            node = self._client.update_status("nodes", {**existing, "status": made}, why="kubelet.node-again")
            boot = made["nodeInfo"]["bootID"]
            if boot != existing["status"].get("nodeInfo", {}).get("bootID"):
                self._tell(node, "Warning", "Rebooted", f"Node {self.node} has been rebooted, boot id: {boot}")
            if ready and not was_ready:
                self._tell_status(node, "NodeReady")
        self._tell(node, "Normal", "Starting", "Starting kubelet.")
        for reason in ("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"):
            self._tell_status(node, reason)

    def _report_node(self, *, quiet: bool = False) -> None:
        """Write the node's status."""
        node = self._find("nodes", "", self.node)
        if node is None:
            return  # it was deleted; a kubelet registers when it starts, not again
        now = self._engine.now_ms
        ready = self._network.ready(self.node)
        before = node["status"].get("conditions") or []
        error = failing.runtime_error(self)
        made = node_status.status(self.machine, self._boots, ready, self.crio.images, before, format_ms(now), error)
        self._reported_ms = now
        self._known_images = len(self.crio.images)
        turned_ready = not error and ready and not _is_ready(node)
        turned_sick = bool(error) and _is_ready(node)
        why = "heartbeat.node-status"
        if turned_sick:
            why = "kubelet.node-runtime-down"
        elif turned_ready or not quiet:
            why = "kubelet.node-ready" if not error else "kubelet.node-runtime-down"
        written = self._client.update_status("nodes", {**node, "status": made}, why=why)
        if turned_ready:
            self._tell_status(written, "NodeReady")
        elif turned_sick:
            self._tell_status(written, "NodeNotReady")

    def _tell_status(self, node: Obj, reason: str) -> None:
        self._tell(node, "Normal", reason, f"Node {self.node} status is now: {reason}")

    def _tell(self, node: Obj, type_: str, reason: str, message: str) -> None:
        # Upstream's events about nodes name the node as uid, not the uid of its object.
        self.recorder.event({**node, "metadata": {"name": self.node, "uid": self.node}}, type_, reason, message)

    def _beat(self, key: str) -> None:
        """Ten seconds have passed: the lease, and the status when it is time or when images have come."""
        if self.access.open:
            self._renew_lease()
            due = self._engine.now_ms - self._reported_ms >= STATUS_MS or self._known_images != len(self.crio.images)
            if due or failing.runtime_error(self):
                self._report_node(quiet=True)
        self._engine.wake(self.name, key, LEASE_MS, quiet=True)

    def _renew_lease(self) -> None:
        renewed = format_micro(self._engine.now_ms)
        lease = self._find("leases", "kube-node-lease", self.node)
        try:
            if lease is None:
                node = self._client.get("nodes", "", self.node)
                self._client.create("leases", node_status.lease(node, renewed), why="heartbeat.lease")
            else:
                spec = {**lease["spec"], "renewTime": renewed}
                self._client.update("leases", {**lease, "spec": spec}, why="heartbeat.lease")
        except StatusError:
            pass  # the node or its namespace is not there: tried again in ten seconds

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "enrolled": self.enrolled,
            "offline": list(self.offline) if self.offline is not None else None,
            "problem": list(self.access.problem) if self.access.problem is not None else None,
            "connected": self.connected,
            "runtime_down_ms": self.runtime_down_ms,
            "boots": self._boots,
            "epoch": self._epoch,
            "reported_ms": self._reported_ms,
            "known_images": self._known_images,
            "static": dict(self.static),
            "informers": self.informers.save(),
            "recorder": self.recorder.save(),
            "crio": self.crio.save(),
            "workers": self.workers.save(),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.running = data["running"]
        self.enrolled = data["enrolled"]
        self.offline = Problem(*data["offline"]) if data["offline"] is not None else None
        self.access.change(Problem(*data["problem"]) if data["problem"] is not None else None)
        self.connected = data["connected"]
        self.runtime_down_ms = data["runtime_down_ms"]
        self._boots = data["boots"]
        self._epoch = data["epoch"]
        self._reported_ms = data["reported_ms"]
        self._known_images = data["known_images"]
        self.static = dict(data["static"])
        self.informers.load(data["informers"])
        self.recorder.load(data["recorder"])
        self.crio.load(data["crio"])
        self.workers.load(data["workers"])


def _is_mirror(pod: Obj) -> bool:
    return CONFIG_MIRROR in (pod["metadata"].get("annotations") or ())


def _is_ready(node: Obj) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions") or ()
    )
