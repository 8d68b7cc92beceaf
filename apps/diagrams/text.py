"""A figure in words: for screen readers, text browsers and anyone who would rather read.

Made from the graph, so it says what the figure shows and nothing else: one line for each machine, part or lane.
"""

from __future__ import annotations

from apps.diagrams.graph import Element, Graph

_SILENT = ("k-slot", "k-edge", "k-line", "k-title", "k-name", "k-note", "k-ctl", "k-told", "k-hop", "k-wire")


def describe(graph: Graph) -> str:
    """The lines of a figure.

    The cluster: the control plane's parts, then each worker with its Pods. Ownership: an owner, then its Pods.
    """
    lines: list[str] = []
    if graph.told:
        lines.append(graph.told)
    run: list[str] = []
    for element in graph.roots:
        if element.children:
            _flush(run, lines)
            _machine(element, lines)
        elif element.cls.startswith("k-own"):
            _flush(run, lines)
            run.append(_said(element))
        else:
            said = _said(element)
            if said:
                run.append(said)
            elif element.cls.startswith("k-note") and element.text:
                _flush(run, lines)
                run.append(element.text[0])
    _flush(run, lines)
    return "\n".join(lines)


def _machine(element: Element, lines: list[str]) -> None:
    """A frame: what stands in it on one line; frames within it on lines of their own."""
    inner = [child for child in element.children if not child.children]
    said = [_said(child) for child in inner]
    words = [word for word in said if word]
    lines.append(element.label + (": " + "; ".join(words) if words else ""))
    for child in element.children:
        if child.children:
            _machine(child, lines)


def _said(element: Element) -> str:
    if element.cls.startswith(_SILENT):
        return ""
    if element.cls.startswith("k-chip") and "st-Ready" not in element.cls and "st-" in element.cls:
        return element.label
    if element.cls.startswith(("k-chip", "k-user", "k-gate")):
        return "" if not element.cls.startswith("k-chip k-claim") else element.label
    return element.label or " ".join(word for word in element.text if word)


def _flush(run: list[str], lines: list[str]) -> None:
    if run:
        lines.append(run[0] + (": " + "; ".join(run[1:]) if len(run) > 1 else ""))
        run.clear()
