"""The kubelet: the agent of one node. Registers it, keeps its lease, and runs the Pods that are bound to it.

Models      pkg/kubelet/kubelet.go, pkg/kubelet/config (sources), pkg/kubelet/nodeshutdown
Leaves out  the node's own HTTP API; a node that is switched off keeps nothing but what is on its disk

An API server that does not answer changes nothing of what runs: what could not be said is said again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from zlib import crc32

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_micro
from apps.cluster.apiserver import APIServer
from apps.cluster.client import REACTION_MS, Access, Client, Informers, Problem, Recorder
from apps.cluster.engine import Engine
from apps.cluster.kubelet import attaching, failing, node_status, shutdown, static_pods
from apps.cluster.kubelet.cri import Network
from apps.cluster.kubelet.cri.flavours import CRIO, Flavour
from apps.cluster.kubelet.cri.runtime import ContainerRuntime
from apps.cluster.kubelet.node_reporter import LEASE_MS, REGISTER, RETRY_MS, NodeReporter, is_true
from apps.cluster.kubelet.phase import CONFIG_MIRROR
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker
from apps.cluster.kubelet.pod_workers import ORPHAN, PodWorkers
from apps.cluster.kubelet.pressure import COLLECTION, EVICTION, OOM, PressureManager
from apps.cluster.machines import Machine

Obj = dict[str, Any]

HEARTBEAT = "@heartbeat"
SILENCE = "@silence"
FOUND, RUNTIME = "@found", "@runtime"
FOUND_MS, FOUND_SPREAD_MS = 400, 1_600  # until a kubelet tries again to reach an API server that answers again
SILENCE_MS = 21_000  # by then the node controller has seen that a lease was not renewed
NETWORK_AGENT = "calico-node"
NOTHING: Mapping[str, Mapping[str, Any]] = {}


class Host(Protocol):
    """The machine and what runs on it besides containers: told when a system component's container runs or stops."""

    def process_started(self, node: str, name: str) -> None: ...
    def process_stopped(self, node: str, name: str) -> None: ...


