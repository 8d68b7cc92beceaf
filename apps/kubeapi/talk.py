"""HTTP as ASGI has it: a body with a bound, an answer with its headers, how far a client is behind."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from django.conf import settings

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.requests import Response
from apps.scenarios import limits, yamlwrite

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
GZIP_FROM = 128 * 1024  # as the real one: smaller answers cost more to pack than to send
PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class Gone(Exception):
    """The client has hung up."""


async def body_of(receive: Receive) -> bytes:
    """The whole body.

    Raises:
        StatusError: 413, longer than this site takes; what follows is read and thrown away.
        Gone
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size <= limits.MANIFEST_BYTES:
            parts.append(part)
        if not message.get("more_body"):
            break
    if size > limits.MANIFEST_BYTES:
        text = f"Request entity too large: limit is {limits.MANIFEST_BYTES}"
        raise StatusError(413, "RequestEntityTooLarge", text)
    return b"".join(parts)


def go_json(value: Any, indent: int | None = None) -> str:
    """JSON as Go writes it: the three characters that HTML minds are escaped."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.translate(_ESCAPED)


def is_pretty(query: dict[str, list[str]], agent: str) -> bool:
    """Whether the answer is for people: asked for, or guessed from who asks."""
    wanted = (query.get("pretty") or [""])[0]
    if wanted:
        return wanted.lower() in ("1", "t", "true")
    return agent.startswith(PRETTY_AGENTS)


def content(response: Response, *, pretty: bool) -> bytes:
    """The body of an answer."""
    body = response.body
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if body is None:
        return b""
    if response.indent is not None:
        return go_json(body, response.indent).encode()
    if response.headers.get("Content-Type") == "application/yaml":
        return yamlwrite.dump(body).encode()
    return (go_json(body, 2 if pretty else None) + "\n").encode("utf-8", "replace")


def headers_of(response: Response) -> list[tuple[bytes, bytes]]:
    """Its headers, and those that every answer has."""
    known = {name.lower() for name in response.headers}
    out = [("Audit-Id", str(uuid.uuid4())), *response.all_headers()]
    if "cache-control" not in known:
        out.append(("Cache-Control", "no-cache, private"))
    out += [(name, value) for name, value in SECURITY.items() if name.lower() not in known]
    if settings.HTTPS:
        out.append(("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}"))
    return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in out]


def known_already(response: Response, tag: str) -> Response:
    """The answer to a client that has it, by its ETag: nothing, but that it is still so."""
    etag = next((value for name, value in response.headers.items() if name.lower() == "etag"), "")
    if response.status != 200 or not etag or tag not in (etag, f"W/{etag}"):
        return response
    return Response(304, b"", response.headers)


def packed(response: Response, data: bytes) -> bytes:
    """The body compressed, for who accepts that, if it is worth it; the response says so then."""
    known = any(name.lower() == "content-encoding" for name in response.headers)
    if known or len(data) < GZIP_FROM:
        return data
    vary = ", ".join(filter(None, (response.headers.get("Vary"), "Accept-Encoding")))
    response.headers = {**response.headers, "Content-Encoding": "gzip", "Vary": vary}
    return gzip.compress(data, 1)


async def answer(send: Send, response: Response, data: bytes, *, head: bool = False) -> None:
    """Send one whole answer."""
    headers = headers_of(response)
    if response.status not in (204, 304):
        headers.append((b"Content-Length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else data})


def _transport(send: Send) -> Any:
    """What Daphne writes to: its `send` is a partial of a handler and the request (daphne/server.py)."""
    request = send.args[0] if isinstance(send, partial) and send.args else None
    transport = getattr(getattr(request, "channel", None), "transport", None)
    return getattr(transport, "wrappedProtocol", transport)


def backlog(send: Send) -> int:
    """Bytes that Daphne holds for this client, which it does without bound; 0 for a server whose `send` waits."""
    transport = _transport(send)
    buffered = getattr(transport, "dataBuffer", None)
    if buffered is None:
        return 0
    waiting: int = len(buffered) - getattr(transport, "offset", 0) + getattr(transport, "_tempDataLen", 0)
    return waiting


def hang_up(send: Send) -> None:
    """End the connection, and forget what the client has not taken."""
    abort = getattr(_transport(send), "abortConnection", None)
    if abort is not None:
        abort()
