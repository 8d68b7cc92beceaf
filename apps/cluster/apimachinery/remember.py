"""Remembering what was worked out for a text: bounded in bytes, not only in entries."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

LONGEST = 512  # a text that somebody made a megabyte long is not worth keeping


def remembered(entries: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """`lru_cache` for a function of one text; what is longer than `LONGEST` is worked out anew each time.

    >>> @remembered(16)
    ... def size(text: str) -> int:
    ...     return len(text)
    >>> size("pod"), size("x" * 1000)
    (3, 1000)
    """

    def decorate(work: Callable[[str], T]) -> Callable[[str], T]:
        known = lru_cache(maxsize=entries)(work)

        @wraps(work)
        def look_up(text: str) -> T:
            return known(text) if len(text) <= LONGEST else work(text)

        return look_up

    return decorate
