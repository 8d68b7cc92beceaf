"""One running site as it is served, one Chromium, and as many readers as a test wants.

Playwright keeps an event loop running in this process while it is started, and neither Django's ORM nor other
event loops can be used beside it. So it is started for this folder alone, and stopped after it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import servers

playwright = pytest.importorskip("playwright.sync_api")

from tests.e2e.readers import Reader  # noqa: E402

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
HERE = Path(__file__).parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


def prepared(var: Path) -> Path:
    """A folder for a site: an empty database, static files gathered under hashed names."""
    servers.manage(var, "migrate", "--verbosity", "0")
    subprocess.run(
        [sys.executable, "-m", "k8sdocs.collect"], cwd=servers.ROOT, env=servers.environment(var), check=True
    )
    return var


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def site(site_folder: Path) -> Iterator[str]:
    """The address of one Daphne, for all tests: what they make is their own."""
    with servers.site(site_folder) as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: make test installs it")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield started
        started.close()


def people(browser: Any, site: str) -> Iterator[Callable[..., Reader]]:
    made: list[Reader] = []

    def make(*, at: str = site, **options: Any) -> Reader:
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "ko-KR", **options}
        made.append(Reader(browser.new_context(**options), at))
        return made[-1]

    yield make
    unexpected = [said for each in made for said in each.unexpected()]
    for each in made:
        each.context.close()
    assert unexpected == []


@pytest.fixture
def reader(browser: Any, site: str) -> Iterator[Callable[..., Reader]]:
    """`reader(locale=…, viewport=…)`: one more person. Nothing that a page complained about goes unseen."""
    yield from people(browser, site)


@pytest.fixture(scope="module")
def regular(browser: Any, site: str) -> Iterator[Callable[..., Reader]]:
    """The same, for readers who stay for all tests of a module: most of a short test is the opening of a page."""
    yield from people(browser, site)


@pytest.fixture(scope="session")
def presets(site: str) -> dict[str, str]:
    """English title of each preset -> its address without the language."""
    with urllib.request.urlopen(f"{site}/en/scenarios/") as answer:
        text = answer.read().decode()
    return {title: path for path, title in re.findall(r'<h2><a href="/en(/s/v1\.[^"]+)">([^<]+)</a>', text)}
