"""kubeadm on the page, by keyboard alone: its buttons, its refusals, and its figure step by step from bare machines."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_keyboard import presses_to

BARE = "From bare machines to a cluster"
ROLLING = "Rolling update, tight cpu"


def test_a_token_is_made_and_one_that_is_not_there_is_refused_with_what_was_typed(reader, presets):
    visitor = reader(reduced_motion="reduce")
    visitor.allow(r"422")
    page = visitor.go(f"/en{presets[ROLLING]}")
    page.locator("[data-ref='kubeadm/token'] summary").focus()
    page.keyboard.press("Enter")
    presses_to(page, "(element) => element.id === 'kubeadm-token'")
    page.keyboard.type("zzzzzz")
    presses_to(page, "(element) => element.value === 'token-delete'")
    page.keyboard.press("Enter")
    alert = page.locator("section[aria-labelledby=fs-kubeadm] [role=alert]")
    expect(alert).to_contain_text("bootstrap-token-zzzzzz")
    expect(page.locator("#kubeadm-token")).to_have_value("zzzzzz")
    page.locator("#kubeadm-token").focus()
    presses_to(page, "(element) => element.value === 'token-create'")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/en/s/[a-z0-9]+/"))
    expect(page.locator("[data-ref='kubeadm/token'] .more-mark")).to_have_text("2")


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_init_is_stepped_through_note_by_note(reader, presets, lang):
    visitor = reader(reduced_motion="reduce")
    page = visitor.go(f"/{lang}{presets[BARE]}?view=kubeadm&at=1.0")
    shown = page.locator(".transport [data-out=revision]")
    expect(shown).to_have_text("1.0")
    expect(page.locator(".plate #fig-cert-ca.v-yes")).to_have_count(0)
    page.locator("[data-plate]").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(shown).to_have_text("1.3")
    expect(page.locator(".plate #fig-cert-ca.v-yes.hot")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"view=kubeadm&at=1\.3"))
    page.keyboard.press("ArrowLeft")
    expect(shown).to_have_text("1.2")
    expect(page.locator(".plate #fig-cert-ca.v-yes")).to_have_count(0)
    row = page.locator(".steps tr[data-at='1.15']")
    row.click()
    expect(shown).to_have_text("1.15")
    expect(row).to_have_attribute("aria-current", "step")
    page.locator("a[data-view=cluster]").click()
    expect(page.locator(".plate > svg.kfig-cluster")).to_be_visible()
    page.keyboard.press("End")
    expect(shown).not_to_have_text("1.15")
