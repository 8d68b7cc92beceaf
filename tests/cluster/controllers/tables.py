"""Tables of facts from Kubernetes' own unit tests, as pytest parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TESTDATA = Path(__file__).parents[2] / "testdata" / "controllers"


def cases(topic: str, test: str, table: str = "") -> list[Any]:
    """The rows of one upstream test (of one of its tables), each a parameter named after the row."""
    rows = json.loads((TESTDATA / f"{topic}.json").read_text())["tables"][test]["cases"]
    return [
        pytest.param(row, id=str(row.get("name") or row.get("Name") or f"row {number}"))
        for number, row in enumerate(rows)
        if not table or row["_table"] == table
    ]


def seconds(text: str) -> int:
    """A Go duration of whole seconds, in milliseconds."""
    assert text.endswith("s"), text
    return int(text[:-1]) * 1000


def whole(obj: dict[str, Any]) -> dict[str, Any]:
    """The object with the sections that the tables leave out when empty."""
    return {"metadata": {}, "spec": {}, "status": {}, **obj}
