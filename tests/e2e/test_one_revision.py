"""However a reader moves: figure, transport, ruler, timeline, inspector and share panel show the same revision."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests import moments
from tests.e2e.readers import everything_at, until


@pytest.fixture(scope="module")
def start():
    """The revision that every test begins at."""
    return moments.rolling_begins()


@pytest.fixture(scope="module")
def visitor(regular, presets, start):
    """The rolling update as its Pods begin, in Korean, with nothing that plays by itself."""
    visitor = regular()
    visitor.go(f"/ko{presets['Rolling update, tight cpu']}?at={start}")
    return visitor


@pytest.fixture
def watching(visitor, start):
    """The same page for everybody, put back to where it was opened."""
    visitor.page.evaluate(
        """(start) => {
          const figure = document.querySelector("k8s-figure");
          if (figure.focusRef) figure.choose("");
          document.querySelector("a[data-view=cluster]").click();
          document.activeElement.blur();
          figure.seek(start);
        }""",
        start,
    )
    everything_at(visitor, start)
    return visitor


def bounds(visitor):
    return int(visitor.figure("base")), int(visitor.figure("head"))


def test_an_address_that_names_a_revision(watching, start):
    everything_at(watching, start)
    expect(watching.page.locator("a[data-view=cluster]")).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize(
    ("act", "way"),
    [
        pytest.param("step", 1, id="one step forward"),
        pytest.param("back", -1, id="one step back"),
        pytest.param("first", -1, id="to the first"),
        pytest.param("last", 1, id="to the last"),
    ],
)
def test_a_button_of_the_transport(watching, act, way, start):
    base, head = bounds(watching)
    watching.page.locator(f"[data-act={act}]").click()
    expect(watching.page.locator(".transport [data-out=revision]")).not_to_have_text(str(start))
    at = watching.at()
    assert (at - start) * way > 0
    assert {"first": at == base, "last": at == head}.get(act, True)
    everything_at(watching, at)


def test_playing_and_stopping(watching, start):
    page = watching.page
    page.locator("[data-speed-choice]").select_option("4")
    page.locator("[data-act=play]").click()
    until(page, "(at) => document.querySelector('k8s-figure').playhead.at > at", start + 5)
    page.locator("[data-act=play]").click()
    stopped = watching.at()
    everything_at(watching, stopped)
    assert watching.at() == stopped


def test_the_keys_of_the_slider(watching, start):
    base, head = bounds(watching)
    page = watching.page
    slider = page.get_by_role("slider", name="리비전")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).not_to_have_value(str(start))
    ahead = int(slider.input_value())
    assert ahead > start
    everything_at(watching, ahead)
    page.keyboard.press("ArrowLeft")
    expect(slider).not_to_have_value(str(ahead))
    back = int(slider.input_value())
    assert back < ahead
    everything_at(watching, back)
    page.keyboard.press("Home")
    everything_at(watching, base)
    page.keyboard.press("End")
    everything_at(watching, head)
    assert re.match(rf"{head}, t\+", slider.get_attribute("aria-valuetext"))


def test_the_slider_reaches_every_revision(watching, start):
    slider = watching.page.get_by_role("slider", name="리비전")
    box = slider.bounding_box()
    watching.page.mouse.click(box["x"] + box["width"] * 0.61, box["y"] + box["height"] * 0.6)
    expect(slider).not_to_have_value(str(start))
    everything_at(watching, watching.at())


def test_a_row_of_the_timeline(watching):
    row = watching.page.locator(".timeline tr.next.rank-change[data-at]").nth(3)
    revision = int(row.get_attribute("data-at"))
    row.locator(".says").click()
    everything_at(watching, revision)


def test_a_command_in_the_form_and_a_cause_in_the_inspector(watching):
    page = watching.page
    command = page.locator("[data-commands] a").last
    revision = int(command.inner_text())
    command.click()
    everything_at(watching, revision)
    page.locator(".timeline tr.next.rank-change[data-at]").nth(5).click()
    expect(page.locator(".transport [data-out=revision]")).not_to_have_text(str(revision))
    everything_at(watching, watching.at())
    cause = page.locator("[data-inspector] .why a").first
    revision = int(cause.inner_text())
    cause.click()
    everything_at(watching, revision)


def test_there_and_back_between_the_views(watching, start):
    page = watching.page
    page.locator("a[data-view=ownership]").click()
    expect(page.locator(".plate > svg.kfig-ownership")).to_be_visible()
    everything_at(watching, start)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".transport [data-out=revision]")).not_to_have_text(str(start))
    at = watching.at()
    everything_at(watching, at)
    expect(page).to_have_url(re.compile(rf"view=ownership&at={at}"))
    page.locator("a[data-view=cluster]").click()
    expect(page.locator(".plate > svg.kfig-cluster")).to_be_visible()
    everything_at(watching, at)


def test_a_chosen_object_is_followed_through_the_revisions(watching, start):
    page = watching.page
    pod = page.locator(".plate .k-worker .k-pod").nth(2)
    ref = pod.get_attribute("data-ref")
    pod.click()
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)
    expect(page.locator(".plate .selected")).to_have_attribute("data-ref", ref)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".transport [data-out=revision]")).not_to_have_text(str(start))
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)
    everything_at(watching, watching.at())
    assert f"focus={ref}" in page.locator("[data-share-address]").input_value()
    expect(page).to_have_url(re.compile(re.escape(f"focus={ref}")))
    page.reload()
    watching.ready()
    expect(page.locator(".inspected")).to_have_attribute("data-ref", ref)


def test_a_live_cluster_at_every_picture_it_shows(reader, presets):
    """While changes come in over the socket, the inspector never tells of another revision than the figure shows."""
    visitor = reader(reduced_motion="reduce")
    page = visitor.go(f"/ko{presets['Create a Deployment']}")
    page.get_by_role("button", name="web: 하나 늘리기").click()
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    visitor.ready()
    everything_at(visitor, visitor.settled())
    # A second page of the same browser changes it; the first follows.
    second = visitor.another()
    second.goto(page.url)
    page.evaluate("""() => {
      window.apart = [];
      const figure = document.querySelector("k8s-figure");
      const look = () => {
        const step = figure.playhead.stepAt(figure.playhead.at);
        const shown = document.querySelector(".inspected")?.dataset.ref;
        const share = new URL(document.querySelector("[data-share-address]").value).searchParams.get("at");
        const { at } = figure.playhead;
        if (step && step.ref !== shown && step.rank === "change") window.apart.push([at, step.ref, shown]);
        if (share !== String(at)) window.apart.push([at, "share", share]);
      };
      figure.addEventListener("k8s-move", () => setTimeout(look, 150));
    }""")
    second.locator("[data-sheet] [name=replicas]").first.fill("8")
    second.keyboard.press("Enter")
    expect(page.locator(".plate .k-worker .k-pod.st-Ready")).to_have_count(8)
    everything_at(visitor, visitor.settled())
    assert page.evaluate("window.apart") == []
