"""In a browser: words stay in their boxes, a mark is drawn for the state and no other, and axe finds nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apps.diagrams.figure import VIEWS, difference, render
from apps.diagrams.options import Options
from tests.diagrams import clusters

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")

OVERFLOWING = """() => {
  const out = [];
  const kinds = [".k-pod > .k-pn", ".k-chip > .k-cp", ".k-gate > text", ".k-user > text", ".k-own > text"];
  for (const text of document.querySelectorAll(kinds.join())) {
    const box = text.parentNode.querySelector(":scope > .k-b, :scope > .k-c, :scope > .k-g").getBBox();
    const words = text.getBBox();
    if (words.width && (words.x < box.x - 0.5 || words.x + words.width > box.x + box.width + 0.5)) {
      out.push([text.parentNode.id, text.textContent]);
    }
  }
  return out;
}"""
MARKS = """() => Object.fromEntries([...document.querySelectorAll(".k-pod")].map((pod) => [pod.id, (() => {
  const style = getComputedStyle(pod.querySelector(".k-gl"));
  return ["pending", "creating", "running", "ready", "terminating", "failed", "unknown", "completed"]
    .filter((name) => style.getPropertyValue(`--m-${name}`).trim() === "inline");
})()]))"""
PATCH = """(patch) => {
  for (const [id, change] of patch) {
    const element = document.getElementById(id);
    if (change.class !== undefined) element.setAttribute("class", change.class);
    if (change.href !== undefined) element.setAttribute("href", change.href);
    if (change.label !== undefined) element.setAttribute("aria-label", change.label);
    const texts = element.querySelectorAll(":scope > text");
    (change.text ?? []).forEach((words, n) => (texts[n].textContent = words));
  }
}"""


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--allow-file-access-from-files"]
        )
        yield browser
        browser.close()


def open_figure(browser, tmp_path, figure, lang="ko", theme="light"):
    fonts = ROOT / "static/vendor/fonts.css"
    if not fonts.exists():
        pytest.skip("the faces are not installed: make install")
    faces = re.sub(r'url\("?(?!data:)([^)"]+)"?\)', rf'url("{fonts.parent.as_uri()}/\1")', fonts.read_text())
    css = faces + "".join((ROOT / f"static/css/{name}.css").read_text() for name in ("tokens", "figure"))
    defs = (ROOT / "templates/diagrams/defs.html").read_text().partition("#}")[2]
    page = browser.new_page(viewport={"width": figure.width + 48, "height": figure.height + 48})
    file = tmp_path / "figure.html"
    file.write_text(
        f'<!doctype html><html lang="{lang}" data-theme="{theme}"><title>figure</title><style>{css} '
        f"body{{margin:24px;background:var(--paper)}}</style><body><main>{defs}{figure.svg}</main></body></html>"
    )
    page.goto(file.as_uri())
    page.evaluate("document.fonts.ready")
    return page


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("width", ["full", "wide", "medium", "narrow"])
def test_words_stay_in_their_boxes(browser, tmp_path, width, view):
    for scene, lang in (("troubled", "ko"), ("owners", "en")):
        figure = render(getattr(clusters, scene)().snapshot(), view, lang, Options(width=width))
        page = open_figure(browser, tmp_path, figure, lang)
        assert page.evaluate(OVERFLOWING) == []
        page.close()


def test_each_pod_wears_the_mark_of_its_state_and_a_patch_changes_it(browser, tmp_path):
    world = clusters.rollout()
    old = render(world.snapshot())
    page = open_figure(browser, tmp_path, old)
    marks = page.evaluate(MARKS)
    assert marks["fig-pods-default-web-6c9d4b7f58-r6jx2"] == ["pending"]
    assert marks["fig-pods-default-web-6c9d4b7f58-2bxfn"] == ["running"]
    assert all(len(found) == 1 for found in marks.values())
    owner = ("ReplicaSet", clusters.NEW)
    world.pod(f"{clusters.NEW}-2bxfn", node="worker-2", state="Ready", owner=owner, cpu="400m")
    page.evaluate(PATCH, difference(old, render(world.snapshot())))
    assert page.evaluate(MARKS)["fig-pods-default-web-6c9d4b7f58-2bxfn"] == ["ready"]
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing(browser, tmp_path, view, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    figure = render(clusters.owners().snapshot(), view, "en")
    page = open_figure(browser, tmp_path, figure, "en", theme)
    # The figure is looked at, not the page it stands in for this test.
    results = axe.Axe().run(page, context=".kfig")
    assert results.response["violations"] == [], results.generate_report()
    page.close()
