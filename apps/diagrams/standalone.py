"""Pictures that stand alone: an SVG with its look inside it, and a PNG.

PNG is librsvg's (`rsvg-convert`), chosen by measuring: see docs/decisions. It needs fonts with Hangul on the server.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from apps.diagrams import figure as figures
from apps.diagrams import theme as themes
from apps.diagrams.figure import Figure
from apps.diagrams.pool import GraphvizError

MARGIN = 24
PNG_TIMEOUT_S = 20
PNG_ZOOM = 2
PNG_PIXELS = 40_000_000  # a larger picture is drawn at a smaller zoom
FONTS = Path(__file__).resolve().parents[2] / "var/fonts/fonts.conf"


class RasterError(RuntimeError):
    """rsvg-convert is missing, or refused the picture."""


def svg(figure: Figure, theme: str = "") -> str:
    """The figure as a file: light, dark, or with theme "" whichever its viewer prefers.

    Raises:
        GraphvizError: Graphviz is missing or failed.
    """
    return _document(figure, theme, MARGIN)


def png(figure: Figure, theme: str = "") -> bytes:
    """The figure as a picture at twice its size; theme "" is light.

    Raises:
        GraphvizError: Graphviz is missing or failed.
        RasterError: rsvg-convert is missing or failed.
    """
    text = _document(figure, theme or "light", MARGIN)
    area = (figure.width + 2 * MARGIN) * (figure.height + 2 * MARGIN)
    zoom = min(float(PNG_ZOOM), (PNG_PIXELS / area) ** 0.5)
    command = ("rsvg-convert", "--format=png", f"--zoom={zoom:.3f}")
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=PNG_TIMEOUT_S, check=False, env=_environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RasterError(f"rsvg-convert: {error}") from error
    if done.returncode or not done.stdout.startswith(b"\x89PNG"):
        raise RasterError(done.stderr.decode("utf-8", "replace").strip() or "rsvg-convert drew nothing")
    return done.stdout


def _environment() -> dict[str, str]:
    """With the faces that were installed with the site, when fontconfig has not been told of them."""
    environment = dict(os.environ)
    if "FONTCONFIG_FILE" not in environment and FONTS.is_file():
        environment["FONTCONFIG_FILE"] = str(FONTS)
    return environment


def _document(figure: Figure, theme: str, margin: int) -> str:
    graph = figure.graph
    width, height = graph.width + 2 * margin, graph.height + 2 * margin
    paper = "k-paper"
    ground = _ground(theme)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="kfig '
        f'kfig-{graph.view}" width="{width}" height="{height}" viewBox="{-margin} {-margin} {width} {height}" '
        f'role="group" aria-label="{figures.escape(graph.title)}">'
        f"<title>{figures.escape(graph.title)}</title><desc>{figures.escape(figure.alt)}</desc>"
        f"<style>{ground}{themes.stylesheet(theme)}</style>{themes.definitions()}"
        f'<rect x="{-margin}" y="{-margin}" width="{width}" height="{height}" class="{paper}"/>'
        f"{figures.body(graph, still=True)}</svg>\n"
    )


def _ground(theme: str) -> str:
    light, dark = themes.tokens()["--paper"]
    css = f".k-paper{{fill:{dark if theme == 'dark' else light}}}"
    if not theme:
        css += f"@media (prefers-color-scheme:dark){{.k-paper{{fill:{dark}}}}}"
    return css


__all__ = ["GraphvizError", "RasterError", "png", "svg"]
