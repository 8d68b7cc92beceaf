"""The three patches: JSON patch, JSON merge patch, strategic merge patch. Each gives a new object and changes nothing
in place.

Models      RFC 6902, RFC 7386, k8s.io/apimachinery/pkg/util/strategicpatch (StrategicMergeMapPatch)
Leaves out  nothing known
"""

from __future__ import annotations

from typing import Any, Protocol

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import StatusError, bad_request, generic

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
SET_ORDER = "$setElementOrder/"
MAP, LIST = "map[string]interface {}", "[]interface {}"
DELETE_FROM = "$deleteFromPrimitiveList/"
MAX_OPERATIONS = 10_000  # upstream's limit on the operations of one JSON patch


class PatchSchema(Protocol):
    """What a strategic merge must know of a struct's fields."""

    def patch_field(self, name: str) -> tuple[PatchSchema | None, tuple[str, ...], str]:
        """The schema of what is below a field, its patch strategies and its merge key."""


def merge_patch(obj: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null removes, everything else replaces.

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(obj) if isinstance(obj, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def _failed(text: str) -> StatusError:
    """What upstream has no status for comes out as an internal error, without a reason."""
    return StatusError(500, "", text)


_GO_TYPES = {
    str: "string",
    bool: "bool",
    int: "int64",
    float: "float64",
    dict: MAP,
    list: LIST,
    type(None): "%!s(<nil>)",
}


def _expected(kind: str, got: Any) -> StatusError:
    return _failed(f"expected a {kind}, but received a {_GO_TYPES[type(got)]}")


def go_map(value: Any) -> str:
    """JSON as Go's %+v prints it.

    >>> go_map({"spec": {"replicas": 2, "paused": None}, "a": ["x", True]})
    'map[a:[x true] spec:map[paused:<nil> replicas:2]]'
    """
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_map(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_map, value)) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _rejected() -> StatusError:
    return generic(422)


def json_patch(obj: Any, operations: Any) -> Any:
    """RFC 6902: a list of operations, all or none.

    >>> json_patch({"a": [1, 2]}, [{"op": "add", "path": "/a/1", "value": 9}])
    {'a': [1, 9, 2]}

    Raises:
        StatusError: 422 when an operation cannot be done, 413 when there are too many.
    """
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(operations) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        raise StatusError(413, "RequestEntityTooLarge", text)
    for operation in operations:
        obj = _operate(obj, operation)
    return obj


def _operate(obj: Any, operation: Obj) -> Any:
    op, path = operation.get("op"), _pointer(operation.get("path"))
    if op in ("add", "replace", "test") and "value" not in operation:
        raise _rejected()
    if op == "add":
        return _put(obj, path, operation["value"], insert=True)
    if op == "replace":
        _find(obj, path)
        return _put(obj, path, operation["value"], insert=False)
    if op == "remove":
        return _remove(obj, path)
    if op == "move":
        source = _pointer(operation.get("from"))
        value = _find(obj, source)
        return _put(_remove(obj, source), path, value, insert=True)
    if op == "copy":
        return _put(obj, path, _find(obj, _pointer(operation.get("from"))), insert=True)
    if op == "test":
        found = _find(obj, path)
        if found != operation["value"] or isinstance(found, bool) is not isinstance(operation["value"], bool):
            raise _rejected()
        return obj
    raise _rejected()


def _pointer(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise _rejected()
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _index(part: str, length: int) -> int:
    if not part.isdecimal() or (len(part) > 1 and part[0] == "0") or int(part) >= length:
        raise _rejected()
    return int(part)


def _find(obj: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(obj, dict) and part in obj:
            obj = obj[part]
        elif isinstance(obj, list):
            obj = obj[_index(part, len(obj))]
        else:
            raise _rejected()
    return obj


def _put(obj: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(obj, dict):
        if rest and head not in obj:
            raise _rejected()
        return {**obj, head: _put(obj.get(head), rest, value, insert=insert)}
    if isinstance(obj, list):
        if not rest and insert:
            at = len(obj) if head == "-" else _index(head, len(obj) + 1)
            return [*obj[:at], value, *obj[at:]]
        at = _index(head, len(obj))
        return [*obj[:at], _put(obj[at], rest, value, insert=insert), *obj[at + 1 :]]
    raise _rejected()


def _remove(obj: Any, path: list[str]) -> Any:
    if not path:
        raise _rejected()
    head, rest = path[0], path[1:]
    if isinstance(obj, dict) and head in obj:
        if rest:
            return {**obj, head: _remove(obj[head], rest)}
        return {name: value for name, value in obj.items() if name != head}
    if isinstance(obj, list):
        at = _index(head, len(obj))
        return [*obj[:at], *([_remove(obj[at], rest)] if rest else []), *obj[at + 1 :]]
    raise _rejected()


def strategic_merge(obj: Obj, patch: Obj, schema: PatchSchema | None) -> Obj:
    """Kubernetes' own patch: lists of a kind's merge keys are merged, directives obeyed.

    `schema` is the struct of the object's kind (`apps.cluster.api.schema.kind`); without one, lists are replaced.

    Raises:
        StatusError: what the merge calls a bad format is 400, lists of lists are 422; for all else that it cannot carry
            out it has no status, and the API server answers 500 without a reason.
    """
    return _merge_map(obj, patch, schema)


def _lookup(schema: PatchSchema | None, name: str) -> tuple[PatchSchema | None, str, str]:
    if schema is None:
        return None, "", ""
    below, strategies, key = schema.patch_field(name)
    return below, next((strategy for strategy in strategies if strategy != "retainKeys"), ""), key


def _merge_map(original: Obj | None, patch: Obj, schema: PatchSchema | None) -> Obj:
    directive = patch.get(PATCH)
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != PATCH}
    if directive == "delete":
        return {}
    if directive is not None:
        raise _failed(f"unknown patch type: {directive} in map: {go_map(patch)}")
    result = dict(original or {})
    if RETAIN_KEYS in patch:
        result = _retain_keys(result, patch)
    ordered: set[str] = set()
    for name, order in patch.items():
        if name.startswith(SET_ORDER):
            field = name[len(SET_ORDER) :]
            if _set_order(result, field, patch, order, schema):
                ordered.add(field)
    for name, value in patch.items():
        if name == RETAIN_KEYS or name in ordered or name.startswith(SET_ORDER):
            continue
        if name.startswith(DELETE_FROM):
            field = name[len(DELETE_FROM) :]
            if isinstance(result.get(field), list):
                result[field] = [item for item in result[field] if item not in value]
        elif value is None:
            result.pop(name, None)
        elif name not in result or _json_type(result[name]) != _json_type(value):
            kept = _clean(value)
            if kept is not None:
                result[name] = kept
        elif isinstance(value, dict):
            below, strategy, _ = _lookup(schema, name)
            result[name] = value if strategy == "replace" else _merge_map(result[name], value, below)
        elif isinstance(value, list):
            below, strategy, key = _lookup(schema, name)
            result[name] = _merge_list(result[name], value, below, key) if strategy == "merge" else value
        else:
            result[name] = value
    return result


def _json_type(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _retain_keys(original: Obj, patch: Obj) -> Obj:
    keys = patch[RETAIN_KEYS]
    named = [name for name, value in patch.items() if value is not None and not name.startswith("$")]
    if not isinstance(keys, list) or not all(name in keys for name in named):
        raise bad_request("invalid patch format of retainKeys")
    return {name: value for name, value in original.items() if name in keys}


def _clean(value: Any) -> Any:
    """A value that is new to the object: without directives and without nulls. None when nothing of it stays."""
    if isinstance(value, dict):
        if value.get(PATCH) == "delete":
            return None
        result = {}
        for name, item in value.items():
            if name.startswith("$") or item is None:
                continue
            kept = _clean(item)
            if kept is not None:
                result[name] = kept
        return result
    if isinstance(value, list):
        cleaned = (_clean(item) for item in value if not (isinstance(item, dict) and item.get(PATCH) == "replace"))
        return [item for item in cleaned if item is not None]
    return value


def _is_maps(*lists: list[Any]) -> bool:
    items = [item for one in lists for item in one]
    if isinstance(items[0], list):
        raise generic(422)  # lists of lists are not supported
    maps = sum(isinstance(item, dict) for item in items)
    if maps not in (0, len(items)) or len({_json_type(item) for item in items}) > 1:
        raise _failed(f"list element types are not identical: {go_map(list(lists))}")
    return maps > 0


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict):
        raise _expected(MAP, item)
    if key not in item:
        raise _failed(f"map: {go_map(item)} does not contain declared merge key: {key}")
    return item[key]


def _merge_list(original: list[Any], patch: list[Any], schema: PatchSchema | None, key: str) -> list[Any]:
    """Two lists with strategy merge: by key when they hold maps, as a set otherwise; ordered as the patch has it."""
    if not original and not patch:
        return original
    if not _is_maps(original, patch):
        merged = list(dict.fromkeys([*original, *patch]))
        return _in_order(merged, patch, original, "")
    if not key:
        raise _failed("cannot merge lists without merge key")
    original, patch = _special_elements(original, patch, key)
    merged = list(original)
    for item in patch:
        wanted = _key_of(item, key)
        for at, there in enumerate(merged):
            if there.get(key) == wanted:
                merged[at] = _merge_map(there, item, schema)
                break
        else:
            merged.append(_clean(item))
    return _in_order(merged, patch, original, key)


def _special_elements(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """`{"$patch": "delete", key: …}` and `{"$patch": "replace"}` among the elements, carried out."""
    plain, replace = [], False
    for item in patch:
        directive = item.get(PATCH)
        if directive is None:
            plain.append(item)
        elif directive == "delete":
            gone = _key_of(item, key)
            original = [there for there in original if there.get(key) != gone]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise _failed("merging lists cannot yet be specified in the patch")
        else:
            raise _failed(f"unknown patch type: {directive} in map: {go_map(item)}")
    return (plain, []) if replace else (original, plain)


def _place(order: list[Any], item: Any, key: str) -> int:
    wanted = item.get(key) if key else item
    for at, there in enumerate(order):
        if (there.get(key) if key and isinstance(there, dict) else there) == wanted:
            return at
    return -1


def _sorted_by(items: list[Any], order: list[Any], key: str) -> list[Any]:
    """A stable insertion sort by place in `order`; like upstream's, it takes what has no place for smaller."""
    result = list(items)
    for start in range(1, len(result)):
        at = start
        while at > 0:
            left, right = _place(order, result[at], key), _place(order, result[at - 1], key)
            if not (left < right if left >= 0 and right >= 0 else True):
                break
            result[at], result[at - 1] = result[at - 1], result[at]
            at -= 1
    return result


def _in_order(merged: list[Any], order: list[Any], server_order: list[Any], key: str) -> list[Any]:
    """What the patch names in the patch's order, woven into the rest in the server's."""
    named = [item for item in merged if _place(order, item, key) >= 0]
    rest = [item for item in merged if _place(order, item, key) < 0]
    if not rest and len(named) < 2:
        return named
    right = _sorted_by(named, order, key)
    left = _sorted_by(rest, server_order, key)
    result: list[Any] = []
    i = j = 0
    while i < len(left) or j < len(right):
        if i >= len(left):
            take_left = False
        elif j >= len(right):
            take_left = True
        else:
            li, ri = _place(server_order, left[i], key), _place(server_order, right[j], key)
            take_left = 0 <= li < ri
        if take_left:
            result.append(left[i])
            i += 1
        else:
            result.append(right[j])
            j += 1
    return result


def _set_order(result: Obj, field: str, patch: Obj, order: Any, schema: PatchSchema | None) -> bool:
    """Carry out one `$setElementOrder/field`; True when the field's own patch was merged with it."""
    if not isinstance(order, list):
        raise _expected(LIST, order)
    below, _, key = _lookup(schema, field)
    original, items = result.get(field), patch.get(field)
    for there in (*([original] if field in result else []), *([items] if field in patch else [])):
        if not isinstance(there, list):
            raise _expected(LIST, there)
    if items is not None:
        _check_order(items, order, key)
    if original is None and items is None:
        return False
    if original is None:
        merged = _clean(items)
    elif items is None:
        merged = original
    else:
        merged = _merge_list(original, items, below, key)
    result[field] = _in_order(merged, order, original or [], key)
    return items is not None


def _check_order(items: list[Any], order: list[Any], key: str) -> None:
    """Every element of the patch list must come in the order list, in the same order (deletions aside)."""
    at = 0
    for item in items if order else ():
        if key and isinstance(item, dict) and PATCH in item:
            continue
        wanted = _key_of(item, key) if key else item
        while at < len(order) and (_key_of(order[at], key) if key else order[at]) != wanted:
            at += 1
        if at >= len(order):
            text = (
                f"The order in patch list:\n{go_map(items)}\n doesn't match {SET_ORDER[:-1]} list:\n{go_map(order)}\n"
            )
            raise _failed(text)
        at += 1
