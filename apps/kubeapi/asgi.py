"""The door: `/k8s/{id}/…` as an ASGI application of its own, beside Django's.

A request here is no page: it needs no language, session or template, may be one of fifty a second, has headers that
come several times, and may stay open for an hour. docs/decisions/kubernetes-over-http.md has the reasons.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from django.core.exceptions import DisallowedHost
from django.urls import re_path

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.requests import Request, Response, handle, presenting, routes
from apps.cluster.apiserver.requests.call import ANONYMOUS
from apps.cluster.apiserver.requests.handler import refusal
from apps.kubeapi import desk, identity, talk
from apps.kubeapi.kubeconfig import kubeconfig
from apps.kubeapi.lookout import Post, post
from apps.kubeapi.rates import Rates
from apps.kubeapi.talk import Gone, Receive, Scope, Send
from apps.kubeapi.watches import LogSource, WatchSource
from apps.scenarios import access
from apps.scenarios.models import Scenario
from apps.scenarios.session import session
from apps.scenarios.signals import request_answered

logger = logging.getLogger(__name__)

ADDRESS = re.compile(r"/k8s/([A-Za-z0-9]{1,16})(?::([A-Za-z0-9]{1,64}))?(/.*)?", re.DOTALL)
PUBLIC = ("/version", "/healthz", "/livez", "/readyz")  # what real clusters tell anybody
# `kubectl get --raw` leaves the path of the server's address out. The token says which scenario is meant.
RAW = ("/api", "/version", "/openapi", "/healthz", "/livez", "/readyz", "/metrics")
KUBECONFIG = "/kubeconfig"
METRICS = "/metrics"
PAGE_AGENT = "x-k8sdocs-agent"  # what the page's own terminal sends; it is told the cluster's time
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BACKLOG_BYTES = 512 * 1024  # handed to the server and not yet taken by the client's network
BACKLOG_WAIT_S = 0.05
Endless = WatchSource | LogSource
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Door:
    """`/k8s/` to the API servers of stored scenarios, everything else to `others`."""

    def __init__(self, others: Application) -> None:
        self.others = others
        self.rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = ADDRESS.fullmatch(scope["path"]) if scope["path"].startswith("/k8s/") else None
        scenario_id, token, path = (found[1], found[2] or "", found[3] or "/") if found else ("", "", scope["path"])
        if found is None and path.startswith(RAW) and identity.header(scope["headers"], b"authorization"):
            scenario_id = await post().work(lambda: identity.scenario_of(scope))
        if not scenario_id:
            await self.others(scope, receive, send)
            return
        visit = Visit(self, scope, receive, send, scenario_id, path, token)
        try:
            await visit.serve()
        except Gone:
            pass
        except StatusError as error:
            await visit.tell(refusal(error))
        except DisallowedHost:
            await visit.tell(refusal(StatusError(400, "BadRequest", "this site does not go by that name")))
        except Scenario.DoesNotExist:
            text = f'scenario "{scenario_id}" not found: there is no such cluster here, or it was removed'
            await visit.tell(refusal(StatusError(404, "NotFound", text)))
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("%s %s", scope["method"], scope["path"])
            text = "the model met something it did not expect; the request was not carried out"
            await visit.tell(refusal(StatusError(500, "InternalError", f"Internal error occurred: {text}")))


class Opened(NamedTuple):
    """A stream, and the answer that it begins with."""

    source: Endless
    response: Response


class Visit:
    """One request."""

    def __init__(
        self, door: Door, scope: Scope, receive: Receive, send: Send, scenario_id: str, path: str, token: str = ""
    ) -> None:
        self.door, self.scope, self.receive, self.send = door, scope, receive, send
        self.scenario_id, self.path, self.token = scenario_id, path, token
        self.method: str = scope["method"]
        self.headers: identity.Headers = scope["headers"]
        self.request = Request(self.method, path)
        self.started = False

    async def serve(self) -> None:
        """Raises: StatusError, Scenario.DoesNotExist, Gone"""
        here = post()
        body = await talk.body_of(self.receive)
        if self.method not in METHODS or self.method == "OPTIONS":
            raise StatusError(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        outcome = await here.work(lambda: self._carry_out(here, body))
        if isinstance(outcome, Opened):
            here.room_for(self.scenario_id)
            self._show(200)
            await self._stream(here, outcome)
        else:
            self._show(outcome[0].status)
            await self.tell(*outcome)

    def _show(self, status: int) -> None:
        """Whoever watches the scenario sees who asked. What was written is a step already; strangers are not shown."""
        written = self.method in ("POST", "PUT", "PATCH", "DELETE") and status < 300
        if (written and "dryRun" not in self.request.params()) or status in (401, 429):
            return
        agent = (self.request.header("X-K8sdocs-Agent") or self.request.header("User-Agent")).split(" ")[0]
        told = {"agent": agent[:80], "method": self.method, "path": self.path[:300], "status": status}
        request_answered.send_robust(Visit, scenario_id=self.scenario_id, told=told)

    # ---- in a thread ---------------------------------------------------------------------------

    def _carry_out(self, here: Post, body: bytes) -> tuple[Response, bytes] | Opened:
        """From who asks to the answer.

        Raises:
            StatusError, Scenario.DoesNotExist
        """
        who = self._caller()
        wait = self.door.rates.take(who.name, known=bool(who.token))
        if wait:
            text = "the server has received too many requests and has asked us to try again later"
            raise StatusError(429, "TooManyRequests", text, {"retryAfterSeconds": wait})
        user, looks = who.user, self.method in ("GET", "HEAD")
        if user is None and looks and self.path.rstrip("/") in PUBLIC:
            user = ANONYMOUS
        query = self.scope["query_string"].decode("latin-1")
        self.request = Request(self.method, self.path, query, self._headers(), body, user)
        if looks and self.path == KUBECONFIG:
            return self._whole(self._kubeconfig(who.token))
        if user is None:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        if looks and self.path == METRICS:
            text = f'apiserver_longrunning_requests{{verb="WATCH"}} {here.watches_of(self.scenario_id)}\n'
            return self._whole(Response(200, text, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}))
        if self.method == "GET" and self._goes_on():
            opened = self._open(here.loop.time())
            return opened if isinstance(opened, Opened) else self._whole(opened)
        response = desk.ask(self.scenario_id, self.request)
        response = talk.known_already(response, self.request.header("If-None-Match"))
        if identity.header(self.headers, PAGE_AGENT.encode()):
            response.headers = {**response.headers, "X-K8sdocs-Time": desk.clock(self.scenario_id)}
        return self._whole(response)

    def _goes_on(self) -> bool:
        """Whether the answer may be a stream: a watch, or a log that is followed."""
        about = routes.parse(self.request)
        return about.verb == "watch" or (about.subresource == "log" and "follow" in self.request.params())

    def _caller(self) -> identity.Caller:
        found = identity.caller(self.scope, session(self.scenario_id).scenario, self.token)
        if found.user is None and found.token.count(".") == 2:
            found = found._replace(user=desk.account_of(self.scenario_id, found.token), token="")
        return found._replace(token="") if found.user is None else found

    def _headers(self) -> dict[str, str | tuple[str, ...]]:
        """A script in a page cannot name itself as a program does, so it says who it is in a header of its own."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in self.headers:
            key = name.decode("latin-1")
            found[key] = (*found.get(key, ()), value.decode("utf-8", "replace"))
        if PAGE_AGENT in found:
            found["user-agent"] = found.pop(PAGE_AGENT)
        return {key: values[0] if len(values) == 1 else values for key, values in found.items()}

    def _kubeconfig(self, token: str) -> Response:
        text = kubeconfig(
            self.scenario_id, identity.origin_of(self.scope), token or access.view_token(self.scenario_id)
        )
        name = f"k8sdocs-{self.scenario_id}.yaml"
        headers = {
            "Content-Type": "application/yaml",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
        return Response(200, text, headers)

    def _whole(self, response: Response) -> tuple[Response, bytes]:
        return response, self._content(response)

    def _content(self, response: Response) -> bytes:
        pretty = talk.is_pretty(self.request.params(), self.request.header("User-Agent"))
        data = talk.content(response, pretty=pretty)
        accepts_gzip = "gzip" in identity.header(self.headers, b"accept-encoding")
        return talk.packed(response, data) if accepts_gzip else data

    def _open(self, now: float) -> Opened | Response:
        """A watch, or a log that is followed; or what the API server says instead."""
        try:
            with desk.present(self.scenario_id, self.request) as found:
                response = handle(found.run.cluster.apiserver, self.request)
                if response.tail is not None:
                    return Opened(LogSource(found, response, now), response)
                if response.watch is None:
                    return response
                form = presenting.negotiate(self.request)
                return Opened(WatchSource(found, response.watch, form, now), response)
        except StatusError as error:
            return refusal(error)

    # ---- on the loop ---------------------------------------------------------------------------

    async def tell(self, response: Response, data: bytes | None = None) -> None:
        """Send an answer, unless one is under way already."""
        if self.started:
            return
        self.started = True
        data = self._content(response) if data is None else data
        await talk.answer(self.send, response, data, head=self.method == "HEAD")

    async def _stream(self, here: Post, opened: Opened) -> None:
        """Send what there is as it comes, until the end, the timeout, or the client is gone."""
        source, response = opened
        # What stands in front (nginx) must not hold a stream back.
        response.headers = {"Content-Type": "application/json", **response.headers, "X-Accel-Buffering": "no"}
        self.started = True
        start = {"type": "http.response.start", "status": 200, "headers": talk.headers_of(response)}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": b"", "more_body": True})
        stream = here.enter(self.scenario_id, source)
        leaving = here.loop.create_task(self._until_gone(stream))
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stream.wake.wait(), max(0.0, source.ends_at - here.loop.time()))
                if leaving.done():
                    return
                while talk.backlog(self.send) > BACKLOG_BYTES and not stream.closed:
                    await asyncio.sleep(BACKLOG_WAIT_S)
                if stream.behind:
                    talk.hang_up(self.send)
                    return
                data = stream.take()
                if data:
                    await self.send({"type": "http.response.body", "body": data, "more_body": True})
                if stream.closed or here.loop.time() >= source.ends_at:
                    break
            await self.send({"type": "http.response.body", "body": b""})
        finally:
            here.leave(self.scenario_id, stream)
            leaving.cancel()

    async def _until_gone(self, stream: Any) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        stream.wake.set()


async def no_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """kubectl first asks for a WebSocket to exec or attach; refused, it asks again in a way that can be answered."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns = [re_path(r"^k8s/", no_websocket)]  # type: ignore[arg-type]
