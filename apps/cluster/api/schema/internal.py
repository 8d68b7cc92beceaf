"""Objects as the server's own structs print as JSON: Go's field names in Go's order, every field, the zero ones too.

Messages that show a struct show it so, and so does the difference that closes a message about an immutable spec:

    {"Key":"gpu","Operator":"Exists","Value":"","Effect":"NoSchedule","TolerationSeconds":null}

Models      pkg/apis/*/types.go, pkg/apis/core/v1/conversion.go (the flags of a Pod's host in its security context)
Leaves out  nothing
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

from apps.cluster.api.schema import HERE, Field, Struct, Type, struct
from apps.cluster.apimachinery.meta import EMPTY, Obj

# In the server's types these stand in the security context, in the API's beside it.
HOST_FLAGS = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")


class Line(NamedTuple):
    """One field of an internal struct, and the field of the API that fills it."""

    name: str
    pointer: bool
    json: str
    type: Type | None
    embedded: str


@cache
def tables() -> dict[str, dict[str, list[str]]]:
    loaded: dict[str, dict[str, list[str]]] = json.loads((HERE / "internal.json").read_text())
    return loaded


def _by_go(found: Struct) -> dict[str, Field]:
    return {field.go: field for field in found.fields}


def _base(kind: Type) -> Type:
    while kind.kind == "ptr":
        assert kind.elem is not None
        kind = kind.elem
    return kind


@cache
def lines(group: str, name: str) -> tuple[Line, ...]:
    known = _by_go(struct(group, name))
    found = []
    for text in tables()[group][name]:
        go, _, kind = text.partition(" ")
        if not kind:
            found.append(Line("", False, "", None, go))
        elif go in known:
            found.append(Line(go, kind.startswith("*"), known[go].json, _base(known[go].type), ""))
        else:  # a flag of the host, which `_pod_spec` puts where it belongs, or what no version of the API has any more
            flag = go[0].lower() + go[1:]
            own = Type("int" if "int" in kind else "bool", kind.lstrip("*"))
            found.append(Line(go, kind.startswith("*"), flag, own, ""))
    return tuple(found)


def written(name: str, obj: Obj | None, group: str = "core") -> dict[str, Any] | None:
    """`obj` (of the API) as the internal struct of that name prints; nothing stays nothing."""
    if obj is None:
        return None
    if name == "PodSpec":
        obj = _pod_spec(obj)
    shown: dict[str, Any] = {}
    for line in lines(group, name):
        if line.embedded:
            shown.update(_embedded(line.embedded, obj, group))
            continue
        value = obj.get(line.json)
        assert line.type is not None
        shown[line.name] = None if value is None and line.pointer else _value(line.type, value)
    return shown


def _embedded(name: str, obj: Obj, group: str) -> dict[str, Any]:
    short = name.removeprefix("*").rpartition(".")[2]
    if short == "TypeMeta":
        return {field: obj[field] for field in ("kind", "apiVersion") if obj.get(field)}
    if short == "ObjectMeta":
        found = api_order(struct("meta", "ObjectMeta"), obj.get("metadata") or EMPTY)
        return {"metadata": found}
    return written(short, obj, group) or {}


def _pod_spec(spec: Obj) -> Obj:
    flags = {flag: spec[flag] for flag in HOST_FLAGS if spec.get(flag) is not None}
    return {**spec, "securityContext": {**(spec.get("securityContext") or EMPTY), **flags}}


def _value(kind: Type, value: Any) -> Any:
    what = kind.kind
    if what == "struct":
        table, name = kind.struct_ref or ("", "")
        if name in tables().get(table, ()):
            return written(name, value or EMPTY, table)
        return api_order(kind.struct, value or EMPTY)
    if what == "slice":
        if value is None:
            return None
        assert kind.elem is not None
        return [_value(kind.elem, one) for one in value]
    if what == "map":
        if value is None:
            return None
        assert kind.elem is not None
        return {key: _value(kind.elem, value[key]) for key in sorted(value)}
    if value is not None:
        return value
    return {"string": "", "bool": False, "int": 0, "float": 0, "Quantity": "0", "IntOrString": 0}.get(what)


def api_order(found: Struct, obj: Obj) -> dict[str, Any]:
    """An object of a type whose Go fields have JSON names: those, in Go's order, the empty ones left out."""
    shown: dict[str, Any] = {}
    for field in found.by_json.values():
        value = obj.get(field.json)
        base = _base(field.type)
        if value is None and (field.omitempty or field.omitzero or field.json == "creationTimestamp"):
            continue
        if field.omitempty and value in ("", [], {}, 0) and field.type.kind != "ptr" and base.kind != "struct":
            continue
        if base.kind == "struct" and value is not None:
            shown[field.json] = api_order(base.struct, value)
        elif base.kind == "slice" and base.elem is not None and base.elem.kind == "struct" and value is not None:
            shown[field.json] = [api_order(base.elem.struct, one) for one in value]
        elif base.kind == "map" and value is not None:
            shown[field.json] = {key: value[key] for key in sorted(value)}
        elif value is None and field.type.kind != "ptr":
            shown[field.json] = _value(base, None)
        else:
            shown[field.json] = value
    return shown
