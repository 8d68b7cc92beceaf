"""Every kind of page, light and dark, on a desk and a phone: nothing that axe finds, nothing wider than the screen, no
complaint in the console; and in the figures no word that leaves its box or stands on another."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytest.importorskip("axe_playwright_python")

from tests import moments
from tests.e2e.readers import until
from tests.e2e.test_manifests import OURS

WIDTHS = (1440, 1024, 768, 390)
PAGES = [
    pytest.param("/ko/", id="home"),
    pytest.param("/en/docs/", id="contents"),
    pytest.param("/ko/docs/deployment/", id="an article"),
    pytest.param("/en/docs/architecture/", id="an article with a map"),
    pytest.param("/ko/docs/bird/", id="an article with tables and output"),
    pytest.param("/ko/scenarios/", id="scenarios"),
    pytest.param("/ko/scenarios/new", id="a new cluster"),
    pytest.param("/en/search/?q=etcd", id="search"),
    pytest.param("/ko/search/?q=zzzz", id="a search in vain"),
    pytest.param("/ko/fidelity/", id="fidelity"),
    pytest.param("/ko/nothing/", id="nothing there"),
    pytest.param("/ko{rolling}?at={at}", id="a link"),
    pytest.param("/en{rolling}?at={at}&view=ownership", id="ownership"),
    pytest.param("/embed{embed}?lang=ko&at={at}", id="embedded"),
]


@pytest.fixture(scope="module")
def axe():
    """The checker's source: given to the page by evaluating, since the pages' policy lets no other script in."""
    from importlib.resources import files

    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def violations(page, axe, rules: list[str] | None = None) -> list:
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(axe)
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = page.evaluate("(options) => axe.run(document, options).then((result) => result.violations)", options)
    return [
        (each["id"], [(node["target"], node["failureSummary"][:200]) for node in each["nodes"][:3]]) for each in found
    ]


def whole(page, axe) -> None:
    """Looks at a page at every width, in both themes."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        until(
            page,
            "(width) => innerWidth === width && document.documentElement.scrollWidth <= width",
            width,
            what=f"nothing is wider than {width}, but {page.evaluate('document.documentElement.scrollWidth')}",
            patience_ms=3000,
        )
        if width in (1440, 390):
            page.emulate_media(color_scheme="light")
            assert violations(page, axe) == []
            page.emulate_media(color_scheme="dark")
            assert violations(page, axe, ["color-contrast"]) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page(reader, presets, axe, path):
    visitor = reader(reduced_motion="reduce", color_scheme="light")
    if "nothing" in path:
        visitor.allow("404")
    rolling = presets["Rolling update, tight cpu"]
    at = moments.rolling_ready()
    page = visitor.go(path.format(rolling=rolling, embed=rolling.removeprefix("/s"), at=at))
    whole(page, axe)


def test_a_cluster_of_ones_own_and_how_others_see_it(reader, axe):
    visitor = reader(reduced_motion="reduce", color_scheme="light")
    page = visitor.go("/ko/scenarios/new")
    page.get_by_label("매니페스트").fill(OURS.read_text())
    page.get_by_role("button", name="클러스터 시작").click()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]{6,}/$"))
    visitor.ready()
    closed = page.locator("[data-sheet] details:not([open]):not(.row-menu) > summary:visible")
    while closed.count():
        closed.first.click()
    expect(page.locator(".plate .k-worker .k-pod[data-ref*='/bookshop/']").first).to_be_visible()
    whole(page, axe)

    guest = reader(reduced_motion="reduce", color_scheme="light", locale="en-US")
    page = guest.go(visitor.figure("url").replace("/ko/", "/en/"))
    assert violations(page, axe) == []


def test_a_refusal_and_its_reasons(reader, axe):
    visitor = reader(reduced_motion="reduce", color_scheme="light")
    visitor.allow("422")
    page = visitor.go("/ko/scenarios/new")
    page.get_by_label("매니페스트").fill("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {}\n")
    page.get_by_role("button", name="클러스터 시작").click()
    expect(page.locator(".problems li").first).to_be_visible()
    whole(page, axe)


