"""The journal: where every waiting Pod stood and what was decided, step by step, so that any moment can be read.

Models      nothing upstream; there the queues of the moment are logged when the process gets SIGUSR2
            (backend/cache/debugger), and decisions at verbosity 10
Leaves out  -

Entries are stamped with the number of steps of the trace from which on they hold. What the scheduler does in a turn of
its own belongs to the step that this leads to; what an event does, to the step that the event was.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

from apps.cluster.scheduler.decision import Decision, Decisions

EVERY = ""  # the key of an entry that speaks of every Pod: the process is gone, and its memory with it
BINDING = "binding"  # it has a node, and waits there for its volumes
LATEST = 2**62  # a position after every step: now
QUEUES = ("active", "backoff", "error-backoff", "unschedulable", BINDING)


class Waiting(NamedTuple):
    """A Pod and where it waits; `where` is "" from when it waits no more."""

    step: int
    key: str
    where: str
    priority: int = 0
    attempts: int = 0
    since_ms: int = 0  # its last attempt, or its creation
    until_ms: int = 0  # when its back-off ends; 0 = it does not back off
    plugins: tuple[str, ...] = ()  # that rejected it
    gate: str = ""  # the plugin that keeps it out of the queue


class Journal:
    """An engine's record. `keep=False`: of the queues nothing, for clusters of thousands of nodes."""

    __slots__ = ("_waiting", "decisions", "keep", "running")

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.decisions = Decisions(most=0 if keep else 500)
        self.running: list[tuple[int, bool]] = []  # whether there is a kube-scheduler, from which step on
        self._waiting: list[Waiting] = []

    def write(self, entry: Waiting) -> None:
        if self.keep:
            self._waiting.append(entry)

    def process(self, step: int, running: bool) -> None:
        """The process stops, with all that it had in memory, or starts."""
        if self.keep:
            self.running.append((step, running))
            self._waiting.append(Waiting(step, EVERY, ""))

    def runs_at(self, position: int) -> bool:
        place = bisect_right(self.running, position, key=lambda entry: entry[0])
        return self.running[place - 1][1] if place else True

    def at(self, position: int) -> dict[str, Waiting]:
        """Who waits where once `position` steps have happened, by key; who moved last comes last."""
        out: dict[str, Waiting] = {}
        for entry in self._waiting[: bisect_right(self._waiting, position, key=lambda entry: entry.step)]:
            if entry.key == EVERY:
                out.clear()
                continue
            out.pop(entry.key, None)
            if entry.where:
                out[entry.key] = entry
        return out

    # engine.Record

    def mark(self) -> list[int]:
        return [len(self._waiting), len(self.running), self.decisions.mark()]

    def rewind(self, mark: list[int]) -> None:
        waiting, running, decisions = mark
        del self._waiting[waiting:], self.running[running:]
        self.decisions.rewind(decisions)

    def save(self) -> dict[str, Any]:
        return {
            "waiting": list(self._waiting),
            "running": [list(entry) for entry in self.running],
            "decisions": self.decisions.save(),
        }

    def load(self, data: dict[str, Any]) -> None:
        self._waiting = [_waiting(*entry) for entry in data["waiting"]]
        self.running = [(step, running) for step, running in data["running"]]
        self.decisions.load(data["decisions"])


def _waiting(
    step: int,
    key: str,
    where: str,
    priority: int,
    attempts: int,
    since_ms: int,
    until_ms: int,
    plugins: list[str],
    gate: str,
) -> Waiting:
    return Waiting(step, key, where, priority, attempts, since_ms, until_ms, tuple(plugins), gate)


class Scheduling:
    """What kube-scheduler knew and had decided at one moment. Looked up when asked, not before."""

    __slots__ = ("_journal", "position")

    def __init__(self, journal: Journal, position: int) -> None:
        self._journal = journal
        self.position = position  # so many steps have happened

    @property
    def running(self) -> bool:
        return self._journal.runs_at(self.position)

    def queues(self) -> dict[str, list[Waiting]]:
        """Every queue, each in the order in which its Pods have their turn."""
        out: dict[str, list[Waiting]] = {name: [] for name in QUEUES}
        for waiting in self._journal.at(self.position).values():
            out[waiting.where].append(waiting)
        out["active"].sort(key=lambda one: (-one.priority, one.since_ms, one.step))
        for name in ("backoff", "error-backoff"):
            out[name].sort(key=lambda one: (one.until_ms, -one.priority, one.since_ms, one.step))
        return out

    def waiting(self, key: str) -> Waiting | None:
        """Where a Pod such as "default/web-0" waits."""
        return self._journal.at(self.position).get(key)

    def decision(self, key: str) -> Decision | None:
        """The latest decision about a Pod."""
        return self._journal.decisions.at(key, self.position)

    def history(self, key: str) -> list[tuple[int, Decision]]:
        """Every decision about a Pod with the step it belongs to, the latest first."""
        return self._journal.decisions.history(key, self.position)

    def latest(self) -> tuple[int, str]:
        """The step of the latest decision and the Pod it was about; (0, "") before the first."""
        return self._journal.decisions.latest(self.position)
