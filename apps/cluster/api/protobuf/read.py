"""Messages into JSON-shaped objects: what Go's JSON would show of the struct that the bytes fill.

Models      the Unmarshal methods of generated.pb.go, and encoding/json of what they fill
Leaves out  nothing
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from apps.cluster.api.protobuf import tables
from apps.cluster.api.protobuf.leaves import LEAVES
from apps.cluster.api.protobuf.tables import Field, Message
from apps.cluster.api.protobuf.wire import FIXED64, LENGTH, VARINT, Malformed, signed, tags, varint

Obj = dict[str, Any]
MAX_DEPTH = 120
ZEROS: dict[str, Any] = {"string": "", "bool": False, "double": 0}
SCHEMA_OR = {
    "SchemaOrArray": {1: "schema", 2: "list"},
    "SchemaOrBool": {1: "allows", 2: "schema"},
    "SchemaOrStringArray": {1: "schema", 2: "texts"},
}


def message(table: Message, data: bytes, at: int, end: int, depth: int = 0) -> Obj:
    """The fields of one message.

    Raises:
        Malformed: it is none.
    """
    out: Obj = {}
    fill(out, table, data, at, end, depth)
    return out


def fill(out: Obj, table: Message, data: bytes, at: int, end: int, depth: int) -> None:
    """Read a message into an object that may have some of it already: what comes twice is merged, as Go does it."""
    if depth > MAX_DEPTH:
        raise Malformed("exceeded max depth")
    fields = table.fields
    for number, wire, start, after in tags(data, at, end, table.name):
        field = fields.get(number)
        if field is None:
            continue
        name = field.json
        if field.shape == "map:":
            _entry(out.setdefault(name, {}), field, data, start, after, depth, wire)
        elif field.shape == "[]":
            _element(out.setdefault(name, []), field, data, start, after, depth, wire)
        elif field.stem:
            _expect(field, wire, LENGTH)
            below = tables.message(field.stem, field.kind)
            fill(out.setdefault(name, {}) if name else out, below, data, start, after, depth + 1)
        else:
            value = _single(field, data, start, after, depth, wire)
            if value is None or (field.zero == "o" and not value):
                out.pop(name, None)
            else:
                out[name] = value
    for field in table.written:
        if field.json not in out:
            out[field.json] = ZEROS.get(field.kind, 0)


def _expect(field: Field, wire: int, wanted: int) -> None:
    if wire != wanted:
        raise Malformed(f"proto: wrong wireType = {wire} for field {field.go}")


def _single(field: Field, data: bytes, start: int, after: int, depth: int, wire: int) -> Any:
    """One value of a scalar or a leaf; None when there is nothing to show."""
    kind = field.kind
    if kind in ("string", "bytes"):
        _expect(field, wire, LENGTH)
        return _text(kind, data[start:after])
    if kind == "double":
        _expect(field, wire, FIXED64)
        number: float = struct.unpack_from("<d", data, start)[0]
        return int(number) if number.is_integer() else number
    leaf = LEAVES.get(kind)
    if leaf is not None:
        _expect(field, wire, LENGTH)
        return leaf(data, start, after)
    if kind in SCHEMA_OR:
        _expect(field, wire, LENGTH)
        return _schema_or(kind, data, start, after, depth + 1)
    _expect(field, wire, VARINT)
    return _number(kind, varint(data, start, after)[0])


def _text(kind: str, value: bytes) -> str:
    return value.decode("utf-8", "replace") if kind == "string" else base64.b64encode(value).decode()


def _number(kind: str, value: int) -> int | bool:
    if kind == "bool":
        return value != 0
    if kind.startswith("u"):
        return value & (0xFFFFFFFF if kind == "uint32" else 0xFFFFFFFFFFFFFFFF)
    return signed(value, 32 if kind == "int32" else 64)


def _element(out: list[Any], field: Field, data: bytes, start: int, after: int, depth: int, wire: int) -> None:
    """One more of a list; numbers may come packed, many in one."""
    if field.stem:
        _expect(field, wire, LENGTH)
        out.append(message(tables.message(field.stem, field.kind), data, start, after, depth + 1))
    elif wire == LENGTH and field.kind in ("int32", "int64", "uint32", "uint64", "bool"):
        while start < after:
            value, start = varint(data, start, after)
            out.append(_number(field.kind, value))
    else:
        out.append(_single(field, data, start, after, depth, wire))


def _entry(out: Obj, field: Field, data: bytes, start: int, after: int, depth: int, wire: int) -> None:
    """One entry of a map: a message of key (1) and value (2)."""
    _expect(field, wire, LENGTH)
    key, value = "", ZEROS.get(field.kind)
    if field.stem:
        value = message(tables.message(field.stem, field.kind), b"", 0, 0, depth + 1)
    elif field.kind in LEAVES:
        value = LEAVES[field.kind](b"", 0, 0)
    elif field.kind == "bytes":
        value = ""
    for number, kind, at, end in tags(data, start, after, field.go):
        if number == 1:
            _expect(field, kind, LENGTH)
            key = data[at:end].decode("utf-8", "replace")
        elif number == 2 and field.stem:
            value = message(tables.message(field.stem, field.kind), data, at, end, depth + 1)
        elif number == 2:
            value = _single(field, data, at, end, depth, kind)
    out[key] = value


def _schema_or(kind: str, data: bytes, start: int, after: int, depth: int) -> Any:
    """A schema, or the list, the flag or the texts that may stand in its place."""
    names = SCHEMA_OR[kind]
    props = tables.message("apiextensions", "JSONSchemaProps")
    schema: Obj | None = None
    many: list[Any] = []
    allows = False
    for number, wire, at, end in tags(data, start, after, f"JSONSchemaPropsOr{kind.removeprefix('SchemaOr')}"):
        what = names.get(number)
        if what == "schema" and wire == LENGTH:
            schema = message(props, data, at, end, depth)
        elif what == "list" and wire == LENGTH:
            many.append(message(props, data, at, end, depth))
        elif what == "texts" and wire == LENGTH:
            many.append(data[at:end].decode("utf-8", "replace"))
        elif what == "allows" and wire == VARINT:
            allows = varint(data, at, end)[0] != 0
    if many:
        return many
    return schema if schema is not None or kind != "SchemaOrBool" else allows
