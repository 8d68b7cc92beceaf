"""A packet followed in a browser: by form, by hop, by key, without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_every_page import axe, whole  # noqa: F401

PRESET = "Four kinds of Service"


@pytest.fixture
def following(reader, presets):
    visitor = reader(reduced_motion="reduce")
    visitor.go(f"/en{presets[PRESET]}?view=packet")
    return visitor


def test_where_dnat_happens_and_who_encapsulates_are_found_by_clicking_hops(following):
    page = following.page
    page.locator(".plate a.k-hop:has-text('DNAT')").first.click()
    expect(page.locator("#walked-title")).to_contain_text("DNAT")
    expect(page.locator(".detail-lede").first).to_contain_text("Destination NAT happens here, on worker-")
    expect(page.locator(".hop-article a")).to_have_attribute("href", "/en/docs/kube-proxy/")
    expect(page).to_have_url(re.compile(r"view=packet.*src=pods/default/.*hop=\d+"))
    page.locator(".plate a.k-hop:has-text('encapsulated')").first.click()
    expect(page.locator(".detail-lede").first).to_contain_text("encapsulates here, in tunl0")
    expect(page.locator(".hop-article a")).to_have_attribute("href", "/en/docs/tunnel/")
    page.keyboard.press("]")
    expect(page.locator(".plate .k-hop.now")).not_to_contain_text("encapsulated")
    page.keyboard.press("[")
    expect(page.locator(".plate .k-hop.now")).to_contain_text("encapsulated")


def test_what_is_chosen_in_the_form_is_sent_at_once_and_a_typed_name_when_it_is_finished(following):
    page = following.page
    page.locator("[name=src]").select_option("client")
    expect(page.locator("#fig-outcome")).to_contain_text("client outside")
    page.locator("[name=to]").fill("no such")
    page.locator("[name=to]").press("Enter")
    following.allow("400")
    expect(page.locator("[data-refused]")).to_contain_text("dst must be")
    expect(page.locator("[name=to]")).to_have_value("no such")
    page.locator("[name=to]").fill("10.0.0.11:22")
    page.locator("[name=to]").press("Enter")
    expect(page.locator("#fig-outcome")).to_contain_text("10.0.0.11:22")
    page.get_by_text("Send 1,000").click()
    expect(page.locator(".ends tbody tr").first).to_contain_text("1000")


def test_without_scripts_the_form_sends_and_hops_are_links(reader, presets):
    visitor = reader(java_script_enabled=False)
    page = visitor.page
    page.goto(f"{visitor.site}/en{presets[PRESET]}?view=packet")
    page.locator("[name=src]").select_option("client")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#fig-outcome")).to_contain_text("client outside")
    page.get_by_role("link", name="Next hop").click()
    expect(page.locator(".plate .k-hop.now")).to_have_count(1)
    expect(page).to_have_url(re.compile("hop=1"))


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_is_wrong_at_any_width_in_either_theme(reader, presets, axe, lang):  # noqa: F811
    visitor = reader(reduced_motion="reduce")
    whole(visitor.go(f"/{lang}{presets[PRESET]}?view=packet&hop=5&many=1"), axe)
