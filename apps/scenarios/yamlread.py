"""YAML to JSON-shaped values, as kubectl reads it, with bounds on what a text may make us build.

Models      sigs.k8s.io/yaml (goyaml.v2 resolution of plain scalars, YAML 1.1 booleans, keys made strings)
Leaves out  a merge key never overrides a key written before it; a repeated key silently takes its last value, as
            kubectl does; NUL in a text, which kubectl would send, is refused: databases do not keep it

One pass over the parser's events, with a stack of its own: depth costs no recursion, and an alias adds the size of
what it stands for, so a text that unfolds into billions of values is refused after the first few.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml import events

from apps.scenarios import limits

LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

NULLS = {"", "~", "null", "Null", "NULL"}
BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
NOT_NUMBERS = {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"}
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# Octal with a leading 0, hexadecimal, binary, decimal: what Go's strconv takes with base 0.
INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
MERGE = "\0merge"  # stands for a plain `<<` key while its map is being read
STR, INT, BINARY = "tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:binary"


class YAMLError(Exception):
    """A text that is no YAML. `line` counts from 1 within the document; the message is as go-yaml words it."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(slots=True)
class _Frame:
    """A map or list being read. `size` counts the values in it, aliases written out."""

    value: Any
    anchor: str | None
    size: int = 1
    key: str | None = None
    has_key: bool = False
    merges: list[Any] | None = None


def load(text: str, *, budget: int = limits.MANIFEST_NODES) -> tuple[Any, int]:
    """The one document in `text` as JSON-shaped values, and how many values it holds, keys counted. Empty text: None.

    >>> load("a: 0777\\nb: [yes, ~, '1', 1.50]")
    ({'a': 511, 'b': [True, None, '1', 1.5]}, 9)

    Raises:
        YAMLError: not YAML, or a value that JSON cannot say.
        LimitExceeded: too deep, or too many values once its aliases are written out.
    """
    stack: list[_Frame] = []
    anchors: dict[str, tuple[Any, int]] = {}
    total = 0
    result: Any = None
    for event in _events(text):
        kind = type(event)
        if kind is events.ScalarEvent:
            value, size, anchor = _scalar(event, stack), 1, event.anchor
        elif kind is events.AliasEvent:
            if event.anchor not in anchors:
                raise YAMLError(f"unknown anchor '{event.anchor}' referenced", event.start_mark.line + 1)
            value, size = anchors[event.anchor]
            anchor = None
        elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            if stack and isinstance(stack[-1].value, dict) and not stack[-1].has_key:
                raise YAMLError("invalid map key", event.start_mark.line + 1)
            if len(stack) >= limits.MANIFEST_DEPTH:
                raise limits.exceeded("manifest_depth", limits.MANIFEST_DEPTH)
            stack.append(_Frame({} if kind is events.MappingStartEvent else [], event.anchor))
            total += 1
            continue
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            frame = stack.pop()
            value, size, anchor = _finished(frame), frame.size, frame.anchor
            total -= size  # counted again below, where it is put
        else:
            continue
        total += size
        if total > budget:
            raise limits.exceeded("manifest_nodes", limits.MANIFEST_NODES)
        if anchor is not None:
            anchors[anchor] = (value, size)
        if stack:
            _put(stack[-1], value, size, event)
        else:
            result = value
    return result, total


