"""Why ours differs where it does, and why some tables are not run: `content/fidelity/{explained,left_out}.toml`.

Both say it in English and Korean, as the page shows it. An explanation names lines of the count (`in`, with * and ?)
and what differs there (`what`, a regular expression found in the title of a row, the fact or the difference). A reason
to leave rows out names them by their title (`what`) or by fields of the row (`given`). A row that gives what is
expected is counted whatever the reasons say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

CONTENT = Path(__file__).parents[2] / "content" / "fidelity"


@dataclass(frozen=True)
class Explanation:
    """Why something differs, or is not run, in both languages."""

    lines: tuple[str, ...]
    what: str
    given: Mapping[str, Any]
    en: str
    ko: str

    @property
    def about_rows(self) -> bool:
        return bool(self.what or self.given)

    def covers(self, line: str, *texts: str, row: Mapping[str, Any] | None = None) -> bool:
        if not any(fnmatchcase(line, pattern) for pattern in self.lines):
            return False
        if any((row or {}).get(name) != value for name, value in self.given.items()):
            return False
        return not self.what or any(re.search(self.what, text) for text in texts)


@cache
def _read(name: str) -> Sequence[Explanation]:
    entries = tomllib.loads((CONTENT / f"{name}.toml").read_text())["why"]
    return [
        Explanation(tuple(one["in"]), one.get("what", ""), one.get("given", {}), one["en"], one["ko"])
        for one in entries
    ]


def explained() -> Sequence[Explanation]:
    return _read("explained")


def left_out() -> Sequence[Explanation]:
    return _read("left_out")


def why_it_differs(line: str, *texts: str) -> int | None:
    """Which explanation covers a difference, by its place; None when nothing does."""
    return next((place for place, one in enumerate(explained()) if one.covers(line, *texts)), None)


def why_left_out(table: str) -> int | None:
    """Which reason keeps a whole table from being run."""
    return next((n for n, one in enumerate(left_out()) if not one.about_rows and one.covers(table)), None)


def why_row_left_out(table: str, title: str, row: Mapping[str, Any]) -> int | None:
    """Which reason keeps one row of a table from being counted, if it differs."""
    return next((n for n, one in enumerate(left_out()) if one.about_rows and one.covers(table, title, row=row)), None)
