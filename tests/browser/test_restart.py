"""The server dies and comes back: no acknowledged change is lost, and the page goes on by itself."""

from __future__ import annotations

import json

from tests.browser.conftest import Reader
from tests.live import servers


def test_a_page_outlives_its_server(browser, tmp_path):
    servers.manage(tmp_path, "migrate", "--verbosity", "0", K8SDOCS_DEBUG="1")
    made = json.loads(servers.manage(tmp_path, "scenario", "new", "--preset", "deployment-create", K8SDOCS_DEBUG="1"))
    site = servers.Site(tmp_path, K8SDOCS_DEBUG="1").start()
    visitor = Reader(browser, f"http://127.0.0.1:{site.port}")
    try:
        page = visitor.go(f"/en/s/{made['id']}/?key={made['key']}")
        stepper = page.locator("[data-stepper]").first
        visitor.until(
            lambda: stepper.locator("input[name=replicas]").input_value() == "3", "the story has come to its Deployment"
        )
        stepper.get_by_role("button").last.click()
        visitor.until(lambda: page.locator("[data-commands] li").count() >= 1, "the change is in the log")
        visitor.until(
            lambda: stepper.locator("input[name=replicas]").input_value() == "4", "the change is acknowledged"
        )
        site.kill()
        visitor.until(lambda: page.locator("[data-live]").get_attribute("data-state") == "offline", "the page notices")
        site.start()
        visitor.until(
            lambda: page.locator("[data-live]").get_attribute("data-state") != "offline", "the page comes back"
        )
        known = visitor.playhead()["head"]
        stepper.get_by_role("button").last.click()
        visitor.until(lambda: visitor.playhead()["head"] > known, "and goes on where it was")
        visitor.until(
            lambda: stepper.locator("input[name=replicas]").input_value() == "5", "from four to five: nothing was lost"
        )
    finally:
        visitor.context.close()
        site.stop()