class Kubelet:
    """One a node, registered with the engine as `kubelet/<node>`. Its keys: Pods' keys, and those that begin with @."""

    __slots__ = (
        "_client",
        "_engine",
        "_epoch",
        "_host",
        "access",
        "boots",
        "connected",
        "enrolled",
        "informers",
        "machine",
        "name",
        "network",
        "node",
        "offline",
        "pressure",
        "recorder",
        "reporter",
        "running",
        "runtime",
        "runtime_down_ms",
        "static",
        "version",
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
        flavour: Flavour = CRIO,
        version: str = node_status.KUBELET_VERSION,
    ) -> None:
        """`images`: what differs from the catalogue, by image or by its short name. `flavour`: the runtime."""
        self._engine = engine
        self.network = network
        self._host = host
        self.machine = machine
        self.node = machine.name
        self.name = f"kubelet/{machine.name}"
        self.version = version
        self._client = Client(apiserver, "kubelet", machine.name)
        self.recorder = Recorder(engine, self._client, "kubelet", machine.name)
        self.informers = Informers(apiserver, machine.name)
        self.informers.stop()
        pods = self.informers("pods")
        pods.add_handler(self._added, self._updated, self._deleted)
        self.runtime = ContainerRuntime(engine, network, machine.name, flavour)
        self.static: dict[str, Obj] = {}
        self.workers = PodWorkers(
            engine,
            machine.name,
            machine.address,
            node_status.limits(machine),
            client=self._client,
            recorder=self,
            runtime=self.runtime,
            network=network,
            overrides=images,
            find=self.find,
            report_to=pods.get,
            static_pod=self._static_pod,
            tell_host=self._tell_host,
            wake=self.wake,
            changed=self._changed,
        )
        self.reporter = NodeReporter(self, engine, self._client)
        self.pressure = PressureManager(engine, machine, self.runtime, self.workers, self.reporter)
        self.running = False
        self.enrolled = False  # it has been told where the API server is
        self.connected = False  # it has found it
        self.offline: Problem | None = None  # why the API server does not answer
        self.access = Access(apiserver, [self._client], [self.recorder])  # follows a moment later
        self.runtime_down_ms = NEVER  # since when the container runtime is down
        self.boots = 0  # how many times the machine has been switched on
        self._epoch = 0  # tells this life's heartbeats from those of an earlier one
        engine.register(self.name, self)

    @property
    def now_ms(self) -> int:
        return self._engine.now_ms

    # ---- life ----------------------------------------------------------------------------------

    def start(self, *, connect: bool = True) -> None:
        """The machine is on and the kubelet runs. `connect`: there is an API server to talk to."""
        if self.running:
            return
        self.running = self.workers.running = True
        self.access.change(self.offline)
        self.boots += 1
        if self.boots > 1:
            self.network.wiped(self.node)  # sandboxes did not outlive the power cut
        self.runtime.hello()
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
        self.reporter.register()
        self.informers.forget()
        self.informers.start()
        for key in self.static:
            self._engine.wake(self.name, key)
        self.reporter.renew_lease()
        self._engine.wake(self.name, f"{HEARTBEAT}{self._epoch}", LEASE_MS, quiet=True)

    def stop(self) -> None:
        """The power is cut. Nothing is written; what was in memory is gone."""
        if not self.running:
            return
        self.running = self.connected = self.reporter.registered = False
        self.runtime_down_ms = NEVER
        # Nobody has noticed yet. Until somebody can, the cluster is not at rest, though only house-keeping is due.
        self._engine.wake(self.name, SILENCE, SILENCE_MS)
        self.workers.lose_power()
        self.pressure.lose_power()
        self.informers.stop()

    def shut_down(self, grace_s: int) -> int:
        """The machine is asked to switch itself off, politely. Gives the ms until nothing of its Pods runs any more."""
        return shutdown.begin(self.workers, self.reporter, grace_s) if self.running else 0

    def halt(self) -> None:
        """The kubelet is killed. Containers run on; nobody looks after them, and nobody reports."""
        if self.running:
            self.running = self.connected = self.reporter.registered = False
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
            self.runtime.hello()
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
        self.reporter.report(quiet=True)
        self.reporter.renew_lease()
        self.workers.catch_up()
        self._look_at_everything()

    def _look_at_everything(self) -> None:
        for worker in self.workers.workers.values():
            worker.wake_ms = NEVER
        keys = [*self.static, *self.workers.workers, *self.workers.orphans, *self.informers("pods").cache]
        for key in dict.fromkeys(keys):
            self._wake(key)
        self.pressure.look()

    def stop_runtime(self) -> None:
        """The container runtime is gone. Containers run on without it; no Pod is looked after until it is back."""
        if self.runtime_down_ms == NEVER:
            self.runtime_down_ms = self._engine.now_ms
            self._engine.wake(self.name, RUNTIME, failing.RUNTIME_DOWN_MS)

    def start_runtime(self) -> None:
        if self.runtime_down_ms != NEVER:
            self.runtime_down_ms = NEVER
            self._engine.wake(self.name, RUNTIME, REACTION_MS)

    @property
    def runtime_up(self) -> bool:
        return self.runtime_down_ms == NEVER

    def pod_of(self, worker: PodWorker) -> Obj | None:
        """The Pod that a worker works on."""
        return self.workers.pod_of(worker)

    def leave(self) -> None:
        """The machine is no longer part of the cluster."""
        self.stop()
        self._engine.unregister(self.name)

    def add_manifest(self, manifest: Obj) -> str:
        """Put a Pod's manifest into the static Pod directory, or change it. Gives the Pod's key."""
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
            self._house_keeping(key)
            return
        if not self.runtime_up:
            return  # no Pod is synchronised while the runtime is down
        if ORPHAN in key:
            delay = self.workers.sync_orphan(key)
            if delay != NEVER:
                self._engine.wake(self.name, key, delay)
            return
        static = self.static.get(key)
        if static is not None:
            self._mirror(key, static)
            delay = self.workers.sync(key, static, static=True)
        else:
            pod = self.informers("pods").get(key)
            if pod is not None and _is_mirror(pod):
                self.workers.sync(key, None)
                if not self.workers.delete(pod):  # its manifest is no longer here
                    self._engine.wake(self.name, key, RETRY_MS)
                return
            delay = self.workers.sync(key, pod)
        if delay != NEVER:
            self._wake_at(key, self._engine.now_ms + delay)

    def _house_keeping(self, key: str) -> None:
        if key in (EVICTION, COLLECTION, OOM):
            self.pressure.run(key)
        elif key == f"{HEARTBEAT}{self._epoch}" and self.connected:
            self.reporter.beat(key)
        elif key == FOUND:
            self._found()
        elif key == RUNTIME:
            self._runtime_changed()
        elif key == attaching.REPORT:
            self.reporter.report_volumes()
        elif key == REGISTER and self.connected and not self.reporter.registered:
            self.reporter.register()

    def _wake_at(self, key: str, due_ms: int) -> None:
        """Ask for a turn, unless the same one was asked for already."""
        worker = self.workers.workers.get(key)
        now = self._engine.now_ms
        if worker is None:
            self._engine.wake(self.name, key, due_ms - now)
        elif worker.wake_ms != due_ms or due_ms <= now:
            worker.wake_ms = due_ms
            self._engine.wake(self.name, key, due_ms - now, quiet=worker.settled())

    def wake(self, key: str, delay_ms: int = REACTION_MS, *, quiet: bool = False) -> None:
        self._engine.wake(self.name, key, delay_ms, quiet=quiet)

    def _wake(self, key: str) -> None:
        self._engine.wake(self.name, key, REACTION_MS)

    def _runtime_changed(self) -> None:
        if self.connected and self.access.open:
            node = self.find("nodes", "", self.node)
            if node is not None and is_true(node, "Ready") is bool(failing.runtime_error(self)):
                self.reporter.report(why="kubelet.node-ready" if self.runtime_up else "kubelet.node-runtime-down")
        if self.runtime_up:
            self.runtime.hello()
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

    def find(self, resource: str, namespace: str, name: str) -> Obj | None:
        try:
            return self._client.get(resource, namespace, name)
        except StatusError:
            return None

    def _static_pod(self, key: str) -> Obj | None:
        return self.static.get(key)

    def _changed(self) -> None:
        self.pressure.look()

    def _mirror(self, key: str, pod: Obj) -> None:
        """Show a static Pod to the API server, if there is one to show it to."""
        if not self.connected or not self.access.open:
            return
        there = self.informers("pods").get(key)
        if there is not None:
            metadata = there["metadata"]
            ours = metadata["annotations"].get(CONFIG_MIRROR) == pod["metadata"]["uid"]
            if ours and "deletionTimestamp" not in metadata:
                return
            self.workers.delete(there)  # the mirror of an earlier manifest, or one that somebody deletes
        try:
            node = self._client.get("nodes", "", self.node)
            self._client.create("pods", static_pods.mirror(pod, node), why="kubelet.mirror-pod")
        except StatusError:
            self._engine.wake(self.name, key, RETRY_MS, quiet=True)

    def event(self, obj: Obj, type_: str, reason: str, message: str, *, field_path: str = "", action: str = "") -> None:
        """Record an Event. Before there is an API server to take it, it is lost."""
        if self.connected:
            self.recorder.event(obj, type_, reason, message, field_path=field_path, action=action)

    def _tell_host(self, process: str, running: bool) -> None:
        if not running:
            self._host.process_stopped(self.node, process)
            return
        if process == NETWORK_AGENT and not self.network.ready(self.node):
            self.network.up(self.node)
            for key in self.workers.network_up():
                self._wake(key)
            self.reporter.report()
        self._host.process_started(self.node, process)

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "version": self.version,
            "enrolled": self.enrolled,
            "offline": list(self.offline) if self.offline is not None else None,
            "problem": list(self.access.problem) if self.access.problem is not None else None,
            "runtime_down_ms": self.runtime_down_ms,
            "connected": self.connected,
            "reporter": self.reporter.save(),
            "boots": self.boots,
            "epoch": self._epoch,
            "static": dict(self.static),
            "informers": self.informers.save(),
            "recorder": self.recorder.save(),
            "runtime": self.runtime.save(),
            "workers": self.workers.save(),
            "pressure": self.pressure.save(),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.running = data["running"]
        self.version = data["version"]
        self.enrolled = data["enrolled"]
        self.offline = Problem(*data["offline"]) if data["offline"] is not None else None
        self.access.change(Problem(*data["problem"]) if data["problem"] is not None else None)
        self.runtime_down_ms = data["runtime_down_ms"]
        self.connected = data["connected"]
        self.reporter.load(data["reporter"])
        self.boots = data["boots"]
        self._epoch = data["epoch"]
        self.static = dict(data["static"])
        self.informers.load(data["informers"])
        self.recorder.load(data["recorder"])
        self.runtime.load(data["runtime"])
        self.workers.load(data["workers"])
        self.pressure.load(data["pressure"])


def worker_of(kubelet: Kubelet, key: str) -> PodWorker | None:
    """What a kubelet remembers of a Pod."""
    return kubelet.workers.workers.get(key)


def _is_mirror(pod: Obj) -> bool:
    return CONFIG_MIRROR in (pod["metadata"].get("annotations") or ())
