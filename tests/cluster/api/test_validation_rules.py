"""Kinds whose rules no recorded table asks about: what each refuses, in the words of the Go functions it models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.api.rules import Obj, errors_of

RULES: Obj = json.loads((Path(__file__).parents[2] / "testdata/api/rules.json").read_text())


@pytest.mark.parametrize("row", [pytest.param(row, id=row["name"]) for row in RULES["rows"]])
def test_what_is_wrong_is_told_in_order(row: Obj) -> None:
    assert errors_of(RULES["base"], row) == row["errors"]
