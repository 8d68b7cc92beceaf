"""A scenario as the site serves it: a Daphne of its own, the cluster of the recordings, and its API over HTTP."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.live import servers

PATIENCE_S = 60.0
T = TypeVar("T")
# The recording's kubelets were stand-ins: nothing to pull, soon started and stopped. Long enough here to be waited for.
SERVER = {"pull_ms": 0, "start_ms": 3000, "stop_ms": 300}
TASK = {**SERVER, "ends_after_ms": 1000}
CONFIG: dict[str, Any] = {
    "workers": 3,
    "seed": 2,  # the node that is drained has one Pod of each Deployment, as there
    "machines": [{"name": f"n{number}", "cpu": "4", "memory": "16Gi"} for number in (1, 2, 3)],
    "images": {
        **{f"nginx:{tag}": SERVER for tag in ("1", "1.25", "1.26", "1.28", "1.29")},
        "busybox:1": TASK,
    },
    "runtime": "containerd",
}
MAKE = """
import json
from apps.scenarios import making
from apps.scenarios.story import Story
made = making.make(Story({config!r}, ()), preset="empty")
print(json.dumps({{"id": made.scenario.id, "key": made.key, "view": made.view_token}}))
"""


class Served:
    """One stored scenario behind a running site."""

    def __init__(self, site: servers.Site, made: dict[str, str]) -> None:
        self.site, self.id, self.key, self.view = site, made["id"], made["key"], made["view"]
        self.base = f"/k8s/{self.id}"
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=PATIENCE_S)

    def close(self) -> None:
        self._connection.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.port}{self.base}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and data of an answer: JSON, or text."""
        sent = {"Authorization": f"Bearer {self.key}", **headers}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        self._connection.request(method, self.base + path, None if body is None else json.dumps(body), sent)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, json.loads(text) if kind.startswith("application/json") else text

    def get(self, path: str) -> Any:
        status, found = self.ask("GET", path)
        assert status == 200, found
        return found

    @contextmanager
    def watch(self, path: str) -> Iterator[Iterator[dict[str, Any]]]:
        """The events of a watch, as they come."""
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=PATIENCE_S)
        connection.request("GET", self.base + path, headers={"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        try:
            yield (json.loads(line) for line in iter(answer.readline, b""))
        finally:
            answer.close()
            connection.close()

    def set_speed(self, speed: float) -> None:
        """How fast simulated time passes, as the page sets it."""
        with self.site.socket(f"/ws/scenarios/{self.id}/?view=cluster&lang=en", self.key) as socket:
            socket.recv(timeout=PATIENCE_S)
            socket.send(json.dumps({"type": "CLOCK", "speed": speed}))
            while True:
                told = json.loads(socket.recv(timeout=PATIENCE_S))
                if told.get("clock", {}).get("speed") == speed:
                    return

    def write_config(self, path: Path) -> Path:
        """The kubeconfig that the site gives to the holder of the key."""
        status, text = self.ask("GET", "/kubeconfig")
        assert status == 200, text
        path.write_text(text)
        return path

    # ---- waiting -------------------------------------------------------------------------------

    def settle(self) -> None:
        """Until the workloads are what they are meant to be, watching the API for it."""
        deadline = time.monotonic() + PATIENCE_S
        while (restless := self._restless()) is not None:
            path, version = restless
            assert time.monotonic() < deadline, f"{path} came to no rest"
            with self.watch(f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=5") as events:
                next(events, None)

    def _restless(self) -> tuple[str, str] | None:
        """What is still under way: where it is listed, and as of which version."""
        for path, calm in CALM.items():
            found = self.get(path)
            if not all(map(calm, found["items"])):
                return path, found["metadata"]["resourceVersion"]
        return None

    def until(self, path: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The objects of a list, once they are as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = self.get(path)
            if wanted(found["items"]):
                items: list[dict[str, Any]] = found["items"]
                return items
            assert time.monotonic() < deadline, found["items"]
            version = found["metadata"]["resourceVersion"]
            with self.watch(f"{path}?watch=1&resourceVersion={version}&timeoutSeconds=5") as events:
                next(events, None)


def _deployment(obj: dict[str, Any]) -> bool:
    spec, status = obj["spec"], obj.get("status", {})
    if status.get("observedGeneration") != obj["metadata"]["generation"] or status.get("terminatingReplicas"):
        return False
    wanted = spec["replicas"]
    return bool(spec.get("paused")) or all(
        status.get(field, 0) == wanted for field in ("replicas", "updatedReplicas", "availableReplicas")
    )


def _pod(obj: dict[str, Any]) -> bool:
    status = obj["status"]
    if "deletionTimestamp" in obj["metadata"] or status["phase"] == "Pending":
        return False
    return status["phase"] != "Running" or all(one["ready"] for one in status["containerStatuses"])


def _job(obj: dict[str, Any]) -> bool:
    return "completionTime" in obj.get("status", {})


CALM: dict[str, Callable[[dict[str, Any]], bool]] = {
    "/apis/apps/v1/deployments": _deployment,
    "/api/v1/pods": _pod,
    "/apis/batch/v1/jobs": _job,
}


@contextmanager
def make(site: servers.Site, config: dict[str, Any] | None = None) -> Iterator[Served]:
    """A new scenario on a running site."""
    printed = servers.manage(site.var, "shell", "-v0", "-c", MAKE.format(config=config or CONFIG))
    made = Served(site, json.loads(printed.strip().splitlines()[-1]))
    try:
        yield made
    finally:
        made.close()


@contextmanager
def site(var: Path) -> Iterator[servers.Site]:
    """A running site with an empty database."""
    servers.manage(var, "migrate", "-v0")
    with servers.site(var) as running:
        yield running


def patiently(look: Callable[[], T]) -> T:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.05)
    return found
