"""The kubelet: the agent of one node. Registers it, keeps its lease, and runs the Pods that are bound to it.

Models      pkg/kubelet/kubelet.go, kubelet_node_status.go, pkg/kubelet/nodelease, pkg/kubelet/config (sources)
Leaves out  TLS bootstrap; the node's own HTTP API; evictions and garbage collection; graceful shutdown of the node;
            a node that is switched off forgets everything but its images
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro, format_ms
from apps.cluster.apiserver import APIServer
from apps.cluster.client import REACTION_MS, Client, Informers, Recorder
from apps.cluster.engine import Engine
from apps.cluster.kubelet import node_status, static_pods
from apps.cluster.kubelet.cri import Network
from apps.cluster.kubelet.cri.crio import CRIO
from apps.cluster.kubelet.phase import CONFIG_MIRROR
from apps.cluster.kubelet.pod_worker import NEVER
from apps.cluster.kubelet.pod_workers import PodWorkers
from apps.cluster.machines import Machine

Obj = dict[str, Any]

LEASE_MS = 10_000  # a quarter of leaseDurationSeconds
STATUS_MS = 300_000  # nodeStatusReportFrequency
HEARTBEAT = "@heartbeat"
SILENCE = "@silence"
SILENCE_MS = 21_000  # by then the node controller has seen that a lease was not renewed
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
        "connected",
        "crio",
        "informers",
        "machine",
        "name",
        "node",
        "recorder",
        "running",
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
        self.connected = False  # it has found the API server
        self._boots = 0
        self._epoch = 0  # tells this life's heartbeats from those of an earlier one
        self._reported_ms = 0
        self._known_images = 0
        engine.register(self.name, self)

    # ---- life ----------------------------------------------------------------------------------

    def start(self, *, connect: bool = True) -> None:
        """The machine is on and the kubelet runs. `connect`: there is an API server to talk to."""
        if self.running:
            return
        self.running = True
        self._boots += 1
        if self._boots > 1:
            self._network.wiped(self.node)  # sandboxes did not outlive the power cut
        for key in self.static:
            self._engine.wake(self.name, key, REACTION_MS)
        if connect:
            self.connect()

    def connect(self) -> None:
        """Register the node, begin to renew its lease, and watch for Pods."""
        if self.connected or not self.running:
            return
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
        # Nobody has noticed yet. Until somebody can, the cluster is not at rest, though only house-keeping is due.
        self._engine.wake(self.name, SILENCE, SILENCE_MS)
        self.workers.lose_power()
        self.informers.stop()

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
            return
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

    def _wake(self, key: str) -> None:
        self._engine.wake(self.name, key, REACTION_MS)

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
        if not self.connected:
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
        made = node_status.status(self.machine, self._boots, ready, self.crio.images, before, format_ms(now))
        self._reported_ms = now
        self._known_images = len(self.crio.images)
        turned_ready = ready and not _is_ready(node)
        why = "heartbeat.node-status" if quiet and not turned_ready else "kubelet.node-ready"
        written = self._client.update_status("nodes", {**node, "status": made}, why=why)
        if turned_ready:
            self._tell_status(written, "NodeReady")

    def _tell_status(self, node: Obj, reason: str) -> None:
        self._tell(node, "Normal", reason, f"Node {self.node} status is now: {reason}")

    def _tell(self, node: Obj, type_: str, reason: str, message: str) -> None:
        # Upstream's events about nodes name the node as uid, not the uid of its object.
        self.recorder.event({**node, "metadata": {"name": self.node, "uid": self.node}}, type_, reason, message)

    def _beat(self, key: str) -> None:
        """Ten seconds have passed: the lease, and the status when it is time or when images have come."""
        self._renew_lease()
        if self._engine.now_ms - self._reported_ms >= STATUS_MS or self._known_images != len(self.crio.images):
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
            "connected": self.connected,
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
        self.connected = data["connected"]
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
