"""Pod workers: for each Pod of a node, what is due now and when it is its turn again.

Models      pkg/kubelet/pod_workers.go, pkg/kubelet/kubelet.go (SyncPod), pkg/kubelet/kuberuntime/kuberuntime_manager.go
            (SyncPod, computePodActions), pkg/kubelet/status/status_manager.go
Leaves out  cgroups; a status is written at once, never in batches
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Unreachable
from apps.cluster.engine import Engine
from apps.cluster.kubelet import admission, attaching, beginning, ending, probing, resizing, status, stopping
from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet.containers import ContainerManager, EventSink
from apps.cluster.kubelet.cri import Network, Runtime
from apps.cluster.kubelet.explain import explain
from apps.cluster.kubelet.phase import TERMINAL, restarts_all
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker
from apps.cluster.kubelet.resources import Request

Obj = dict[str, Any]
Find = Callable[[str, str, str], "Obj | None"]  # resource, namespace, name

ORPHAN = "#"  # between the key and the uid of a Pod that the API server no longer has
FINAL = (404, 409)  # answers that asking again would not change


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
        "changed",
        "client",
        "containers",
        "engine",
        "find",
        "host_ip",
        "network",
        "node",
        "orphans",
        "pressures",
        "recorder",
        "report_to",
        "running",
        "runtime",
        "shutting_down",
        "static_pod",
        "tell_host",
        "used",
        "wake",
        "workers",
    )

    def __init__(
        self,
        engine: Engine,
        node: str,
        host_ip: str,
        capacity: tuple[int, int, int, int],
        *,
        client: Writer,
        recorder: EventSink,
        runtime: Runtime,
        network: Network,
        overrides: Mapping[str, Mapping[str, Any]],
        find: Find,
        report_to: Callable[[str], Obj | None],
        static_pod: Callable[[str], Obj | None],
        tell_host: Callable[[str, bool], None],
        wake: Callable[[str, int], None],
        changed: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.client = client
        self.recorder = recorder
        self.runtime = runtime
        self.network = network
        self.find = find
        self.report_to = report_to  # key -> the API object whose status is ours to write, or None
        self.static_pod = static_pod
        self.tell_host = tell_host  # a system component runs, or no longer
        self.wake = wake  # key, in how many ms: a turn
        self.changed = changed  # what runs here is other than before: look at the machine's memory and disk
        self.node = node
        self.host_ip = host_ip
        self.capacity = capacity  # allocatable: milli cores, bytes, Pods, bytes of ephemeral storage
        self.used = [0, 0, 0, 0]
        self.pressures: tuple[str, ...] = ()  # conditions of the node that keep Pods away
        self.shutting_down = False
        self.running = True
        self.containers = ContainerManager(engine, runtime, recorder, overrides, find, host_ip, changed)
        self.workers: dict[str, PodWorker] = {}
        self.orphans: dict[str, tuple[PodWorker, Obj]] = {}

    # ---- turns ---------------------------------------------------------------------------------

    def sync(self, key: str, pod: Obj | None, *, static: bool = False) -> int:
        """Do what is due for a Pod; `pod` is None when it is gone. Gives the ms until its next turn, or -1."""
        worker = self.workers.get(key)
        if worker is not None and (pod is None or pod["metadata"].get("uid") != worker.uid):
            ending.leave(self, worker)
            worker = None
        if pod is None:
            return NEVER
        metadata = pod["metadata"]
        deleting = "deletionTimestamp" in metadata and not static
        if worker is None:
            if deleting:
                if metadata.get("deletionGracePeriodSeconds") and not self.delete(pod):
                    return ending.RETRY_MS
                return NEVER  # nothing of it is here: nothing holds it
            if pod["status"].get("phase") in TERMINAL:
                return NEVER
            if static and any(orphan.key == key for orphan, _ in self.orphans.values()):
                return NEVER  # the Pod of the earlier manifest has to end first: it will wake this one
            worker = beginning.admit(self, key, pod, static=static)
            if worker is None:
                return NEVER
        now = self.engine.now_ms
        if deleting:
            if worker.stage != stage.TERMINATING:
                ending.begin_termination(self, worker, pod)
            else:
                ending.hasten(self, worker, pod)
            self._end_due(worker, pod, now)
            if now >= worker.due_ms and ending.finish_termination(self, worker, pod):
                return NEVER
        elif worker.stage == stage.FINISHING:
            self._end_due(worker, pod, now)
            if now >= worker.due_ms and ending.finish(self, worker, pod):
                return NEVER
        elif worker.stage == stage.RESETTING:
            self._end_due(worker, pod, now)
            if now >= worker.due_ms:
                self._reset(worker, pod)
        else:
            self._advance(worker, pod, now)
        if worker.unsent_ms != NEVER and now >= worker.unsent_ms:
            self.report(worker, pod)
        due = worker.next_due()
        return max(0, due - now) if due != NEVER else NEVER

    def sync_orphan(self, key: str) -> int:
        """The same for what the API server no longer has."""
        found = self.orphans.get(key)
        if found is None:
            return NEVER
        worker, shell = found
        now = self.engine.now_ms
        self._end_due(worker, shell, now)
        if now < worker.due_ms:
            return worker.next_due() - now
        del self.orphans[key]
        ending.gone(self, worker, shell)
        self.wake(worker.key, 0)  # another of its name may have waited for it
        return NEVER

    def _advance(self, worker: PodWorker, pod: Obj, now: int) -> None:
        if worker.stage != stage.RUN and not beginning.make_sandbox(self, worker, pod):
            return
        if pod["spec"] is not worker.seen:
            self._respec(worker, pod)
        containers = self.containers
        ended = risen = False
        for c in worker.containers:
            waited = c.sidecar and not c.started
            if c.due_ms != NEVER and c.due_ms <= now:
                ended = ended or c.step in (stage.UP, stage.STOPPING)
                containers.turn(worker, pod, c)
            if c.probes:
                probing.probe(containers, worker, pod, c)
            if waited and c.started:
                risen = True
        if worker.deadline_ms != NEVER and now >= worker.deadline_ms:
            ending.past_deadline(self, worker, pod)
            return
        if worker.resize_ms != NEVER and now >= worker.resize_ms:
            resizing.go_on(self, worker, pod)
        if ended:
            if worker.can_reset and self._must_reset(worker):
                self._begin_reset(worker, pod)
                return
            # That a container has ended is told before it is started again, and before the Pod's phase says so:
            # another container may still be running.
            self.report(worker, pod, hold=True)
            if ending.finished(worker):
                ending.begin_finish(self, worker, pod)
                return
        if risen and not worker.busy():
            self.report(worker, pod)  # that a sidecar is up is told by the sync that goes on to the next container
        self._start_next(worker, pod)
        if not worker.busy():
            self.report(worker, pod)
        if worker.process:
            self._tell(worker)

    def _start_next(self, worker: PodWorker, pod: Obj) -> None:
        """Init containers one after the other, each when the one before has done its part; then the others in order.

        Once the Pod is initialized, sidecars that ended start again without holding anything up.
        """
        containers = self.containers
        initialized = worker.initialized()
        for c in worker.containers:
            if c.init and not c.sidecar and (c.completed or initialized):
                continue
            if c.step == stage.IDLE:
                containers.begin(worker, pod, c)
            elif c.step == stage.ENDED:
                containers.again(worker, pod, c)
            if c.init:
                if not initialized and not (c.sidecar and c.completed):
                    return
            elif c.step in stage.BUSY:
                return  # a sync starts one container after the other

    def _end_due(self, worker: PodWorker, pod: Obj, now: int) -> None:
        """Containers that are being stopped: whose turn for a signal or an end it is."""
        for c in worker.containers:
            if c.due_ms != NEVER and c.due_ms <= now and c.step in (stage.STOP_WAITING, stage.STOPPING):
                self.containers.turn(worker, pod, c)

    # ---- RestartAllContainers --------------------------------------------------------------------

    def _must_reset(self, worker: PodWorker) -> bool:
        """A container has ended with a code whose rule restarts the whole Pod."""
        return any(
            c.attempts and c.step == stage.ENDED and restarts_all(c.spec, c.attempts[0].exit_code)
            for c in worker.containers
        )

    def _begin_reset(self, worker: PodWorker, pod: Obj) -> None:
        """Kill and remove every container; then the Pod begins anew, in the same sandbox."""
        now = self.engine.now_ms
        ending.stage_of(worker, stage.RESETTING)
        worker.restarting = True
        self.report(worker, pod, hold=True)
        at = 0
        for c in [*worker.containers[::-1]]:
            if c.running:
                at = max(at, stopping.stop(self.containers, pod, c, "killing", 0))
        worker.due_ms = now + at

    def _reset(self, worker: PodWorker, pod: Obj) -> None:
        """Nothing runs any more: remove what is left, and start over."""
        ending.end_running(self, worker, pod)
        for c in worker.containers:
            for attempt in c.attempts:
                self.runtime.remove_container(pod, c.name, attempt)
            c.attempts = []
            c.step = stage.IDLE
            c.due_ms = NEVER
        worker.stage = stage.RUN
        worker.due_ms = NEVER
        seconds = pod["spec"].get("activeDeadlineSeconds")
        if seconds:
            worker.deadline_ms = worker.began_ms + seconds * 1000
        self.report(worker, pod, hold=True)
        worker.restarting = False
        self._start_next(worker, pod)

    # ---- changes of the spec ---------------------------------------------------------------------

    def network_up(self) -> list[str]:
        """Pods that waited for the network are due now. Gives their keys."""
        waiting = [w for w in self.workers.values() if w.stage == stage.WAITING_FOR_NETWORK]
        for worker in waiting:
            worker.due_ms = self.engine.now_ms
        return [worker.key for worker in waiting]

    def _respec(self, worker: PodWorker, pod: Obj) -> None:
        """The spec was changed in place: another image, other resources, a deadline, one more ephemeral container."""
        worker.seen = pod["spec"]
        worker.adopt(pod["spec"])
        seconds = pod["spec"].get("activeDeadlineSeconds")
        worker.deadline_ms = worker.began_ms + seconds * 1000 if seconds else NEVER
        specs = {one["name"]: one for one in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]}
        for c in worker.containers:
            new = specs.get(c.name)
            if new is None or new is c.spec:
                continue
            changed = new["image"] != c.spec["image"]
            c.spec = {**new, "resources": c.spec.get("resources") or {}}
            if not changed:
                continue
            if c.running:
                grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
                message = f"Container {c.name} definition changed, will be restarted"
                if c.sidecar:
                    message = f"Init container {c.name} definition changed"
                stopping.stop(self.containers, pod, c, message, grace, again=True)
            elif c.step not in (stage.DONE, stage.IDLE):
                c.step, c.due_ms, c.reason = stage.IDLE, NEVER, None
            c.image = None
        resizing.consider(self, worker, pod)

    # ---- who is here -----------------------------------------------------------------------------

    def take(self, worker: PodWorker, wanted: Request) -> None:
        """Count what a Pod asks for."""
        self._count(worker, -1)
        worker.request = wanted
        worker.counted = True
        self._count(worker, 1)

    def _count(self, worker: PodWorker, sign: int) -> None:
        if not worker.counted:
            return
        used = self.used
        cpu, memory, disk = worker.request
        used[0] += sign * cpu
        used[1] += sign * memory
        used[2] += sign
        used[3] += sign * disk

    def room(self, pod: Obj, without: PodWorker | None = None) -> admission.Room:
        """What there is on the node and what of it is taken. `without`: not counting this Pod."""
        used, capacity = list(self.used), self.capacity
        if without is not None and without.counted:
            cpu, memory, disk = without.request
            used = [used[0] - cpu, used[1] - memory, used[2] - 1, used[3] - disk]
        ports: frozenset[tuple[str, str, int]] = frozenset()
        if without is None and admission.host_ports(pod["spec"]):
            ports = frozenset().union(*(admission.host_ports(worker.spec) for worker in self.workers.values()))
        return admission.Room(
            {
                "pods": (used[2], capacity[2]),
                "cpu": (used[0], capacity[0]),
                "memory": (used[1], capacity[1]),
                "ephemeral-storage": (used[3], capacity[3]),
            },
            ports,
        )

    def node_object(self) -> Obj | None:
        return self.find("nodes", "", self.node)

    def volumes_in_use(self) -> list[str]:
        """Volumes of its Pods that have to be attached to this machine."""
        workers = [*self.workers.values(), *(worker for worker, _ in self.orphans.values())]
        return sorted({name for worker in workers for name in worker.attached or ()})

    def pod_of(self, worker: PodWorker) -> Obj | None:
        """The Pod of a worker: what its file says, or the API server."""
        pod = self.static_pod(worker.key) if worker.static else self.report_to(worker.key)
        return pod if pod is not None and pod["metadata"].get("uid") == worker.uid else None

    def active(self) -> Iterator[tuple[PodWorker, Obj]]:
        """Pods that are not on their way out."""
        for worker in self.workers.values():
            if worker.stage not in (stage.FINISHING, stage.TERMINATING):
                pod = self.pod_of(worker)
                if pod is not None:
                    yield worker, pod

    def evict(self, pod: Obj, reason: str, message: str, *, condition: str, grace_s: int | None = None) -> None:
        """Make a Pod fail: it is stopped, and its status says why once nothing of it runs."""
        metadata = pod["metadata"]
        key = f"{metadata['namespace']}/{metadata['name']}"
        worker = self.workers[key]
        self.recorder.event(pod, "Warning", reason, message)
        worker.evicted = (reason, message)
        worker.disruption = condition
        ending.begin_finish(self, worker, pod, grace_s)
        self.wake(key, 0)

    # ---- reporting -----------------------------------------------------------------------------

    def report(self, worker: PodWorker, pod: Obj, *, terminal: bool = False, hold: bool = False) -> bool:
        """Write the Pod's status if it says anything new. True: the API server has it, or wants it no more.

        `terminal`: its containers will not be started again. `hold`: keep a phase that is not terminal.
        """
        target = self.report_to(worker.key)
        if worker.static:
            source = pod if target is None else {**pod, "status": target["status"]}
        elif target is None:
            worker.unsent_ms = NEVER
            return True  # it is gone; the watch has said so
        else:
            source = target
        if worker.allocated is not None:
            source = {**source, "spec": worker.allocated}
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
            disruption=worker.disruption if terminal else "",
            restarting=worker.restarting,
            resize=worker.resize_conditions(),
            actuated=worker.actuated(),
        )
        before = worker.status
        if hold and made["phase"] in TERMINAL:
            made["phase"] = before.get("phase", "Running")
        worker.status = made
        worker.unsent_ms = NEVER
        if target is None or made == target["status"]:
            return True
        why, params = explain(target["status"], made)
        if self.write({**target, "status": made}, why, params):
            return True
        worker.unsent_ms = self.engine.now_ms + ending.RETRY_MS
        return False

    def write(self, obj: Obj, why: str, params: dict[str, Any]) -> bool:
        """False: the API server did not answer, it has to be tried again."""
        for _ in range(2):
            try:
                self.client.update_status("pods", obj, why=why, **params)
            except Unreachable:
                return False
            except StatusError as error:
                if error.code == 404:
                    return True  # it is gone, and the watch says so
                if error.code != 409:
                    return error.code in (400, 403, 422)
                metadata = obj["metadata"]
                newest = self.find("pods", metadata["namespace"], metadata["name"])
                if newest is None or newest["metadata"]["uid"] != metadata["uid"]:
                    return newest is not None
                obj = {**newest, "status": obj["status"]}  # it has changed meanwhile: what we say stands
            else:
                return True
        return False

    def delete(self, pod: Obj) -> bool:
        """The last request for a Pod: nothing of it is left here. False: it has to be tried again."""
        metadata = pod["metadata"]
        try:
            self.client.delete(
                "pods",
                metadata["namespace"],
                metadata["name"],
                grace_period_seconds=0,
                uid=metadata["uid"],
                why="kubelet.remove-pod",
            )
        except Unreachable:
            return False
        except StatusError as error:
            return error.code in FINAL
        return True

    def catch_up(self) -> None:
        """The API server answers again: what could not be told is due."""
        for worker in self.workers.values():
            if worker.untold:
                worker.untold = False
                worker.due_ms = self.engine.now_ms
            elif worker.unsent_ms != NEVER:
                worker.unsent_ms = self.engine.now_ms

    def _tell(self, worker: PodWorker) -> None:
        """Let the machine know when a system component's container begins or ceases to run."""
        running = any(c.running and not c.init for c in worker.containers)
        if running != worker.told:
            worker.told = running
            self.tell_host(worker.process, running)

    # ---- letting go ----------------------------------------------------------------------------

    def orphan(self, worker: PodWorker, shell: Obj) -> None:
        """A Pod that only this node still knows of, until it has ended."""
        del self.workers[worker.key]
        key = f"{worker.key}{ORPHAN}{worker.uid}"
        self.orphans[key] = (worker, shell)
        self.wake(key, max(0, worker.next_due() - self.engine.now_ms))

    def drop(self, worker: PodWorker) -> None:
        """Forget a Pod."""
        self._count(worker, -1)
        if self.workers.get(worker.key) is worker:
            del self.workers[worker.key]
        self.containers.forget(worker.uid)
        if worker.attached:
            self.wake(attaching.REPORT, attaching.until_report_ms(self.node, self.engine.now_ms))
        if worker.told:
            worker.told = False
            self.tell_host(worker.process, False)
        resizing.retry(self)
        self.changed()

    def lose_power(self) -> None:
        """Everything stops at once, and nobody is told but the machine."""
        self.running = False
        for worker in [*self.workers.values(), *(worker for worker, _ in self.orphans.values())]:
            if worker.told:
                self.tell_host(worker.process, False)
        self.workers.clear()
        self.orphans.clear()
        self.used = [0, 0, 0, 0]
        self.pressures = ()
        self.shutting_down = False
        self.containers.crashes.entries.clear()
        self.containers.pulls.entries.clear()

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "used": list(self.used),
            "pressures": list(self.pressures),
            "shutting_down": self.shutting_down,
            "running": self.running,
            "workers": [worker.save() for worker in self.workers.values()],
            "orphans": [[key, worker.save(), shell] for key, (worker, shell) in self.orphans.items()],
            "containers": self.containers.save(),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.used = list(data["used"])
        self.pressures = tuple(data["pressures"])
        self.shutting_down = data["shutting_down"]
        self.running = data["running"]
        self.containers.load(data["containers"])
        self.workers = {saved["key"]: PodWorker.restore(saved) for saved in data["workers"]}
        self.orphans = {key: (PodWorker.restore(saved), shell) for key, saved, shell in data["orphans"]}
