"""What `kubectl explain` says of types and fields: our own sentences, in the TOML files of `words/`.

A file is an API group; a table is a type; `_` in it is the type itself, every other key a field. `[any]` has the
fields that most kinds share.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent / "words"
NONE = "See the Kubernetes API reference."
FILES = {
    "apimachinery": "meta",
    "apiextensions-apiserver": "apiextensions",
    "kube-aggregator": "apiregistration",
}


@cache
def _file(stem: str) -> dict[str, dict[str, str]]:
    path = HERE / f"{stem}.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


def _table(name: str) -> dict[str, str]:
    parts = name.removeprefix("io.k8s.").split(".")
    stem = parts[1] if parts[0] == "api" else FILES.get(parts[0], parts[0])
    if stem == "autoscaling":
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
    """What a field says."""
    found = _table(owner).get(field, "")
    if found:
        return found
    if field in ("apiVersion", "kind", "metadata", "items"):
        key = "listMetadata" if field == "metadata" and owner.endswith("List") else field
        return _file("meta").get("any", {}).get(key, NONE)
    return NONE
