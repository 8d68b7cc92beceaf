"""What a benchmark found: a number, the number to reach, and how both are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import quantiles
from typing import NamedTuple


class Result(NamedTuple):
    """One line of the table. `aim` is what `value` has to stay under; None where there is none to reach."""

    what: str
    value: float
    unit: str = "×"  # × is a ratio: ours by the bare thing beside it
    aim: float | None = None
    how: str = ""  # the absolute numbers behind it

    @property
    def verdict(self) -> str:
        if self.aim is None:
            return ""
        return "met" if self.value < self.aim else "MISSED"


def percentile(values: Sequence[float], hundredth: int) -> float:
    """The value that `hundredth` of a hundred stay under.

    >>> percentile([float(n) for n in range(1, 101)], 99)
    99.01
    """
    if len(values) < 2:
        return values[0]
    return round(quantiles(values, n=100, method="inclusive")[hundredth - 1], 6)


def table(results: Sequence[Result]) -> str:
    """The results as a table for a terminal.

    >>> print(table([Result("a frame", 0.25, aim=0.3, how="2 by 8 ms")]))
    measured  aim              what
      0.25 ×  < 0.3 ×  met     a frame: 2 by 8 ms
    """
    lines = ["measured  aim              what"]
    for result in results:
        aim = "" if result.aim is None else f"< {result.aim:g} {result.unit}"
        what = f"{result.what}: {result.how}" if result.how else result.what
        lines.append(f"{_short(result.value):>6} {result.unit:<1}  {aim:<8} {result.verdict:<7} {what}".rstrip())
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def dumps(results: Sequence[Result]) -> str:
    return json.dumps([list(result) for result in results])


def loads(text: str) -> list[Result]:
    return [Result(*fields) for fields in json.loads(text)]
