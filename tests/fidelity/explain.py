"""Why ours differs where it does, and why some tables are not run: `content/fidelity/{explained,left_out}.toml`.

Both say it in English and Korean, as the page shows it. An explanation names lines of the count (`in`, with * and ?)
and what differs there (`what`, a regular expression found in the title of a row, the fact or the difference).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

CONTENT = Path(__file__).parents[2] / "content" / "fidelity"


@dataclass(frozen=True)
class Explanation:
    """Why something differs, or is not run, in both languages."""

    lines: tuple[str, ...]
    what: str
    en: str
    ko: str

    def covers(self, line: str, *texts: str) -> bool:
        if not any(fnmatchcase(line, pattern) for pattern in self.lines):
            return False
        return not self.what or any(re.search(self.what, text) for text in texts)


@cache
def _read(name: str) -> Sequence[Explanation]:
    entries = tomllib.loads((CONTENT / f"{name}.toml").read_text())["why"]
    return [Explanation(tuple(one["in"]), one.get("what", ""), one["en"], one["ko"]) for one in entries]


def explained() -> Sequence[Explanation]:
    return _read("explained")


def left_out() -> Sequence[Explanation]:
    return _read("left_out")


def why_it_differs(line: str, *texts: str) -> int | None:
    """Which explanation covers a difference, by its place; None when nothing does."""
    return next((place for place, one in enumerate(explained()) if one.covers(line, *texts)), None)


def why_left_out(table: str, title: str = "") -> int | None:
    """Which reason keeps a whole table (no title), or one row of it, from being run."""
    for place, one in enumerate(left_out()):
        if bool(one.what) == bool(title) and one.covers(table, title):
            return place
    return None
