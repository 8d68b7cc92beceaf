"""Objects as YAML, as kubectl prints them: keys sorted, lists flush with their key, text quoted only where it must be.

Written line by line, so that a line can say whether it differs from the object before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from apps.scenarios.yamlread import resolve

NOTHING = object()  # there was nothing here before
PLAIN = re.compile(
    r"[^\s\-?:,\[\]{}#&*!|>'\"%@`](?:[^\n:#]|:(?=\S)|(?<=\S)#)*|[-?:][^\s,\[\]{}:#](?:[^\n:#]|:(?=\S)|(?<=\S)#)*"
)

Line = tuple[str, bool]


def dump(value: Any) -> str:
    """One document.

    >>> print(dump({"b": ["x", {"c": 1, "d": []}], "a": "yes", "e": "two\\nlines\\n"}), end="")
    a: "yes"
    b:
    - x
    - c: 1
      d: []
    e: |
      two
      lines
    """
    return "".join(f"{text}\n" for text, _changed in lines(value))


def dump_all(values: Iterable[Any]) -> str:
    """Several documents, parted by `---`."""
    return "---\n".join(dump(value) for value in values)


def lines(value: Any, before: Any = NOTHING) -> list[Line]:
    """The lines of a document, each with whether `before` did not say it. Without `before`, nothing changed.

    >>> lines({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}})
    [('a: 1', False), ('b:', False), ('  c: 2', True)]
    """
    old = value if before is NOTHING else before
    if isinstance(value, dict) and value:
        return list(_mapping(value, old, ""))
    if isinstance(value, list) and value:
        return list(_sequence(value, old, ""))
    first, *rest = _scalar(value, "")
    return [(text, old != value) for text in [first.lstrip(), *rest]]


def _mapping(value: dict[str, Any], old: Any, indent: str) -> Iterator[Line]:
    known = old if isinstance(old, dict) else {}
    for key in sorted(value):
        yield from _entry(f"{indent}{_key(key)}:", value[key], known.get(key, NOTHING), indent)


def _sequence(value: list[Any], old: Any, indent: str) -> Iterator[Line]:
    known = _matched(value, old if isinstance(old, list) else [])
    for item, was in zip(value, known, strict=True):
        if isinstance(item, dict) and item:
            inner = list(_mapping(item, was, indent + "  "))
        elif isinstance(item, list) and item:
            inner = list(_sequence(item, was, indent + "  "))
        else:
            changed = was is NOTHING or was != item or type(was) is not type(item)
            first, *rest = _scalar(item, indent)
            yield f"{indent}-{first}", changed
            for text in rest:
                yield text, changed
            continue
        (first, changed), *rest_lines = inner
        yield f"{indent}- {first[len(indent) + 2 :]}", changed
        yield from rest_lines


def _matched(value: list[Any], old: list[Any]) -> list[Any]:
    """For each item, the one it was before: by `name` or `type` where items have one, else by position."""
    for field in ("name", "type", "uid"):
        if value and all(isinstance(item, dict) and field in item for item in value):
            by = {item[field]: item for item in old if isinstance(item, dict) and isinstance(item.get(field), str)}
            return [by.get(item[field], NOTHING) if isinstance(item[field], str) else NOTHING for item in value]
    return [old[index] if index < len(old) else NOTHING for index in range(len(value))]


def _entry(head: str, value: Any, was: Any, indent: str) -> Iterator[Line]:
    if isinstance(value, dict) and value:
        yield head, not isinstance(was, dict)
        yield from _mapping(value, was, indent + "  ")
    elif isinstance(value, list) and value:
        yield head, not isinstance(was, list)
        yield from _sequence(value, was, indent)
    else:
        changed = was is NOTHING or was != value or type(was) is not type(value)
        first, *rest = _scalar(value, indent)
        yield f"{head}{first}", changed
        for text in rest:
            yield text, changed


def _scalar(value: Any, indent: str) -> list[str]:
    """The first line, with a blank before it, and the lines of a block after it."""
    if isinstance(value, str):
        if "\n" in value and _fits_block(value):
            body = value.removesuffix("\n")
            header = " |" if value.endswith("\n") else " |-"
            return [header, *(f"{indent}  {line}" if line else "" for line in body.split("\n"))]
        return [f" {_quoted(value)}"]
    if isinstance(value, dict):
        return [" {}"]
    if isinstance(value, list):
        return [" []"]
    return [f" {json.dumps(value, allow_nan=False)}"]


def _fits_block(value: str) -> bool:
    body = value.removesuffix("\n")
    return (
        not value.endswith("\n\n")
        and body != ""
        and not body.startswith((" ", "\n"))
        and all(line == "" or line.isprintable() for line in body.split("\n"))
        and body.split("\n")[-1].strip() != ""
    )


def _key(key: str) -> str:
    return _quoted(key) if key != "<<" else '"<<"'


def _quoted(text: str) -> str:
    if not isinstance(resolve(text), str):
        return _escaped(text)
    if not text.isprintable() or "\ufeff" in text:
        return _escaped(text)
    if (
        PLAIN.fullmatch(text)
        and not text.endswith((" ", ":"))
        and not text.startswith(("---", "..."))
        and len(text) < 1000
    ):
        return text
    return "'" + text.replace("'", "''") + "'"


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(text: str) -> str:
    """Between double quotes, where everything can be said."""
    return '"' + "".join(ESCAPES.get(char) or (char if char.isprintable() else _code(ord(char))) for char in text) + '"'


def _code(point: int) -> str:
    return f"\\x{point:02x}" if point < 256 else f"\\u{point:04x}" if point < 65536 else f"\\U{point:08x}"
