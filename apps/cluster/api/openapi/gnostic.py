"""A document of OpenAPI v2 in protobuf, the form in which client-go asks for it.

Models      github.com/google/gnostic-models openapiv2 (OpenAPIv2.proto)
Leaves out  nothing that our documents have
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

Obj = dict[str, Any]
# message -> key -> number and type: s text, b flag, i number, d fraction, Any, or a message; [] a list of them.
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Document": {
        "swagger": (1, "s"),
        "info": (2, "Info"),
        "paths": (8, "Paths"),
        "definitions": (9, "Definitions"),
        "security": (12, "[]SecurityRequirement"),
        "securityDefinitions": (13, "SecurityDefinitions"),
    },
    "Info": {"title": (1, "s"), "version": (2, "s"), "description": (3, "s")},
    "PathItem": {
        "get": (2, "Operation"),
        "put": (3, "Operation"),
        "post": (4, "Operation"),
        "delete": (5, "Operation"),
        "options": (6, "Operation"),
        "head": (7, "Operation"),
        "patch": (8, "Operation"),
        "parameters": (9, "[]ParametersItem"),
    },
    "Operation": {
        "tags": (1, "[]s"),
        "description": (3, "s"),
        "operationId": (5, "s"),
        "produces": (6, "[]s"),
        "consumes": (7, "[]s"),
        "parameters": (8, "[]ParametersItem"),
        "responses": (9, "Responses"),
        "schemes": (10, "[]s"),
    },
    "BodyParameter": {
        "description": (1, "s"),
        "name": (2, "s"),
        "in": (3, "s"),
        "required": (4, "b"),
        "schema": (5, "Schema"),
    },
    "QueryParameter": {
        "required": (1, "b"),
        "in": (2, "s"),
        "description": (3, "s"),
        "name": (4, "s"),
        "type": (6, "s"),
        "uniqueItems": (20, "b"),
    },
    "PathParameter": {
        "required": (1, "b"),
        "in": (2, "s"),
        "description": (3, "s"),
        "name": (4, "s"),
        "type": (5, "s"),
        "uniqueItems": (19, "b"),
    },
    "Response": {"description": (1, "s"), "schema": (2, "SchemaItem")},
    "ApiKeySecurity": {"type": (1, "s"), "name": (2, "s"), "in": (3, "s"), "description": (4, "s")},
    "ExternalDocs": {"description": (1, "s"), "url": (2, "s")},
    "Schema": {
        "$ref": (1, "s"),
        "format": (2, "s"),
        "title": (3, "s"),
        "description": (4, "s"),
        "default": (5, "Any"),
        "multipleOf": (6, "d"),
        "maximum": (7, "d"),
        "exclusiveMaximum": (8, "b"),
        "minimum": (9, "d"),
        "exclusiveMinimum": (10, "b"),
        "maxLength": (11, "i"),
        "minLength": (12, "i"),
        "pattern": (13, "s"),
        "maxItems": (14, "i"),
        "minItems": (15, "i"),
        "uniqueItems": (16, "b"),
        "maxProperties": (17, "i"),
        "minProperties": (18, "i"),
        "required": (19, "[]s"),
        "enum": (20, "[]Any"),
        "additionalProperties": (21, "AdditionalPropertiesItem"),
        "type": (22, "TypeItem"),
        "items": (23, "ItemsItem"),
        "allOf": (24, "[]Schema"),
        "properties": (25, "Properties"),
        "externalDocs": (29, "ExternalDocs"),
        "example": (30, "Any"),
    },
}
# The number under which a message has its x-… extensions.
EXTENSIONS = {
    "Document": 16,
    "PathItem": 10,
    "Operation": 13,
    "BodyParameter": 6,
    "QueryParameter": 23,
    "PathParameter": 22,
    "Response": 5,
    "Schema": 31,
}
# Maps: the number of their entries, and what an entry's value is.
MAPS = {
    "Paths": (2, "PathItem"),
    "Definitions": (1, "Schema"),
    "Properties": (1, "Schema"),
    "Responses": (1, "ResponseValue"),
    "SecurityDefinitions": (1, "SecurityDefinitionsItem"),
    "SecurityRequirement": (1, "StringArray"),
}


def encode(document: Obj) -> bytes:
    """A whole document."""
    return _message("Document", document)


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _message(name: str, value: Mapping[str, Any]) -> bytes:
    known, extensions = MESSAGES[name], EXTENSIONS.get(name, 0)
    out = []
    for key, item in value.items():
        where = known.get(key)
        if where is not None:
            out.append(_field(*where, item))
        elif extensions and key.startswith("x-"):
            out.append(_bytes(extensions, _bytes(1, key.encode()) + _bytes(2, _any(item))))
    return b"".join(out)


def _field(number: int, kind: str, value: Any) -> bytes:
    if kind.startswith("[]"):
        return b"".join(_bytes(number, _value(kind[2:], one)) for one in value)
    if kind == "b":
        return _varint(number << 3) + b"\1" if value else b""
    if kind == "i":
        return _varint(number << 3) + _varint(int(value)) if value else b""
    if kind == "d":
        return _varint(number << 3 | 1) + struct.pack("<d", value) if value else b""
    return _bytes(number, _value(kind, value))


def _value(kind: str, value: Any) -> bytes:
    if kind == "s":
        text: str = value
        return text.encode()
    if kind in MAPS:
        number, inner = MAPS[kind]
        return b"".join(
            _bytes(number, _bytes(1, str(key).encode()) + _bytes(2, _value(inner, item))) for key, item in value.items()
        )
    special = SPECIAL.get(kind)
    return special(value) if special is not None else _message(kind, value)


def _any(value: Any) -> bytes:
    """A value as YAML: JSON is YAML as well."""
    return _bytes(2, (json.dumps(value, ensure_ascii=False) + "\n").encode())


def _texts(value: Any) -> bytes:
    return b"".join(_bytes(1, one.encode()) for one in ([value] if isinstance(value, str) else value))


def _schema_or_flag(value: Any) -> bytes:
    if isinstance(value, bool):
        return _varint(2 << 3) + (b"\1" if value else b"\0")
    return _bytes(1, _message("Schema", value))


def _schemas(value: Any) -> bytes:
    return b"".join(_bytes(1, _message("Schema", one)) for one in (value if isinstance(value, list) else [value]))


def _parameter(value: Obj) -> bytes:
    """A parameter under the names of what it is: in the body, the query or the path."""
    if value["in"] == "body":
        return _bytes(1, _bytes(1, _message("BodyParameter", value)))
    if value["in"] == "path":
        return _bytes(1, _bytes(2, _bytes(4, _message("PathParameter", value))))
    return _bytes(1, _bytes(2, _bytes(3, _message("QueryParameter", value))))


SPECIAL: dict[str, Callable[[Any], bytes]] = {
    "Any": _any,
    "TypeItem": _texts,
    "StringArray": _texts,
    "AdditionalPropertiesItem": _schema_or_flag,
    "ItemsItem": _schemas,
    "SchemaItem": lambda value: _bytes(1, _message("Schema", value)),
    "ResponseValue": lambda value: _bytes(1, _message("Response", value)),
    "SecurityDefinitionsItem": lambda value: _bytes(2, _message("ApiKeySecurity", value)),
    "ParametersItem": _parameter,
}
