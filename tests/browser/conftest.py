"""A running site and a Chromium for the tests of this folder."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest

from tests.live import servers

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path("/usr/bin/chromium")


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """One Daphne with a database of its own; static files as they lie in the tree."""
    var = tmp_path_factory.mktemp("site")
    servers.manage(var, "migrate", "--verbosity", "0", K8SDOCS_DEBUG="1")
    with servers.site(var, K8SDOCS_DEBUG="1") as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.fixture(scope="session")
def preset(site):
    """The address of the rolling update, in Korean."""
    with urllib.request.urlopen(f"{site}/en/scenarios/") as answer:
        text = answer.read().decode()
    return re.search(r'href="/en(/s/v1\.[^"]+)">Rolling update', text)[1]


@pytest.fixture(scope="package")  # closed with this folder: two Playwrights cannot live in one process
def browser():
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()


class Reader:
    """One person with a browser of their own. What the page complains about is collected in `complaints`."""

    def __init__(self, browser, site, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        self.page = self.context.new_page()
        self.site = site
        self.complaints: list[str] = []
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("response", lambda got: got.status >= 500 and self.complaints.append(f"{got.status} {got.url}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path):
        self.page.goto(self.site + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def playhead(self):
        """Where the figure stands."""
        return self.page.evaluate(
            "(({at, head, base, playing, following}) => ({at, head, base, playing, following}))"
            "(document.querySelector('k8s-figure').playhead)"
        )

    def until(self, true, what, seconds=15):
        """Poll: the page's policy forbids the evaluating that Playwright would wait with."""
        for _ in range(seconds * 20):
            if true():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{what}: {self.page.url}")


@pytest.fixture
def reader(browser, site):
    made: list[Reader] = []

    def make(**options):
        made.append(Reader(browser, site, **options))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
        assert each.complaints == []
