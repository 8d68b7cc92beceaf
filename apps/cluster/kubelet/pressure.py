"""The node under pressure: memory and disk as they are, what is reclaimed, whom the kubelet or the kernel ends.

Models      pkg/kubelet/eviction/eviction_manager.go (synchronize), pkg/kubelet/images (GarbageCollect),
            pkg/kubelet/oom; the kernel's OOM killer
Leaves out  what the system itself writes and needs beyond a fixed share; cAdvisor's delay; cgroups of whole QoS classes

The real manager looks every ten seconds. This one knows how its programs grow and takes a turn only at those of the
ten-second ticks at which it would find something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from apps.cluster.apimachinery.quantity import value
from apps.cluster.engine import Engine
from apps.cluster.kubelet import eviction, image_gc, usage
from apps.cluster.kubelet.cri.runtime import ContainerRuntime
from apps.cluster.kubelet.criticality import is_critical, quality
from apps.cluster.kubelet.eviction import ContainerUse, PodUse
from apps.cluster.kubelet.images import normalize
from apps.cluster.kubelet.pod_worker import NEVER, UP, Container, PodWorker
from apps.cluster.kubelet.pod_workers import PodWorkers
from apps.cluster.machines import Machine

Obj = dict[str, Any]

TICK_MS = 10_000  # monitoringInterval
HOP_MS = 60_000  # the farthest that a turn is asked for ahead
TRANSITION_MS = 300_000  # evictionPressureTransitionPeriod: how long a condition stays after it was seen last
GRACE_S = 1  # immediateEvictionGracePeriodSeconds
SYSTEM_DISK = 8 << 30  # what an operating system takes
MAX_SYSTEM_MEMORY = 400 << 20
EVICTION, COLLECTION, OOM = "@eviction", "@image-gc", "@oom"


class Teller(Protocol):
    """What the manager needs of its kubelet."""

    def tell_node(self, type_: str, reason: str, message: str) -> None: ...
    def pressure_changed(self) -> None: ...
    def wake(self, key: str, delay_ms: int, *, quiet: bool = False) -> None: ...


class PressureManager:
    """One a kubelet."""

    __slots__ = (
        "_engine",
        "_kubelet",
        "_machine",
        "_runtime",
        "_workers",
        "disk_filled",
        "due",
        "gc_failed",
        "last_used",
        "memory_taken",
        "observed",
    )

    def __init__(
        self, engine: Engine, machine: Machine, runtime: ContainerRuntime, workers: PodWorkers, kubelet: Teller
    ) -> None:
        self._engine = engine
        self._machine = machine
        self._runtime = runtime
        self._workers = workers
        self._kubelet = kubelet
        self.memory_taken = 0  # bytes that something outside Kubernetes takes
        self.disk_filled = 0
        self.observed: dict[str, int] = {}  # condition -> when it was seen last
        self.last_used: dict[str, int] = {}  # image -> when a container of it was here last
        self.gc_failed = False  # the last image collection did not free enough
        self.due: dict[str, int] = {}  # key -> the turn that counts

    # ---- what there is -------------------------------------------------------------------------

    @property
    def memory(self) -> int:
        return value(self._machine.memory)

    @property
    def disk(self) -> int:
        return value(self._machine.disk)

    def running(self) -> Iterator[tuple[PodWorker, Container, Obj]]:
        """Containers that run, with what is needed to know how they behave."""
        workers = self._workers
        for worker in workers.workers.values():
            pod = workers.pod_of(worker)
            if pod is not None:
                for c in worker.containers:
                    if c.running and not self._dying(c):
                        yield worker, c, pod
        for worker, shell in workers.orphans.values():
            for c in worker.containers:
                if c.running:
                    yield worker, c, shell

    def _dying(self, c: Container) -> bool:
        """The kernel has killed it, and nobody has noticed yet."""
        return c.oom and c.ends_ms != NEVER and c.ends_ms <= self._engine.now_ms

    def _memory_of(self, c: Container, pod: Obj) -> int:
        limit = usage.memory_limit(c.spec)
        return usage.memory_used(c.behaves(pod), limit, c.attempts[0].started_ms, self._engine.now_ms)

    def _disk_of(self, c: Container, pod: Obj) -> int:
        return usage.disk_used(c.behaves(pod), c.attempts[0].started_ms, self._engine.now_ms)

    def _use(self, worker: PodWorker, pod: Obj) -> PodUse:
        containers = tuple(
            ContainerUse(c.name, self._memory_of(c, pod), self._disk_of(c, pod)) for c in worker.containers if c.running
        )
        return PodUse(
            sum(one.memory or 0 for one in containers),
            sum(one.disk or 0 for one in containers),
            len(containers),
            containers,
        )

    def memory_available(self) -> int:
        system = min(MAX_SYSTEM_MEMORY, self.memory // 16)
        taken = system + self.memory_taken + sum(self._memory_of(c, pod) for _, c, pod in self.running())
        return max(0, self.memory - taken)

    def disk_available(self) -> int:
        taken = min(SYSTEM_DISK, self.disk // 8) + self._runtime.stored + self.disk_filled
        if self._workers.containers.heavy:
            taken += sum(self._disk_of(c, pod) for _, c, pod in self.running())
        return usage.whole_pages(max(0, self.disk - taken))

    def observe(self) -> dict[str, tuple[int, int]]:
        """The signals: one disk holds everything."""
        disk = (self.disk_available(), self.disk)
        return {
            eviction.MEMORY_AVAILABLE: (self.memory_available(), self.memory),
            eviction.NODEFS_AVAILABLE: disk,
            eviction.IMAGEFS_AVAILABLE: disk,
            eviction.CONTAINERFS_AVAILABLE: disk,
        }

    # ---- when to look --------------------------------------------------------------------------

    def look(self) -> None:
        """Something is other than before: find out when there will be something to do, and ask for that turn."""
        if not (
            self._workers.containers.heavy
            or self.memory_taken
            or self.disk_filled
            or self.observed
            or self._runtime.stored * 2 > self.disk
        ):
            return
        now = self._engine.now_ms
        seen = self.observe()
        met = eviction.thresholds_met(eviction.HARD, seen)
        conditions = set(eviction.node_conditions(met))
        if met and (conditions - set(self.observed) or self._may_evict(met)):
            self._ask(EVICTION, self._tick(now + 1))
        else:
            due = [at for at in (self._crossing(seen), *self._transitions(conditions)) if at != NEVER]
            if due:
                self._ask(EVICTION, self._tick(max(now + 1, min(due))))
        if image_gc.amount_to_free(seen[eviction.IMAGEFS_AVAILABLE][0], self.disk) > 0:
            self._ask(COLLECTION, -(-(now + 1) // image_gc.PERIOD_MS) * image_gc.PERIOD_MS, quiet=True)
        self._ask_oom(seen[eviction.MEMORY_AVAILABLE][0])

    def _tick(self, at_ms: int) -> int:
        return -(-at_ms // TICK_MS) * TICK_MS

    def _ask(self, key: str, at_ms: int, *, quiet: bool = False) -> None:
        """Ask for a turn. What is far off is looked at again on the way: it may not come to pass."""
        at_ms = min(at_ms, self._tick(self._engine.now_ms + HOP_MS))
        if self.due.get(key, NEVER) not in range(self._engine.now_ms, at_ms + 1):
            self.due[key] = at_ms
            self._kubelet.wake(key, at_ms - self._engine.now_ms, quiet=quiet)

    def _transitions(self, conditions: set[str]) -> Iterator[int]:
        """When conditions that are no longer seen will have been so for long enough to be withdrawn."""
        for condition, at in self.observed.items():
            if condition not in conditions:
                yield at + TRANSITION_MS

    def _crossing(self, seen: eviction.Observations) -> int:
        """When programs that grow will have crossed the next threshold, NEVER when none grows."""
        if not self._workers.containers.heavy:
            return NEVER
        leak = writes = 0
        for _, c, pod in self.running():
            image = c.behaves(pod)
            leak += image.leak
            writes += image.writes
        out = NEVER
        for threshold in eviction.HARD:
            rate = leak if threshold.signal == eviction.MEMORY_AVAILABLE else writes
            available, capacity = seen[threshold.signal]
            over = available - threshold.amount(capacity)
            if rate and over >= 0:
                at = self._engine.now_ms + over * 1000 // rate + 1
                out = at if out == NEVER else min(out, at)
        for _, c, pod in self.running():
            at = usage.over_disk_limit_ms(c.behaves(pod), c.spec, c.attempts[0].started_ms)
            if at != NEVER:
                out = at if out == NEVER else min(out, at)
        return out

    def _ask_oom(self, available: int) -> None:
        leak = sum(c.behaves(pod).leak for _, c, pod in self.running()) if self._workers.containers.heavy else 0
        if available <= 0:
            if any(c.step == UP for _, c, _ in self.running()):
                self._ask(OOM, self._engine.now_ms)
        elif leak:
            self._ask(OOM, self._engine.now_ms + -(-available * 1000 // leak))

    def _may_evict(self, met: list[eviction.Threshold]) -> bool:
        """Somebody is left who could be evicted."""
        return any(not is_critical(pod) for _, pod in self._workers.active())

    # ---- turns ---------------------------------------------------------------------------------

    def run(self, key: str) -> None:
        if self.due.get(key) != self._engine.now_ms:
            return  # another turn was asked for instead
        del self.due[key]
        if key == EVICTION:
            self.synchronize()
        elif key == COLLECTION:
            self.collect()
        else:
            self.kernel_oom()
        self.look()

    def synchronize(self) -> None:
        """One round of the eviction manager."""
        now = self._engine.now_ms
        seen = self.observe()
        met = eviction.thresholds_met(eviction.HARD, seen)
        before = set(self.observed)
        self.observed = eviction.last_observed(eviction.node_conditions(met), self.observed, now)
        held = eviction.observed_since(self.observed, TRANSITION_MS, now)
        self.observed = {condition: self.observed[condition] for condition in held}
        self._workers.pressures = tuple(sorted(held))
        if set(held) != before:
            self._kubelet.pressure_changed()
        if self._evict_for_local_storage():
            return
        ranked = [one for one in eviction.by_eviction_priority(met) if one.signal in eviction.RESOURCES]
        if not ranked:
            return
        resource = eviction.RESOURCES[ranked[0].signal]
        self._kubelet.tell_node("Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}")
        if resource == "ephemeral-storage":
            self.delete_unused_images("disk pressure")
            seen = self.observe()
            if not eviction.thresholds_met(eviction.HARD, seen, reclaim=True):
                return
        uses = {pod["metadata"]["uid"]: self._use(worker, pod) for worker, pod in self._workers.active()}
        pods = [pod for _, pod in self._workers.active()]
        for pod in eviction.RANKS[resource](pods, lambda one: uses.get(one["metadata"]["uid"])):
            if is_critical(pod):
                continue
            text, _ = eviction.message(resource, pod, uses[pod["metadata"]["uid"]], ranked, seen)
            self._workers.evict(pod, eviction.REASON, text, condition=text, grace_s=GRACE_S)
            return  # one Pod a round

    def _evict_for_local_storage(self) -> bool:
        """Pods that write more than their limit go whatever room there is."""
        if not self._workers.containers.heavy:
            return False
        gone = False
        for worker, pod in list(self._workers.active()):
            why = eviction.local_storage_excess(pod, self._use(worker, pod))
            if why and not is_critical(pod):
                self._workers.evict(pod, eviction.REASON, why, condition="", grace_s=GRACE_S)
                gone = True
        return gone

    # ---- images --------------------------------------------------------------------------------

    def stored(self) -> list[image_gc.Stored]:
        """The images here, and which of them containers are made from."""
        runtime, now = self._runtime, self._engine.now_ms
        in_use = {
            normalize(c.spec["image"])
            for worker in self._workers.workers.values()
            for c in worker.containers
            if c.attempts or c.due_ms != NEVER
        }
        for name in sorted(in_use):
            self.last_used[name] = now
        self.last_used = {name: at for name, at in self.last_used.items() if name in runtime.images}
        return [
            image_gc.Stored(
                name, size, runtime.detected[name], self.last_used.get(name, 0), name in in_use, name in runtime.pinned
            )
            for name, size in runtime.images.items()
        ]

    def delete_unused_images(self, why: str, wanted: int = image_gc.EVERYTHING) -> int:
        """Remove unused images until `wanted` bytes are free. Gives the bytes that were freed."""
        names, freed = image_gc.plan(self.stored(), wanted, self._engine.now_ms)
        for name in names:
            self._runtime.remove_image(name, why)
        return freed

    def collect(self) -> None:
        """One round of image garbage collection."""
        available = self.disk_available()
        wanted = image_gc.amount_to_free(available, self.disk)
        if wanted <= 0:
            self.gc_failed = False
            return
        freed = self.delete_unused_images("garbage collection", wanted)
        if freed >= wanted:
            self.gc_failed = False
            return
        message = image_gc.failed_message(available, self.disk, freed)
        self._kubelet.tell_node("Warning", "FreeDiskSpaceFailed", message)
        if self.gc_failed:
            self._kubelet.tell_node("Warning", "ImageGCFailed", message)
        self.gc_failed = True

    # ---- the kernel ----------------------------------------------------------------------------

    def kernel_oom(self) -> None:
        """No memory is left: the kernel kills the process with the highest score, and the kubelet hears of it."""
        if self.memory_available() > 0:
            return
        worst: tuple[int, Container, Obj, PodWorker] | None = None
        for worker, c, pod in self.running():
            score = self._memory_of(c, pod) * 1000 // self.memory
            score += eviction.oom_score_adjust(pod, c.spec, quality(pod), self.memory)
            if c.step == UP and (worst is None or score > worst[0]):
                worst = (score, c, pod, worker)
        if worst is None:
            return
        _, c, _, worker = worst
        self._workers.containers.kill(c, reason="OOMKilled")
        self._kubelet.wake(worker.key, max(0, c.due_ms - self._engine.now_ms))
        process = c.spec["image"].rpartition("/")[2].partition("@")[0].partition(":")[0]
        pid = 1000 + int(c.attempts[0].id[-6:], 16) % 30_000
        message = f"System OOM encountered, victim process: {process}, pid: {pid}"
        self._kubelet.tell_node("Warning", "SystemOOM", message)

    # ---- what a reader does ---------------------------------------------------------------------

    def fill(self, resource: str, number: int) -> None:
        """Bytes that something outside Kubernetes takes from now on: of the disk, or of memory; negative gives back."""
        if resource == "disk":
            self.disk_filled = max(0, min(self.disk, self.disk_filled + number))
        else:
            self.memory_taken = max(0, min(self.memory, self.memory_taken + number))
        self.look()

    def lose_power(self) -> None:
        """What is on the disk stays."""
        self.memory_taken = 0
        self.observed = {}
        self.gc_failed = False
        self.due = {}

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "memory_taken": self.memory_taken,
            "disk_filled": self.disk_filled,
            "observed": dict(self.observed),
            "last_used": dict(self.last_used),
            "gc_failed": self.gc_failed,
            "due": dict(self.due),
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.memory_taken = data["memory_taken"]
        self.disk_filled = data["disk_filled"]
        self.observed = dict(data["observed"])
        self.last_used = dict(data["last_used"])
        self.gc_failed = data["gc_failed"]
        self.due = dict(data["due"])
