"""A figure as data: elements with classes and texts, on shapes whose geometry is fixed.

What changes from step to step (class, texts, label) lives on the `Element`; what Graphviz draws lives on the `Shape`.
Shapes are shared: the same slot at the same place is one object, drawn once, whoever sits in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

Obj = dict[str, Any]


class Rect(NamedTuple):
    """Pixels, y down."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h

    @property
    def cx(self) -> float:
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        return self.y + self.h / 2


class Text(NamedTuple):
    """Where a text stands: baseline, class, and which end of it `x` is (start, middle, end)."""

    x: float
    y: float
    cls: str
    anchor: str = "start"


class Shape:
    """A drawing without its words. Compared by identity; `shapes.py` makes equal ones only once.

    `kind` names the Graphviz shape: box, none, cylinder, ellipse, or edge. `template` is what the finishing pass made
    of Graphviz's drawing, None until then.
    """

    __slots__ = ("box", "key", "kind", "over", "points", "radius", "rect", "template", "texts", "under")

    def __init__(
        self,
        key: str,
        kind: str,
        rect: Rect,
        *,
        box: str = "",
        radius: float = 0,
        under: str = "",
        over: str = "",
        texts: tuple[Text, ...] = (),
        points: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self.key = key  # says the geometry: two shapes of one key draw the same
        self.kind = kind
        self.rect = rect
        self.box = box  # class of the outline
        self.radius = radius
        self.under = under  # our own SVG, before the outline and after it
        self.over = over
        self.texts = texts
        self.points = points  # of an edge: Bézier points, the last one its tip
        self.template: str | None = None

    def __repr__(self) -> str:
        return f"Shape({self.key!r})"


@dataclass(slots=True)
class Element:
    """One thing in the figure, with an id, a class and its words. `text` fills the shape's texts in order."""

    id: str
    cls: str
    shape: Shape
    text: tuple[str, ...] = ()
    label: str = ""  # what a screen reader says
    href: str = ""
    ref: str = ""  # the object it stands for
    children: list[Element] = field(default_factory=list)


@dataclass(slots=True)
class Graph:
    """A whole figure. `edges` are drawn above `roots`."""

    view: str
    lang: str
    width: int
    height: int
    title: str
    roots: list[Element]
    edges: list[Element]
    links: list[tuple[str, str]] = field(default_factory=list)  # ids: what the edges join, for plain graphs
    told: str = ""  # what the acting step says
