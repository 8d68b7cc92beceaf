"""Sets of fields: paths into an object, and the form in which managedFields shows them.

Models      sigs.k8s.io/structured-merge-diff fieldpath (Set, PathElement, serialize.go)
Leaves out  nothing known

A path is a tuple of elements in their written form: `f:spec`, `k:{"name":"web"}`, `v:"x"`, `i:0`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

Path = tuple[str, ...]
Paths = frozenset[Path]
NONE: Paths = frozenset()
MOST_KEPT = 200  # paths of a set that is worth remembering
_RANK = {"f": 0, "k": 1, "v": 2, "i": 3}


def key_element(keys: dict[str, Any]) -> str:
    """The element of an item by its keys.

    >>> key_element({"name": "web"})
    'k:{"name":"web"}'
    """
    return "k:" + json.dumps(keys, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def value_element(value: Any) -> str:
    return "v:" + json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _order(element: str) -> tuple[int, Any]:
    kind = element[0]
    if kind == "i":
        return 3, int(element[2:])
    if kind == "k":
        return 1, [(name, isinstance(value, str), value) for name, value in sorted(json.loads(element[2:]).items())]
    return _RANK[kind], element


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """The paths as `fieldsV1`: nested, `.` for a member that has members below it.

    Pods of one Deployment own the same fields, and are listed again and again: the same set is laid out once.
    """
    if isinstance(paths, frozenset) and len(paths) <= MOST_KEPT:
        return _kept(paths)
    return _laid_out(paths)


@lru_cache(maxsize=4096)
def _kept(paths: Paths) -> dict[str, Any]:
    return _laid_out(paths)


def _laid_out(paths: Iterable[Path]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    members = set(paths)
    for path in members:
        level = tree
        for element in path:
            level = level.setdefault(element, {})
    return _marked(tree, (), members)


def _marked(tree: dict[str, Any], path: Path, members: set[Path]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if tree and path in members:
        out["."] = {}
    for element in sorted(tree, key=_order):
        out[element] = _marked(tree[element], (*path, element), members)
    return out


def from_fields(fields: Any) -> Paths:
    """The paths of a `fieldsV1`.

    Raises:
        ValueError: it is none.
    """
    found: set[Path] = set()
    _read(fields, (), found)
    return frozenset(found)


def _read(fields: Any, path: Path, found: set[Path]) -> None:
    if not isinstance(fields, dict):
        raise ValueError("fieldsV1 is no object")
    for element, below in fields.items():
        if element == ".":
            found.add(path)
            continue
        if element[1:2] != ":" or element[0] not in _RANK:
            raise ValueError(f"no path element: {element}")
        here = (*path, _canonical(element))
        if not below:
            found.add(here)
        else:
            _read(below, here, found)


def _canonical(element: str) -> str:
    if element[0] == "k":
        return key_element(json.loads(element[2:]))
    return value_element(json.loads(element[2:])) if element[0] == "v" else element


def text_of(path: Path) -> str:
    """A path as conflicts name it.

    >>> text_of(("f:spec", 'k:{"name":"web"}', "f:image"))
    '.spec[name="web"].image'
    """
    return "".join(map(_text, path))


def _text(element: str) -> str:
    kind, rest = element[0], element[2:]
    if kind == "f":
        return "." + rest
    if kind == "k":
        pairs = sorted(json.loads(rest).items())
        listed = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in pairs)
        return f"[{listed}]"
    return f"[={rest}]" if kind == "v" else f"[{rest}]"


def in_order(paths: Iterable[Path]) -> list[Path]:
    """As upstream goes through a set: at each level its members, then what is below each."""
    tree: dict[str, Any] = {}
    members = set(paths)
    for path in members:
        level = tree
        for element in path:
            level = level.setdefault(element, {})
    out: list[Path] = []
    _walk(tree, (), members, out)
    return out


def _walk(tree: dict[str, Any], path: Path, members: set[Path], out: list[Path]) -> None:
    elements = sorted(tree, key=_order)
    out += [(*path, element) for element in elements if (*path, element) in members]
    for element in elements:
        if tree[element]:
            _walk(tree[element], (*path, element), members, out)
