"""Readers for tests: a WebSocket that speaks JSON, on the site's own ASGI application."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from apps.live.hub import hub
from apps.scenarios import access, making, manifests, service, session

WEB = """\
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


class Reader(WebsocketCommunicator):
    """One socket. `frames(…)` gathers what comes until something has come."""

    async def say(self, **message: Any) -> None:
        await self.send_to(text_data=json.dumps(message))

    async def hear(self, timeout: float = 5) -> dict[str, Any]:
        return json.loads(await self.receive_from(timeout))

    async def until(self, wanted, timeout: float = 5, most: int = 2000) -> list[dict[str, Any]]:
        """Everything up to and including the first frame of which `wanted(frame)` is true."""
        heard = []
        while len(heard) < most:
            frame = await self.hear(timeout)
            heard.append(frame)
            if wanted(frame):
                return heard
        raise AssertionError(f"{most} frames, and none of them was it")


def is_bookmark(frame: dict[str, Any]) -> bool:
    return frame["type"] == "BOOKMARK"


@asynccontextmanager
async def reader(
    scenario_id: str, *, key: str = "", origin: str = "http://testserver", host: str = "testserver", **query: Any
):
    """A connected reader; the first frame has not been taken yet."""
    from k8sdocs.asgi import application

    headers = [(b"host", host.encode()), (b"origin", origin.encode())]
    if key:
        headers.append((b"cookie", f"{access.cookie_name(scenario_id)}={key}".encode()))
    socket = Reader(application, f"/ws/scenarios/{scenario_id}/?{urlencode(query)}", headers=headers)
    connected, _code = await socket.connect(timeout=5)
    assert connected
    try:
        yield socket
    finally:
        await socket.disconnect()


@pytest.fixture
async def rooms():
    """The hub of this test's event loop, closed afterwards."""
    session.forget()
    service.forget_frames()
    found = hub()
    yield found
    await found.close()
    session.forget()


@pytest.fixture
async def made(transactional_db, rooms):
    """A stored scenario with a Deployment of two, running since long ago, ten times as fast as the wall clock."""

    def make():
        made = making.from_preset("empty", documents=manifests.read(WEB))
        made.scenario.anchor_wall_ms -= 60_000
        made.scenario.speed = 10.0
        made.scenario.save()
        return made

    return await sync_to_async(make)()
