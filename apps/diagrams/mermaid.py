"""The same graph as Mermaid text, for a README or a wiki: subgraphs for machines, a node for each thing, its edges."""

from __future__ import annotations

import re

from apps.diagrams.graph import Element, Graph

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")
_SKIPPED = ("k-slot", "k-title", "k-name", "k-note", "k-rev", "k-cpu", "k-ctl")


def write(graph: Graph) -> str:
    """A Mermaid flowchart.

    The figure's places are lost (Mermaid lays out by itself); states are classes and words.
    """
    lines = ["flowchart LR" if graph.view == "ownership" else "flowchart TB", f"  accTitle: {_plain(graph.title)}"]
    known: set[str] = set()
    for element in graph.roots:
        _write(element, lines, 1, known)
    for source, target in graph.links:
        if source in known and target in known:
            lines.append(f"  {_name(source)} --> {_name(target)}")
    for state, style in _STYLES.items():
        lines.append(f"  classDef {state} {style}")
    return "\n".join(lines) + "\n"


_STYLES = {
    "Pending": "stroke-dasharray:3 3",
    "Terminating": "stroke-dasharray:1 3",
    "Failed": "stroke-width:3px",
    "Unknown": "stroke-dasharray:6 3",
}


def _write(element: Element, lines: list[str], depth: int, known: set[str]) -> None:
    if element.cls.startswith(_SKIPPED):
        return
    pad = "  " * depth
    name = _name(element.id)
    inner = [child for child in element.children if not child.cls.startswith(_SKIPPED)]
    known.add(element.id)
    if inner:
        lines.append(f'{pad}subgraph {name}["{_label(element.label)}"]')
        for child in inner:
            _write(child, lines, depth + 1, known)
        lines.append(f"{pad}end")
        return
    label = element.label or " ".join(word for word in element.text if word)
    if not label:
        known.discard(element.id)
        return
    state = next((state for state in _STYLES if f"st-{state}" in element.cls), "")
    lines.append(f'{pad}{name}["{_label(label)}"]' + (f":::{state}" if state else ""))


def _name(ident: str) -> str:
    return _UNSAFE.sub("_", ident)


def _label(text: str) -> str:
    r"""A text in quotes: whatever Mermaid could read as its own becomes an entity.

    >>> _label('a "b" <c>')
    'a #34;b#34; #60;c#62;'
    """
    return "".join(char if char.isalnum() or char in " -_.,:/×" else f"#{ord(char)};" for char in text)


def _plain(text: str) -> str:
    return " ".join(text.split())
