"""Replay: from a story to the running cluster it leads to.

A `Run` is a cluster under way through a story. Booting a cluster takes longer than most stories do, so each make-up
of cluster is booted once in a process and restored from plain data afterwards.

Times here are milliseconds since the scenario began, which is when its cluster was Ready (or, for a story that begins
with bare machines, when they were switched on). Revisions are the store's own.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.cluster import rest
from apps.cluster.apimachinery.quantity import InvalidQuantity, value
from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.cluster.cluster import Cluster, Config, Snapshot
from apps.scenarios import guard, limits
from apps.scenarios.commands import Body, dumps, said
from apps.scenarios.moments import after_of
from apps.scenarios.story import Entry, Story

MACHINES = "machines"  # a story that begins with bare machines shows kubeadm at work
FINISHED_RUNS = 48  # stories kept in memory, settled
BASES = 12  # booted make-ups kept in memory


@dataclass(frozen=True, slots=True)
class Mark:
    """A command that was carried out: where in the history it stands. `error` if this cluster refused it."""

    seq: int
    time_ms: int
    revision: int  # the last one before the command took effect
    body: Body
    error: str = ""

    @property
    def text(self) -> str:
        return said(self.body)


class Run:
    """A cluster under way through a story. Who changes it, or looks at it beside others, holds its `lock`."""

    def __init__(self, story: Story, lock: Any = None, *, allowed: limits.Limits = limits.SITE) -> None:
        self.lock = lock or threading.RLock()
        self.cluster, bare = boot(story.cluster, allowed)
        self.base = 1 if bare else self.cluster.base
        self.base_ms = 0 if bare else self.cluster.base_ms
        self.first = 0 if bare else len(self.cluster.trace.steps)  # so many steps were before the story
        self.allowed = allowed
        self.marks: list[Mark] = []
        self.pending: list[Entry] = list(reversed(story.entries))
        self.end_ms = 0  # when the last command was carried out
        self.began = 0  # the last revision before the newest command, accepted or not
        self.kept_places: list[Any] = []  # for placing.py

    @property
    def done_ms(self) -> int:
        """Everything due up to here has happened."""
        return self.cluster.now_ms - self.base_ms

    @property
    def before(self) -> int:
        """Steps after this revision are the story's. Bare machines have some before anything is written."""
        return 0 if self.base == 1 else self.base

    @property
    def head(self) -> int:
        """The newest revision."""
        return self.cluster.revision

    @property
    def last_change(self) -> int:
        """The newest revision that is neither a heartbeat nor an Event."""
        for step in reversed(self.cluster.trace.steps):
            if step.revision <= self.base:
                break
            if step.rank == "change":
                return step.revision
        return self.base

    @property
    def at_rest(self) -> bool:
        """Nothing will happen by itself any more (but for house-keeping), or nothing within the horizon."""
        due = self.next_ms()
        return due is None or due > self.horizon_ms

    @property
    def horizon_ms(self) -> int:
        last = self.pending[0].time_ms if self.pending else self.end_ms
        return last + limits.HORIZON_MS

    def next_ms(self) -> int | None:
        """When the next thing happens: a turn of the cluster's own, a CronJob's run, or a command of the story."""
        if len(self.cluster.trace.steps) > limits.STEPS:
            return None
        due = self.cluster.next_scheduled() if self.cluster.at_rest else self.cluster.next_due()
        own = None if due is None else due - self.base_ms
        if self.pending:
            told = max(self.pending[-1].time_ms, self.done_ms)
            return told if own is None else min(own, told)
        return own

    def advance(self, to_ms: int) -> None:
        """Let happen what is due up to `to_ms`, and stand at the last that did: a cluster at rest stands still."""
        limit = min(to_ms, self.horizon_ms)
        while True:
            due = self.next_ms()
            if due is None or due > limit:
                return
            self.cluster.run_until(self.base_ms + due)
            while self.pending and self.pending[-1].time_ms <= due:
                self._carry_out(self.pending.pop())

    def feed(self, entry: Entry) -> None:
        """A command that is to be carried out when its time comes; times never go back."""
        self.pending.insert(0, entry)

    def cut_script(self, time_ms: int) -> bool:
        """What the story would still have told after `time_ms` does not happen. True: there was something."""
        known = len(self.pending)
        self.pending = [entry for entry in self.pending if entry.time_ms <= time_ms]
        return len(self.pending) < known

    def settle(self) -> None:
        """To the end of the story, and on until the cluster is at rest.

        Raises:
            LimitExceeded: the story asks for too much.
        """
        while self.pending and self.next_ms() is not None:
            self.advance(self.pending[0].time_ms)
        self.advance(self.end_ms + limits.HORIZON_MS)

    def execute(self, time_ms: int, body: Body) -> list[dict[str, Any]]:
        """Carry out one command now, at `time_ms`; everything due before happens first.

        Raises:
            StatusError: the cluster refuses it, and nothing has changed.
            LimitExceeded: it has led to too much; throw the run away.
        """
        assert time_ms >= self.done_ms, (time_ms, self.done_ms)
        self.advance(time_ms)
        self.cluster.run_until(self.base_ms + time_ms)
        before = self.began = self.cluster.revision
        objects = self.cluster.execute(body)
        if body["op"] == rest.OP and self.cluster.revision == before:
            return objects  # a dry run, a review, a patch that changes nothing: there is nothing to remember
        guard.check_cluster(self.cluster.view(), self.allowed)
        self._note(Mark(len(self.marks) + 1, time_ms, before, body))
        return objects

    def _carry_out(self, entry: Entry) -> None:
        time_ms = max(entry.time_ms, self.done_ms)
        before, error = self.cluster.revision, ""
        guard.check_command(entry.body, self.allowed)
        try:
            self.cluster.execute(entry.body)
            guard.check_cluster(self.cluster.view(), self.allowed)
        except limits.LimitExceeded:
            raise  # a story that asks for too much is not told at all
        except StatusError as refusal:
            # It was accepted once, by an older model: the story goes on without it, and says so.
            error = refusal.message
        self._note(Mark(len(self.marks) + 1, time_ms, before, entry.body, error))

    def _note(self, mark: Mark) -> None:
        self.marks.append(mark)
        self.end_ms = max(self.end_ms, mark.time_ms)

    def view(self, revision: int | None = None) -> Snapshot:
        """The cluster as it was at a revision; as it is, without one."""
        with self.lock:  # looking back fills the trace's memory of past worlds
            return self.cluster.view(None if revision is None else int(revision), after_of(revision))

    def position(self, at: int) -> int:
        """How many steps had happened at a moment."""
        return self.cluster.trace.position(at, after_of(at))

    def time_of(self, revision: int) -> int:
        """When a revision was written, or the step that follows on it happened."""
        trace, after = self.cluster.trace, after_of(revision)
        step = trace.steps[self.position(revision) - 1] if after else trace.at(revision)
        return step.time_ms - self.base_ms if step is not None else 0

    def entries_until(self, revision: int) -> tuple[Entry, ...]:
        """The commands that had been given when `revision` was written."""
        time_ms = self.time_of(revision)
        return tuple(
            Entry(mark.time_ms, mark.body)
            for mark in self.marks
            if not mark.error and (mark.revision < revision or mark.time_ms < time_ms)
        )


