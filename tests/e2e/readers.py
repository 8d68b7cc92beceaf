"""Readers with a browser of their own: what they open, what the page they look at says, and what it complains about."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

# How long anything may take on a busy machine before it counts as not happening. Nothing waits this long that happens.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

READY = """() => document.querySelector("k8s-figure")
  ? customElements.whenDefined("k8s-figure").then(() => document.querySelector("k8s-figure").ready).then(() => true)
  : true"""


def until(page: Page, condition: str, arg: Any = None, *, what: str = "", patience_ms: int = PATIENCE_MS) -> Any:
    """What `condition` (a JavaScript function of `arg`) gives once that is true.

    `page.wait_for_function` would evaluate a string in the page, which the pages' own policy forbids.
    """
    found = page.evaluate(
        f"""([arg, patience]) => new Promise((resolve) => {{
          const end = performance.now() + patience;
          const look = async () => {{
            let found;
            try {{
              found = await ({condition})(arg);
            }} catch {{
              found = false; // a server that is away for the moment
            }}
            if (found || performance.now() > end) resolve(found);
            else setTimeout(look, 20);
          }};
          look();
        }})""",
        [arg, patience_ms],
    )
    assert found, f"{what or condition}: never, at {page.url}"
    return found


class Reader:
    """One person. `complaints` gathers errors of the console, scripts and the policy, and answers of 500 and more."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context, self.site = context, site
        context.set_default_timeout(PATIENCE_MS)
        self.complaints: list[str] = []
        self.allowed: list[str] = []
        self.page = self.another()

    def another(self) -> Page:
        """One more page of the same browser."""
        page = self.context.new_page()
        page.on("console", lambda said: said.type == "error" and self.complaints.append(f"{page.url}: {said.text}"))
        page.on("response", lambda got: got.status >= 500 and self.complaints.append(f"{got.status} {got.url}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    def allow(self, pattern: str) -> None:
        """Complaints that the test provokes."""
        self.allowed.append(pattern)

    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(re.search(each, said) for each in self.allowed)]

    def go(self, path: str) -> Page:
        """Opens an address of the site; returns when its figure, if it has one, can be used."""
        self.page.goto(path if path.startswith("http") else self.site + path)
        self.ready()
        return self.page

    def ready(self) -> None:
        self.page.wait_for_load_state()
        self.page.evaluate(READY)

    def figure(self, name: str) -> str:
        """What the figure's element says of itself: url, view, head, digest …"""
        return self.page.locator("k8s-figure").get_attribute(f"data-{name}") or ""

    def at(self) -> int:
        """Where the figure stands."""
        return int(self.page.locator(".transport [data-out=revision]").first.inner_text())

    def steps(self) -> dict[str, Any]:
        """The scenario's history, as the server tells it."""
        answer = self.page.request.get(self.site + self.figure("steps-url"))
        assert answer.ok, answer.status
        return answer.json()

    def settled(self) -> int:
        """Waits until the cluster is at rest and the figure shows its newest revision; that revision."""
        return until(
            self.page,
            """async () => {
              const { playhead, dataset } = document.querySelector("k8s-figure");
              if (playhead.playing || playhead.at !== playhead.head) return false;
              const { clock, head } = await (await fetch(`${dataset.stepsUrl}?from=99999999`)).json();
              return clock?.at_rest !== false && playhead.at === head && head;
            }""",
            what="the cluster comes to rest, and the figure with it",
        )


def everything_at(reader: Reader, revision: int) -> None:
    """Figure, transport, ruler, timeline, inspector and share panel of a scenario page: all show this revision."""
    page = reader.page
    number = str(revision)
    expect(page.locator(".transport [data-out=revision]")).to_have_text(number)
    expect(page.locator("k8s-ruler input")).to_have_value(number)
    until(
        page,
        """([at, base]) => {
          const cells = [...document.querySelectorAll("tr.now")].map((row) => row.cells[1].textContent.trim());
          const present = cells.map((place) => place.split(".")[0]); // what follows on a revision stands with it
          return at === base ? present.length === 0 : present.includes(at) && present.every((one) => one === at);
        }""",
        [number, reader.figure("base")],
        what="the timeline's row",
    )
    options = {"at": number, "view": reader.figure("view")}
    options["layout"] = reader.figure("layout")
    focus = page.evaluate("document.querySelector('k8s-figure').focusRef")
    if focus:
        options["focus"] = focus
    frame = page.request.get(reader.site + reader.figure("frame-url"), params=options).json()
    assert frame["revision"] == revision
    if frame["inspector"]:
        expect(page.locator(".inspected")).to_have_attribute("data-ref", inspected(frame["inspector"]))
    until(
        page,
        """([svg, html]) => {
          const holder = document.createElement("template");
          const words = (element) => element.textContent.replaceAll(/\\s+/g, " ").trim();
          holder.innerHTML = svg;
          const plate = document.querySelector(".plate > svg");
          const ids = (element) => [...element.querySelectorAll("[id]")].map((each) => each.id).sort().join();
          const figure = ids(holder.content.firstElementChild) === ids(plate) && words(holder.content) === words(plate);
          holder.innerHTML = html;
          return figure && words(holder.content) === words(document.querySelector("[data-inspector]"));
        }""",
        [frame["svg"], frame["inspector"]],
        what=f"figure and inspector as the server tells them of {revision}",
    )
    if page.locator("[data-share-address]").count() and page.locator("[data-share-at]").is_checked():
        until(
            page,
            "(at) => new URL(document.querySelector('[data-share-address]').value).searchParams.get('at') === at",
            number,
            what="the share panel names the revision",
        )


def inspected(html: str) -> str:
    found = re.search(r'class="inspected" data-ref="([^"]*)"', html)
    assert found, html[:200]
    return found[1]
