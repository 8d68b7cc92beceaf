"""Facts recorded from Kubernetes 1.36, for the tests of the API kinds: `rows(name)`."""

import json
from pathlib import Path
from typing import Any


def rows(name: str) -> list[Any]:
    """The rows of one table."""
    return json.loads((Path(__file__).parent / f"{name}.json").read_text())["rows"]
