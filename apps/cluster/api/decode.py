"""Documents into objects: strict decoding, as the API server does it for `fieldValidation=Strict`.

What comes out is what Kubernetes would write back: fields in the kinds' own terms, zero values dropped or shown as Go's
`omitempty` has it, quantities in their canonical form. What is not a built-in kind passes through as it is.

Models      k8s.io/apimachinery/pkg/runtime/serializer/json, sigs.k8s.io/json (UnmarshalStrict), kubectl's sorted JSON
Leaves out  a missing kind's message is cut after 1,000 characters; times keep their own UTC text
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from apps.cluster.api import scheme
from apps.cluster.api.resource import ResourceInfo
from apps.cluster.api.schema import Field, Struct, Type, struct
from apps.cluster.api.schema import kind as struct_of_kind
from apps.cluster.apimachinery import quantity, status, timestamps
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import StatusError

MAX_STRICT_ERRORS = 100
MAX_QUOTED = 1000
VERSION_KIND = r'{ APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
TIME_LAYOUT = "2006-01-02T15:04:05Z07:00"


@dataclass(frozen=True, slots=True)
class Decoded:
    """An object, and what it is an object of."""

    obj: Obj
    info: ResourceInfo


class _TypeMismatch(Exception):
    """A value of the wrong JSON type; the message is Go's."""


class _Walk:
    """One decoding: the path so far, the first type error, and the unknown fields."""

    __slots__ = ("error", "fields", "owner", "path", "strict")

    def __init__(self) -> None:
        self.path: list[str] = []  # "spec", "containers", "[0]" … for unknown fields
        self.fields: list[str] = []  # "spec", "containers" … for Go's type errors
        self.owner = ""
        self.error = ""
        self.strict: dict[str, None] = {}

    def mismatch(self, value: Any, go: str) -> None:
        if self.error:
            return
        self.error = f"json: cannot unmarshal {_json_kind(value, go)} into Go {self._where()}of type {go}"

    def _where(self) -> str:
        return f"struct field {self.owner}.{'.'.join(self.fields)} " if self.owner else "value "

    def unknown(self, name: str) -> None:
        if len(self.strict) < MAX_STRICT_ERRORS:
            self.strict[
                f"unknown field {json.dumps('.'.join([*self.path, name]).replace('.[', '['), ensure_ascii=False)}"
            ] = None


def _json_kind(value: Any, go: str) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return f"number {number_text(value)}" if go in ("int32", "int64", "int", "uint32", "uint64") else "number"


def number_text(value: Any) -> str:
    """A number as Go's encoding/json writes it."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        return repr(value).replace("e-0", "e-")
    return str(value)


def decode(doc: Any, strict: list[str] | None = None) -> Decoded:
    """One document as an object of its kind. Fields it does not know go to `strict`, or without it are an error.

    Raises:
        StatusError: 400 BadRequest in the real server's words, 404 for what cannot be a kind.
    """
    if not isinstance(doc, dict):
        raise status.bad_request(
            f"couldn't get version/kind; json parse error: json: cannot unmarshal {_json_kind(doc, '')} into Go value"
            f" of type struct {VERSION_KIND}"
        )
    api_version, kind = doc.get("apiVersion"), doc.get("kind")
    for name, value in (("Kind", kind), ("apiVersion", api_version)):
        if not value:
            raise status.bad_request(f"Object '{name}' is missing in '{_quoted(doc)}'")
        if not isinstance(value, str):
            raise status.bad_request(
                f"couldn't get version/kind; json parse error: json: cannot unmarshal {_json_kind(value, 'string')}"
                f" into Go struct field .{name[0].lower()}{name[1:]} of type string"
            )
    assert isinstance(api_version, str)
    assert isinstance(kind, str)
    found = struct_of_kind(api_version, kind)
    if found is None and not scheme.may_be(api_version, kind):
        raise StatusError(404, "NotFound", f'no matches for kind "{kind[:100]}" in version "{api_version[:100]}"')
    info = scheme.info_for(api_version, kind)
    if found is None:
        return Decoded(_pass_through(doc, info, strict), info)
    return Decoded(typed(doc, found, kind, api_version, strict), info)


def typed(doc: Obj, found: Struct, kind: str, api_version: str, strict: list[str] | None = None) -> Obj:
    """A document read into a built-in kind's struct. Raises StatusError."""
    walk = _Walk()
    version = api_version.rpartition("/")[2]
    prefix = f'{kind} in version "{version}" cannot be handled as a {kind}: '
    try:
        obj = _struct(walk, found, doc)
    except _TypeMismatch as error:
        raise status.bad_request(prefix + str(error)) from None
    if walk.error:
        raise status.bad_request(prefix + walk.error)
    if walk.strict and strict is not None:
        strict += walk.strict
    elif walk.strict:
        raise status.bad_request(prefix + "strict decoding error: " + ", ".join(walk.strict))
    obj["apiVersion"], obj["kind"] = api_version, kind
    return obj


