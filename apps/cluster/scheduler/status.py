"""What a plugin answers: a code, the reasons in words, and who said it. None stands for Success.

Models      staging/src/k8s.io/kube-scheduler/framework/interface.go (Status, Code)
Leaves out  Wait: no permit plugin is on by default
"""

from __future__ import annotations

from typing import NamedTuple

SUCCESS = 0
ERROR = 1
UNSCHEDULABLE = 2  # preempting Pods may help
UNRESOLVABLE = 3  # UnschedulableAndUnresolvable: nothing that preemption does can help
SKIP = 5
PENDING = 6


class Status(NamedTuple):
    """An answer other than Success."""

    code: int
    reasons: tuple[str, ...] = ()
    plugin: str = ""

    @property
    def rejected(self) -> bool:
        """The Pod was turned away, which is not an error."""
        return self.code in (UNSCHEDULABLE, UNRESOLVABLE, PENDING)

    @property
    def message(self) -> str:
        return ", ".join(self.reasons)


SKIPPED = Status(SKIP)


class SchedulerError(Exception):
    """A plugin could not do its work (not: the Pod does not fit). The Pod is tried again after a back-off."""
