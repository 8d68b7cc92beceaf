"""Panels with rows: what the figures of etcd, the API server and a node are made of.

A panel is a frame with a title; it grows downward, and nothing in it moves because something comes after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.diagrams import metrics, shapes
from apps.diagrams.graph import Element, Rect, Text

HEAD = 34  # from a panel's top to its first row
ROW = 24
FOOT = 12

_FACES = {"k-fs": "sans", "k-lh": "sans-500", "k-say": "sans"}
_SIZES = {"k-nm": 11.5, "k-say": 12}


class Cell(NamedTuple):
    """Words of a row: from `x` on (or up to it, anchored at the end) in at most `room` pixels.

    `tail`: what is cut is cut at the front, for the end of a key says which one it is.
    """

    x: float
    text: str
    room: float
    cls: str = "k-fs"
    anchor: str = "start"
    tail: bool = False


def height(rows: int, foot: float = FOOT) -> float:
    """Of a panel with so many rows."""
    return HEAD + ROW * rows + foot


def panel(ident: str, rect: Rect, title: str, note: str = "", *, cls: str = "k-lane", label: str = "") -> Element:
    """A frame with a title at its left and a note at its right."""
    words = metrics.width(note, 11) + 12 if note else 0
    texts = (Text(rect.x + 12, rect.y + 21, "k-lh"), Text(rect.right - 12, rect.y + 21, "k-num", "end"))
    said = (metrics.fit(title, rect.w - 24 - words, 11, "sans-500"), note)
    frame = Element(ident, cls, shapes.box(rect, "k-f", 4), label=label or title)
    frame.children.append(Element(f"{ident}-words", "k-note", shapes.words(texts), said))
    return frame


def row(
    ident: str,
    rect: Rect,
    cells: Sequence[Cell],
    *,
    cls: str = "",
    label: str = "",
    href: str = "",
    ref: str = "",
    verdict: bool = False,
) -> Element:
    """A row of a panel: words side by side over a hairline."""
    base = rect.y + rect.h / 2 + 4
    texts = tuple([Text(cell.x, base, cell.cls, cell.anchor) for cell in cells])
    return Element(
        ident,
        f"k-row{' ' + cls if cls else ''}",
        shapes.ruled(rect, texts, verdict),
        tuple([fitted(cell) for cell in cells]),
        label=label or " ".join(cell.text for cell in cells if cell.text),
        href=href,
        ref=ref,
    )


def fitted(cell: Cell) -> str:
    face = _FACES.get(cell.cls, "mono")
    size = _SIZES.get(cell.cls, 11)
    return (metrics.fit_end if cell.tail else metrics.fit)(cell.text, cell.room, size, face)


def line(rect: Rect, number: int) -> Rect:
    """The place of a row in a panel."""
    return Rect(rect.x + 8, rect.y + HEAD + ROW * number, rect.w - 16, ROW)