def config_of(cluster: dict[str, Any], allowed: limits.Limits = limits.SITE) -> tuple[Config, bool]:
    """The model's Config from a story's settings, and whether the story begins with bare machines.

    Raises:
        StatusError: 400 for a setting that there is not, or out of bounds.
    """
    settings = dict(cluster)
    bare = settings.pop("begin", "") == MACHINES
    for name in ("workers", "control_planes", "seed", "pods_per_node", "subnets"):
        given = settings.get(name, 1)
        if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given < 2**31:
            raise bad_request(f"config: {name} must be a whole number")
    if settings.get("workers", 3) > allowed.workers:
        raise limits.exceeded("workers", allowed.workers, settings["workers"])
    for name in ("cpu", "memory"):
        try:
            value(str(settings.get(name, "1")))
        except InvalidQuantity:
            raise bad_request(f"config: {name} must be a quantity, such as 2 or 4Gi") from None
    return Config.from_dict(settings), bare


_bases: OrderedDict[str, Any] = OrderedDict()
_bases_lock = threading.Lock()


def boot(cluster: dict[str, Any], allowed: limits.Limits = limits.SITE) -> tuple[Cluster, bool]:
    """A cluster of this make-up, just Ready, of one's own."""
    config, bare = config_of(cluster, allowed)
    name = dumps({key: value for key, value in cluster.items() if key != "begin"})
    with _bases_lock:
        saved = _bases.get(name)
        if saved is not None:
            _bases.move_to_end(name)
    if saved is None:
        booted = Cluster.boot(config)
        with _bases_lock:
            _bases[name] = booted.snapshot()
            while len(_bases) > BASES:
                _bases.popitem(last=False)
            saved = _bases[name]
    return Cluster.restore(saved), bare


_settled: OrderedDict[str, Run] = OrderedDict()
_settled_lock = threading.Lock()
_making: dict[str, threading.Lock] = {}


def settled(story: Story) -> Run:
    """The story run to its end and rest. Shared: look, but do not touch.

    Readers of the same article share one run; only the first waits for it.
    """
    name = story.digest
    with _settled_lock:
        run = _settled.get(name)
        if run is not None:
            _settled.move_to_end(name)
            return run
        making = _making.setdefault(name, threading.Lock())
    with making:
        with _settled_lock:
            run = _settled.get(name)
        if run is None:
            run = Run(story)
            run.settle()
            with _settled_lock:
                _settled[name] = run
                while len(_settled) > FINISHED_RUNS:
                    _settled.popitem(last=False)
                _making.pop(name, None)
    return run


def replayed(story: Story, until_ms: int) -> Run:
    """A run of one's own, as far as `until_ms`."""
    run = Run(story)
    run.advance(until_ms)
    return run


def digest_of(steps: Iterable[Any]) -> str:
    """The digest of a whole history: equal histories, equal digests, in every process."""
    sha = hashlib.sha256()
    for step in steps:
        sha.update(dumps(list(step)).encode())
        sha.update(b"\n")
    return sha.hexdigest()
