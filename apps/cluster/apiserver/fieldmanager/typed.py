"""Two objects of one kind: which fields differ, what they make when merged, what is left without some fields.

Models      sigs.k8s.io/structured-merge-diff typed (compare.go, merge.go, remove.go, tofieldset.go, validate.go)
Leaves out  the check of scalar types before an apply: the object that comes out is decoded strictly
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from apps.cluster.apiserver.fieldmanager.fieldset import NONE, Path, Paths, key_element, value_element
from apps.cluster.apiserver.fieldmanager.types import ABSENT, Node


class Unfit(Exception):
    """A value that its type has no place for: the text upstream gives, path first."""


class Comparison(NamedTuple):
    removed: set[Path]
    modified: set[Path]
    added: set[Path]


# ---- the fields of one object --------------------------------------------------------------------


def field_set(value: Any, node: Node | None) -> Paths:
    """Every field that an applied object speaks of.

    Raises:
        Unfit: a field that is not declared, an item without its key.
    """
    found: set[Path] = set()
    _collect(value, node, (), found)
    return frozenset(found)


def _collect(value: Any, node: Node | None, path: Path, found: set[Path]) -> None:
    if node is None or (node.kind == "any" and not isinstance(value, dict)):
        found.add(path)
    elif node.kind in ("keyed", "set"):
        if value is None:
            return
        if not isinstance(value, list):
            raise Unfit(f"{_text(path)}: expected list, got {_go(value)}")
        elements = [_element(item, node, path, at) for at, item in enumerate(value)]
        for element, item in zip(elements, value, strict=True):
            here = (*path, element)
            if elements.count(element) == 1 and node.kind == "keyed":
                _collect(item, node.elem, here, found)
            found.add(here)
    elif value is not None:
        if not isinstance(value, dict):
            raise Unfit(f"{_text(path)}: expected map, got {_go(value)}")
        for name, item in value.items():
            here = (*path, f"f:{name}")
            known = node.declares(name)
            if node.kind == "struct" and not known and not node.open:
                raise Unfit(f"{_text(here)}: field not declared in schema")
            _collect(item, node.below(name), here, found)
            if item is None or item == {} or not known:
                found.add(here)


def _text(path: Path) -> str:
    from apps.cluster.apiserver.fieldmanager.fieldset import text_of

    return text_of(path)


def _go(value: Any) -> str:
    return f"&{{{value}}}"


def _element(item: Any, node: Node, path: Path, at: int) -> str:
    """The path element of a list's item."""
    if node.kind == "set":
        return value_element(item)
    if not isinstance(item, dict):
        raise Unfit(f"{_text(path)}: element {at}: associative list with keys may not have non-map elements")
    keys = {}
    for name, default in node.keys:
        if name in item:
            keys[name] = item[name]
        elif default is not None:
            keys[name] = default
    if not keys:
        names = " ".join(f'"{name}"' for name, _ in node.keys)
        raise Unfit(
            f"{_text(path)}: element {at}: associative list with keys has an element that omits all key fields "
            f"[{names}] (and doesn't have default values for any key fields)"
        )
    return key_element(keys)


# ---- comparison ----------------------------------------------------------------------------------


def compare(old: Any, new: Any, node: Node | None) -> Comparison:
    """What `new` lacks, has otherwise, and has more than `old`."""
    found = Comparison(set(), set(), set())
    _compare(old, new, node, (), found)
    return found


def _compare(old: Any, new: Any, node: Node | None, path: Path, out: Comparison) -> None:
    if old is new:
        return
    kind = node.kind if node is not None else ""
    leaf = node is None
    if kind == "any":
        leaf = not (isinstance(old, dict) and isinstance(new, dict)) and not (
            (isinstance(old, dict) and new is ABSENT) or (old is ABSENT and isinstance(new, dict))
        )
        if leaf and (isinstance(old, dict) or isinstance(new, dict)) and old is not ABSENT and new is not ABSENT:
            # A map became a leaf, or a leaf a map: the one goes with all that is below it.
            _compare(old, ABSENT, node, path, out)
            _compare(ABSENT, new, node, path, out)
            if path in out.removed and path in out.added:
                out.removed.discard(path)
                out.added.discard(path)
                out.modified.add(path)
            return
    if not leaf and not (_full(old) or _full(new)) and not _implied(node):
        leaf = True  # both empty: the difference between empty and absent is kept
    if leaf:
        if old is ABSENT:
            out.added.add(path)
        elif new is ABSENT:
            out.removed.add(path)
        elif old != new or isinstance(old, bool) is not isinstance(new, bool):
            out.modified.add(path)
        return
    assert node is not None
    if kind in ("keyed", "set"):
        _compare_lists(old, new, node, path, out)
    else:
        _compare_maps(old, new, node, path, out)
    if old is ABSENT:
        out.added.add(path)
    elif new is ABSENT:
        out.removed.add(path)


def _full(value: Any) -> bool:
    return value is not ABSENT and bool(value)


def _implied(node: Node | None) -> bool:
    """A struct is never empty where Go writes some of its fields even when they are zero."""
    return node is not None and node.kind == "struct" and bool(node.zeros)


def _compare_maps(old: Any, new: Any, node: Node, path: Path, out: Comparison) -> None:
    left: Any = old if isinstance(old, dict) else {}
    right: Any = new if isinstance(new, dict) else {}
    zeros = node.zeros
    left_zeros = zeros if isinstance(old, dict) else {}
    right_zeros = zeros if isinstance(new, dict) else {}
    names = dict.fromkeys([*left, *right])
    if zeros and (old is ABSENT or new is ABSENT):
        names.update(dict.fromkeys(zeros))
    for name in names:
        before = left.get(name, ABSENT)
        if before is ABSENT:
            before = left_zeros.get(name, ABSENT)
        after = right.get(name, ABSENT)
        if after is ABSENT:
            after = right_zeros.get(name, ABSENT)
        if before is not after:
            _compare(before, after, node.below(name), (*path, f"f:{name}"), out)


