"""Whether a custom object fits its schema, in the words of the real API server.

Models      apiextensions-apiserver pkg/apiserver/validation (and kube-openapi's), pkg/apiserver/schema/listtype
Leaves out  rules in CEL; formats but date, date-time, ipv4, ipv6, cidr, uri, uuid, byte and email
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from datetime import date
from typing import Any

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.status import FieldError

Schema = dict[str, Any]
Errors = list[FieldError]


def validate(obj: Any, schema: Schema) -> Errors:
    """Every misfit, field by field."""
    errors: Errors = []
    for name, value in obj.items():
        if name not in ("apiVersion", "kind", "metadata"):
            below = (schema.get("properties") or {}).get(name)
            if below is not None:
                _value(errors, name, value, below)
    _object(errors, "", obj, {**schema, "properties": {}})
    _lists(errors, "", obj, schema)
    return errors


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return "array" if isinstance(value, list) else "object"


def _wrong_type(errors: Errors, path: str, wanted: str, given: str) -> None:
    text = f'{path} in body must be of type {wanted}: "{given}"'
    errors.append(FieldError("Type invalid", path, given, text))


def _invalid(errors: Errors, path: str, value: Any, text: str) -> None:
    errors.append(FieldError("Invalid value", path, value, f"{path} in body {text}"))


def _value(errors: Errors, path: str, value: Any, schema: Schema) -> None:
    if value is None and schema.get("nullable"):
        return
    given = _type_of(value)
    wanted = schema.get("type", "")
    if schema.get("x-kubernetes-int-or-string"):
        if given not in ("integer", "string"):
            _wrong_type(errors, path, "integer,string", given)
            return
    elif wanted and given != wanted and not (wanted == "number" and given == "integer"):
        _wrong_type(errors, path, wanted, given)
        return
    if "enum" in schema and value not in schema["enum"]:
        texts = [item if isinstance(item, str) else _json(item) for item in schema["enum"]]
        listed = ", ".join(json.dumps(text, ensure_ascii=False) for text in sorted(texts))
        errors.append(FieldError("Unsupported value", path, value, f"supported values: {listed}"))
    if given == "string":
        _string(errors, path, value, schema)
    elif given in ("integer", "number"):
        _number(errors, path, value, schema)
    elif given == "array":
        _array(errors, path, value, schema)
    elif given == "object":
        _object(errors, path, value, schema)
    _combined(errors, path, value, schema)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _string(errors: Errors, path: str, value: str, schema: Schema) -> None:
    most, least = schema.get("maxLength"), schema.get("minLength")
    if most is not None and len(value) > most:
        errors.append(FieldError("Too long", path, None, f"may not be more than {most} bytes"))
    if least is not None and len(value) < least:
        _invalid(errors, path, value, f"should be at least {least} chars long")
    pattern = schema.get("pattern")
    if pattern and not _matches(pattern, value):
        _invalid(errors, path, value, f"should match '{pattern}'")
    kind = schema.get("format")
    if kind and kind in _FORMATS and not _FORMATS[kind](value):
        text = f'{path} in body must be of type {kind}: "{value}"'
        errors.append(FieldError("Type invalid", path, value, text))


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value[:10_000]) is not None
    except re.error:
        return True  # Go's syntax and Python's differ in corners; what cannot be read forbids nothing


def _number(errors: Errors, path: str, value: Any, schema: Schema) -> None:
    most, least, step = schema.get("maximum"), schema.get("minimum"), schema.get("multipleOf")
    if most is not None:
        if schema.get("exclusiveMaximum"):
            if value >= most:
                _invalid(errors, path, value, f"should be less than {most}")
        elif value > most:
            _invalid(errors, path, value, f"should be less than or equal to {most}")
    if least is not None:
        if schema.get("exclusiveMinimum"):
            if value <= least:
                _invalid(errors, path, value, f"should be greater than {least}")
        elif value < least:
            _invalid(errors, path, value, f"should be greater than or equal to {least}")
    if step and value % step:
        _invalid(errors, path, value, f"should be a multiple of {step}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits and not -(1 << bits) <= value < 1 << bits:
        _invalid(errors, path, value, f"must be of type {schema['format']}")


def _array(errors: Errors, path: str, value: list[Any], schema: Schema) -> None:
    most, least = schema.get("maxItems"), schema.get("minItems")
    if most is not None and len(value) > most:
        errors.append(FieldError("Too many", path, len(value), f"must have at most {most} items"))
    if least is not None and len(value) < least:
        _invalid(errors, path, len(value), f"should have at least {least} items")
    if schema.get("uniqueItems") and len({_json(item) for item in value}) < len(value):
        _invalid(errors, path, "", "shouldn't contain duplicates")
    items = schema.get("items")
    if isinstance(items, dict):
        for at, item in enumerate(value):
            _value(errors, f"{path}[{at}]", item, items)


def _object(errors: Errors, path: str, value: dict[str, Any], schema: Schema) -> None:
    most, least = schema.get("maxProperties"), schema.get("minProperties")
    if most is not None and len(value) > most:
        errors.append(FieldError("Too many", path, len(value), f"must have at most {most} items"))
    if least is not None and len(value) < least:
        _invalid(errors, path, len(value), f"should have at least {least} properties")
    for name in schema.get("required") or ():
        if name not in value:
            errors.append(FieldError("Required value", f"{path}.{name}" if path else name))
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for name in sorted(value):
        below = properties.get(name)
        if below is None and isinstance(extra, dict):
            below = extra
        if below is not None:
            _value(errors, f"{path}.{name}" if path else name, value[name], below)


def _combined(errors: Errors, path: str, value: Any, schema: Schema) -> None:
    for below in schema.get("allOf") or ():
        _value(errors, path, value, below)
    if schema.get("anyOf") and not any(_fits(path, value, below) for below in schema["anyOf"]):
        _invalid(errors, path, "", "must validate at least one schema (anyOf)")
    if schema.get("oneOf"):
        count = sum(_fits(path, value, below) for below in schema["oneOf"])
        if count != 1:
            more = "Found none valid" if not count else f"Found {count} valid alternatives"
            _invalid(errors, path, "", f"must validate one and only one schema (oneOf). {more}")
    if schema.get("not") and _fits(path, value, schema["not"]):
        _invalid(errors, path, "", "must not validate the schema (not)")


def _fits(path: str, value: Any, schema: Schema) -> bool:
    errors: Errors = []
    _value(errors, path, value, schema)
    return not errors


def _lists(errors: Errors, path: str, value: Any, schema: Schema) -> None:
    """Lists that are sets or maps hold nothing twice."""
    if isinstance(value, dict):
        properties, extra = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in sorted(value):
            below = properties.get(name)
            if below is None and isinstance(extra, dict):
                below = extra
            if below is not None:
                _lists(errors, f"{path}.{name}" if path else name, value[name], below)
        return
    items = schema.get("items")
    if not isinstance(value, list) or not isinstance(items, dict):
        return
    how = schema.get("x-kubernetes-list-type")
    seen: set[str] = set()
    for at, item in enumerate(value):
        here = f"{path}[{at}]"
        if how in ("set", "map"):
            shown = item
            if how == "map" and isinstance(item, dict):
                shown = {key: item[key] for key in schema.get("x-kubernetes-list-map-keys") or () if key in item}
            text = _json(shown)
            if text in seen:
                errors.append(FieldError("Duplicate value", here, shown))
            seen.add(text)
        _lists(errors, here, item, items)


# ---- formats ---------------------------------------------------------------------------------------


def _is(parse: Any) -> Any:
    def check(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


_FORMATS: dict[str, Any] = {
    "date": _is(date.fromisoformat),
    "date-time": _is(timestamps.parse),
    "ipv4": _is(ipaddress.IPv4Address),
    "ipv6": _is(ipaddress.IPv6Address),
    "cidr": _is(lambda text: ipaddress.ip_network(text, strict=False)),
    "uri": lambda text: bool(re.match(r"^([a-zA-Z][a-zA-Z0-9+.-]*:|/)", text)),
    "uuid": lambda text: bool(re.fullmatch(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", text)),
    "byte": _is(lambda text: base64.b64decode(text, validate=True)),
    "email": lambda text: bool(re.fullmatch(r"[^@\s]+@[^@\s]+", text)),
}
