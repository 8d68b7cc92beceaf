"""By keyboard alone: everything can be reached, is seen to be reached, and does what it does for a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import moments
from tests.e2e.readers import everything_at, until

# Whether it can be seen that the focus is here, and where it is: an outline, a shadow, or the figure's own rings.
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const drawn = (node) => {
    const style = getComputedStyle(node);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const ring = [...element.querySelectorAll(".k-r1, .k-r2, .k-focus")].some((part) => {
    const style = getComputedStyle(part);
    return style.stroke !== "none" && style.display !== "none" && parseFloat(style.opacity || "1") > 0;
  });
  const framed = window.unfocused.has(element) && window.unfocused.get(element) !== window.frameOf(element);
  const ruler = element.closest("k8s-ruler");
  const around = Boolean(ruler && drawn(ruler));
  const box = element.getBoundingClientRect();
  const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const name = element.id || element.getAttribute("aria-label") || element.textContent.trim().slice(0, 30);
  const what = `${element.tagName} ${element.className.baseVal ?? element.className} ${name}`;
  return { marked: drawn(element) || ring || framed || around, seen, what };
}"""


# A box of the map is marked by its frame: how the frames are drawn while nothing has the focus.
REMEMBER = """() => {
  window.frameOf = (link) => {
    const frame = link.querySelector("rect");
    return frame && JSON.stringify(["stroke", "strokeWidth"].map((name) => getComputedStyle(frame)[name]));
  };
  window.unfocused = new Map([...document.querySelectorAll("svg a")].map((link) => [link, window.frameOf(link)]));
}"""


def presses_to(page, condition, most=200, key="Tab"):
    """Presses Tab until `condition` is true of the focused element; how often."""
    for count in range(1, most + 1):
        page.keyboard.press(key)
        if page.evaluate(f"() => ({condition})(document.activeElement)"):
            return count
    raise AssertionError(f"{most} times {key}, and never {condition}")


def focused(page, selector) -> bool:
    return page.evaluate("(selector) => Boolean(document.activeElement?.matches(selector))", selector)


@pytest.fixture
def editor(reader, presets):
    visitor = reader(reduced_motion="reduce")
    page = visitor.go(f"/ko{presets['Create a Deployment']}")
    page.locator("[data-sheet] [name=replicas]").first.fill("4")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    visitor.ready()
    visitor.settled()
    return visitor


def test_the_skip_link_is_first_and_leads_to_the_text(reader):
    page = reader(reduced_motion="reduce").go("/ko/docs/deployment/")
    page.keyboard.press("Tab")
    assert focused(page, "a.skip")
    expect(page.locator("a.skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_the_slash_key_finds(reader):
    page = reader(reduced_motion="reduce").go("/ko/docs/deployment/")
    page.keyboard.press("/")
    assert focused(page, "input[type=search]")
    page.keyboard.type("etcd/")  # in the field it is a letter like any other
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ko/search/\?q=etcd$"))
    expect(page.locator(".results li").first).to_contain_text("etcd")


def test_the_figure_of_an_article(reader):
    visitor = reader(reduced_motion="reduce")
    page = visitor.go("/ko/docs/deployment/")
    presses_to(page, "(element) => element.matches('[data-plate]')")
    start = visitor.at()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".transport [data-out=revision]")).not_to_have_text(str(start))
    assert visitor.at() > start
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".transport [data-out=revision]")).to_have_text(str(start))
    page.keyboard.press("End")
    expect(page.locator(".transport [data-out=revision]")).to_have_text(visitor.figure("head"))
    page.keyboard.press("Home")
    expect(page.locator(".transport [data-out=revision]")).to_have_text(visitor.figure("base"))
    page.keyboard.press("Space")
    expect(page.locator("[data-act=play]")).to_have_attribute("aria-pressed", "true")
    until(page, "(base) => document.querySelector('k8s-figure').playhead.at > base", int(visitor.figure("base")))
    page.keyboard.press("Space")
    expect(page.locator("[data-act=play]")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("scrollY") == page.evaluate("scrollY")
    assert focused(page, "[data-plate]")


def test_an_object_of_the_figure_is_chosen_with_enter(editor):
    page = editor.page
    presses_to(page, "(element) => element.matches('.plate .k-pod')")
    ref = page.evaluate("document.activeElement.dataset.ref")
    page.keyboard.press("Enter")
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)
    # The figure may be drawn anew: the focus stays with the object.
    assert page.evaluate("document.activeElement.dataset.ref") == ref


def test_the_form_and_the_share_panel(editor):
    page = editor.page
    presses_to(page, "(element) => element.matches('[data-sheet] [name=replicas]')")
    page.keyboard.press("Control+a")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(page.locator("[data-commands] li").last).to_contain_text("--replicas=5")
    expect(page.locator(".plate .k-worker .k-pod.st-Ready")).to_have_count(5)
    until(page, "() => document.activeElement?.matches('[data-sheet] [name=replicas]')", what="the focus stays")
    everything_at(editor, editor.settled())

    page.keyboard.press("Home")  # typed in the field: the figure stays where it is
    assert editor.at() == int(editor.figure("head"))

    presses_to(page, "(element) => element.matches('[data-opens=share]')", key="Shift+Tab")
    page.keyboard.press("Enter")  # it is open on a wide page: this closes it
    expect(page.locator("k8s-share")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("k8s-share")).to_be_visible()
    assert focused(page, "[data-share-address]")
    presses_to(page, "(element) => element.matches('[data-share-close]')", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("k8s-share")).to_be_hidden()
    assert focused(page, "[data-opens=share]")


def test_a_node_is_drained_from_its_menu(editor):
    page = editor.page
    presses_to(page, "(element) => element.matches(\"form[data-ref='nodes/worker-2'] summary\")")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "드레인"
    page.keyboard.press("Enter")
    switch = page.locator("form[data-ref='nodes/worker-2']").get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.locator("form[data-ref='nodes/worker-2'] details")).not_to_have_attribute("open", re.compile(""))
    assert focused(page, "form[data-ref='nodes/worker-2'] summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator("form[data-ref='nodes/worker-2'] details")).not_to_have_attribute("open", re.compile(""))
    assert focused(page, "form[data-ref='nodes/worker-2'] summary")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/ko/", id="home"),
        pytest.param("/ko/docs/deployment/", id="an article"),
        pytest.param("/en/scenarios/", id="scenarios"),
        pytest.param("/ko/scenarios/new", id="a new cluster"),
        pytest.param("/en{rolling}?at={at}", id="a scenario"),
        pytest.param("/en{rolling}?at={at}&view=ownership", id="ownership"),
    ],
)
def test_the_focus_is_seen_wherever_it_goes(reader, presets, path):
    page = reader(reduced_motion="reduce").go(
        path.format(rolling=presets["Rolling update, tight cpu"], at=moments.rolling_begins())
    )
    page.evaluate(REMEMBER)
    unseen: list[str] = []
    stops = 0
    for _ in range(260):
        page.keyboard.press("Tab")
        here = page.evaluate(FOCUSED)
        if here is None:
            break  # past the last: the browser's own controls
        stops += 1
        if not here["marked"] or not here["seen"]:
            unseen.append(f"{here['what']}: {'not in view' if here['marked'] else 'not marked'}")
    assert stops > 10
    assert unseen == []
