"""HTTP requests, each in one go in one thread.

Every middleware and view of the site is synchronous. Django's own ASGI handler would take each of them to a thread and
back, some twenty times a request, and start that thread anew for every request: that costs more than most pages. Here
the whole chain runs at once in one of a few threads that are kept, and so are their database connections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest, HttpResponseBase

KEPT_THREADS = 8  # more requests than that at a time have threads of their own

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class OneThreadHandler(ASGIHandler):
    """Django's ASGI handler for a site without asynchronous views."""

    def __init__(self) -> None:
        self._idle: deque[ThreadPoolExecutor] = deque()  # the one idle for longest goes first
        super().__init__()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response)(request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"HTTP only, not {scope['type']}")
        thread = self._idle.popleft() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="http")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)
        finally:
            if len(self._idle) < KEPT_THREADS:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)

    def close_threads(self) -> None:
        """End the threads that wait for requests, and their database connections."""
        while self._idle:
            thread = self._idle.popleft()
            thread.submit(connections.close_all)
            thread.shutdown(wait=True)


def http_application() -> OneThreadHandler:
    """The site over HTTP; sets Django up."""
    django.setup(set_prefix=False)
    return OneThreadHandler()
