"""Scheduler, API server, etcd and a node from within: by mouse, by keyboard, without scripts, at every width."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.readers import until
from tests.e2e.test_every_page import MISPLACED, axe, whole  # noqa: F401

VIEWS = ("scheduler", "apiserver", "etcd", "node", "kubeadm", "network")  # those with tables beside the figure
ALONE = ("service", "calico")
ROLLING = "Rolling update, tight cpu"


def binding(visitor):
    """A Pod that was bound, and the revision of it."""
    steps = visitor.steps()["steps"]
    step = next(step for step in reversed(steps) if step["verb"] == "bind")
    return step["ref"], step["revision"]


@pytest.fixture
def watching(reader, presets):
    visitor = reader(reduced_motion="reduce")
    visitor.go(f"/en{presets[ROLLING]}")
    ref, at = binding(visitor)
    visitor.go(f"/en{presets[ROLLING]}?at={at}&focus={ref}")
    return visitor, ref, at


def test_why_this_node_is_one_press_away_and_goes_back_in_time_with_the_reader(watching):
    visitor, ref, at = watching
    page = visitor.page
    page.locator(".inspected a[data-turn=scheduler]").click()
    expect(page.locator(".plate > svg.kfig-scheduler")).to_be_visible()
    expect(page.locator("a[data-view=scheduler]")).to_have_attribute("aria-current", "true")
    title = page.locator("#decided-title")
    expect(title).to_contain_text("Why this node?")
    expect(title).to_contain_text(ref.rpartition("/")[2])
    expect(page.locator(".detail tr.chosen").first).to_be_visible()
    page.evaluate("(at) => document.querySelector('k8s-figure').seek(at)", at - 1)
    expect(page.locator(".detail")).not_to_contain_text("Why this node?")
    expect(page).to_have_url(re.compile(rf"view=scheduler&at={at - 1}"))


def test_a_row_of_a_table_leads_to_its_revision(watching):
    visitor, _ref, at = watching
    page = visitor.page
    page.locator("a[data-view=etcd]").click()
    expect(page.locator(".plate > svg.kfig-etcd")).to_be_visible()
    expect(page.locator(".detail tr.now").first).to_contain_text(str(at))
    older = page.locator(".detail table").first.locator("tbody tr").nth(1).get_by_role("link")
    wanted = older.inner_text()
    older.click()
    expect(page.locator(".transport [data-out=revision]")).to_have_text(wanted)
    expect(page.locator(".detail tr.now").first).to_contain_text(wanted)


@pytest.mark.parametrize("view", VIEWS)
def test_by_keyboard_alone(watching, view):
    visitor, _ref, _at = watching
    page = visitor.page
    page.locator(f"a[data-view={view}]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f".plate > svg.kfig-{view}")).to_be_visible()
    region = page.locator(".detail [role=region]").first
    region.focus()
    expect(region).to_be_focused()
    expect(region).to_have_attribute("aria-label", re.compile(r"."))
    link = page.locator(".detail a").first
    link.focus()
    page.keyboard.press("Enter")
    until(page, "() => document.querySelector('.detail').children.length > 0", what="the tables are there")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_without_scripts_the_views_are_whole(reader, presets, view, lang):
    page = reader(java_script_enabled=False).page
    visitor = reader()
    visitor.go(f"/{lang}{presets[ROLLING]}")
    ref, at = binding(visitor)
    page.goto(f"{visitor.site}/{lang}{presets[ROLLING]}?at={at}&focus={ref}")
    page.locator(f"nav.views a[data-view={view}]").click()
    expect(page.locator(f".plate > svg.kfig-{view}")).to_be_visible()
    assert page.locator(".detail table").count() > 0
    assert page.locator(".transport [data-out=revision]").inner_text() == str(at)
    page.locator(".detail a[href*='at=']").first.click()
    expect(page.locator(f".plate > svg.kfig-{view}")).to_be_visible()


@pytest.mark.parametrize("view", (*VIEWS, *ALONE))
def test_nothing_is_wrong_at_any_width_in_either_theme(reader, presets, axe, view):  # noqa: F811
    visitor = reader(reduced_motion="reduce")
    visitor.go(f"/en{presets[ROLLING]}")
    ref, at = binding(visitor)
    whole(visitor.go(f"/ko{presets[ROLLING]}?view={view}&at={at}&focus={ref}"), axe)


@pytest.mark.parametrize("title", [ROLLING, "The quorum of etcd"])
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_words_stay_in_their_boxes(reader, presets, title, lang):
    visitor = reader(reduced_motion="reduce", viewport={"width": 1440, "height": 1000})
    page = visitor.go(f"/{lang}{presets[title]}")
    page.evaluate("document.fonts.ready")
    base, head = int(visitor.figure("base")), int(visitor.figure("head"))
    wrong = {}
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        for view in (*VIEWS, "cluster"):
            page.evaluate("(view) => document.querySelector('k8s-figure').turn(view)", view)
            for at in range(base, head, (head - base) // 5):
                page.evaluate("(at) => document.querySelector('k8s-figure').seek(at)", at)
                until(
                    page,
                    """([at, view]) => {
                      const { frame } = document.querySelector("k8s-figure");
                      return frame?.revision === at && document.querySelector(`.plate > svg.kfig-${view}`);
                    }""",
                    [at, view],
                )
                found = page.evaluate(MISPLACED)
                if found:
                    wrong[width, view, at] = found
    assert wrong == {}


def test_what_is_broken_looks_broken_and_can_be_mended(reader, presets):
    visitor = reader()
    page = visitor.go(f"/en{presets['Create a Deployment']}")
    row = page.locator("form[data-ref='break/control-plane-1']")
    row.locator("summary").first.click()
    row.get_by_role("button", name="control-plane-1, kube-scheduler: Stop").click()
    expect(page).to_have_url(re.compile(r"/en/s/[a-z0-9]{6,}/$"))
    visitor.ready()
    part = page.locator("#fig-kube-scheduler")
    expect(part).to_have_class(re.compile(r"\bdown\b"))
    expect(part).to_contain_text("stopped")
    row = page.locator("form[data-ref='break/control-plane-1']")
    expect(row).to_contain_text("kube-scheduler: stopped")
    row.locator("summary").first.click()
    row.get_by_role("button", name="control-plane-1, kube-scheduler: Start").click()
    expect(part).not_to_have_class(re.compile(r"\bdown\b"))
