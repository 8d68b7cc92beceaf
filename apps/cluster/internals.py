"""What a cluster knows besides its objects at one revision: the store's records, and who watches what.

Looked up when asked, not before; nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from apps.cluster.api.scheme import RESOURCES
from apps.cluster.apiserver.chain import Stage, chain
from apps.cluster.controlplane.ledger import ALARM, AWAY, NOSPACE, REVISION, RUNNING, TERM, Ledger
from apps.cluster.controlplane.names import slot
from apps.cluster.engine import Step, Trace
from apps.cluster.etcd import Compacted, Record, Store

COMPACTED = ("etcd.compact", "etcd.compact-all")  # the notes of compactions
LOAD = "load"  # who leaves the notes of loads, see metrics/load.py


class Watcher(NamedTuple):
    """A program with a watch of its own on a resource; `node` as the field selector of a kubelet's Pods names it."""

    component: str
    node: str
    resource: str
    selector: str = ""


class Internals:
    """Of the revision `revision`. `watchers` gives everybody who watches now; told so, whoever may ever have."""

    __slots__ = ("_ledger", "_loads", "_position", "_programs", "_store", "_trace", "_watchers", "revision")

    def __init__(
        self,
        store: Store,
        trace: Trace,
        ledger: Ledger,
        revision: int,
        position: int,
        watchers: Callable[[bool], Iterable[Watcher]],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._position = position
        self._programs: dict[str, str] | None = None
        self._loads: dict[str, dict[str, Any]] | None = None
        self._trace = trace
        self._watchers = watchers
        self.revision = revision

    def program(self, node: str, name: str) -> str:
        """The state of a program of a machine, as the control plane's ledger tells it."""
        if self._programs is None:
            self._programs = self._ledger.at(self._position)
        return self._programs.get(f"{node}/{slot(name)}", RUNNING)

    def member(self, node: str) -> tuple[str, str]:
        """A member of etcd: its Raft term, and the revision it stopped at when it fell behind; "" for none."""
        self.program(node, "etcd")
        programs = self._programs or {}
        return programs.get(f"{node}/{TERM}", ""), programs.get(f"{node}/{REVISION}", "")

    @property
    def etcd_full(self) -> bool:
        """Whether etcd has raised the alarm NOSPACE."""
        self.program("", "etcd")
        return any(who.endswith(f"/{ALARM}") and state == NOSPACE for who, state in (self._programs or {}).items())

    def chain(self, step: Step) -> list[Stage]:
        """The way of the request that made a step, through the API server; [] for what made none."""
        return chain(step, self._trace.world(step.revision - 1))

    def notes(self, node: str) -> list[Step]:
        """Everything worth seeing on a machine that wrote nothing, up to this moment."""
        return [step for step in self._trace.steps[: self._position] if step.rank == "note" and step.node == node]

    def done_by(self, component: str, node: str) -> list[Step]:
        """Everything that a program has done on a machine, or in its name, up to this moment."""
        steps = self._trace.steps[: self._position]
        return [step for step in steps if step.node == node and step.component == component]

    def last_phase(self, component: str) -> Step | None:
        """The last phase that a program has begun, on any machine."""
        steps: list[Step] = self._trace.steps[: self._position]
        return next((step for step in reversed(steps) if step.component == component and step.verb == "phase"), None)

    def load(self, ref: str) -> dict[str, Any] | None:
        """What a reader has put on a workload, as it was said: cpu, memory and per."""
        if self._loads is None:
            self._loads = {}
            for step in self._trace.steps[: self._position]:
                if step.component == LOAD and step.rank == "note":
                    self._loads[step.ref] = {**step.params, "per": step.message.rpartition(".")[2]}
        found = self._loads.get(ref)
        return found if found is not None and found["per"] != "none" else None

    @property
    def past(self) -> bool:
        """Whether more has happened since."""
        return self._position < len(self._trace.steps)

    @property
    def compact_revision(self) -> int:
        """The revision that the store had been compacted at by then."""
        if not self.past:
            return self._store.compact_revision
        steps: list[Step] = self._trace.steps[: self._position]
        found = next((step for step in reversed(steps) if step.message in COMPACTED), None)
        return int(found.params["revision"]) if found is not None else 0

    @property
    def lost(self) -> int:
        """The revision that the store has been compacted at since, when that took what is looked at; else 0."""
        return self._store.compact_revision if self._store.compact_revision > self.revision else 0

    def record(self, key: str) -> Record | None:
        """The record of an etcd key as it was; None when it was not there, or compaction has taken it."""
        try:
            return self._store.get(key, self.revision)
        except Compacted:
            return None

    def versions(self, key: str) -> Iterator[Record]:
        """Every version of a key that is kept, deletions among them, the latest first."""
        record = self._store.latest(key)
        while record is not None:
            if record.mod_revision <= self.revision:
                yield record
            record = record.previous

    def resources(self) -> list[str]:
        """What has been stored so far, in the order in which it first was."""
        return self._trace.resources(self.revision)

    def watchers(self, resource: str) -> list[Watcher]:
        """Who watched a resource then: the programs that ran. (Of machines taken away since, nothing is known.)"""
        past = self.past
        return [one for one in self._watchers(past) if one.resource == resource and not (past and self._was_away(one))]

    def _was_away(self, one: Watcher) -> bool:
        """A program that ran on none of its machines; of a kubelet, the one machine that is its own."""
        self.program(one.node, one.component)
        name = slot(one.component)
        states = [state for who, state in (self._programs or {}).items() if who.rpartition("/")[2] == name]
        if one.component == "kubelet":
            if self._trace.world(self.revision).get("nodes", {}).get(one.node) is None:
                return True
            states = [(self._programs or {}).get(f"{one.node}/{name}", RUNNING)]
        return bool(states) and all(state in AWAY for state in states)


def etcd_prefix(resource: str) -> str:
    """Where Kubernetes keeps the objects of a resource.

    >>> etcd_prefix("nodes"), etcd_prefix("services"), etcd_prefix("widgets.example.com")
    ('/registry/minions/', '/registry/services/specs/', '/registry/example.com/widgets/')
    """
    info = RESOURCES.get(resource)
    if info is not None:
        return f"/registry/{info.etcd_prefix}/"
    plural, _, group = resource.partition(".")
    return f"/registry/{group}/{plural}/" if group else f"/registry/{plural}/"


def etcd_key(ref: str) -> str:
    """The key of an object.

    >>> etcd_key("pods/default/web-0")
    '/registry/pods/default/web-0'
    """
    resource, _, key = ref.partition("/")
    return etcd_prefix(resource) + key
