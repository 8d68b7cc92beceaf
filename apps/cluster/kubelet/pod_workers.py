"""Pod workers: for each Pod of a node, what is due now and when it is its turn again.

Models      pkg/kubelet/pod_workers.go, pkg/kubelet/kubelet.go (SyncPod), pkg/kubelet/kuberuntime/kuberuntime_manager.go
            (SyncPod, computePodActions), pkg/kubelet/status/status_manager.go
Leaves out  cgroups; evictions; resizing in place; ephemeral containers; a status is written at once, never in batches
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Unreachable
from apps.cluster.engine import Engine
from apps.cluster.kubelet import beginning, ending, status
from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet.containers import ContainerManager, EventSink
from apps.cluster.kubelet.cri import Network, Runtime
from apps.cluster.kubelet.explain import explain
from apps.cluster.kubelet.phase import TERMINAL
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker

Obj = dict[str, Any]
Find = Callable[[str, str, str], "Obj | None"]  # resource, namespace, name


class Writer(Protocol):
    """The part of a client that workers need."""

    def update_status(self, resource: str, obj: Obj, /, *, why: str = ..., **params: Any) -> Obj: ...
    def delete(
        self,
        resource: str,
        namespace: str,
        name: str,
        /,
        *,
        grace_period_seconds: int | None = ...,
        uid: str = ...,
        why: str = ...,
        **params: Any,
    ) -> None: ...


class PodWorkers:
    """All Pods of one node."""

    __slots__ = (
        "capacity",
        "client",
        "containers",
        "engine",
        "find",
        "host_ip",
        "network",
        "node",
        "recorder",
        "report_to",
        "runtime",
        "tell_host",
        "unsent",
        "used",
        "workers",
    )

    def __init__(
        self,
        engine: Engine,
        node: str,
        host_ip: str,
        capacity: tuple[int, int, int],
        *,
        client: Writer,
        recorder: EventSink,
        runtime: Runtime,
        network: Network,
        overrides: Mapping[str, Mapping[str, Any]],
        find: Find,
        report_to: Callable[[str], Obj | None],
        tell_host: Callable[[str, bool], None],
    ) -> None:
        self.engine = engine
        self.client = client
        self.recorder = recorder
        self.runtime = runtime
        self.network = network
        self.find = find
        self.report_to = report_to  # key -> the API object whose status is ours to write, or None
        self.tell_host = tell_host  # a system component runs, or no longer
        self.node = node
        self.host_ip = host_ip
        self.capacity = capacity  # allocatable: milli cores, bytes, Pods
        self.used = [0, 0, 0]
        self.containers = ContainerManager(engine, runtime, recorder, overrides, find)
        self.workers: dict[str, PodWorker] = {}
        self.unsent: dict[
            str, list[Any]
        ] = {}  # key -> uid and status that could not be reported; its worker may be gone

    # ---- turns ---------------------------------------------------------------------------------

    def sync(self, key: str, pod: Obj | None, *, static: bool = False) -> int:
        """Do what is due for a Pod; `pod` is None when it is gone. Gives the ms until its next turn, or -1."""
        worker = self.workers.get(key)
        if worker is not None and (pod is None or pod["metadata"].get("uid") != worker.uid):
            ending.gone(self, worker)
            worker = None
        if pod is None:
            return NEVER
        metadata = pod["metadata"]
        deleting = "deletionTimestamp" in metadata and not static
        if worker is None:
            if deleting:
                if metadata.get("deletionGracePeriodSeconds"):
                    self.delete(pod)  # nothing of it is here: nothing holds it
                return NEVER
            if pod["status"].get("phase") in TERMINAL or key in self.unsent:
                return NEVER  # it has ended, though the API server may not know yet
            worker = beginning.admit(self, key, pod, static=static)
            if worker is None:
                return NEVER
        now = self.engine.now_ms
        if deleting:
            if worker.stage != stage.TERMINATING:
                ending.begin_termination(self, worker, pod)
            else:
                ending.hasten(self, worker, pod)
            if now >= worker.due_ms:
                ending.finish_termination(self, worker, pod)
                return NEVER
        elif worker.stage == stage.FINISHING:
            if now >= worker.due_ms:
                ending.finish(self, worker, pod)
                return NEVER
        else:
            self._advance(worker, pod, now)
        due = worker.next_due()
        return max(0, due - now) if due != NEVER else NEVER

    def _advance(self, worker: PodWorker, pod: Obj, now: int) -> None:
        if worker.stage != stage.RUN and not beginning.make_sandbox(self, worker, pod):
            return
        if pod["spec"] is not worker.spec:
            self._respec(worker, pod)
        containers = self.containers
        ended = False
        for c in worker.containers:
            if c.due_ms != NEVER and c.due_ms <= now:
                ended = ended or c.step in (stage.UP, stage.STOPPING)
                containers.turn(worker, pod, c)
            if c.probes:
                containers.probe(worker, pod, c)
        if worker.deadline_ms != NEVER and now >= worker.deadline_ms:
            ending.past_deadline(self, worker, pod)
            return
        if ended:
            # That a container has ended is told before it is started again, and before the Pod's phase says so:
            # another container may still be running.
            self.report(worker, pod, hold=True)
            if ending.finished(worker):
                ending.begin_finish(self, worker, pod)
                return
        self._start_next(worker, pod)
        if not worker.busy():
            self.report(worker, pod)
        if worker.process:
            self._tell(worker)

    def _start_next(self, worker: PodWorker, pod: Obj) -> None:
        """Init containers one after the other, each when the one before has done its part; then the others in order."""
        containers = self.containers
        for c in worker.containers:
            if c.init and not c.sidecar and c.completed:
                continue
            if c.step == stage.IDLE:
                containers.begin(worker, pod, c)
            elif c.step == stage.ENDED:
                containers.again(worker, pod, c)
            if c.init:
                if not (c.sidecar and c.completed):
                    return
            elif c.step in stage.BUSY:
                return  # a sync starts one container after the other

    def network_up(self) -> list[str]:
        """Pods that waited for the network are due now. Gives their keys."""
        waiting = [w for w in self.workers.values() if w.stage == stage.WAITING_FOR_NETWORK]
        for worker in waiting:
            worker.due_ms = self.engine.now_ms
        return [worker.key for worker in waiting]

    def _respec(self, worker: PodWorker, pod: Obj) -> None:
        """The spec was changed in place: a container with another image is restarted."""
        specs = {one["name"]: one for one in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]}
        for c in worker.containers:
            new = specs.get(c.name)
            if new is None or new is c.spec:
                continue
            changed = new["image"] != c.spec["image"]
            c.spec = new
            if not changed:
                continue
            if c.running:
                grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
                self.containers.stop(pod, c, f"Container {c.name} definition changed, will be restarted", grace)
            elif c.step not in (stage.DONE, stage.IDLE):
                c.step, c.due_ms, c.reason = stage.IDLE, NEVER, None
            c.image = None
        worker.spec = pod["spec"]

    # ---- reporting -----------------------------------------------------------------------------

    def report(self, worker: PodWorker, pod: Obj, *, terminal: bool = False, hold: bool = False) -> None:
        """Write the Pod's status if it says anything new.

        `terminal`: its containers will not be started again. `hold`: keep a phase that is not terminal.
        """
        target = self.report_to(worker.key)
        if worker.static:
            source = pod if target is None else {**pod, "status": target["status"]}
        elif target is None:
            return  # it is gone; the watch has said so
        else:
            source = target
        standing = worker.stage not in (stage.MAKING_SANDBOX, stage.WAITING_FOR_VOLUMES, stage.WAITING_FOR_NETWORK)
        made = status.generate(
            source,
            worker.status,
            worker.runtime(),
            worker.probed(),
            format_ms(self.engine.now_ms),
            sandbox_ip=worker.address if standing else None,
            host_ip=self.host_ip,
            reasons=worker.reasons(),
            terminal=terminal,
            resources=worker.resources,
            evicted=worker.evicted,
        )
        before = worker.status
        if hold and made["phase"] in TERMINAL:
            made["phase"] = before.get("phase", "Running")
        worker.status = made
        if target is None or made == target["status"]:
            return
        why, params = explain(target["status"], made)
        self.write({**target, "status": made}, why, params)

    def write(self, obj: Obj, why: str, params: dict[str, Any]) -> None:
        try:
            self.client.update_status("pods", obj, why=why, **params)
        except Unreachable:
            metadata = obj["metadata"]
            self.unsent[f"{metadata['namespace']}/{metadata['name']}"] = [metadata["uid"], obj["status"]]
        except StatusError:
            pass  # it is gone, and the watch says so

    def catch_up(self) -> None:
        """The API server answers again: report the end of Pods whose end it has missed. Workers report themselves."""
        unsent, self.unsent = self.unsent, {}
        for key, (uid, status_) in unsent.items():
            target = self.report_to(key)
            if key not in self.workers and target is not None and target["metadata"]["uid"] == uid:
                self.write({**target, "status": status_}, *explain(target["status"], status_))

    def delete(self, pod: Obj) -> None:
        """The last request for a Pod: nothing of it is left here."""
        metadata = pod["metadata"]
        with suppress(StatusError):
            self.client.delete(
                "pods",
                metadata["namespace"],
                metadata["name"],
                grace_period_seconds=0,
                uid=metadata["uid"],
                why="kubelet.remove-pod",
            )

    def _tell(self, worker: PodWorker) -> None:
        """Let the machine know when a system component's container begins or ceases to run."""
        running = any(c.running and not c.init for c in worker.containers)
        if running != worker.told:
            worker.told = running
            self.tell_host(worker.process, running)

    # ---- letting go ----------------------------------------------------------------------------

    def drop(self, worker: PodWorker) -> None:
        """Forget a Pod."""
        self.used[0] -= worker.request[0]
        self.used[1] -= worker.request[1]
        self.used[2] -= 1
        del self.workers[worker.key]
        self.containers.forget(worker.uid)
        if worker.told:
            worker.told = False
            self.tell_host(worker.process, False)

    def lose_power(self) -> None:
        """Everything stops at once, and nobody is told but the machine."""
        for worker in self.workers.values():
            if worker.told:
                self.tell_host(worker.process, False)
        self.workers.clear()
        self.unsent.clear()
        self.used = [0, 0, 0]
        self.containers.crashes.entries.clear()
        self.containers.pulls.entries.clear()

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "used": list(self.used),
            "unsent": {key: list(entry) for key, entry in self.unsent.items()},
            "workers": [worker.save() for worker in self.workers.values()],
            "containers": self.containers.save(),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.used = list(data["used"])
        self.unsent = {key: list(entry) for key, entry in data["unsent"].items()}
        self.containers.load(data["containers"])
        self.workers = {saved["key"]: PodWorker.restore(saved) for saved in data["workers"]}
