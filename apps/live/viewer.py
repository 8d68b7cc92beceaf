"""One reader's end of the socket: a bounded queue, and a writer that empties it.

A reader who does not keep up is told to fetch anew (410) instead of being sent a backlog, and never makes the others
wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from apps.live import frames
from apps.live.pressure import backlog

Send = Callable[[dict[str, Any]], Awaitable[None]]

QUEUE_BYTES = 4 * 1024 * 1024  # waiting for one reader
QUEUE_FRAMES = 4096
BACKLOG_BYTES = 512 * 1024  # handed to the server and not yet taken by the reader's network
BACKLOG_WAIT_S = 0.05
LAPSED = 4410  # the close code after a 410


class Viewer:
    """Knows what its reader looks at, and brings frames to them in order."""

    def __init__(self, send: Send, view: str, lang: str, width: str) -> None:
        self.view, self.lang, self.width = view, lang, width
        self.lapsed = False
        self._send = send
        self._queue: deque[str] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._writer = asyncio.get_running_loop().create_task(self._write())

    @property
    def looks_at(self) -> tuple[str, str, str]:
        return self.view, self.lang, self.width

    def put(self, text: str) -> None:
        """Queue a frame. Never waits."""
        if self.lapsed:
            return
        if self._bytes + len(text) > QUEUE_BYTES or len(self._queue) >= QUEUE_FRAMES:
            self.lapse("the reader did not keep up")
            return
        self._queue.append(text)
        self._bytes += len(text)
        self._wake.set()

    def lapse(self, why: str) -> None:
        """Drop what is waiting, say 410, and let go."""
        if self.lapsed:
            return
        self.lapsed = True
        self._queue.clear()
        self._bytes = 0
        self._queue.append(frames.expired(why))
        self._wake.set()

    def close(self) -> None:
        """The socket is gone."""
        self.lapsed = True
        self._queue.clear()
        self._writer.cancel()

    async def _write(self) -> None:
        queue = self._queue
        while True:
            if not queue:
                if self.lapsed:
                    await self._send({"type": "websocket.close", "code": LAPSED})
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            while backlog(self._send) > BACKLOG_BYTES and not self.lapsed:
                await asyncio.sleep(BACKLOG_WAIT_S)
            if not queue:
                continue
            text = queue.popleft()
            self._bytes -= len(text) if not self.lapsed else 0
            await self._send({"type": "websocket.send", "text": text})
