"""Structural schemas: fields that are not in one are pruned, and what is missing is filled in.

Models      apiextensions-apiserver pkg/apiserver/schema (pruning, defaulting)
Leaves out  nothing known

A schema here is the JSON of `openAPIV3Schema`. Nothing is changed in place.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
META = frozenset({"apiVersion", "kind", "metadata"})


def prune(obj: Any, schema: Schema | None, unknown: list[str]) -> Any:
    """The object without what its schema does not know; the paths of that go to `unknown`."""
    root = {**(schema or {}), "x-kubernetes-embedded-resource": True}
    out = _prune(obj, root, "", unknown, top=True)
    unknown.sort()
    return out


def _prune(value: Any, schema: Schema | None, path: str, unknown: list[str], *, top: bool = False) -> Any:
    keep = schema is not None and bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if isinstance(value, list):
        items = (schema or {}).get("items")
        if keep and not isinstance(items, dict):
            return value
        return [_prune(item, items, f"{path}[{at}]", unknown) for at, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = schema or {}
    properties = found.get("properties") or {}
    extra = found.get("additionalProperties")
    embedded = bool(found.get("x-kubernetes-embedded-resource"))
    out = {}
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if embedded and name in META:
            out[name] = item
        elif name in properties:
            out[name] = _prune(item, properties[name], here, unknown)
        elif isinstance(extra, dict):
            out[name] = _prune(item, extra, here, unknown)
        elif keep or extra is True:
            out[name] = item
        elif not (top and name in META):
            unknown.append(here)
    return out


def fill(value: Any, schema: Schema | None) -> Any:
    """The object with the defaults of its schema, at every depth that is there."""
    if schema is None:
        return value
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        extra = schema.get("additionalProperties")
        out = dict(value)
        for name, below in properties.items():
            there = name in out and not (out[name] is None and not below.get("nullable"))
            if not there and "default" in below:
                out[name] = below["default"]
            elif name in out and out[name] is None and not below.get("nullable"):
                del out[name]  # a null where none may be is as good as nothing
        for name, item in out.items():
            below = properties.get(name)
            if below is None and isinstance(extra, dict):
                below = extra
            if below is not None and isinstance(item, dict | list):
                out[name] = fill(item, below)
        return out
    if isinstance(value, list):
        items = schema.get("items")
        return [fill(item, items) for item in value] if isinstance(items, dict) else value
    return value