# Words of the figure that leave the box they stand in, leave the picture, or stand on other words.
MISPLACED = """() => {
  const svg = document.querySelector(".plate > svg");
  const frame = svg.getBoundingClientRect();
  const within = ([x, y], rect) => rect.left < x && x < rect.right && rect.top < y && y < rect.bottom;
  const rects = [...svg.querySelectorAll("rect")].map((rect) => rect.getBoundingClientRect());
  const words = [...svg.querySelectorAll("text")]
    .map((text) => [text.textContent, text.getBoundingClientRect()])
    .filter(([text, box]) => text.trim() && box.width > 0);
  const found = [];
  for (const [text, box] of words) {
    const middle = [box.x + box.width / 2, box.y + box.height / 2];
    const around = rects
      .filter((rect) => within(middle, rect))
      .sort((a, b) => a.width * a.height - b.width * b.height)[0];
    const leaves = (outer, by) => box.left < outer.left - by || box.right > outer.right + by;
    if (around && leaves(around, 0.5)) found.push(`${text}: out of its box`);
    if (leaves(frame, 1) || box.bottom > frame.bottom + 1) found.push(`${text}: out of the picture`);
  }
  words.forEach(([text, a], index) => {
    for (const [other, b] of words.slice(index + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 4) found.push(`${text} on ${other}`);
    }
  });
  return found;
}"""


@pytest.mark.parametrize(
    ("preset", "counts"),
    [
        pytest.param("rolling-update", (105, 185, 225, 265, 305, 345), id="a rolling update"),
        pytest.param("statefulset", (35, 95, 155), id="a StatefulSet"),
        pytest.param("node-failure", (45, 125, 185), id="a node without power"),
        pytest.param("bad-image", (45, 85, 105), id="an image that is not there"),
        pytest.param("kubeadm", (19, 89, 159, 229), id="a cluster that is being made"),
    ],
)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_words_stay_in_their_boxes(reader, presets, preset, counts, lang):
    times = moments.after(preset, *counts)
    visitor = reader(reduced_motion="reduce", viewport={"width": 1440, "height": 1000})
    page = visitor.go(f"/{lang}{presets[moments.title(preset)]}?at={times[0]}")
    page.evaluate("document.fonts.ready")
    wrong = {}
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for view in ("cluster", "ownership"):
            page.evaluate("(view) => document.querySelector('k8s-figure').turn(view)", view)
            for at in times:
                page.evaluate("(at) => document.querySelector('k8s-figure').seek(at)", at)
                until(
                    page,
                    """([at, view]) => {
                      const { frame } = document.querySelector("k8s-figure");
                      return frame?.revision === at && document.querySelector(`.plate > svg.kfig-${view}`);
                    }""",
                    [min(at, int(visitor.figure("head"))), view],
                )
                found = page.evaluate(MISPLACED)
                if found:
                    wrong[width, view, at] = found
    assert wrong == {}


def test_words_of_a_manifest_with_long_names_stay_in_their_boxes(reader):
    visitor = reader(reduced_motion="reduce", viewport={"width": 1440, "height": 1000})
    page = visitor.go("/ko/scenarios/new")
    text = OURS.read_text().replace("bookshop\n", "a-bookshop-with-a-name-that-is-rather-long\n")
    text = text.replace("shelf", "shelf-of-everything-about-kubernetes").replace(
        "friday", "the-first-friday-of-every-month"
    )
    page.get_by_label("매니페스트").fill(text)
    page.get_by_role("button", name="클러스터 시작").click()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]{6,}/$"))
    visitor.ready()
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for view in ("cluster", "ownership"):
            page.evaluate("(view) => document.querySelector('k8s-figure').turn(view)", view)
            expect(page.locator(f".plate > svg.kfig-{view}")).to_be_visible()
            assert page.evaluate(MISPLACED) == []
