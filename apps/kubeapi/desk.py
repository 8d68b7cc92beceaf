"""One request at a stored scenario's API server: a reading of its present, or a command for its log. Blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from apps.cluster import rest
from apps.cluster.api import protobuf
from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.apiserver.requests import Request, Response, User, bodies, handle, presenting, routes, tokens
from apps.cluster.apiserver.requests.handler import refusal
from apps.cluster.apiserver.requests.messages import ADMIN
from apps.cluster.cluster import Cluster
from apps.kubeapi.identity import may_read, signer
from apps.scenarios import commands
from apps.scenarios.session import Session, session

STREAMED = ("exec", "attach", "portforward", "proxy")
NO_STREAM = {
    "exec": "no command can be run here: the containers of this cluster are simulated, and no program runs in them",
    "attach": "nothing to attach to: the containers of this cluster are simulated, and no program runs in them",
    "portforward": "no port can be forwarded: the containers of this cluster are simulated, nothing listens in them",
    "proxy": "nothing is proxied: the machines and containers of this cluster are simulated, and nothing listens there",
}


def ask(scenario_id: str, request: Request) -> Response:
    """The API server's answer; a refusal is an answer too.

    Raises:
        Scenario.DoesNotExist
    """
    try:
        if request.method in ("POST", "PUT", "PATCH", "DELETE"):
            return write(scenario_id, request)
        with present(scenario_id, request) as found:
            return handle(found.run.cluster.apiserver, request)
    except rest.Refused as error:
        return error.response
    except StatusError as error:
        return refusal(error)


def clock(scenario_id: str) -> str:
    """The cluster's own time, to the millisecond: whoever shows ages needs it."""
    now = session(scenario_id).run.cluster.now_ms
    return f"{format_ms(now).removesuffix('Z')}.{now % 1000:03}Z"


@contextmanager
def present(scenario_id: str, request: Request) -> Iterator[Session]:
    """The scenario's session, brought up to now, for as long as the block looks at it.

    Raises:
        StatusError: its API server does not answer; Scenario.DoesNotExist
    """
    found = session(scenario_id)
    found.sync()
    with found.lock:
        attend(found)
        check(found.run.cluster, request)
        yield found


def attend(found: Session) -> None:
    """What this site adds to a scenario's API server."""
    server = found.run.cluster.apiserver
    if server.sign is None:
        server.authorizer.webhook = may_read
        server.sign = signer(found.id)
        server.whose = partial(tokens.user_of, server)


def account_of(scenario_id: str, token: str) -> User | None:
    """Whose token of a ServiceAccount it is."""
    found = session(scenario_id)
    found.sync()
    with found.lock:
        attend(found)
        return tokens.user_of(found.run.cluster.apiserver, token)


def check(cluster: Cluster, request: Request) -> None:
    """Raises: StatusError, nobody answers there, or there is nobody at the other end of a stream."""
    about = routes.parse(request)
    problem = cluster.reader.problem
    if problem is not None and (problem.code == 0 or about.is_resource):
        raise StatusError(problem.code or 503, problem.reason or "ServiceUnavailable", problem.message)
    if about.is_resource and request.user is not None and about.subresource.partition("/")[0] in STREAMED:
        raise bad_request(NO_STREAM[about.subresource.partition("/")[0]])


def write(scenario_id: str, request: Request) -> Response:
    """A request that may change something. It is in the log before it is answered, if it has.

    Raises:
        Refused, StatusError
    """
    with present(scenario_id, request) as found:
        server = found.run.cluster.apiserver
        if request.user is None or not routes.parse(request).is_resource:
            return handle(server, request)
        presenting.negotiate(request)
        try:
            command = command_of(request)
        except Undecoded:
            return handle(server, request)  # which refuses it, in the real server's words
    return session(scenario_id).request(command, agent=request.header("User-Agent"))


class Undecoded(Exception):
    """A body that does not become a command."""


def command_of(request: Request) -> commands.Body:
    """The request as a command.

    Raises:
        StatusError: 400, 413; Undecoded
    """
    command: dict[str, Any] = {"op": rest.OP, "method": request.method, "path": request.path}
    content_type = bodies.content_type(request)
    accept = request.header("Accept")
    for field, value in (
        ("query", request.query),
        ("content_type", content_type),
        ("accept", accept if "as=" in accept or "yaml" in accept else ""),
        ("user_agent", "".join(filter(str.isprintable, request.header("User-Agent")))[: commands.MAX_AGENT]),
        ("as", request.header("Impersonate-User")),
        ("as_groups", list(request.values("Impersonate-Group"))),
        ("as_uid", request.header("Impersonate-Uid")),
        ("as_extra", _extra(request)),
    ):
        if value:
            command[field] = value
    if request.user is not None and request.user != ADMIN:
        command |= {"user": request.user.name, "groups": list(request.user.groups)}
    if content_type == protobuf.MEDIA_TYPE and request.body:
        command |= {"content_type": "application/json", "body": _decoded(request.body)}
    elif request.body:
        command |= _body(request, content_type)
    return command


def _extra(request: Request) -> dict[str, list[str]]:
    prefix = "impersonate-extra-"
    return {
        name.lower().removeprefix(prefix): list(request.values(name))
        for name in request.headers
        if name.lower().startswith(prefix)
    }


def _decoded(body: bytes | str) -> Any:
    """Protobuf as JSON data."""
    try:
        return protobuf.decode(body if isinstance(body, bytes) else body.encode())
    except StatusError:
        raise Undecoded from None


def _body(request: Request, content_type: str) -> dict[str, Any]:
    """The body as JSON data; as text where that would not say the same, or where it is none."""
    text = request.text()
    if "yaml" in content_type and not text.lstrip().startswith("{"):
        return {"text": _storable(text)}
    try:
        value, repeated = bodies.parse_json(text)
    except ValueError:
        return {"text": _storable(text)}
    if repeated or not isinstance(value, dict | list):
        return {"text": _storable(text)}
    commands.load_json(json.dumps(value))  # its bounds, and what no database keeps
    return {"body": value}


def _storable(text: str) -> str:
    if "\0" in text:
        raise bad_request("control characters are not allowed")
    return text
