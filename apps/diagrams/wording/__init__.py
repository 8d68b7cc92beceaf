"""Every sentence the figures and the timeline say, in each language: message id + parameters -> text.

A file a component, `{lang}/<component>.toml`; nested tables join with dots, so `[replicaset] create-pod = "…"` has the
id `replicaset.create-pod`. A text may hold `{name}`, replaced by a parameter, and `{count:Pod|Pods}`, the word that
fits a number. Parameters are put in as they are and never read as a pattern. A message that is not there shows as
`⟦its.id⟧`: visible, and a test finds it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("ko", "en")

_ROOM = Path(__file__).parent
_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)(?::([^{}|]*)\|([^{}|]*))?\}", re.IGNORECASE)

Piece = str | tuple[str, str | None, str]  # text, or a hole: parameter, word for one, word for many


class WordingError(ValueError):
    """Two files of one language claim the same message, or a message is not a text."""


def say(lang: str, message: str, params: Mapping[str, Any] | None = None) -> str:
    """The message in a language; `⟦id⟧` when there is none, `⟦name⟧` where a parameter is missing."""
    pieces = _compiled(lang).get(message)
    if pieces is None:
        return f"⟦{message}⟧"
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return pieces[0]
    params = params or {}
    out: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            out.append(piece)
            continue
        name, one, many = piece
        if name not in params:
            out.append(f"⟦{name}⟧")
        elif one is None:
            out.append(str(params[name]))
        else:
            out.append(one if params[name] == 1 else many)
    return "".join(out)


def has(lang: str, message: str) -> bool:
    """Whether the language has the message."""
    return message in _compiled(lang)


@cache
def messages(lang: str) -> Mapping[str, str]:
    """Every message of a language, by id."""
    found: dict[str, str] = {}
    for path in sorted((_ROOM / lang).glob("*.toml")):
        with path.open("rb") as file:
            for message, text in _flat(tomllib.load(file)):
                if message in found or not isinstance(text, str):
                    raise WordingError(f"{path.name}: {message}")
                found[message] = text
    return found


def parameters(text: str) -> frozenset[str]:
    """The parameters a text asks for. (A word that only one language bends is no parameter of its own.)"""
    return frozenset(match.group(1) for match in _HOLE.finditer(text))


@cache
def _compiled(lang: str) -> dict[str, tuple[Piece, ...]]:
    return {message: tuple(_pieces(text)) for message, text in messages(lang).items()}


def _pieces(text: str) -> Iterator[Piece]:
    end = 0
    for match in _HOLE.finditer(text):
        if match.start() > end:
            yield text[end : match.start()]
        yield match.group(1), match.group(2), match.group(3) or ""
        end = match.end()
    if end < len(text):
        yield text[end:]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
