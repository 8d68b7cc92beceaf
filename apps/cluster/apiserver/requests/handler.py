"""From a request to its response: the address, the gates, the verb.

Models      staging/src/k8s.io/apiserver/pkg/server (the handler chain) and pkg/endpoints (handlers, installer)
Leaves out  flow control, audit, proxies to nodes and Pods
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver import authorization
from apps.cluster.apiserver.authorization import Ask
from apps.cluster.apiserver.requests import (
    aggregated,
    components,
    discovery,
    flows,
    impersonation,
    presenting,
    reads,
    routes,
    subresources,
    writes,
)
from apps.cluster.apiserver.requests.call import Call
from apps.cluster.apiserver.requests.messages import Attributes, Request, Response
from apps.cluster.apiserver.warnings.other import DEPRECATED

if TYPE_CHECKING:
    from apps.cluster.apiserver.server import APIServer

HEADERS = {"Cache-Control": "no-cache, private", "Content-Type": "application/json"}
TEXT = {
    "Cache-Control": "no-cache, private",
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
}


def handle(server: APIServer, request: Request) -> Response:
    """Answer one request. A refusal has changed nothing, and neither has a dry run: not even what chance gives next."""
    drawn = server.random.save()
    warnings: list[str] = []
    server.warnings = []
    flow: dict[str, str] = {}
    try:
        response, keep = _answer(server, request, warnings, flow)
    except StatusError as error:
        server.random.load(drawn)
        response, keep = refusal(error), True
    if not keep:
        server.random.load(drawn)
    if flow:
        response.headers = {**response.headers, **flow}
    response.warnings = list(dict.fromkeys([*warnings, *server.warnings, *response.warnings]))
    return response


def refusal(error: StatusError) -> Response:
    """A Status."""
    headers = dict(HEADERS)
    retry = error.details.get("retryAfterSeconds")
    if retry:
        headers["Retry-After"] = str(retry)
    if error.code == 403 and error.stage == "authorization":
        headers["X-Content-Type-Options"] = "nosniff"
    return Response(error.code, error.as_status(), headers)


def _answer(server: APIServer, request: Request, warnings: list[str], flow: dict[str, str]) -> tuple[Response, bool]:
    attributes = routes.parse(request)
    if request.user is None:
        raise StatusError(401, "Unauthorized", "Unauthorized")
    for gate in server.gates:
        gate(server, request, attributes)
    request = impersonation.impersonated(request, attributes, server.authorizer.answer)
    assert request.user is not None
    flow |= flows.headers(server.tables, request.user, attributes)
    if not attributes.is_resource:
        _authorize(server, request, attributes)
        found = discovery.answer(server, request)
        if found is None:
            return not_found(request), True
        found.headers = found.headers or dict(HEADERS)
        return found, True
    try:
        info = routes.check(server, attributes, request.method.upper())
    except LookupError:
        answered = aggregated.answer(server, request, attributes) or not_found(request)
        answered.headers = answered.headers or dict(HEADERS)
        return answered, True
    if info.plural in DEPRECATED:
        warnings.append(DEPRECATED[info.plural])
    call = Call(server, request, attributes, info, warnings)
    verb = attributes.verb
    namespace, name = attributes.namespace, routes.asked_name(request, attributes)
    server.authorizer.check(call.actor(), verb, info.group, info.plural, attributes.subresource, namespace, name)
    if attributes.subresource:
        response = subresources.answer(call)
    elif info.plural == "componentstatuses":
        response = components.answer(call)
    elif verb == "get":
        response = reads.get(call)
    elif verb in ("list", "watch"):
        response = reads.list_or_watch(call)
    elif verb == "create":
        response = writes.create(call)
    elif verb == "update":
        response = writes.update(call)
    elif verb == "patch":
        response = writes.patch(call)
    elif verb == "delete":
        response = writes.delete(call)
    else:
        response = writes.delete_collection(call)
    if not response.headers:
        response.headers = dict(HEADERS)
        form = presenting.negotiate(request)
        response.headers["Content-Type"] = form.content_type
    return response, not call.dry_run


def _authorize(server: APIServer, request: Request, attributes: Attributes) -> None:
    """Raises: StatusError 403, this path is not for who asks."""
    assert request.user is not None
    asked = Ask(request.user, attributes.verb, path=attributes.path)
    answer = server.authorizer.answer(asked)
    if not answer.allowed:
        error = authorization.refusal(asked, answer.reason)
        error.stage = "authorization"
        raise error


def not_found(request: Request) -> Response:
    """An address that leads nowhere."""
    return Response(404, "404 page not found\n", dict(TEXT))
