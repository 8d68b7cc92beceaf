"""Every address with hostile parts, values and methods: a refusal in the reader's language, never a 500."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from apps.scenarios import presets
from k8sdocs.asgi import django_application
from tests.security.conftest import FUZZ

pytestmark = pytest.mark.django_db
ALLOWED = {200, 301, 302, 303, 304, 400, 403, 404, 405, 409, 410, 413, 414, 422, 429}

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1e9",
            "NaN",
            "9" * 30,
            "٣",
            "²",
            "1.0",
            " 41 ",
            "+41",
            "0x29",
            "\x00",
            "\x00\x00",
            "%",
            "%zz",
            "%00",
            "..",
            "../../etc/passwd",
            "....//",
            "/",
            "//evil.example",
            "\\",
            "a/b/c/d/e",
            "pods/default/web-0",
            "pods//",
            "nodes/worker-1",
            "__proto__/x",
            "cluster",
            "ownership",
            "v1.",
            "v1.AAAA",
            "한글",
            "\u202e",
            "\ud7ff",
            "\uffff",
            "🦈",
            "<script>",
            "'\"><",
            "a" * 5000,
            "\r\nX-Injected: 1",
            "${7*7}{{7*7}}",
        ]
    ),
    st.text(max_size=40),
    st.integers().map(str),
)
NAMES = ["at", "view", "focus", "theme", "lang", "key", "from", "to", "speed", "layout", "width", "parts", "preset"]
NAMES += ["q", "guess", "edit", "at[]", "at.x", ""]
QUERIES = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=4)


def addresses() -> list[str]:
    token = presets.get("rolling-update").link
    return [
        "/",
        "/ko/",
        "/en/docs/",
        "/ko/docs/deployment/",
        "/en/search/",
        "/ko/scenarios/",
        "/en/scenarios/new",
        f"/ko/s/{token}/",
        f"/en/s/{token}/frame/",
        f"/en/s/{token}/steps/",
        f"/en/s/{token}/objects/pods/default/web-0.yaml",
        f"/ko/s/{token}/objects/deployments/default/web.yaml",
        f"/d/{token}.svg",
        f"/d/{token}.dot",
        f"/d/{token}.mmd",
        f"/d/{token}.yaml",
        f"/d/{token}.json",
        f"/embed/{token}/",
        "/en/s/nosuchid/",
        "/d/nosuchid.svg",
        "/embed/nosuchid/",
    ]


def is_told(answer, path: str) -> None:
    """The answer is one we meant to give."""
    assert answer.status_code in ALLOWED, (path, answer.status_code)
    if answer.status_code < 400:
        return
    body = answer.content.decode()
    assert "Traceback" not in body
    if answer.get("Content-Type", "").startswith("text/html"):
        lang = re.search(r'<html[^>]* lang="(\w+)"', body)
        assert lang, (path, body[:200])
        if path.startswith(("/ko/", "/en/")):
            assert lang[1] == path[1:3], path


@FUZZ
@given(st.sampled_from(range(21)), QUERIES)
@example(7, [("at", "9" * 400)])
@example(8, [("focus", "\x00/\x00")])
@example(12, [("lang", "xx"), ("theme", "<b>")])
@example(17, [("from", "-1")])
def test_hostile_queries(number: int, query: list[tuple[str, str]]) -> None:
    path = addresses()[number]
    answer = Client().get(path, query)
    is_told(answer, path)
    assert "X-Injected" not in answer.headers


PARTS = st.one_of(
    TEXTS,
    st.sampled_from(["objects", "frame", "docs", "s", "d", "embed", "new", "scenarios", "commands", "ko", "en", "k8s"]),
)


@FUZZ
@given(st.lists(PARTS, min_size=1, max_size=6), st.booleans())
def test_hostile_paths(parts: list[str], slash: bool) -> None:
    path = "/" + "/".join(parts) + ("/" if slash else "")
    status, headers, body = async_to_sync(asked)(request_for(quote(path, safe="/[]@:;=").encode()))
    assert status in ALLOWED
    assert b"Traceback" not in body
    if status in {301, 302}:
        assert re.match(rb"/(?![/\\])", dict(headers)[b"Location"]), (path, headers)


@FUZZ
@given(st.binary(max_size=60))
def test_paths_that_are_no_text(raw: bytes) -> None:
    """Percent-encoding that is wrong, or decodes to what is no UTF-8, as Daphne hands it on."""
    encoded = b"/en/s/" + quote(raw).replace("%25", "%").encode()
    names = (b"cookie", b"accept-language", b"user-agent", b"accept", b"if-none-match", b"sec-ch-ua-mobile")
    scope = request_for(encoded, raw, [(name, raw) for name in names])
    status, _headers, _body = async_to_sync(asked)(scope)
    assert status in ALLOWED


def request_for(path: bytes, query: bytes = b"", headers: Sequence[tuple[bytes, bytes]] = ()) -> dict[str, Any]:
    """The scope of a request as Daphne makes it."""
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }


async def asked(scope: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """What the ASGI application answers to one request without a body."""
    application = ApplicationCommunicator(django_application, scope)
    await application.send_input({"type": "http.request", "body": b"", "more_body": False})
    begin = await application.receive_output(10)
    body = b""
    while True:
        message = await application.receive_output(10)
        body += message.get("body", b"")
        if not message.get("more_body"):
            await application.send_input({"type": "http.disconnect"})
            await application.wait(10)
            return begin["status"], begin["headers"], body


METHODS = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"]


@pytest.mark.parametrize("method", METHODS)
def test_wrong_methods(method: str) -> None:
    client = Client()
    for path in addresses():
        answer = client.generic(method, path)
        if method == "HEAD":
            assert answer.status_code in {200, 302, 404}, path
            assert not answer.content
        elif path.endswith("/scenarios/new") and method == "POST":
            assert answer.status_code in {303, 422}
        elif "/objects/" in path and method == "POST":
            assert answer.status_code == 422
        else:
            assert answer.status_code in {404, 405}, (method, path, answer.status_code)


@pytest.mark.parametrize("path", ["commands/", "fork/", "clock/"])
def test_what_is_posted_to_cannot_be_read(path: str) -> None:
    token = presets.get("rolling-update").link
    answer = Client().get(f"/en/s/{token}/{path}")
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
