"""Go expressions of a table that was read out of a test's source, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain(value: Any, names: Mapping[str, Any] | None = None) -> Any:
    """`$call` of a function that only makes a value of its argument is that argument; `$ident` and `$go` are looked up,
    or stay as their last word: `config.ProviderAKS` is "ProviderAKS"."""
    known = names or {}
    if isinstance(value, list):
        return [plain(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    if "$call" in value:
        arguments = plain(value.get("args") or [], known)
        return arguments[0] if len(arguments) == 1 else arguments
    for kind in ("$ident", "$go"):
        if kind in value:
            text = value[kind]
            return known.get(text, text.rpartition(".")[2])
    return {name: plain(one, known) for name, one in value.items() if name != "$type"}
