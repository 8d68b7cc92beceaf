"""A request as it came to the API server from outside, as a command: what `kubectl` of a reader's own asked for.

Models      what reaches kube-apiserver of a client: method, path, query, headers, body
Leaves out  -

`{"op": "request", "method": "PATCH", "path": "/api/v1/…", "query": "", "content_type": "…", "user_agent": "…",
"body": {…}}`. The body is JSON, or `text` where JSON would not say the same (keys that come twice, YAML). `accept`
stands for an answer in another form than JSON. `as`, `as_groups`, `as_uid`, `as_extra` are the headers of `kubectl
--as`; `user` and `groups` say whose token it was when it was not the administrator's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import APIServer
from apps.cluster.apiserver.authentication import User
from apps.cluster.apiserver.requests import Request, Response, handle
from apps.cluster.apiserver.requests.messages import ADMIN

Command = Mapping[str, Any]
OP = "request"
REFUSED = 400  # this status and those above are refusals


class Refused(StatusError):
    """The API server said no. `response` is how it said it."""

    def __init__(self, response: Response) -> None:
        body = response.body if isinstance(response.body, dict) else {}
        message = body.get("message") or (response.body if isinstance(response.body, str) else "")
        super().__init__(response.status, body.get("reason") or "", message.strip(), body.get("details") or {})
        self.response = response


def request_of(command: Command) -> Request:
    """The request that a command is."""
    headers: dict[str, str | tuple[str, ...]] = {}
    for field, header in (
        ("content_type", "Content-Type"),
        ("user_agent", "User-Agent"),
        ("accept", "Accept"),
        ("as", "Impersonate-User"),
        ("as_uid", "Impersonate-Uid"),
    ):
        if command.get(field):
            headers[header] = command[field]
    if command.get("as_groups"):
        headers["Impersonate-Group"] = tuple(command["as_groups"])
    for name, values in (command.get("as_extra") or {}).items():
        headers[f"Impersonate-Extra-{name}"] = tuple(values)
    body = command.get("text", "")
    if "body" in command:
        body = json.dumps(command["body"], ensure_ascii=False, separators=(",", ":"))
    user = User(command["user"], tuple(command.get("groups") or ())) if command.get("user") else ADMIN
    return Request(command["method"], command["path"], command.get("query", ""), headers, body, user)


def carry_out(command: Command, apiserver: APIServer) -> Response:
    """Raises: Refused; Unreachable, nobody answers."""
    response = handle(apiserver, request_of(command))
    if response.status >= REFUSED:
        raise Refused(response)
    return response
