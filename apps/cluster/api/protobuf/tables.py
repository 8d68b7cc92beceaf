"""Which fields a message has: the JSON files of `messages/`, each read when a kind of its group is first asked for."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from apps.cluster.api.schema import API_VERSIONS

HERE = Path(__file__).parent / "messages"
STEMS = {**API_VERSIONS, "apiregistration.k8s.io/v1": "apiregistration", "apiextensions.k8s.io/v1": "apiextensions"}
# Kinds of meta/v1 that every group has as its own.
EVERYWHERE = frozenset({"DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "GetOptions", "ListOptions"})


class Field(NamedTuple):
    """One field. `json` is "" where what it holds is inlined; `shape` is "", "[]" or "map:"."""

    json: str
    go: str
    shape: str
    kind: str  # a scalar, a leaf, or the name of a message
    stem: str  # the file of that message; "" of a scalar or a leaf
    zero: str  # what JSON does with a zero: "o" leaves it out, "z" always writes it, "-" neither


class Message(NamedTuple):
    name: str
    fields: dict[int, Field]
    written: tuple[Field, ...]  # those of which JSON writes the zero


@cache
def _file(stem: str) -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = json.loads((HERE / f"{stem}.json").read_text())
    return loaded


@cache
def message(stem: str, name: str) -> Message:
    fields = {}
    for line in _file(stem)[name]:
        number, names, kind, zero = line.split(" ")
        json_name, _, go = names.partition(":")
        shape = "[]" if kind.startswith("[]") else "map:" if kind.startswith("map:") else ""
        kind = kind.removeprefix(shape)
        owner, _, base = kind.rpartition(".")
        held = owner or (stem if base in _file(stem) else "")
        go = go or json_name[:1].upper() + json_name[1:]
        fields[int(number)] = Field(json_name.rstrip(","), go, shape, base, held, zero)
    return Message(name, fields, tuple(field for field in fields.values() if field.zero == "z"))


def of_kind(api_version: str, kind: str) -> Message | None:
    """The message of a kind that has one.

    >>> of_kind("apps/v1", "Deployment").fields[2].kind
    'DeploymentSpec'
    """
    stem = "meta" if kind in EVERYWHERE or (api_version, kind) == ("v1", "Status") else STEMS.get(api_version, "")
    return message(stem, kind) if stem and kind in _file(stem) else None