def lines(text: str) -> dict[str, int]:
    """Where each field begins: `spec.containers[0].image` -> line, from 1. Only for texts that `load` read."""
    out: dict[str, int] = {}
    stack: list[list[Any]] = []  # [path, next list index or None, key in hand or None]
    for event in _events(text):
        kind = type(event)
        if kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            stack.pop()
            continue
        if kind not in (events.ScalarEvent, events.AliasEvent, events.MappingStartEvent, events.SequenceStartEvent):
            continue
        path = ""
        if stack:
            top = stack[-1]
            if top[1] is not None:
                path, top[1] = f"{top[0]}[{top[1]}]", top[1] + 1
            elif top[2] is None:
                top[2] = (event.value if kind is events.ScalarEvent else "", event.start_mark.line + 1)
                continue
            else:
                (key, line), top[2] = top[2], None
                path = f"{top[0]}.{key}" if top[0] else key
                out.setdefault(path, line)
        out.setdefault(path, event.start_mark.line + 1)
        if kind is events.MappingStartEvent:
            stack.append([path, None, None])
        elif kind is events.SequenceStartEvent:
            stack.append([path, 0, None])
    return out


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=LOADER)
    except yaml.scanner.ScannerError as error:
        raise _as_go(error, 1) from None
    except yaml.MarkedYAMLError as error:
        raise _as_go(error, 0) from None
    except yaml.reader.ReaderError:
        raise YAMLError("control characters are not allowed") from None


def _as_go(error: yaml.MarkedYAMLError, extra: int) -> YAMLError:
    """go-yaml's words: it counts a parser's lines from 0, a scanner's from 1."""
    problem, context = error.problem_mark, error.context_mark
    shown = problem.line + extra if problem and problem.line else context.line if context and context.line else 0
    actual = problem.line + 1 if problem else 0
    text = error.problem or "unknown problem parsing YAML content"
    return YAMLError(f"line {shown}: {text}" if shown else text, actual)


def _scalar(event: Any, stack: list[_Frame]) -> Any:
    tag, text = event.tag, event.value
    if "\0" in text:
        raise YAMLError("control characters are not allowed", event.start_mark.line + 1)
    plain = event.implicit[0] if event.implicit else False
    if tag in (None, "!") and not plain:
        return text
    if tag == STR:
        return text
    if tag == BINARY:
        try:
            return base64.b64decode(text, validate=False).decode("utf-8", "replace").replace("\0", "\ufffd")
        except binascii.Error:
            raise YAMLError("!!binary value contains invalid base64 data", event.start_mark.line + 1) from None
    if plain and text == "<<" and stack and isinstance(stack[-1].value, dict) and not stack[-1].has_key:
        return MERGE
    value = resolve(text)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise YAMLError(f"json: unsupported value: {text}", event.start_mark.line + 1)
    return value


def resolve(text: str) -> Any:
    """What a plain scalar means.

    >>> resolve("on"), resolve("0x1F"), resolve("08"), resolve("1.25.0"), resolve("1e3")
    (True, 31, 8.0, '1.25.0', 1000.0)
    """
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if text in NOT_NUMBERS:
        return float("nan")
    if text[0] not in "+-.0123456789" or len(text) > 400:
        return text
    digits = text.replace("_", "")
    whole = INTEGER.fullmatch(digits)
    if whole:
        sign, hexadecimal, binary, octal, decimal = whole.groups()
        number = int(
            hexadecimal or binary or octal or decimal, 16 if hexadecimal else 2 if binary else 8 if octal else 10
        )
        number = -number if sign == "-" else number
        if -(2**63) <= number < 2**64:
            return number
    if FLOAT.fullmatch(digits):
        return float(digits)
    return text


def _finished(frame: _Frame) -> Any:
    if not frame.merges:
        return frame.value
    merged: dict[str, Any] = {}
    for value in frame.merges:
        for mapping in reversed(value) if isinstance(value, list) else [value]:
            if not isinstance(mapping, dict):
                raise YAMLError("map merge requires map or sequence of maps as the value")
            merged.update(mapping)
    merged.update(frame.value)
    return merged


def _put(frame: _Frame, value: Any, size: int, event: Any) -> None:
    frame.size += size
    if isinstance(frame.value, list):
        frame.value.append(value)
    elif not frame.has_key:
        frame.key, frame.has_key = _key(value, event), True
    else:
        frame.has_key = False
        if frame.key == MERGE:
            frame.merges = [*(frame.merges or ()), value]
        else:
            frame.value[frame.key] = value


def _key(value: Any, event: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    raise YAMLError("unsupported map key", event.start_mark.line + 1)
