"""Client-side apply: from what was applied last, what is there and what is wanted, the patch between them.

Models      k8s.io/apimachinery strategicpatch.CreateThreeWayMergePatch, jsonmergepatch.CreateThreeWayJSONMergePatch
Leaves out  nothing known

What was applied last is read from an annotation. What it had and the new manifest has not is taken away; what others
set, and no manifest of ours ever named, is left alone.
"""

from __future__ import annotations

import json
from typing import Any

from apps.cluster.api import schema

Obj = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def three_way(current: Obj, wanted: Obj, *, builtin: bool) -> tuple[Obj, str]:
    """The patch that leads from `current` to `wanted`, and its type; an empty patch when nothing is to be done."""
    last = last_applied(current)
    struct = schema.kind(wanted["apiVersion"], wanted["kind"]) if builtin else None
    patch = _map(last, current, wanted, struct)
    patch.pop("status", None)
    metadata = patch.get("metadata")
    if isinstance(metadata, dict):
        for field in ("creationTimestamp", "uid", "resourceVersion", "generation", "selfLink"):
            metadata.pop(field, None)
        if not metadata:
            del patch["metadata"]
    return patch, "strategic" if builtin else "merge"


def last_applied(obj: Obj) -> Obj:
    """What the annotation says was applied last; an object that apply never touched says nothing."""
    text = (obj["metadata"].get("annotations") or {}).get(LAST_APPLIED, "")
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _map(last: Any, current: Obj, wanted: Obj, struct: schema.Struct | None) -> Obj:
    last = last if isinstance(last, dict) else {}
    out: Obj = {}
    for name, value in wanted.items():
        field = struct.by_json.get(name) if struct is not None else None
        there = current.get(name)
        if value is None:
            if there is not None:
                out[name] = None
        elif there is None:
            out[name] = value
        elif isinstance(value, dict) and isinstance(there, dict):
            inner = _retaining(_map(last.get(name), there, value, _struct_of(field)), value, field)
            if inner:
                out[name] = inner
        elif isinstance(value, list) and isinstance(there, list):
            out.update(_list(name, last.get(name), there, value, field))
        elif value != there:
            out[name] = value
    for name in last:
        if name not in wanted and current.get(name) is not None and name not in ("apiVersion", "kind"):
            out[name] = None
    return out


def _retaining(patch: Obj, wanted: Obj, field: schema.Field | None) -> Obj:
    """Of a union (a strategy, a volume), what the manifest does not name goes: the patch says which keys stay."""
    if not patch or field is None or "retainKeys" not in field.strategies:
        return patch
    return {**patch, "$retainKeys": sorted(key for key, value in wanted.items() if value is not None)}


def _list(name: str, last: Any, current: list[Any], wanted: list[Any], field: schema.Field | None) -> Obj:
    if field is None or "merge" not in field.strategies:
        return {} if wanted == current else {name: wanted}
    last = last if isinstance(last, list) else []
    if not field.merge_key:
        out: Obj = {}
        added = [value for value in wanted if value not in current]
        gone = [value for value in last if value not in wanted and value in current]
        if added:
            out[name] = added
        if gone:
            out[f"$deleteFromPrimitiveList/{name}"] = gone
        return out
    key = field.merge_key
    elem = field.type.elem
    struct = elem.struct if elem is not None and elem.kind == "struct" else None
    by_key = {item.get(key): item for item in current if isinstance(item, dict)}
    last_by_key = {item.get(key): item for item in last if isinstance(item, dict)}
    changes: list[Any] = []
    for item in wanted:
        there = by_key.get(item.get(key))
        if there is None:
            changes.append(item)
            continue
        inner = _retaining(_map(last_by_key.get(item.get(key)), there, item, struct), item, field)
        if inner:
            changes.append({key: item.get(key), **inner})
    wanted_keys = {item.get(key) for item in wanted}
    for gone_key in last_by_key:
        if gone_key not in wanted_keys and gone_key in by_key:
            changes.append({key: gone_key, "$patch": "delete"})
    if not changes:
        return {}
    return {f"$setElementOrder/{name}": [{key: item.get(key)} for item in wanted], name: changes}


def _struct_of(field: schema.Field | None) -> schema.Struct | None:
    if field is None:
        return None
    type_ = field.type
    if type_.kind == "ptr" and type_.elem is not None:
        type_ = type_.elem
    return type_.struct if type_.kind == "struct" else None
