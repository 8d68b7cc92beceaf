"""The finishing pass: Graphviz's drawing of shapes -> templates that wait for their words.

Graphviz gives outlines, splines and arrowheads. The pass turns polygons into rectangles with our radius, drops every
colour and font (CSS has them), and adds what Graphviz cannot draw: the spine, the mark, ticks, the lid of a drum. A
template is a `%`-pattern: tag, id, class, attributes, the texts in order, children, tag.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from apps.diagrams import dot, pool
from apps.diagrams.graph import Shape, Text
from apps.diagrams.pool import GraphvizError

_SVG = "{http://www.w3.org/2000/svg}"
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def draw(shapes: Sequence[Shape]) -> None:
    """Give every shape its template; those Graphviz has to see go to it in one graph.

    Raises:
        GraphvizError: Graphviz is missing, or drew something else.
    """
    asked = [shape for shape in shapes if shape.kind != "none"]
    for shape in shapes:
        if shape.kind == "none":
            shape.template = _template(shape, shape.under)
    if not asked:
        return
    root = etree.fromstring(pool.ask("neato", dot.batch(asked)), _PARSER)
    drawn = {group.get("id"): group for group in root.iter(f"{_SVG}g")}
    for number, shape in enumerate(asked):
        group = drawn.get(f"S{number}")
        if group is None:
            raise GraphvizError(f"Graphviz left out {shape.key}")
        if shape.kind == "edge":
            shape.template = _edge(shape, group)
        else:
            shape.template = _template(shape, shape.under + _outline(shape, group))


def _template(shape: Shape, outline: str) -> str:
    words = "".join(_text(text) for text in shape.texts)
    return f'<%s id="%s" class="%s"%s>{outline}{shape.over}{words}%s</%s>'


def _text(text: Text) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return f'<text x="{text.x:g}" y="{text.y:g}" class="{text.cls}"{anchor}>%s</text>'


def _outline(shape: Shape, group: etree._Element) -> str:
    """Graphviz's polygon, ellipse or cylinder as a rectangle (or a drum) on whole pixels."""
    points: list[tuple[float, float]] = []
    for child in group:
        tag = etree.QName(child).localname
        if tag == "polygon":
            points = _points(child.get("points") or "")
        elif tag == "ellipse":
            cx, cy, rx, ry = (float(child.get(name) or 0) for name in ("cx", "cy", "rx", "ry"))
            points = [(cx - rx, cy - ry), (cx + rx, cy + ry)]
        elif tag == "path" and not points:
            points = _points((child.get("d") or "").replace("M", " ").replace("C", " "))
    if not points:
        raise GraphvizError(f"Graphviz drew no outline for {shape.key}")
    left, top = min(x for x, _ in points), min(y for _, y in points)
    right, bottom = max(x for x, _ in points), max(y for _, y in points)
    # A hairline is sharp when it runs through the middle of a pixel.
    x, y, w, h = round(left) + 0.5, round(top) + 0.5, round(right - left) - 1, round(bottom - top) - 1
    if shape.kind == "cylinder":
        return _drum(shape, x, y, w, h)
    radius = f' rx="{shape.radius:g}"' if shape.radius else ""
    return f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}"{radius} class="{shape.box}"/>'


def _drum(shape: Shape, x: float, y: float, w: float, h: float) -> str:
    """A cylinder whose lid is as flat as `radius` says: Graphviz sizes the lid by the drum's height."""
    lid = shape.radius
    body = f"M{x:g} {y + lid:g}V{y + h - lid:g}A{w / 2:g} {lid:g} 0 0 0 {x + w:g} {y + h - lid:g}V{y + lid:g}"
    return (
        f'<path d="{body}" class="{shape.box}"/>'
        f'<ellipse cx="{x + w / 2:g}" cy="{y + lid:g}" rx="{w / 2:g}" ry="{lid:g}" class="{shape.box}"/>'
    )


def _edge(shape: Shape, group: etree._Element) -> str:
    line = head = ""
    for child in group:
        tag = etree.QName(child).localname
        if tag == "path":
            line = _tidy(child.get("d") or "")
        elif tag == "polygon":
            points = " ".join(f"{x:g},{y:g}" for x, y in _points(child.get("points") or "")[:-1])
            head = f'<polygon points="{points}" class="k-ah"/>'
    if not line:
        raise GraphvizError(f"Graphviz drew no line for {shape.key}")
    x, y = middle(shape.points)
    extras = (
        f'<path d="M{x - 5:g} {y + 4:g}l4 -8m2 8l4 -8" class="k-cut"/>'
        f'<circle cx="{x:g}" cy="{y:g}" r="3.5" class="k-dot"/>'
        if shape.box == "arrow"
        else ""
    )
    return f'<%s id="%s" class="%s"%s><path d="{line}" class="k-l"/>{head}{extras}%s</%s>'


def middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """A point about halfway along a spline: the middle of its middle piece."""
    if len(points) < 4:
        (x0, y0), (x1, y1) = points[0], points[-1]
        return round((x0 + x1) / 2, 1), round((y0 + y1) / 2, 1)
    pieces = (len(points) - 1) // 3
    start = 3 * (pieces // 2) if pieces > 1 else 0
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = points[start : start + 4]
    return round((x0 + 3 * x1 + 3 * x2 + x3) / 8, 1), round((y0 + 3 * y1 + 3 * y2 + y3) / 8, 1)


def _tidy(path: str) -> str:
    """Graphviz's path with straight pieces as lines: `M1,2C1,2 1,9 1,9` -> `M1,2L1,9`."""
    start, _, rest = path[1:].partition("C")
    points = [tuple(map(float, pair.split(","))) for pair in rest.split()]
    here = tuple(map(float, start.split(",")))
    out = [f"M{here[0]:g} {here[1]:g}"]
    for index in range(0, len(points) - 2, 3):
        one, two, end = points[index : index + 3]
        if _straight(here, one, end) and _straight(here, two, end):
            out.append(f"L{end[0]:g} {end[1]:g}")
        else:
            out.append(f"C{one[0]:g} {one[1]:g} {two[0]:g} {two[1]:g} {end[0]:g} {end[1]:g}")
        here = end
    return "".join(out)


def _straight(start: tuple[float, ...], point: tuple[float, ...], end: tuple[float, ...]) -> bool:
    across = (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])
    return abs(across) < 0.01


def _points(text: str) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in text.split())
    return [(float(x), float(y)) for x, y in pairs]