def roundtrip(obj: Obj) -> Obj:
    """An object as the server would write it back, whoever made it. For what is known to be well formed."""
    found = struct_of_kind(obj["apiVersion"], obj["kind"])
    return obj if found is None else typed(obj, found, obj["kind"], obj["apiVersion"])


def _quoted(doc: Obj) -> str:
    text = json.dumps(doc, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=str)
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "…"


def _pass_through(doc: Obj, info: ResourceInfo, strict: list[str] | None = None) -> Obj:
    """A kind that is not built in: only its metadata has a known shape."""
    metadata = doc.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise status.bad_request(
            f'{info.kind} in version "{info.version}" cannot be handled as a {info.kind}: json: cannot unmarshal'
            f" {_json_kind(metadata, '')} into Go struct field .metadata of type v1.ObjectMeta"
        )
    walk = _Walk()
    walk.path, walk.fields, walk.owner = ["metadata"], ["metadata"], info.kind
    try:
        clean = _struct(walk, struct("meta", "ObjectMeta"), metadata or {})
    except _TypeMismatch as error:
        walk.error = walk.error or str(error)
    if strict is not None:
        strict += walk.strict
        walk.strict = {}
    problem = walk.error or ("strict decoding error: " + ", ".join(walk.strict) if walk.strict else "")
    if problem:
        raise StatusError(
            400,
            "BadRequest",
            f'{info.kind} in version "{info.version}" cannot be handled as a {info.kind}: {problem}',
        )
    return {**{name: value for name, value in doc.items() if value is not None}, "metadata": clean}


def _struct(walk: _Walk, found: Struct, value: Obj) -> Obj:
    """A JSON object read into a struct: known fields converted, zero values as Go writes them."""
    result: Obj = {}
    by_json = found.by_json
    owner, depth, path_depth = walk.owner, len(walk.fields), len(walk.path)
    for name in sorted(value):
        field = by_json.get(name)
        if field is None:
            walk.unknown(str(name))
            continue
        walk.owner = found.name
        embedded = _embedded_in(found, name)
        if embedded:
            walk.fields.append(embedded)
        walk.fields.append(name)
        walk.path.append(name)
        item = value[name]
        if item is not None:
            converted = _value(walk, field.type, item)
            if converted is not None and not (field.omitempty and _empty(field.type, converted)):
                result[name] = converted
        del walk.fields[depth:], walk.path[path_depth:]
    walk.owner = owner
    for field in found.present:
        if field.json not in result:
            result[field.json] = zero(field.type)
    for field in _always(found):
        if field.json not in result:
            result[field.json] = zero(field.type)
    return result


_EMBEDDED: dict[tuple[str, str, str], str] = {}


def _embedded_in(found: Struct, name: str) -> str:
    """The Go name of the embedded struct that holds a JSON field, which Go puts into the path of its type errors."""
    key = (found.table, found.name, name)
    known = _EMBEDDED.get(key)
    if known is None:
        known = ""
        for field in found.fields:
            if field.embedded:
                inner = field.type.elem if field.type.kind == "ptr" else field.type
                assert inner is not None
                if name in inner.struct.by_json:
                    known = field.go
        _EMBEDDED[key] = known
    return known


_ALWAYS: dict[tuple[str, str], tuple[Field, ...]] = {}


def _always(found: Struct) -> tuple[Field, ...]:
    """Fields that Go writes in spite of omitempty, because a struct is never empty to encoding/json."""
    key = (found.table, found.name)
    fields = _ALWAYS.get(key)
    if fields is None:
        kinds = ("struct", "Quantity", "IntOrString")
        fields = _ALWAYS[key] = tuple(
            field
            for field in found.by_json.values()
            if field.omitempty and not field.omitzero and field.type.kind in kinds
        )
    return fields


def zero(kind: Type) -> Any:
    """What Go writes for a field that was never set."""
    match kind.kind:
        case "string":
            return ""
        case "bool":
            return False
        case "int" | "float" | "IntOrString":
            return 0
        case "Quantity":
            return "0"
        case "struct":
            return _struct(_Walk(), kind.struct, {})
        case "Duration":
            return "0s"
        case _:
            return None


