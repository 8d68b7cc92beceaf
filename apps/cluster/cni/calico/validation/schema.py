"""Fields of Calico's resources, each with what its tags say; read once, then asked of objects.

A field is written as `type tags | tags`: the tags of the library's validator, and after the bar those of the custom
resource definition, which only whole resources are held against. `type?` may be left out; `[type]` is a list; tags
with `each:` are about its entries. A tag is a format (`formats.py`), a bound (`>=1`, `len<=253`, `items<=10`),
`enum=A/B`, `pattern=name` or `required`.

Models      the struct tags and kubebuilder markers of api/pkg/apis/projectcalico/v3, and what reads them
Leaves out  fields that there are not (the API server drops them); the types of values
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from apps.cluster.cni.calico.validation import bgp_fields, felix_fields, nodes_fields, policy_fields
from apps.cluster.cni.calico.validation.formats import FORMATS, PATTERNS

TYPES: dict[str, dict[str, str]] = {
    **policy_fields.TYPES,
    **bgp_fields.TYPES,
    **felix_fields.TYPES,
    **nodes_fields.TYPES,
}
_ZERO: dict[str, Any] = {"string": "", "int": 0, "float": 0, "bool": False, "map": {}}
_BOUND = re.compile(r"(len|items|props)?([<>]=?)(-?\d+)")


class Problem(NamedTuple):
    """What is wrong with a field, as Calico's client says it."""

    field: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"error with field {self.field} = '{self.value}' ({self.reason})"


class Field(NamedTuple):
    name: str
    kind: str
    listed: bool
    optional: bool
    tags: tuple[str, ...]
    schema: tuple[str, ...]


@cache
def fields_of(type_: str) -> tuple[Field, ...]:
    found = []
    for name, text in TYPES[type_].items():
        told, _, schema = text.partition(" | ")
        kind, *tags = told.split(" ")
        optional = kind.endswith("?")
        bare = kind.rstrip("?")
        found.append(Field(name, bare.strip("[]"), bare.startswith("["), optional, tuple(tags), tuple(schema.split())))
    return tuple(found)


def problems(type_: str, obj: dict[str, Any], at: str = "", *, whole: bool = True) -> Iterator[tuple[str, str, Any]]:
    """Every value inside an object that has a type of its own, as (type, path, value); before it, `Problem`s as
    ("", path, problem)."""
    yield type_, at, obj
    for field in fields_of(type_):
        path = f"{at}.{field.name}".strip(".")
        if not field.name:  # what is said of the object itself
            yield from _wrong(field.schema if whole else (), obj, at)
            continue
        given = field.name in obj and obj[field.name] is not None
        value = obj[field.name] if given else ([] if field.listed else _ZERO.get(field.kind, {}))
        if (given and value not in ("", [], {})) or not field.optional:
            yield from _wrong(field.tags, value, path, of_list=field.listed)
        if whole and (given or "required" in field.schema):
            yield from _wrong(field.schema, value, path, of_list=field.listed)
        if given or (not field.optional and field.kind in TYPES and not field.listed):
            yield from _inside(field, value, path, whole=whole)


def _inside(field: Field, value: Any, path: str, *, whole: bool) -> Iterator[tuple[str, str, Any]]:
    entries = [(f"{path}[{at}]", one) for at, one in enumerate(value)] if field.listed else [(path, value)]
    for place, one in entries:
        if field.kind in TYPES:
            yield from problems(field.kind, one, place, whole=whole)
        elif field.kind in ("Port", "Protocol", "DSCP"):
            yield field.kind, place, one


def _wrong(tags: tuple[str, ...], value: Any, path: str, *, of_list: bool = False) -> Iterator[tuple[str, str, Any]]:
    for tag in tags:
        if tag.startswith("each:"):
            for at, one in enumerate(value if of_list else ()):
                if not passes(tag.removeprefix("each:"), one):
                    yield "", f"{path}[{at}]", Problem(f"{path}[{at}]", one, _reason(path, tag))
        elif not passes(tag, value):
            yield "", path, Problem(path, value, _reason(path, tag))


def _reason(path: str, tag: str) -> str:
    return f"Reason: failed to validate Field: {path.rpartition('.')[2]} because of Tag: {tag.removeprefix('each:')} "


def passes(tag: str, value: Any) -> bool:
    """Whether a value has what a tag asks for."""
    if tag == "required":
        return value not in (None, "", [], {})
    if tag in FORMATS:
        return FORMATS[tag](value)
    if tag.startswith("enum="):
        return str(value) in tag.removeprefix("enum=").split("/")
    if tag.startswith("pattern="):
        return PATTERNS[tag.removeprefix("pattern=")].fullmatch(value) is not None
    match = _BOUND.fullmatch(tag)
    assert match is not None, tag
    size, bound = (len(value) if match[1] else value), int(match[3])
    return {"<": size < bound, "<=": size <= bound, ">": size > bound, ">=": size >= bound}[match[2]]
