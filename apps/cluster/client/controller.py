"""The base of every controller: a work queue of keys, one `sync` a turn, back-off on errors.

Models      client-go util/workqueue (deduplication, delays, ItemExponentialFailureRateLimiter: 5 ms to 1000 s)
Leaves out  several workers, the overall token bucket
"""

from __future__ import annotations

from typing import Any, ClassVar

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client.client import Client
from apps.cluster.client.informer import Informers
from apps.cluster.client.recorder import Recorder
from apps.cluster.engine import Engine

REACTION_MS = 10  # from a write to the turn of who watches it
BACKOFF_BASE_MS = 5
BACKOFF_MAX_MS = 1_000_000


class Controller:
    """Level-triggered: `sync(key)` reads the whole state, never the event that woke it."""

    name: ClassVar[str] = ""
    source: ClassVar[str] = ""  # what its Events name as their source, where that is another name
    backoff_base_ms: ClassVar[int] = BACKOFF_BASE_MS  # after the first failure of a key, then doubling
    backoff_max_ms: ClassVar[int] = BACKOFF_MAX_MS

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        self.engine = engine
        self.client = client
        self.informers = informers
        self.recorder = recorder
        self.running = True
        self.errors = 0
        self._due: dict[str, int] = {}
        self._failures: dict[str, int] = {}

    def sync(self, key: str) -> None:
        """Bring the world to what the object of that key asks for."""
        raise NotImplementedError

    def enqueue(self, key: str, delay_ms: int = REACTION_MS, *, quiet: bool = False) -> None:
        """Ask for a sync of `key`. A turn already asked for and due no later is enough."""
        due = self.engine.now_ms + delay_ms
        waiting = self._due.get(key)
        if waiting is not None and waiting <= due:
            return
        self._due[key] = due
        self.engine.wake(self.name, key, delay_ms, quiet=quiet)

    def run(self, key: str) -> None:
        due = self._due.get(key)
        if due is None or due > self.engine.now_ms or not self.running:
            return  # an earlier turn did it, or the process is down
        del self._due[key]
        try:
            self.sync(key)
        except StatusError:
            self.errors += 1
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
            wait = min(self.backoff_base_ms << min(failures, 20), self.backoff_max_ms)
            self.enqueue(key, max(REACTION_MS, wait))
        else:
            if self._failures:
                self._failures.pop(key, None)

    def stop(self) -> None:
        """The process is gone: what was queued is forgotten."""
        self.running = False
        self._due.clear()
        self._failures.clear()
        self.recorder.forget()

    def start(self) -> None:
        """The process is back. The informers' lists will fill the queue."""
        self.running = True

    def state(self) -> dict[str, Any]:
        """What a controller remembers besides its queue, as plain data. Override together with `set_state`."""
        return {}

    def set_state(self, data: dict[str, Any]) -> None:
        """Be as `state` said."""

    def save(self) -> dict[str, Any]:
        return {
            "running": self.running,
            "due": dict(self._due),
            "failures": dict(self._failures),
            "errors": self.errors,
            "recorder": self.recorder.save(),
            "state": self.state(),
        }

    def load(self, data: dict[str, Any]) -> None:
        self.running = data["running"]
        self._due = dict(data["due"])
        self._failures = dict(data["failures"])
        self.errors = data["errors"]
        self.recorder.load(data["recorder"])
        self.set_state(data["state"])
