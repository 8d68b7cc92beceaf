"""What a reader wants of every page: no movement, the other language, the other theme. And then it stays so."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import moments
from tests.e2e.readers import everything_at, until


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/ko/", id="home"),
        pytest.param("/ko/docs/deployment/", id="an article"),
        pytest.param("/ko{rolling}", id="a scenario"),
        pytest.param("/embed{embed}?lang=ko&from={begin}&to={end}", id="embedded"),
    ],
)
def test_nothing_plays_by_itself_where_movement_is_unwanted(reader, presets, path):
    visitor = reader(reduced_motion="reduce")
    rolling = presets["Rolling update, tight cpu"]
    begin, end = moments.after(moments.ROLLING, 15, 65)
    page = visitor.go(path.format(rolling=rolling, embed=rolling.removeprefix("/s"), begin=begin, end=end))
    start = visitor.at()
    page.evaluate("""() => {
      window.moved = [];
      document.querySelector("k8s-figure").addEventListener("k8s-move", () => window.moved.push(1));
    }""")
    page.locator(".plate").scroll_into_view_if_needed()
    expect(page.locator("[data-act=play]")).to_have_attribute("aria-pressed", "false")
    # One's own step changes it at once: nothing is animated, not even the dots on the lines.
    page.locator("[data-act=step]").click()
    until(page, "(at) => document.querySelector('k8s-figure').frame?.revision > at", start)
    moving = """() => document.getAnimations().filter((each) => {
      const { duration } = each.effect.getComputedTiming();
      return each.playState === "running" && duration > 1;
    }).map((each) => each.effect.target?.className?.baseVal ?? each.effect.target?.className ?? "")"""
    assert page.evaluate(moving) == []
    assert page.evaluate("window.moved.length") == 1


def test_it_plays_once_where_movement_is_welcome_and_stops_when_touched(reader):
    visitor = reader(reduced_motion="no-preference")
    page = visitor.go("/ko/")
    start = visitor.at()
    until(page, "(at) => document.querySelector('k8s-figure').playhead.at > at", start, what="it plays by itself")
    page.locator("[data-act=back]").click()
    expect(page.locator("[data-act=play]")).to_have_attribute("aria-pressed", "false")


def test_the_language_switch_keeps_revision_view_and_focus(reader, presets):
    visitor = reader(reduced_motion="reduce")
    start = moments.rolling_begins()
    page = visitor.go(f"/ko{presets['Rolling update, tight cpu']}?at={start}&view=ownership")
    pod = page.locator(".plate a.k-pod").first
    ref = pod.get_attribute("data-ref")
    pod.click()
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)
    page.locator("[data-act=step]").click()
    expect(page.locator(".transport [data-out=revision]")).not_to_have_text(str(start))
    at = visitor.at()
    everything_at(visitor, at)
    expect(page).to_have_url(re.compile(rf"at={at}"))
    page.locator(".top a[data-language=en]").first.click()
    expect(page).to_have_url(re.compile(r"/en/s/"))
    visitor.ready()
    assert page.evaluate("document.documentElement.lang") == "en"
    expect(page.locator(".plate > svg.kfig-ownership")).to_be_visible()
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)
    everything_at(visitor, at)
    # And it is the language from now on, wherever one comes in.
    page.goto(visitor.site + "/")
    expect(page).to_have_url(re.compile(r"/en/$"))


def test_the_language_switch_keeps_the_place_in_the_text(reader):
    visitor = reader(reduced_motion="reduce")
    page = visitor.go("/ko/docs/deployment/")
    page.locator(".toc a").nth(1).click()
    fragment = page.evaluate("location.hash")
    assert fragment
    page.locator(".top a[data-language=en]").first.click()
    expect(page).to_have_url(re.compile(rf"/en/docs/deployment/{re.escape(fragment)}$"))
    expect(page.locator(fragment)).to_be_in_viewport()


def test_the_first_visit_speaks_the_browsers_language(reader):
    for locale, wanted in (("en-GB", "en"), ("ko-KR", "ko"), ("fr-FR", "ko")):
        visitor = reader(locale=locale, reduced_motion="reduce")
        visitor.go("/")
        expect(visitor.page).to_have_url(re.compile(rf"/{wanted}/$"))


def test_the_chosen_theme_is_kept(reader, presets):
    visitor = reader(color_scheme="light", reduced_motion="reduce")
    page = visitor.go("/ko/")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(paper)
    toggle = page.locator("[data-theme-toggle]:visible").first
    names = [toggle.get_attribute("aria-label")]
    for _ in range(2):
        toggle.click()
        names.append(toggle.get_attribute("aria-label"))
    assert len(set(names)) == 3  # as the system has it, light, dark
    dark = page.evaluate(paper)
    assert dark != light
    for path in ("/en/docs/deployment/", f"/ko{presets['Roll back']}", "/en/scenarios/new"):
        visitor.go(path)
        assert page.evaluate(paper) == dark, path
    page.locator("[data-theme-toggle]:visible").first.click()
    assert page.evaluate(paper) == light


def test_an_address_may_name_the_theme(reader, presets):
    visitor = reader(color_scheme="light", reduced_motion="reduce")
    page = visitor.go(f"/ko{presets['Roll back']}?theme=dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_hidden_page_plays_nothing(reader, presets):
    """A page that nobody looks at does not walk on; when it is looked at again it goes on from where it was."""
    visitor = reader()
    start = moments.rolling_ready()
    page = visitor.go(f"/ko{presets['Rolling update, tight cpu']}?at={start}")
    page.locator("[data-speed-choice]").select_option("4")
    page.locator("[data-act=play]").click()
    until(page, "(at) => document.querySelector('k8s-figure').playhead.at > at", start)
    page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
      document.dispatchEvent(new Event("visibilitychange"));
      window.moves = 0;
      document.querySelector("k8s-figure").playhead.addEventListener("move", () => (window.moves += 1));
    }""")
    stood = visitor.at()
    # As long as four stops would have taken.
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 800))")
    assert page.evaluate("window.moves") <= 1
    page.evaluate("""() => {
      delete document.hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    until(page, "(at) => document.querySelector('k8s-figure').playhead.at > at + 4", stood)
