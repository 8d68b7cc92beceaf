"""The tables of Kubernetes' own unit tests, and who runs their rows: one adaptor a table, registered under its name.

A table's name is its topic, its Go package and its Go test: `job__job__TestSyncJobPastDeadline`. An adaptor takes one
row, does with our model what that test does with the real code, and says with `same` what must be the same:

    @adaptor("duration__duration__TestHumanDuration")
    def human(row):
        same(human_duration(row["d"]), row["want"])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[2] / "testdata" / "tables"


class Row(dict[str, Any]):
    """One row: the fields of its Go struct. One that is not there is None, as null and absent are the same in Go.

    `value` is the row itself where it is no struct; `part` the variable that held it ("successCases").
    """

    def __init__(self, table: str, title: str, part: str, value: Any) -> None:
        super().__init__(value if isinstance(value, dict) else {})
        self.table, self.title, self.part, self.value = table, title, part, value

    def __missing__(self, name: str) -> None:
        return None


class Differs(AssertionError):
    """Ours is not what Kubernetes expects."""

    def __init__(self, ours: Any, expected: Any, what: str) -> None:
        super().__init__(f"{what + ': ' if what else ''}expected {short(expected)}, ours {short(ours)}")
        self.ours, self.expected, self.what = ours, expected, what


def same(ours: Any, expected: Any, what: str = "") -> None:
    """Hold ours against what is expected.

    Raises:
        Differs: they are not equal.
    """
    if ours != expected:
        raise Differs(ours, expected, what)


def short(value: Any, limit: int = 240) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


Check = Callable[[Row], None]
_ADAPTORS: dict[str, Check] = {}


Source = Callable[[], Iterator[Row]]
_SOURCES: dict[str, Source] = {}
_UNSEEN: set[str] = set()


def adaptor(*tables: str, also: tuple[str, ...] = (), rows: Source | None = None) -> Callable[[Check], Check]:
    """Register who runs the rows of these tables; `also`: tables of the same form that are not kept here; `rows`: where
    those are read that may not be kept."""

    def register(check: Check) -> Check:
        for table in tables:
            assert table not in _ADAPTORS, table
            _ADAPTORS[table] = check
            if rows is not None:
                _SOURCES[table] = rows
        for table in also:
            assert table not in _ADAPTORS, table
            _ADAPTORS[table] = check
            if rows is not None:
                _SOURCES[table] = rows
            _UNSEEN.add(table)
        return check

    return register


def adaptor_of(table: str) -> Check | None:
    return _ADAPTORS.get(table)


def adaptors() -> list[str]:
    """The tables that are kept and run."""
    return sorted(set(_ADAPTORS) - _UNSEEN)


@cache
def _topic(name: str) -> dict[str, Any]:
    return json.loads((KEPT / f"{name}.json").read_text())


def topics() -> list[str]:
    """Every topic that is kept, in order."""
    return sorted(path.stem for path in KEPT.glob("*.json"))


def tables(topic: str) -> dict[str, int]:
    """The tables of a topic, and how many rows each has. One whose rows are not kept here is among them."""
    return {name: table["count"] for name, table in _topic(topic)["tables"].items()}


def rows(table: str) -> Iterator[Row]:
    """The rows of a table that are kept, or can be read here."""
    if table in _SOURCES:
        yield from _SOURCES[table]()
        return
    kept = _topic(table.partition("__")[0])["tables"].get(table, {})
    for title, part, value in kept.get("rows", ()):
        yield Row(table, title, part, value)


def run(row: Row) -> str:
    """Run a row: "" when ours is what Kubernetes expects, else how it differs."""
    check = _ADAPTORS[row.table]
    try:
        check(row)
    except Differs as differs:
        return str(differs)
    except Exception as error:  # our model broke on it: that differs too
        return f"{type(error).__name__}: {short(str(error))}"
    return ""
