"""A server that is killed while a page is open: nothing acknowledged is lost, and the page goes on by itself."""

from __future__ import annotations

import re
import shutil
import sqlite3

import pytest
from playwright.sync_api import expect

from tests.e2e.readers import everything_at, until
from tests.live import servers

HEAD = "() => Number(document.querySelector('k8s-figure').dataset.head)"


@pytest.fixture
def mortal(tmp_path, site_folder):
    """A site that may be killed, with a database of its own."""
    for name in ("static", "secret_key"):
        if (site_folder / name).exists():
            (tmp_path / name).symlink_to(site_folder / name)
    servers.manage(tmp_path, "migrate", "--verbosity", "0")
    running = servers.Site(tmp_path).start()
    yield running
    running.stop()


def own_cluster(reader, running, presets):
    """Somebody with a cluster of their own, at rest."""
    visitor = reader(at=f"http://127.0.0.1:{running.port}", reduced_motion="reduce")
    visitor.allow("ERR_CONNECTION_REFUSED|WebSocket connection|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")
    page = visitor.go(f"/ko{presets['Create a Deployment']}")
    scale_to(page, 4)
    expect(page).to_have_url(re.compile(r"/ko/s/[a-z0-9]+/"))
    visitor.ready()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "rest")
    everything_at(visitor, visitor.settled())
    return visitor


def scale_to(page, replicas):
    page.locator("[data-sheet] [name=replicas]").first.fill(str(replicas))
    page.keyboard.press("Enter")


def acknowledged(visitor, count):
    """Waits until the server has answered that it took that many commands."""
    until(visitor.page, "(n) => document.querySelectorAll('[data-commands] a').length >= n", count)


def ready_pods(page):
    return page.locator(".plate .k-worker .k-pod.st-Ready[data-ref*='/default/web-']")


def test_a_killed_server_loses_no_acknowledged_edit_and_the_page_goes_on(reader, mortal, presets):
    visitor = own_cluster(reader, mortal, presets)
    page = visitor.page
    commands = len(visitor.steps()["commands"])
    scale_to(page, 6)
    acknowledged(visitor, commands + 1)
    mortal.kill()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "offline")
    expect(page.locator("[data-trouble]")).to_be_visible()

    # What is typed while nobody answers stays where it is.
    scale_to(page, 7)
    expect(page.locator(".send-failed")).to_be_visible()
    expect(page.locator("[data-sheet] [name=replicas]").first).to_have_value("7")

    mortal.start()  # the same port, the same database
    expect(page.locator("[data-live]")).not_to_have_attribute("data-state", "offline")
    expect(page.locator("[data-trouble]")).to_be_hidden()
    expect(ready_pods(page)).to_have_count(6)  # what was acknowledged happened all the same
    told = [command["text"] for command in visitor.steps()["commands"]]
    assert len(told) == commands + 1
    assert told[-1].endswith("6")

    # And the next edit, made in another page of the same browser, is shown in this one.
    second = visitor.another()
    second.goto(page.url)
    scale_to(second, 5)
    expect(ready_pods(page)).to_have_count(5)
    everything_at(visitor, visitor.settled())


def test_a_page_that_knows_more_than_the_server_lists_anew(reader, mortal, presets):
    """The database is put back to an earlier copy: what the page watches from is gone, 410, and it fetches afresh."""
    visitor = own_cluster(reader, mortal, presets)
    page = visitor.page
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame)[:200])))
    database = mortal.var / "k8sdocs.sqlite3"
    with sqlite3.connect(database) as found:
        found.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    found.close()
    backup = mortal.var / "backup.sqlite3"
    shutil.copy(database, backup)
    before = visitor.steps()
    scale_to(page, 8)
    expect(ready_pods(page)).to_have_count(8)
    ahead = visitor.settled()
    assert ahead > before["head"]

    mortal.kill()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "offline")
    for name in ("k8sdocs.sqlite3-wal", "k8sdocs.sqlite3-shm"):
        (mortal.var / name).unlink(missing_ok=True)
    shutil.copy(backup, database)
    mortal.start()

    expect(page.locator("[data-live]")).not_to_have_attribute("data-state", "offline")
    expect(ready_pods(page)).to_have_count(4)
    assert any('"ERROR"' in frame and '"code":410' in frame.replace(" ", "") for frame in frames)
    until(page, f"(head) => ({HEAD})() < head", ahead)
    everything_at(visitor, visitor.settled())
    scale_to(page, 5)
    expect(ready_pods(page)).to_have_count(5)
    everything_at(visitor, visitor.settled())
