"""Tables of custom kinds: the columns that a CustomResourceDefinition asks for, each a JSONPath.

Models      apiextensions-apiserver pkg/registry/customresource/tableconvertor, k8s.io/client-go/util/jsonpath
Leaves out  of JSONPath: unions, ranges, recursive descent and every filter but a comparison with == or !=
"""

from __future__ import annotations

import json
import re
from typing import Any

from apps.cluster.api.printers.words import Cells, Look, name_of
from apps.cluster.apimachinery.meta import Obj

AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_STEP = re.compile(
    r"""\.?(?P<name>(?:[^\s.\[\]*'"\\]|\\.)+)|\.(?P<all>\*)|\[(?P<index>-?\d+)\]|\[(?P<star>\*)\]"""
    r"""|\[['"](?P<quoted>[^'"]+)['"]\]|\[\?\(\s*@(?P<path>[^=!]+?)\s*(?P<not>[=!])=\s*(?P<value>[^)]+?)\s*\)\]"""
)


def find(path: str, obj: Any) -> list[Any]:
    """What a JSONPath finds, nothing where a step is missing.

    >>> find('.list[?(@.type=="b")].is', {"list": [{"type": "a", "is": 1}, {"type": "b", "is": 2}]})
    [2]
    """
    found, place = [obj], 0
    while place < len(path):
        step = _STEP.match(path, place)
        if step is None:
            return []
        place = step.end()
        found = [inner for one in found for inner in _step(step, one)]
    return found


def _step(step: re.Match[str], value: Any) -> list[Any]:
    name = step["name"] or step["quoted"]
    if name is not None:
        name = name.replace("\\.", ".")
        return [value[name]] if isinstance(value, dict) and name in value else []
    if step["all"] or step["star"]:
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if not isinstance(value, list):
        return []
    if step["index"] is not None:
        index = int(step["index"])
        return [value[index]] if -len(value) <= index < len(value) else []
    return [one for one in value if _holds(step, one)]


def _holds(step: re.Match[str], one: Any) -> bool:
    raw = step["value"]
    wanted: Any = raw[1:-1] if raw[:1] in "'\"" else json.loads(raw)
    found = find(step["path"], one)
    return (bool(found) and found[0] == wanted) is (step["not"] == "=")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<nil>"
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else str(value)


def _cell(kind: str, value: Any, look: Look) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "string":
        return _shown(value)
    if kind == "integer":
        return int(value) if number else None
    if kind == "number":
        return value if number else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind == "date" and isinstance(value, str):
        try:
            return look.since(value)
        except ValueError:
            return "<invalid>"
    return None


def columns(wanted: list[Obj]) -> list[Obj]:
    """Column definitions. A kind that asks for none shows its age."""
    made = [{"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}]
    for one in wanted or [AGE]:
        told = one.get("description") or f"Custom resource definition column (in JSONPath format): {one['jsonPath']}"
        made.append(
            {
                "name": one["name"],
                "type": one["type"],
                "format": one.get("format", ""),
                "description": told,
                "priority": one.get("priority", 0),
            }
        )
    return made


def cells(wanted: list[Obj], obj: Obj, look: Look) -> Cells:
    row: Cells = [name_of(obj)]
    for one in wanted or [AGE]:
        found = find(one["jsonPath"], obj)
        row.append(_cell(one["type"], found[0], look) if found else None)
    return row
