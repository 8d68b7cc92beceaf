"""A real Daphne with a scenario in it, and a client that asks its API server over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import servers

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27"}]}
"""


class Answer:
    """One answer, read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.data = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class API:
    """One scenario's API server, seen with one token."""

    def __init__(self, site: servers.Site, made: dict[str, str], token: str | None) -> None:
        self.site, self.made, self.token = site, made, token
        self.base = f"/k8s/{made['id']}"

    def as_(self, token: str | None) -> API:
        return API(self.site, self.made, token)

    def open(self, method: str, path: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        """Ask; the answer is still to be read."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if isinstance(body, dict | list):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        self.connection.request(method, self.base + path, body, sent)
        return self.connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        response = self.open(method, path, body, **headers)
        try:
            return Answer(response)
        finally:
            response.close()
            self.connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def log(self) -> list[dict[str, Any]]:
        """The commands of the scenario, as its page lists them."""
        return self.site.get(f"/en/s/{self.made['id']}/steps/")["commands"]


class Kubectl:
    """The kubectl on PATH, with a configuration of its own."""

    def __init__(self, api: API, folder: Path) -> None:
        program = shutil.which("kubectl")
        if program is None:
            pytest.skip("no kubectl on this machine")
        self.program, self.home = program, folder
        folder.mkdir(exist_ok=True)
        self.config = folder / "config"
        self.config.write_bytes(api.get("/kubeconfig").data)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        env = {**os.environ, "KUBECONFIG": str(self.config), "HOME": str(self.home)}
        return subprocess.Popen(
            [self.program, *arguments],
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments: str, sent: str | None = None) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(sent, timeout=60)
        return process.returncode, out, err


MANY = """
from django.core.management import call_command
for _ in range({count}):
    call_command("scenario", "new")
    print("\\0")
"""


def new(var: Path, count: int, **more: str) -> list[dict[str, str]]:
    """So many scenarios, made by one process."""
    printed = servers.manage(var, "shell", "-v0", "-c", MANY.format(count=count), **more)
    return [json.loads(text) for text in printed.split("\0") if text.strip()]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Site]:
    var = tmp_path_factory.mktemp("kubeapi")
    servers.manage(var, "migrate", "-v0")
    with servers.site(var) as site:
        yield site


@pytest.fixture(scope="session")
def scenarios(running: servers.Site) -> list[dict[str, str]]:
    """New ones, to be taken from the end."""
    return []


@pytest.fixture
def api(running: servers.Site, scenarios: list[dict[str, str]]) -> API:
    """A new scenario's API, with its key."""
    if not scenarios:
        scenarios += new(running.var, 20)
    made = scenarios.pop()
    return API(running, made, made["key"])


@pytest.fixture
def kubectl(api: API, tmp_path: Path) -> Kubectl:
    return Kubectl(api, tmp_path / "home")
