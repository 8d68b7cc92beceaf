"""What `kubectl explain` says of types and fields: our own sentences, in the TOML files of `words/`.

A file is an API group; a table is a type; `_` in it is the type itself, every other key a field. `meta.toml` has the
fields that mean the same everywhere (`[any]`), and in every condition (`[condition]`).
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent / "words"
NONE = "See the Kubernetes API reference."
META = "meta"
FILES = {
    "apimachinery": META,
    "apiextensions-apiserver": "apiextensions",
    "kube-aggregator": "apiregistration",
    "metrics": "metrics",
}
# Two versions of a group whose types are not the same have a file each.
VERSIONED = {"autoscaling"}


@cache
def _file(stem: str) -> dict[str, dict[str, str]]:
    path = HERE / f"{stem}.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def _table(name: str) -> dict[str, str]:
    parts = name.removeprefix("io.k8s.").split(".")
    stem = parts[1] if parts[0] == "api" and len(parts) > 1 else FILES.get(parts[0], "")
    if stem in VERSIONED:
        stem += parts[2]
    return _file(stem).get(parts[-1], {})


def about(name: str) -> str:
    """What a type is; "" when there is nothing to say that its fields do not."""
    found = _table(name).get("_", "")
    if not found and name.endswith("List"):
        item = name.rpartition(".")[2].removesuffix("List")
        return f"A list of {item} objects."
    return found


def about_field(owner: str, field: str) -> str:
    """What a field says.

    >>> about_field("io.k8s.api.core.v1.PodCondition", "status")
    'Whether it holds: True, False or Unknown.'
    """
    found = _table(owner).get(field, "")
    if found:
        return found
    shared = _file(META)
    tables = ["any"]
    if owner.endswith("Condition"):
        tables.insert(0, "condition")
    elif owner.endswith("List"):
        tables.insert(0, "list")
    return next((told for table in tables if (told := shared[table].get(field))), NONE)


def types(stem: str) -> dict[str, dict[str, str]]:
    """All that a file says, for those who check it."""
    return _file(stem)
