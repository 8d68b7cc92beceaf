"""The engine: one clock, one queue of wakeups, one order. Same seed and same commands, same bytes.

Three things here could be called an event, so each has its own name. `Event` is the core/v1 object that
`kubectl get events` lists; a watch event is a change sent to a watcher; a wakeup is a component's turn.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Any, Protocol

from apps.cluster.engine.randomness import Randomness
from apps.cluster.engine.trace import Step, Trace

# (due_ms, sequence, component, key, cause, quiet). The sequence is the order in which turns were asked for.
Wakeup = tuple[int, int, str, str, int, bool]


class Component(Protocol):
    """Something that gets turns. What it remembers between them is plain data."""

    def run(self, key: str) -> None: ...
    def save(self) -> Any: ...
    def load(self, data: Any) -> None: ...


class Record(Protocol):
    """What a component keeps of its past beside the trace. It is saved with the trace, and cut with it."""

    def mark(self) -> Any: ...
    def rewind(self, mark: Any) -> None: ...
    def save(self) -> Any: ...
    def load(self, data: Any) -> None: ...


class Engine:
    """Virtual time in whole milliseconds; 0 is the moment the first machine is switched on."""

    __slots__ = (
        *("_components", "_loud", "_records", "_sequence", "_times", "_turns"),
        *("cause", "now_ms", "random", "revision", "trace"),
    )

    def __init__(self, seed: int, *, trace: Trace | None = None) -> None:
        self.now_ms = 0
        self.random = Randomness(seed)
        self.trace = trace if trace is not None else Trace()
        self.revision = 0  # of the store, kept here so that notes can name it
        self.cause = 0  # index of the step that asked for the present turn
        self._turns: dict[int, deque[Wakeup]] = {}  # by when they are due, each in the order asked for
        self._times: list[int] = []  # a heap of when turns are due, each instant once
        self._sequence = 0
        self._loud = 0
        self._components: dict[str, Component] = {}
        self._records: dict[str, Record] = {}

    def record(self, name: str, record: Record) -> None:
        """Keep `record` with the trace."""
        self._records[name] = record

    def marks(self) -> list[Any]:
        """How far every record is: when nothing has been written to the trace, these may still have grown."""
        return [record.mark() for record in self._records.values()]

    def register(self, name: str, component: Component) -> None:
        """Give `component` the turns asked for under `name`."""
        assert name not in self._components, name
        self._components[name] = component

    def unregister(self, name: str) -> None:
        """Forget a component; turns already asked for under its name do nothing."""
        del self._components[name]

    def component(self, name: str) -> Component | None:
        return self._components.get(name)

    def wake(self, name: str, key: str = "", delay_ms: int = 0, *, quiet: bool = False) -> None:
        """Ask for a turn `delay_ms` from now. `quiet`: house-keeping, a cluster with nothing else to do is at rest."""
        self._sequence += 1
        due = self.now_ms + delay_ms
        turns = self._turns.get(due)
        if turns is None:
            self._turns[due] = deque(((due, self._sequence, name, key, self.cause, quiet),))
            heappush(self._times, due)
        else:
            turns.append((due, self._sequence, name, key, self.cause, quiet))
        if not quiet:
            self._loud += 1

    def note(
        self, component: str, node: str, verb: str, ref: str, message: str, params: dict[str, Any] | None = None
    ) -> None:
        """Record something worth seeing that writes nothing: a CRI call, a power cut, a phase of kubeadm."""
        trace = self.trace
        if not trace.keep:
            return
        index = trace.next_index
        trace.append(
            Step(
                index,
                self.revision,
                self.now_ms,
                component,
                node,
                verb,
                ref,
                "",
                message,
                params if params is not None else {},
                self.cause,
                None,
                None,
                "note",
            )
        )
        self.cause = index

    def next_due(self) -> int | None:
        """When the next turn is due, in virtual ms, or None."""
        return self._times[0] if self._times else None

    @property
    def at_rest(self) -> bool:
        """Only house-keeping is left to do."""
        return self._loud == 0

    def run_one(self) -> None:
        """The next turn. Asserts that there is one."""
        due = self._times[0]
        turns = self._turns[due]
        _, _, name, key, cause, quiet = turns.popleft()
        if not turns:
            del self._turns[due]
            heappop(self._times)
        if not quiet:
            self._loud -= 1
        self.now_ms = due
        component = self._components.get(name)
        if component is not None:
            self.cause = cause
            component.run(key)
            self.cause = 0

    def run_until(self, time_ms: int) -> None:
        """Every turn due up to and including `time_ms`; then it is `time_ms`."""
        times = self._times
        run_one = self.run_one
        while times and times[0] <= time_ms:
            run_one()
        if time_ms > self.now_ms:
            self.now_ms = time_ms

    def run_to_rest(self, limit_ms: int) -> bool:
        """Turns until only house-keeping is left, at most up to `limit_ms`. True: at rest."""
        times = self._times
        while self._loud and times[0] <= limit_ms:
            self.run_one()
        return self._loud == 0

    def save(self) -> dict[str, Any]:
        return {
            **self._save_turns(),
            "queue": self._queue(),
            "steps": list(self.trace.steps),
            "records": {name: record.save() for name, record in self._records.items()},
        }

    def load(self, data: dict[str, Any]) -> None:
        """Go on from what `save` gave. The same components must be registered already."""
        steps = [step if step.__class__ is Step else Step(*step) for step in data["steps"]]
        self.trace = Trace(steps, keep=self.trace.keep)
        for name, record in data["records"].items():
            self._records[name].load(record)
        self._load_turns(data)

    def mark(self) -> dict[str, Any]:
        """What `rewind` needs to come back to this moment: less than `save`, for the past is kept anyway."""
        return {
            **self._save_turns(),
            "queue": self._queue(),
            "steps": len(self.trace.steps),
            "records": {name: record.mark() for name, record in self._records.items()},
        }

    def rewind(self, mark: dict[str, Any]) -> None:
        """Everything since `mark` has not happened."""
        self.trace.rewind(mark["steps"])
        for name, record in mark["records"].items():
            self._records[name].rewind(record)
        self._load_turns(mark)

    def _queue(self) -> list[Wakeup]:
        """The turns asked for, the next one first."""
        return [wakeup for due in sorted(self._times) for wakeup in self._turns[due]]

    def _save_turns(self) -> dict[str, Any]:
        return {
            "now_ms": self.now_ms,
            "revision": self.revision,
            "sequence": self._sequence,
            "random": self.random.save(),
            "components": {name: component.save() for name, component in self._components.items()},
        }

    def _load_turns(self, data: dict[str, Any]) -> None:
        self.now_ms = data["now_ms"]
        self.revision = data["revision"]
        self._sequence = data["sequence"]
        self.random.load(data["random"])
        # In place: whoever is running turns looks at these.
        self._turns.clear()
        for due, sequence, name, key, cause, quiet in data["queue"]:
            self._turns.setdefault(due, deque()).append((due, sequence, name, key, cause, quiet))
        self._times[:] = self._turns  # in order, hence a heap
        self._loud = sum(1 for wakeup in data["queue"] if not wakeup[5])
        self.cause = 0
        for name, state in data["components"].items():
            self._components[name].load(state)
