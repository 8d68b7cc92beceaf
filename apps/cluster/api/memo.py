"""Remembering what was worked out for an object, by its identity.

Objects are never changed in place, so what was found for one holds as long as it lives; the memo keeps a reference to
it, so its id cannot come back as another's. Nothing of this is saved.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class IdentityMemo(Generic[T]):
    """A bounded table from objects, by identity, to values; emptied when full."""

    __slots__ = ("_limit", "_table")

    def __init__(self, limit: int = 4096) -> None:
        self._table: dict[int, tuple[Any, T]] = {}
        self._limit = limit

    def get(self, key: Any) -> T | None:
        found = self._table.get(id(key))
        return found[1] if found is not None else None

    def put(self, key: Any, value: T) -> T:
        if len(self._table) >= self._limit:
            self._table.clear()
        self._table[id(key)] = (key, value)
        return value
