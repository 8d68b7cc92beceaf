"""Figures as files: they stand alone, in both themes, and Hangul is in the PNG."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from lxml import etree

from apps.diagrams import export, theme
from apps.diagrams.figure import render
from tests.diagrams import clusters


@pytest.fixture(scope="module")
def figure():
    return render(clusters.troubled().snapshot(), "cluster", "ko")


@pytest.mark.parametrize("name", ["light", "dark", ""])
def test_the_svg_needs_nothing_else(figure, name):
    text = export.svg(figure, name)
    root = etree.fromstring(text.encode())
    for foreign in (
        "var(",
        "light-dark(",
        "http://localhost",
        "@import",
        "animation",
        "transition",
        "offset-path",
        "<a ",
    ):
        assert foreign not in text
    assert ("prefers-color-scheme" in text) is (name == "")
    used = {use.get("href") for use in root.iter("{http://www.w3.org/2000/svg}use")}
    defined = {f"#{element.get('id')}" for element in root.iter() if element.get("id")}
    assert used <= defined
    assert set(re.findall(r"url\((#[\w-]+)\)", text)) <= defined


def test_the_themes_differ_in_colour_alone(figure):
    light, dark = export.svg(figure, "light"), export.svg(figure, "dark")
    colour = re.compile(r"#[0-9a-f]{6}\b")
    assert colour.sub("#", light) == colour.sub("#", dark)
    assert light != dark


def test_every_colour_of_the_figures_is_a_token_of_the_page():
    used = set(re.findall(r"var\((--[\w-]+)", (theme._ROOT / "static/css/figure.css").read_text()))
    marks = {name for name in used if name.startswith("--m-")}
    motion = {"--m-quick", "--m-step", "--m-pulse"}
    assert used - (marks - motion) <= set(theme.tokens())


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="librsvg2-bin is not installed")
def test_the_png_is_a_picture_of_twice_the_size(figure):
    data = export.png(figure, "dark")
    assert data.startswith(b"\x89PNG\r\n")
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    assert width == 2 * (figure.width + 48)
    assert abs(height - 2 * (figure.height + 48)) <= 1


def test_the_dot_is_drawn_where_the_figure_stands(figure):
    text = export.dot(figure)
    done = subprocess.run(["neato", "-n2", "-Tsvg"], input=text.encode(), capture_output=True, check=True)
    drawn = etree.fromstring(done.stdout)
    group = next(element for element in drawn.iter() if element.get("id") == "fig-kube-apiserver")
    points = [
        tuple(map(float, pair.split(",")))
        for element in group.iter("{http://www.w3.org/2000/svg}polygon")
        for pair in element.get("points").split()
    ]
    gate = next(root for root in figure.graph.roots if root.id == "fig-kube-apiserver").shape.rect
    # Graphviz's own margin is the same for every point, so sizes are compared, and the place but for it.
    assert max(x for x, _ in points) - min(x for x, _ in points) == pytest.approx(gate.w, abs=0.1)
    assert max(y for _, y in points) - min(y for _, y in points) == pytest.approx(gate.h, abs=0.1)


@pytest.mark.parametrize("view", ["cluster", "ownership"])
def test_mermaid_names_every_pod_and_joins_what_is_there(view):
    text = export.mermaid(render(clusters.owners().snapshot(), view, "en"))
    assert text.startswith("flowchart ")
    assert "Pod db-0: Ready" in text
    names = set(re.findall(r"^\s+(?:subgraph )?(\w+)\[", text, re.MULTILINE))
    for source, target in re.findall(r"^\s+(\w+) --> (\w+)$", text, re.MULTILINE):
        assert {source, target} <= names


def test_the_words_say_what_the_figure_shows():
    lines = render(clusters.troubled().snapshot(), "cluster", "en").alt.splitlines()
    worker = next(line for line in lines if line.startswith("Worker node worker-2"))
    assert "Pod api-5d5cf8bc6b-m2nqz: Failed, CrashLoopBackOff" in worker
    assert any(line.startswith("Worker node worker-3: powered off, NotReady") for line in lines)
    korean = render(clusters.troubled().snapshot(), "cluster", "ko").alt
    assert "워커 노드 worker-3: 전원 꺼짐" in korean
    assert "⟦" not in korean + "".join(lines)
