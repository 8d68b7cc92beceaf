"""One site for all tests of this folder, in one worker: each test makes scenarios of its own on it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.kubectl import programs, served
from tests.kubectl.programs import Kubectl
from tests.kubectl.served import Served
from tests.live import servers

HERE = Path(__file__).parent
FILES = HERE / "files"
FAST = 10.0  # simulated seconds in a second


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("kubectl"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Site]:
    with served.site(tmp_path_factory.mktemp("kubectl")) as running:
        yield running


@pytest.fixture(scope="session")
def scenario(site: servers.Site) -> Iterator[Served]:
    """One cluster for all tests that keep to namespaces of their own."""
    with served.make(site) as made:
        made.set_speed(FAST)
        yield made


@pytest.fixture(scope="session")
def kubectl(scenario: Served, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """The newest kubectl there is."""
    program = programs.newest()
    if program is None:
        pytest.skip("no kubectl on PATH")
    folder = tmp_path_factory.mktemp("kubectl-home")
    return Kubectl(program, scenario.write_config(folder / "config"), folder)


@pytest.fixture
def namespace(scenario: Served, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of one's own, taken away afterwards without waiting for it."""
    name = "t" + sha256(request.node.nodeid.encode()).hexdigest()[:10]
    status, answer = scenario.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201, answer
    accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
    scenario.until(accounts, lambda found: any(one["metadata"]["name"] == "default" for one in found))
    yield name
    scenario.ask("DELETE", f"/api/v1/namespaces/{name}")