def _empty(kind: Type, value: Any) -> bool:
    match kind.kind:
        case "string" | "int" | "float" | "slice" | "map" | "bytes":
            return not value
        case "bool":
            return value is False
        case _:
            return False


def _value(walk: _Walk, kind: Type, value: Any) -> Any:
    """One value that is not null, read into a Go type; None when it does not fit (the first misfit is noted)."""
    what = kind.kind
    if what == "ptr":
        assert kind.elem is not None
        return _value(walk, kind.elem, value)
    if what == "string":
        if isinstance(value, str):
            return value
    elif what == "struct":
        if isinstance(value, dict):
            return _struct(walk, kind.struct, value)
    elif what == "slice":
        if isinstance(value, list):
            return _slice(walk, kind, value)
    elif what == "map":
        if isinstance(value, dict):
            return _map(walk, kind, value)
    elif what == "int":
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(whole, int) and not isinstance(whole, bool) and _fits(whole, kind):
            return whole
    elif what == "bool":
        if isinstance(value, bool):
            return value
    elif what == "float":
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    else:
        return _leaf(walk, kind, value)
    walk.mismatch(value, kind.go)
    return None


def _fits(value: int, kind: Type) -> bool:
    return 0 <= value < 1 << kind.bits if kind.bits in (32, 64) else -(1 << kind.bits) <= value < 1 << kind.bits


def _slice(walk: _Walk, kind: Type, value: list[Any]) -> list[Any]:
    assert kind.elem is not None
    result = []
    for index, item in enumerate(value):
        walk.path.append(f"[{index}]")
        result.append(zero(kind.elem) if item is None else _value(walk, kind.elem, item))
        walk.path.pop()
    return result


def _map(walk: _Walk, kind: Type, value: Obj) -> Obj:
    assert kind.elem is not None
    result = {}
    resources = kind.go == "v1.ResourceList"
    for name in sorted(value, key=str):
        walk.path.append(str(name))
        item = value[name]
        converted = zero(kind.elem) if item is None else _value(walk, kind.elem, item)
        if resources and converted is not None:
            converted = quantity.canonical_resource(converted)
        result[str(name)] = converted
        walk.path.pop()
    return result


def _leaf(walk: _Walk, kind: Type, value: Any) -> Any:
    """The types that read themselves."""
    match kind.kind:
        case "Quantity":
            text = value if isinstance(value, str) else number_text(value)
            if isinstance(value, bool | dict | list):
                raise _TypeMismatch(quantity.FORMAT_WRONG)
            try:
                return quantity.canonical(text)
            except quantity.InvalidQuantity as error:
                raise _TypeMismatch(str(error)) from None
        case "IntOrString":
            if isinstance(value, str):
                return value
            whole = int(value) if isinstance(value, float) and value.is_integer() else value
            if isinstance(whole, int) and not isinstance(whole, bool) and -(1 << 31) <= whole < 1 << 31:
                return whole
            walk.mismatch(value, "int32")
            raise _TypeMismatch(walk.error)
        case "Time" | "MicroTime":
            if not isinstance(value, str):
                walk.mismatch(value, "string")
                raise _TypeMismatch(walk.error)
            return _time(kind, value)
        case "bytes":
            if not isinstance(value, str):
                walk.mismatch(value, kind.go)
                return None
            return _base64(walk, value)
        case "Duration":
            if not isinstance(value, str):
                walk.mismatch(value, "string")
                raise _TypeMismatch(walk.error)
            return value
        case _:
            return value


def _time(kind: Type, value: str) -> str:
    if not value:
        return value
    try:
        ms = timestamps.parse(value)
    except ValueError:
        raise _TypeMismatch(f'parsing time "{value}" as "{TIME_LAYOUT}": cannot parse "{value}" as "2006"') from None
    if value.endswith("Z"):
        return value
    return timestamps.format_micro(ms) if kind.kind == "MicroTime" else timestamps.format_ms(ms)


def _base64(walk: _Walk, value: str) -> str | None:
    compact = value.replace("\n", "").replace("\r", "")
    try:
        return base64.b64encode(base64.b64decode(compact, validate=True)).decode()
    except (binascii.Error, ValueError):
        if not walk.error:
            walk.error = f"illegal base64 data at input byte {_bad_byte(compact)}"
        return None


def _bad_byte(value: str) -> int:
    """Where Go's decoder gives up: the first byte outside the alphabet, else the end of a group that is too short."""
    alphabet = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    for index, letter in enumerate(value):
        if letter not in alphabet:
            return index
    return len(value) // 4 * 4