def _compare_lists(old: Any, new: Any, node: Node, path: Path, out: Comparison) -> None:
    left, right = _by_element(old, node, path), _by_element(new, node, path)
    elem = node.elem if node.kind == "keyed" else None
    for element in dict.fromkeys([*left, *right]):
        before, after = left.get(element, ()), right.get(element, ())
        here = (*path, element)
        if len(before) < 2 and len(after) < 2:
            _compare(before[0] if before else ABSENT, after[0] if after else ABSENT, elem, here, out)
        elif len(before) > 1 and len(after) > 1:
            if before != after:
                out.modified.add(here)
        elif len(before) > 1:
            if after:
                _compare(ABSENT, after[0], elem, here, out)
            out.removed.add(here)
        else:
            if before:
                _compare(before[0], ABSENT, elem, here, out)
            out.added.add(here)


def _by_element(items: Any, node: Node, path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    if isinstance(items, list):
        for at, item in enumerate(items):
            try:
                element = _element(item, node, path, at)
            except Unfit:
                continue
            found.setdefault(element, []).append(item)
    return found


# ---- merging -------------------------------------------------------------------------------------


def merge(live: Any, config: Any, node: Node | None) -> Any:
    """`live` with everything that `config` says; ABSENT when neither says anything.

    Raises:
        Unfit: an item that comes twice.
    """
    if config is ABSENT:
        return live
    if live is ABSENT and (node is None or node.kind in ("any", "set")):
        return config
    if node is None or (node.kind == "any" and not (isinstance(live, dict) and isinstance(config, dict))):
        return config
    if node.kind in ("keyed", "set"):
        if not (_full(live) or _full(config)):
            return config
        return _merge_lists(live if isinstance(live, list) else [], config or [], node)
    if not (_full(live) or _full(config)):
        return config
    left: Any = live if isinstance(live, dict) else {}
    right: Any = config if isinstance(config, dict) else {}
    out = {}
    for name in dict.fromkeys([*left, *right]):
        value = merge(left.get(name, ABSENT), right.get(name, ABSENT), node.below(name))
        if value is not ABSENT:
            out[name] = value
    return out


def _merge_lists(live: list[Any], config: list[Any], node: Node) -> list[Any]:
    """Items in the order of `config`, those it does not name where they stood among the others."""
    elem = node.elem if node.kind == "keyed" else None
    left = [_element(item, node, (), at) for at, item in enumerate(live)]
    right = [_element(item, node, (), at) for at, item in enumerate(config)]
    for element in right:
        if right.count(element) > 1:
            raise Unfit(f": duplicate entries for key {_text((element,))}")
    mine = dict(zip(right, config, strict=True))
    theirs: dict[str, Any] = {}
    for element, item in zip(left, live, strict=True):
        theirs[element] = ABSENT if element in theirs else item
    shared = [element for element in right if element in theirs]
    out: list[Any] = []
    done: set[str] = set()
    at_left = at_right = 0
    while at_left < len(left) or at_right < len(right):
        wanted = shared[0] if shared else None
        if at_left < len(left) and at_right < len(right):
            element = left[at_left]
            if element == right[at_right]:
                done.add(element)
                out.append(merge(theirs[element], mine[element], elem))
                at_left += 1
                at_right += 1
                shared = shared[1:]
                continue
            if element in mine and wanted is not None and wanted != element:
                at_left += 1  # shared, but not the next in turn
                continue
        if at_left < len(left):
            element = left[at_left]
            if element not in mine:
                out.append(live[at_left])
                at_left += 1
                continue
            if element in done:
                at_left += 1
        if at_right < len(right):
            element = right[at_right]
            done.add(element)
            out.append(merge(theirs.get(element, ABSENT), mine[element], elem))
            at_right += 1
            if wanted == element:
                shared = shared[1:]
    return out


# ---- removal -------------------------------------------------------------------------------------


def remove(value: Any, paths: Iterable[Path], node: Node | None) -> Any:
    """The value without these fields and items; what becomes empty stays, empty."""
    below: dict[str, set[Path]] = {}
    for path in paths:
        if path:
            below.setdefault(path[0], set()).add(path[1:])
    return _remove(value, below, node) if below else value


def _remove(value: Any, below: dict[str, set[Path]], node: Node | None) -> Any:
    if node is None or not value:
        return value
    if node.kind in ("keyed", "set"):
        if not isinstance(value, list):
            return value
        items = []
        for at, item in enumerate(value):
            inner = below.get(_element(item, node, (), at))
            if inner is None:
                items.append(item)
            elif () not in inner:
                items.append(remove(item, inner, node.elem))
        return items
    if not isinstance(value, dict):
        return value
    out = {}
    for name, item in value.items():
        inner = below.get(f"f:{name}")
        if inner is None:
            out[name] = item
        elif () not in inner:
            out[name] = remove(item, inner, node.below(name))
    return out


def with_named(paths: Paths, node: Node) -> Paths:
    """The set with every declared struct field on the way to a member as a member itself."""
    out = set(paths)
    for path in paths:
        at: Node | None = node
        for depth, element in enumerate(path[:-1]):
            if element.startswith("f:"):
                if at is not None and at.declares(element[2:]):
                    out.add(path[: depth + 1])
                at = at.below(element[2:]) if at is not None and at.kind not in ("keyed", "set") else None
            elif element.startswith("k:"):
                at = at.elem if at is not None and at.kind == "keyed" else None
            else:
                at = None
    return frozenset(out) if out else NONE
