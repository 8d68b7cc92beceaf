"""The scheduling queue: Pods to try now, Pods to try again soon, and Pods to try again when something happens.

Models      pkg/scheduler/backend/queue (scheduling_queue.go, active_queue.go, backoff_queue.go, unschedulable_pods.go)
Leaves out  events in flight: nothing happens between taking a Pod out and putting it back
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.scheduler.framework import Framework
from apps.cluster.scheduler.plugins.priority_sort import sort_key

INITIAL_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 10_000
WINDOW_MS = 1_000  # back-off ends with the second, so that priority decides within one
MAX_UNSCHEDULABLE_MS = 300_000
FLUSH_EVERY_MS = 30_000

ACTIVE = "active"
BACKOFF = "backoff"
ERROR_BACKOFF = "error-backoff"
UNSCHEDULABLE = "unschedulable"


class QueuedPod:
    """A Pod that waits, and what is known of its attempts."""

    __slots__ = (
        "attempts",
        "backoff_ms",
        "cause",
        "errors",
        "gate",
        "key",
        "plugins",
        "pod",
        "queued_ms",
        "sequence",
        "unschedulable",
        "where",
    )

    def __init__(self, key: str, pod: Obj, now_ms: int, cause: int) -> None:
        self.key = key
        self.pod = pod
        self.where = ""
        self.queued_ms = now_ms  # since its last attempt, or its creation
        self.sequence = 0
        self.attempts = 0
        self.unschedulable = 0  # attempts that found no node
        self.errors = 0  # attempts in a row that went wrong
        self.backoff_ms = 0  # when back-off ends, once worked out
        self.plugins: tuple[str, ...] = ()  # that rejected it
        self.gate = ""  # the plugin that keeps it out of the queue
        self.cause = cause  # index of the step that made it worth a try

    @property
    def priority(self) -> int:
        return self.pod["spec"].get("priority") or 0

    @property
    def uid(self) -> str:
        return self.pod["metadata"].get("uid", "")  # type: ignore[no-any-return]


Entry = tuple[int, int, int, int, str]  # back-off window, priority reversed, queued at, sequence, key


class SchedulingQueue:
    """Three queues in one. A Pod is in one of them at a time; heaps may hold stale entries, told by their sequence."""

    def __init__(self, framework: Framework, moved: Callable[[QueuedPod], None] | None = None) -> None:
        self._framework = framework
        self._moved = moved  # told of each Pod that enters a queue or leaves them
        self.pods: dict[str, QueuedPod] = {}
        self._active: list[Entry] = []
        self._backoff: list[Entry] = []
        self._errors: list[Entry] = []
        self._waiting: dict[str, dict[str, QueuedPod]] = {}  # rejecting plugin -> unschedulable Pods
        self._sequence = 0
        self._count = {ACTIVE: 0, BACKOFF: 0, ERROR_BACKOFF: 0, UNSCHEDULABLE: 0}

    def __len__(self) -> int:
        return len(self.pods)

    @property
    def ready(self) -> bool:
        """There is a Pod to try. With nothing else to do, one that backs off is tried before its time."""
        return bool(self._count[ACTIVE] or self._count[BACKOFF])

    def count(self, where: str) -> int:
        return self._count[where]

    # In

    def add(self, key: str, pod: Obj, now_ms: int, cause: int) -> None:
        """A new Pod without a node."""
        known = self.pods.get(key)
        if known is not None:
            self._leave(known)
        queued = self.pods[key] = QueuedPod(key, pod, now_ms, cause)
        self._to_active(queued)

    def add_unschedulable(self, queued: QueuedPod, plugins: tuple[str, ...], now_ms: int) -> None:
        """Back from a failed attempt. Without plugins to blame something went wrong: it is tried again later."""
        self.pods[queued.key] = queued
        queued.plugins = plugins
        queued.queued_ms = now_ms
        queued.backoff_ms = 0
        if plugins:
            queued.unschedulable += 1
            queued.errors = 0
            self._enter(queued, UNSCHEDULABLE)
        else:
            queued.errors += 1
            self._enter(queued, ERROR_BACKOFF)

    def _to_active(self, queued: QueuedPod) -> bool:
        gate = self._framework.pre_enqueue(queued.pod)
        if gate is not None:
            queued.gate = gate.plugin
            if gate.plugin not in queued.plugins:
                queued.plugins = (*queued.plugins, gate.plugin)
            self._enter(queued, UNSCHEDULABLE)
            return False
        queued.gate = ""
        self._enter(queued, ACTIVE)
        return True

    def _enter(self, queued: QueuedPod, where: str) -> None:
        if queued.where:
            self._leave(queued, forget=False)
        self._sequence += 1
        queued.sequence = self._sequence
        queued.where = where
        self._count[where] += 1
        if where == UNSCHEDULABLE:
            for plugin in queued.plugins:
                self._waiting.setdefault(plugin, {})[queued.key] = queued
        else:
            heappush(self._heap(where), self._entry(queued))
        if self._moved is not None:
            self._moved(queued)

    def _entry(self, queued: QueuedPod) -> Entry:
        until = 0 if queued.where == ACTIVE else self.backoff_until(queued)
        return (until, *sort_key(queued.priority, queued.queued_ms), queued.sequence, queued.key)

    def _heap(self, where: str) -> list[Entry]:
        return self._active if where == ACTIVE else self._backoff if where == BACKOFF else self._errors

    def _leave(self, queued: QueuedPod, *, forget: bool = True) -> None:
        if queued.where == UNSCHEDULABLE:
            for plugin in queued.plugins:
                pods = self._waiting.get(plugin, EMPTY)
                pods.pop(queued.key, None)
                if not pods:
                    self._waiting.pop(plugin, None)
        self._count[queued.where] -= 1
        queued.where = ""
        queued.sequence = 0
        if forget:
            del self.pods[queued.key]
            if self._moved is not None:
                self._moved(queued)

    # Out

    def pop(self) -> QueuedPod | None:
        """The Pod to try now: the first of the active ones, or else the one whose back-off ends first."""
        queued = self._take(self._active, ACTIVE) or self._take(self._backoff, BACKOFF)
        if queued is not None:
            del self.pods[queued.key]
            queued.attempts += 1
            queued.backoff_ms = 0
            if self._moved is not None:
                self._moved(queued)
        return queued

    def _take(self, heap: list[Entry], where: str) -> QueuedPod | None:
        while heap:
            entry = heappop(heap)
            queued = self.pods.get(entry[4])
            if queued is not None and queued.sequence == entry[3]:
                self._leave(queued, forget=False)
                return queued
        return None

    def delete(self, key: str) -> None:
        queued = self.pods.get(key)
        if queued is not None:
            self._leave(queued)

    # Events

    def update(self, key: str, old: Obj, new: Obj, events: list[str], now_ms: int, cause: int) -> None:
        """A waiting Pod changed; `events` says in what way."""
        queued = self.pods.get(key)
        if queued is None:
            self.add(key, new, now_ms, cause)
            return
        queued.pod = new
        if queued.where == UNSCHEDULABLE:
            for event in events:
                if self._worth(queued, event, old, new):
                    self._requeue(queued, now_ms, cause)
                    break

    def move(
        self, event: str, old: Obj | None, new: Obj | None, now_ms: int, cause: int, most_priority: int | None = None
    ) -> None:
        """Something happened in the cluster: try again the Pods that it may help, up to `most_priority`."""
        if not self._waiting or event not in self._framework.events:
            return
        chosen: dict[str, QueuedPod] = {}
        for plugin, hints in self._framework.hints.items():
            if event not in hints:
                continue
            hint = hints[event]
            for key, queued in self._waiting.get(plugin, EMPTY).items():
                if key in chosen or (most_priority is not None and queued.priority > most_priority):
                    continue
                if hint is None or hint(queued.pod, old, new):
                    chosen[key] = queued
        for queued in chosen.values():
            self._requeue(queued, now_ms, cause)

    def _worth(self, queued: QueuedPod, event: str, old: Obj | None, new: Obj | None) -> bool:
        for plugin in queued.plugins:
            hints = self._framework.hints.get(plugin, EMPTY)
            if event in hints:
                hint = hints[event]
                if hint is None or hint(queued.pod, old, new):
                    return True
        return False

    def _requeue(self, queued: QueuedPod, now_ms: int, cause: int) -> None:
        queued.cause = cause
        if self.backing_off(queued, now_ms):
            gate = self._framework.pre_enqueue(queued.pod)
            if gate is None:
                self._enter(queued, BACKOFF)
        else:
            self._to_active(queued)

    # Back-off

    def backoff_until(self, queued: QueuedPod) -> int:
        """The start of the second in which back-off ends; 0 for a Pod that has not failed."""
        failures = queued.errors or queued.unschedulable
        if not failures:
            return 0
        if not queued.backoff_ms:
            wait = min(INITIAL_BACKOFF_MS << min(failures - 1, 10), MAX_BACKOFF_MS)
            queued.backoff_ms = (queued.queued_ms + wait) // WINDOW_MS * WINDOW_MS
        return queued.backoff_ms

    def backing_off(self, queued: QueuedPod, now_ms: int) -> bool:
        until = self.backoff_until(queued)
        return until > 0 and until >= now_ms // WINDOW_MS * WINDOW_MS

    def flush_backoff(self, now_ms: int) -> None:
        """Pods whose back-off is over become active."""
        for heap, where in ((self._backoff, BACKOFF), (self._errors, ERROR_BACKOFF)):
            while heap:
                entry = heap[0]
                queued = self.pods.get(entry[4])
                if queued is None or queued.sequence != entry[3]:
                    heappop(heap)
                elif self.backing_off(queued, now_ms):
                    break
                else:
                    heappop(heap)
                    self._leave(queued, forget=False)
                    self._to_active(queued)
                    assert where

    def next_error_retry(self) -> int | None:
        """When the first Pod that met an error is to be tried again."""
        heap = self._errors
        while heap:
            queued = self.pods.get(heap[0][4])
            if queued is not None and queued.sequence == heap[0][3]:
                return self.backoff_until(queued) + WINDOW_MS
            heappop(heap)
        return None

    def flush_leftover(self, now_ms: int, cause: int) -> None:
        """Try again what no event has helped for five minutes: a hint may have been wrong."""
        left = {key: q for pods in self._waiting.values() for key, q in pods.items()}
        for queued in left.values():
            if not queued.gate and now_ms - queued.queued_ms > MAX_UNSCHEDULABLE_MS:
                self._requeue(queued, now_ms, cause)

    # Saving

    def save(self) -> list[list[Any]]:
        return [
            [
                *(q.key, q.where, q.queued_ms, q.sequence, q.attempts, q.unschedulable),
                *(q.errors, q.backoff_ms, list(q.plugins), q.gate, q.cause),
            ]
            for q in self.pods.values()
        ]

    def load(self, data: list[list[Any]], pods: dict[str, Obj]) -> None:
        moved, self._moved = self._moved, None  # nobody moves, they are where they were
        for key, where, queued_ms, sequence, attempts, unschedulable, errors, backoff_ms, plugins, gate, cause in data:
            if key not in pods:
                continue
            queued = self.pods[key] = QueuedPod(key, pods[key], queued_ms, cause)
            queued.attempts, queued.unschedulable, queued.errors = attempts, unschedulable, errors
            queued.backoff_ms, queued.plugins, queued.gate = backoff_ms, tuple(plugins), gate
            self._enter(queued, where)
            queued.sequence = sequence
        for where in (ACTIVE, BACKOFF, ERROR_BACKOFF):
            heap = self._heap(where)
            heap[:] = [self._entry(q) for q in self.pods.values() if q.where == where]
            heapify(heap)
        self._sequence = max((q.sequence for q in self.pods.values()), default=0)
        self._moved = moved
