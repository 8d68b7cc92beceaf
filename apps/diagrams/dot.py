"""DOT, written safely: what a reader named is data, whatever it looks like.

Positions are pixels with y down; Graphviz has y up, so y is negated and `notranslate` keeps its output in our pixels.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphviz.quoting import escape, quote

from apps.diagrams import metrics
from apps.diagrams.graph import Element, Graph, Shape, Text

HEADER = (
    "digraph {\n  graph [notranslate=true pad=0 outputorder=nodesfirst bgcolor=transparent splines=true"
    ' charset="UTF-8" fontname="IBM Plex Mono"]\n'
    '  node [fixedsize=true fontname="IBM Plex Mono" fontsize=11 margin=0 label=""]\n'
    "  edge [arrowsize=0.6]\n"
)
_INCH = 72


def quoted(text: str) -> str:
    r"""A text as a DOT string: no backslash, quote, angle bracket or keyword of the reader's is read as DOT.

    >>> quoted('a"b'), quoted("node"), quoted("<b>")
    ('"a\\"b"', '"node"', '"<b>"')
    >>> quoted(r"\N")
    '"\\\\N"'
    """
    out: str = quote(escape(_plain(text)))
    if not out.startswith('"'):
        out = f'"{out}"'
    return out


def batch(shapes: Iterable[Shape]) -> str:
    """The graph of shapes alone, named S0, S1, … in order: what the figure still lacks."""
    lines = [HEADER]
    for number, shape in enumerate(shapes):
        name = f"S{number}"
        if shape.kind == "edge":
            lines.append(_edge(shape, name, name, ""))
        else:
            lines.append(f"  {name} [id={name} {_geometry(shape)}]\n")
    lines.append("}\n")
    return "".join(lines)


def write(graph: Graph) -> str:
    """The whole figure as DOT: `neato -n2` draws it where it stands."""
    lines = [HEADER, f'  graph [id="fig" tooltip={quoted(graph.title)}]\n']
    lines.append('  corner0 [style=invis shape=point width=0 pos="0,0"]\n')
    lines.append(f'  corner1 [style=invis shape=point width=0 pos="{graph.width},{-graph.height}"]\n')
    for root in graph.roots:
        _write(root, lines, 1)
    for edge in graph.edges:
        lines.append(_edge(edge.shape, edge.id, edge.id, edge.cls))
    lines.append("}\n")
    return "".join(lines)


def _write(element: Element, lines: list[str], depth: int) -> None:
    pad = "  " * depth
    shape = element.shape
    about = f"id={quoted(element.id)} class={quoted(element.cls)}"
    if element.label:
        about += f" tooltip={quoted(element.label)}"
    if element.href:
        about += f" URL={quoted(element.href)}"
    words = [(text, word) for text, word in zip(shape.texts, element.text, strict=False) if word]
    if element.children:
        x, y, w, h = shape.rect
        lines.append(f"{pad}subgraph {quoted('cluster_' + element.id)} {{\n")
        lines.append(f'{pad}  graph [label="" {about} bb="{x:g},{-y - h:g},{x + w:g},{-y:g}"]\n')
        _words(element.id, words, lines, pad + "  ")
        for child in element.children:
            _write(child, lines, depth + 1)
        lines.append(f"{pad}}}\n")
    elif shape.kind == "none" and words:
        _words(element.id, words, lines, pad, about)
    elif len(words) == 1 and shape.kind != "none":
        lines.append(f"{pad}{quoted(element.id)} [{about} {_geometry(shape)} label={quoted(words[0][1])}]\n")
    else:
        lines.append(f"{pad}{quoted(element.id)} [{about} {_geometry(shape)}]\n")
        _words(element.id, words, lines, pad)


def _words(name: str, words: list[tuple[Text, str]], lines: list[str], pad: str, about: str = "") -> None:
    """Texts as nodes of their own; the first wears `about`."""
    for number, (text, word) in enumerate(words):
        wide = metrics.width(word, 11)
        middle = text.x + {"start": wide / 2, "middle": 0, "end": -wide / 2}[text.anchor]
        own = about if about and not number else ""
        ident = name if about and not number else f"{name}_{number}"
        lines.append(
            f'{pad}{quoted(ident)} [{own} shape=none pos="{middle:g},{4 - text.y:g}" width={wide / _INCH:.5f} '
            f"height=0.19 label={quoted(word)}]\n"
        )


def _geometry(shape: Shape, kind: str = "") -> str:
    x, y, w, h = shape.rect
    return f'shape={kind or shape.kind} pos="{x + w / 2:g},{-y - h / 2:g}" width={w / _INCH:.5f} height={h / _INCH:.5f}'


def _edge(shape: Shape, name: str, ident: str, cls: str) -> str:
    """An edge with its spline given. Its ends are points of its own: edges end at outlines, not at centres."""
    points = shape.points
    (x0, y0), (x1, y1) = points[0], points[-1]
    tip = f"e,{x1:g},{-y1:g} " if shape.box else ""
    spline = tip + " ".join(f"{x:g},{-y:g}" for x, y in points[: -1 if shape.box else None])
    tail, head = quoted(f"{name}_tail"), quoted(f"{name}_head")
    end = "shape=point width=0 style=invis"
    return (
        f'  {tail} [{end} pos="{x0:g},{-y0:g}"]\n  {head} [{end} pos="{x1:g},{-y1:g}"]\n'
        f'  {tail} -> {head} [id={quoted(ident)} class={quoted(cls)} pos="{spline}"'
        + ("]\n" if shape.box else " arrowhead=none]\n")
    )


def _plain(text: str) -> str:
    """Without what XML cannot hold, and on one line: the pictures are XML in the end."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
