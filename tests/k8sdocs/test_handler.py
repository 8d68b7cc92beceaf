"""HTTP in one thread a request: the same answers as Django's own handler, and threads that are used again."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse

from k8sdocs.handler import KEPT_THREADS, OneThreadHandler

TOGETHER = KEPT_THREADS + 2


async def ask(application: Any, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": headers,
    }
    socket = ApplicationCommunicator(application, scope)
    await socket.send_input({"type": "http.request", "body": body})
    start = await socket.receive_output(10)
    found = b""
    while True:
        part = await socket.receive_output(10)
        found += part.get("body", b"")
        if not part.get("more_body"):
            break
    await socket.wait(10)
    kept = {name.decode().lower(): value.decode() for name, value in start["headers"] if name != b"Set-Cookie"}
    return start["status"], kept, found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/healthz", 200, id="a page"),
        pytest.param("HEAD", "/healthz", 200, id="its head"),
        pytest.param("GET", "/", 302, id="a redirection"),
        pytest.param("GET", "/ko/nothing-here/", 404, id="a page that is not there"),
        pytest.param("POST", "/ko/scenarios/new", 403, id="a form without its token"),
    ],
)
@pytest.mark.django_db(transaction=True)
async def test_answers_are_those_of_djangos_own_handler(method: str, path: str, status: int) -> None:
    ours = await ask(OneThreadHandler(), path, method, b"a=b")
    theirs = await ask(ASGIHandler(), path, method, b"a=b")
    assert ours[0] == theirs[0] == status
    assert ours[1].keys() == theirs[1].keys()
    assert ours[1]["content-type"] == theirs[1]["content-type"]


class Recording(OneThreadHandler):
    """Answers with the number of the thread; `together` requests wait for one another."""

    def __init__(self) -> None:
        super().__init__()
        self.together: threading.Barrier | None = None

    def get_response(self, request: HttpRequest) -> HttpResponse:
        if self.together is not None:
            self.together.wait(10)
        return HttpResponse(str(threading.get_ident()))


async def test_requests_at_the_same_time_have_a_thread_each_and_some_threads_are_kept() -> None:
    handler = Recording()
    handler.together = threading.Barrier(TOGETHER)
    first = {body for _, _, body in await asyncio.gather(*(ask(handler, "/") for _ in range(TOGETHER)))}
    assert len(first) == TOGETHER
    handler.together = None
    later = {(await ask(handler, "/"))[2] for _ in range(3 * KEPT_THREADS)}
    assert len(later) == KEPT_THREADS
    assert later < first


@pytest.mark.django_db(transaction=True)
async def test_a_thread_keeps_its_connection_to_the_database() -> None:
    seen: list[Any] = []

    class Asking(OneThreadHandler):
        def get_response(self, request: HttpRequest) -> HttpResponse:
            connection.ensure_connection()
            seen.append(connection.connection)
            return HttpResponse("")

    handler = Asking()
    for _ in range(3):
        await ask(handler, "/")
    assert len({id(found) for found in seen}) == 1
    handler.close_threads()
