"""The whole road: step, play, choose, change, watch from a second browser, hand over the moment."""

from __future__ import annotations

import re

import pytest

from tests import moments


@pytest.fixture
def watching(reader, preset):
    visitor = reader()
    visitor.go(f"/ko{preset}?at={moments.rolling_ready()}")
    return visitor


def shown(visitor):
    """The revision that figure, timeline, readout and address say: they are one."""
    page = visitor.page
    return {
        "figure": page.locator(".plate .k-rev text").first.text_content(),
        "readout": "rev " + page.locator(".transport [data-out=revision]").inner_text(),
        "timeline": "rev " + (page.locator("tr.now td:nth-child(2)").first.inner_text() or "?"),
        "address": "rev " + (re.search(r"at=(\d+)", page.url) or [0, "?"])[1],
    }


def settled(visitor, revision):
    visitor.until(
        lambda: set(shown(visitor).values()) == {f"rev {revision}"}, f"everything at {revision}, not {shown(visitor)}"
    )


def test_keys_step_there_and_back(watching):
    watching.page.keyboard.press("ArrowRight")  # from wherever the address led to a change
    start = watching.playhead()["at"]
    watching.page.keyboard.press("ArrowRight")
    ahead = watching.playhead()["at"]
    assert ahead > start
    settled(watching, ahead)
    watching.page.keyboard.press("ArrowLeft")
    settled(watching, start)
    watching.page.keyboard.press("Home")
    settled_at = watching.playhead()
    assert settled_at["at"] == settled_at["base"]
    watching.page.keyboard.press("End")
    end = watching.playhead()
    assert end["at"] == end["head"]


def test_space_plays_and_stops(watching):
    start = watching.playhead()["at"]
    watching.page.keyboard.press("Space")
    watching.until(lambda: watching.playhead()["at"] > start, "it plays")
    watching.page.keyboard.press("Space")
    still = watching.playhead()
    assert not still["playing"]
    watching.page.wait_for_timeout(1200)
    assert watching.playhead()["at"] == still["at"]


def test_the_slider_speaks(watching):
    slider = watching.page.locator("k8s-ruler input")
    assert slider.get_attribute("aria-label") == "리비전"
    assert slider.get_attribute("aria-valuetext").startswith(f"{moments.rolling_ready()}, t+")


def test_a_chosen_object_is_inspected_and_in_the_address(watching):
    pod = watching.page.locator(".plate .k-worker .k-pod").first
    ref = pod.get_attribute("data-ref")
    pod.click()
    watching.until(
        lambda: watching.page.locator(".inspected").get_attribute("data-ref") == ref,
        "the inspector shows what was chosen",
    )
    watching.until(lambda: f"focus={ref}" in watching.page.url, "the address names it")
    assert f"focus={ref}" in watching.page.locator("[data-share-address]").input_value()


def test_the_language_switch_keeps_the_place(watching):
    watching.page.keyboard.press("ArrowRight")
    settled(watching, watching.playhead()["at"])
    before = watching.page.url
    watching.page.locator(".top-work > .languages a[data-language=en]").click()
    watching.page.wait_for_load_state("networkidle")
    assert watching.page.url == before.replace("/ko/", "/en/")


def test_one_edits_and_the_other_watches(watching, reader):
    watching.page.keyboard.press("End")
    watching.page.locator("[data-stepper]").first.get_by_role("button").last.click()
    watching.until(lambda: "/s/v1." not in watching.page.url, "a change makes a copy of one's own")
    watching.page.wait_for_load_state("networkidle")
    address = watching.page.url.partition("?")[0]

    other = reader(locale="en-US")
    other.go(address.removeprefix(other.site))
    before = other.playhead()["head"]
    assert other.page.locator(".copy-first").count() == 1
    watching.page.locator("[data-stepper]").first.get_by_role("button").last.click()
    other.until(lambda: other.playhead()["head"] > before, "the other browser hears of it")
    other.until(lambda: other.playhead()["at"] == other.playhead()["head"], "and shows it")
    watching.until(lambda: watching.playhead()["at"] > before, "the one who changed it sees it played")

    # Who has no key is offered nothing to press; tests/e2e holds that nothing else gets through either.
    assert other.page.locator("[data-stepper] button:visible").count() == 0


def test_without_scripts_the_page_is_whole(reader, preset):
    visitor = reader(java_script_enabled=False)
    page = visitor.page
    start = moments.rolling_ready()
    page.goto(f"{visitor.site}/ko{preset}?at={start}")
    assert page.locator(".plate > svg").count() == 1
    assert page.locator("tr.now").count() >= 1
    page.locator("[data-act=step]").click()
    assert int(re.search(r"at=(\d+)", page.url)[1]) > start
    page.locator(".frow input[name=replicas]").first.fill("3")
    page.locator(".frow .row-acts button[value=save]").first.click()
    assert "/s/v1." not in page.url
    assert page.locator(".frow input[name=replicas]").first.input_value() == "3"


def test_reduced_motion_moves_nothing(reader, preset):
    visitor = reader(reduced_motion="reduce")
    page = visitor.go(f"/ko{preset}")
    assert not visitor.playhead()["playing"]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelector('.plate').getAnimations({subtree: true}).length") == 0


def test_the_theme_is_kept(reader):
    visitor = reader(color_scheme="light")
    page = visitor.go("/ko/docs/")
    toggle = page.locator("[data-theme-toggle]")
    toggle.click()
    toggle.click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    visitor.go("/en/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_the_slash_key_finds(reader):
    visitor = reader(reduced_motion="reduce")
    page = visitor.go("/ko/")
    page.keyboard.press("/")
    page.keyboard.type("etcd")
    page.keyboard.press("Enter")
    visitor.until(lambda: "q=etcd" in page.url, "the results")
