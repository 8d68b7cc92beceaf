"""Every kind of page: no violation that axe knows, nothing wider than the screen, nothing the policy had to stop."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tests import moments

pytest.importorskip("axe_playwright_python")

PAGES = [
    pytest.param("/ko/", id="home"),
    pytest.param("/ko/docs/", id="contents"),
    pytest.param("/ko/docs/deployment/", id="article"),
    pytest.param("/en/docs/architecture/", id="article in English"),
    pytest.param("/ko/scenarios/", id="gallery"),
    pytest.param("/en/scenarios/new", id="a new cluster"),
    pytest.param("/ko/search/?q=pod", id="search"),
    pytest.param("/en/fidelity/", id="fidelity"),
    pytest.param("/ko/styleguide/", id="components"),
    pytest.param("/ko{preset}?at={at}", id="scenario"),
    pytest.param("/en{preset}?view=ownership", id="ownership"),
    pytest.param("/embed{embed}?lang=en&at={at}", id="embedded"),
]
LOOKS = [
    pytest.param({"color_scheme": "light"}, id="light"),
    pytest.param({"color_scheme": "dark"}, id="dark"),
    pytest.param({"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}, id="phone"),
]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("path", PAGES)
def test_page(reader, preset, path, look):
    visitor = reader(reduced_motion="reduce", **look)
    at = moments.rolling_ready()
    page = visitor.go(path.format(preset=preset, embed=preset.removeprefix("/s"), at=at))
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    page.evaluate(_axe_source())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)")
    assert [(each["id"], [node["target"] for node in each["nodes"][:3]]) for each in found] == []


def _axe_source() -> str:
    """The checker itself: put in by evaluating, since the pages' policy lets no other script in."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("width", "layout"), [(1440, "full"), (1240, "wide"), (1024, "medium"), (390, "narrow")])
def test_the_figure_is_laid_out_anew_rather_than_scaled(reader, width, layout):
    visitor = reader(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = visitor.go("/ko/")
    drawn = page.evaluate(
        "(({viewBox}, {width}) => [viewBox.baseVal.width, width])"
        "(...[document.querySelector('.plate > svg')].flatMap((svg) => [svg, svg.getBoundingClientRect()]))"
    )
    widths = {"full": 1344, "wide": 1112, "medium": 744, "narrow": 358}
    assert drawn == [widths[layout], widths[layout]]


def test_a_korean_page_is_light(reader):
    """The typefaces that a Korean page fetches, in bytes."""
    visitor = reader(reduced_motion="reduce")
    sizes = {}
    visitor.page.on(
        "response",
        lambda answer: (
            answer.url.endswith(".woff2") and sizes.update({answer.url.rpartition("/")[2]: len(answer.body())})
        ),
    )
    visitor.go("/ko/docs/deployment/")
    assert sum(sizes.values()) < 200_000, sizes
    assert not [name for name in sizes if "more" in name]


def test_an_english_page_fetches_no_hangul(reader):
    visitor = reader(reduced_motion="reduce")
    names = []
    visitor.page.on("request", lambda asked: asked.url.endswith(".woff2") and names.append(asked.url))
    visitor.go("/en/docs/deployment/")
    assert not [name for name in names if "core" in name or "more" in name]
