"""Where the recordings of a real Kubernetes are, on a machine that has them: K8SDOCS_REFERENCE, or beside the project.

What the tests need of them is kept in `tests/testdata/` (`keep.py` writes it), so none of this is needed to count; but
manifests that other people wrote are not part of this project, and what is judged by them is left out without them.
"""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).parents[2]
_PLACES = (PROJECT.parent / "shared" / "reference", PROJECT.parent.parent / "shared" / "reference")


def reference() -> Path | None:
    """The folder with `traces/`, `tables/` and `verdicts/`, if there is one."""
    given = os.environ.get("K8SDOCS_REFERENCE")
    for place in [Path(given), Path(given) / "reference"] if given else _PLACES:
        if (place / "traces").is_dir() or (place / "verdicts").is_dir():
            return place
    return None


def manifests() -> Path | None:
    """The folder with the manifests that the verdicts are about, if there is one."""
    found = reference()
    if found is None:
        return None
    return next((place for place in (found / "manifests", found.parent / "manifests") if place.is_dir()), None)
