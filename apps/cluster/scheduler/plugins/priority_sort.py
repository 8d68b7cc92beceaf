"""PrioritySort: the order of the active queue. Higher priority first, then who waited longer.

Models      pkg/scheduler/framework/plugins/queuesort/priority_sort.go
Leaves out  nothing known
"""

from __future__ import annotations

NAME = "PrioritySort"


def less(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether a (priority, queued at) goes before another.

    >>> less((10, 5), (0, 1)), less((0, 1), (0, 5)), less((0, 1), (0, 1))
    (True, True, False)
    """
    return sort_key(*first) < sort_key(*second)


def sort_key(priority: int, queued_ms: int) -> tuple[int, int]:
    """Smallest first."""
    return (-priority, queued_ms)
