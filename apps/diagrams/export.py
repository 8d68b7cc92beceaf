"""A figure as a file: svg, png, dot, mermaid."""

from __future__ import annotations

from apps.diagrams import dot as dot_
from apps.diagrams import mermaid as mermaid_
from apps.diagrams.figure import Figure
from apps.diagrams.standalone import RasterError, png, svg


def dot(figure: Figure) -> str:
    """The figure as DOT; `neato -n2` draws it where it stands."""
    return dot_.write(figure.graph)


def mermaid(figure: Figure) -> str:
    """The figure's graph as Mermaid text."""
    return mermaid_.write(figure.graph)


__all__ = ["RasterError", "dot", "mermaid", "png", "svg"]
