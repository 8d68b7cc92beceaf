"""What comes in and goes out: Request, Response, and the attributes that a request is judged by.

Models      net/http as the API server sees it; endpoints/request/requestinfo.go; authentication/user
Leaves out  CBOR
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from apps.cluster.apiserver.authentication import ADMINS, AUTHENTICATED, User
from apps.cluster.apiserver.watching import Watch

Obj = dict[str, Any]


ADMIN = User("kubernetes-admin", (ADMINS, AUTHENTICATED))


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `query` is the part after the question mark; `headers` are looked up in any case.

    A header that was sent more than once has all its values.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    body: bytes | str = b""
    user: User | None = ADMIN

    def header(self, name: str) -> str:
        return next(iter(self.values(name)), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header."""
        wanted = name.lower()
        found = next((value for key, value in self.headers.items() if key.lower() == wanted), ())
        return (found,) if isinstance(found, str) else found

    def params(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, value in parse_qsl(self.query, keep_blank_values=True):
            found.setdefault(key, []).append(value)
        return found

    def text(self) -> str:
        return self.body.decode("utf-8", "replace") if isinstance(self.body, bytes) else self.body


@dataclass(slots=True)
class Response:
    """The answer: `body` is JSON data, text, or bytes; of a watch it is empty and `watch` is polled instead."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    watch: Watch | None = None
    tail: Any = None  # of a log that is followed: `tail.poll(apiserver)` is what was said since, until `tail.done`
    indent: int | None = None  # of the JSON, where the server writes it for people

    def all_headers(self) -> list[tuple[str, str]]:
        """With the Warning headers, one each."""
        quoted = ('299 - "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in self.warnings)
        return [*self.headers.items(), *(("Warning", text) for text in quoted)]

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        if self.body is None:
            return b""
        if self.indent is not None:
            return json.dumps(self.body, ensure_ascii=False, indent=self.indent).encode()
        return (json.dumps(self.body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


class Attributes(NamedTuple):
    """What a request asks for, as authorization and admission look at it."""

    verb: str  # get list watch create update patch delete deletecollection; of a path that is no resource: get post …
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""  # as the address has it: "deployments"
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    is_resource: bool = False
