"""The ledger: which program of which machine was in what state from which step on, so that any moment can be looked at.

Plain data, kept with the trace. What is not in it runs.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

RUNNING = "running"  # what nobody wrote about does
STOPPED = "stopped"  # until it is started again
DOWN = "down"  # ended; something will start it again
STARTING = "starting"
WAITING = "waiting"  # for etcd
SERVING = "serving"
LEADING = "leading"  # of several that may, this one acts
STANDBY = "standby"
LONELY = "lonely"  # a member of etcd that hears of no leader
TERM, REVISION = "etcd/term", "etcd/revision"  # of a member: its Raft term, and where it stopped when it fell behind
ALARM, NOSPACE = "etcd/alarm", "NOSPACE"  # of etcd: its database is as large as it may be
NO_MEMBER = "removed"  # in place of a term: it was taken out of the members
AWAY = (STOPPED, DOWN)


class Ledger:
    """An engine's record. `keep=False`: nothing is kept, for clusters of thousands of nodes."""

    __slots__ = ("_entries", "_now", "keep")

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self._entries: list[tuple[int, str, str]] = []
        self._now: dict[str, str] = {}

    def write(self, step: int, node: str, name: str, state: str) -> None:
        """The state of a program once `step` steps have happened."""
        who = f"{node}/{name}"
        if self.keep and self._now.get(who, RUNNING) != state:
            self._now[who] = state
            self._entries.append((step, who, state))

    def at(self, position: int) -> dict[str, str]:
        """By "node/name", whatever was ever written about."""
        length = bisect_right(self._entries, position, key=lambda entry: entry[0])
        return {who: state for _, who, state in self._entries[:length]}

    # engine.Record

    def mark(self) -> int:
        return len(self._entries)

    def rewind(self, mark: int) -> None:
        del self._entries[mark:]
        self._now = {who: state for _, who, state in self._entries}

    def save(self) -> list[list[Any]]:
        return [list(entry) for entry in self._entries]

    def load(self, data: list[list[Any]]) -> None:
        self._entries = [(step, who, state) for step, who, state in data]
        self._now = {who: state for _, who, state in self._entries}
