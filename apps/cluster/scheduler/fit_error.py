"""Why a Pod fits nowhere, in the words of its FailedScheduling event.

Models      pkg/scheduler/framework/types.go (FitError, Diagnosis, NodeToStatus)
Leaves out  nothing known
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.cluster.scheduler.status import UNRESOLVABLE, Status

NO_NODES = "no nodes available to schedule pods"
NOTE_LIMIT = 1024  # of an Event's message


class Diagnosis:
    """What was found out about every node. `absent` speaks for the nodes that were not looked at."""

    __slots__ = ("absent", "plugins", "post_filter", "pre_filter", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[str, Status] = {}
        self.absent = Status(UNRESOLVABLE)
        self.plugins: set[str] = set()  # those that rejected the Pod; events that may please one of them bring it back
        self.pre_filter = ""
        self.post_filter = ""

    def of(self, node: str) -> Status:
        return self.statuses.get(node, self.absent)

    def reject(self, node: str, status: Status) -> None:
        self.statuses[node] = status
        self.plugins.add(status.plugin)

    def message(self, nodes: int) -> str:
        """`0/3 nodes are available: 3 Insufficient cpu. <what PostFilter says>`"""
        parts = [f"0/{nodes} nodes are available:"]
        reasons = self.reasons(nodes)
        if reasons:
            parts.append(f"{reasons}.")
        if self.post_filter:
            parts.append(self.post_filter)
        return " ".join(parts)

    def reasons(self, nodes: int) -> str:
        """`3 Insufficient cpu, 1 Too many pods`; or what a plugin said before looking at any node."""
        return self.pre_filter or ", ".join(histogram(self.statuses, self.absent, nodes))


def histogram(statuses: Mapping[str, Status], absent: Status, nodes: int) -> list[str]:
    """`3 Insufficient cpu` and so on, sorted as text, as upstream sorts them.

    >>> histogram({"a": Status(2, ("x", "y")), "b": Status(2, ("x",))}, Status(3, ("z",)), 13)
    ['1 y', '11 z', '2 x']
    """
    counts: dict[str, int] = {}
    for status in statuses.values():
        for reason in status.reasons:
            counts[reason] = counts.get(reason, 0) + 1
    if len(statuses) < nodes:
        for reason in absent.reasons:
            counts[reason] = counts.get(reason, 0) + nodes - len(statuses)
    return sorted(f"{count} {reason}" for reason, count in counts.items())


def note(message: str) -> str:
    """Cut to what an Event may carry."""
    return message if len(message) <= NOTE_LIMIT else message[: NOTE_LIMIT - 4] + " ..."
