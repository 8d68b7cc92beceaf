"""Definitions as JSON schemas, in OpenAPI v3 and in v2.

Models      k8s.io/kube-openapi pkg/builder3 and pkg/builder (the schemas), pkg/schemaconv
Leaves out  nothing
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apps.cluster.api.openapi.definitions import META, PLAIN, PLAIN_V2, Definition, Field, definition
from apps.cluster.api.openapi.words import NONE, about, about_field

Obj = dict[str, Any]
REF_V3 = "#/components/schemas/"
REF_V2 = "#/definitions/"
SCALARS: dict[str, Obj] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "int32": {"format": "int32", "type": "integer"},
    "int64": {"format": "int64", "type": "integer"},
    "double": {"format": "double", "type": "number"},
    "byte": {"format": "byte", "type": "string"},
}
# Kinds of meta/v1 that every group has as its own.
EVERYWHERE = {f"{META}DeleteOptions": "DeleteOptions", f"{META}WatchEvent": "WatchEvent"}
Kinds = list[Obj]


def below(kind: str) -> str:
    """The definition that a type leads to; "" when it leads to none."""
    kind = kind.lstrip("[]{}")
    return kind if "." in kind else ""


def closure(names: Iterable[str]) -> list[str]:
    """The definitions named and all that they lead to, by name."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name not in PLAIN:
            waiting += [leads for field in definition(name).fields if (leads := below(field.kind))]
    return sorted(found)


def schema(name: str, v2: bool = False, groups: Kinds | None = None) -> Obj:
    """One definition. `groups` are the groups and versions that have the kinds of meta/v1 as their own."""
    described = about(name)
    words = {"description": described} if described else {}
    if name in PLAIN:
        plain = PLAIN_V2.get(name) if v2 else None
        return {**words, **(plain or PLAIN[name])}
    found = definition(name)
    out: Obj = words or ({"description": NONE} if found.kind is not None else {})
    out["properties"] = {field.name: _property(found, field, v2) for field in sorted(found.fields)}
    required = [field.name for field in found.fields if field.required]
    if required:
        out["required"] = required
    out["type"] = "object"
    everywhere = EVERYWHERE.get(name)
    if found.kind is not None:
        group, version, kind = found.kind
        out["x-kubernetes-group-version-kind"] = [{"group": group, "kind": kind, "version": version}]
    elif everywhere and groups:
        out["x-kubernetes-group-version-kind"] = [
            {"group": one["group"], "kind": everywhere, "version": one["version"]} for one in groups
        ]
    out.update(found.extensions)
    return out


def _property(owner: Definition, field: Field, v2: bool) -> Obj:
    out: Obj = {}
    described = about_field(owner.name, field.name)
    if described:
        out["description"] = described
    if field.default and not v2:
        out["default"] = json.loads(field.default)
    inner = _type(field, field.kind, v2)
    if "$ref" in inner and out and not v2:
        inner = {"allOf": [inner]}
    out.update(inner)
    out.update(field.extensions)
    return out


def _type(field: Field, kind: str, v2: bool) -> Obj:
    if kind.startswith("[]"):
        return {"items": _type(field, kind[2:], v2), "type": "array"}
    if kind.startswith("{}"):
        return {"additionalProperties": _type(field, kind[2:], v2), "type": "object"}
    if "." in kind:
        return {"$ref": (REF_V2 if v2 else REF_V3) + kind}
    return {**SCALARS[kind], "enum": list(field.values)} if field.values else SCALARS[kind]
