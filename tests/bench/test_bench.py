"""The benchmarks' own arithmetic, and that README and table name the same parts. What they measure is no test."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

from bench import result
from bench.__main__ import PARTS
from bench.result import Result


def test_the_examples_hold() -> None:
    assert doctest.testmod(result).failed == 0


@pytest.mark.parametrize(
    ("value", "aim", "verdict"),
    [
        pytest.param(0.29, 0.3, "met", id="under the aim"),
        pytest.param(0.3, 0.3, "MISSED", id="at the aim"),
        pytest.param(5.0, None, "", id="no aim"),
    ],
)
def test_a_verdict(value: float, aim: float | None, verdict: str) -> None:
    assert Result("a frame", value, aim=aim).verdict == verdict


def test_results_survive_the_way_between_processes() -> None:
    found = [Result("a frame", 0.25, aim=0.3, how="2 by 8 ms"), Result("a boot", 0.2, "s")]
    assert result.loads(result.dumps(found)) == found


def test_every_part_measures_and_is_in_the_readme() -> None:
    readme = (Path(result.__file__).parent / "README.md").read_text()
    assert tuple(re.findall(r"^\| `(\w+)` \| ", readme, re.MULTILINE)) == tuple(PARTS)
    for part in PARTS:
        assert callable(importlib.import_module(f"bench.{part}").measure)
