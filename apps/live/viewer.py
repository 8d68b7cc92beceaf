"""One reader's end of the socket: a bounded queue, and a writer that empties it.

A reader who does not keep up is told to fetch anew (410) instead of being sent a backlog, and never makes the others
wait.
"""

from __future__ import annotations

import asyncio
from collections import deque

from apps.live import frames
from apps.live.wire import BACKLOG_BYTES, Batch, Send, Wire

QUEUE_BYTES = 4 * 1024 * 1024  # waiting for one reader
QUEUE_BATCHES = 4096
BACKLOG_WAIT_S = 0.05
LAPSED = 4410  # the close code after a 410


class Viewer:
    """Knows what its reader looks at, and brings frames to them in order."""

    def __init__(self, send: Send, view: str, lang: str, width: str) -> None:
        self.view, self.lang, self.width = view, lang, width
        self.lapsed = False
        self._wire = Wire(send)
        self._queue: deque[Batch] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._writer = asyncio.get_running_loop().create_task(self._write())

    @property
    def looks_at(self) -> tuple[str, str, str]:
        return self.view, self.lang, self.width

    def put(self, batch: Batch | str) -> None:
        """Send frames, or queue them. Never waits."""
        if self.lapsed:
            return
        if isinstance(batch, str):
            batch = Batch([batch])
        if not self._queue and self._wire.write_now(batch):
            return
        if self._bytes + batch.size > QUEUE_BYTES or len(self._queue) >= QUEUE_BATCHES:
            self.lapse("the reader did not keep up")
            return
        self._queue.append(batch)
        self._bytes += batch.size
        self._wake.set()

    def lapse(self, why: str) -> None:
        """Drop what is waiting, say 410, and let go."""
        if self.lapsed:
            return
        self.lapsed = True
        self._queue.clear()
        self._queue.append(Batch([frames.expired(why)]))
        self._bytes = 0
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
                    await self._wire.close(LAPSED)
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            while self._wire.backlog > BACKLOG_BYTES and not self.lapsed:
                await asyncio.sleep(BACKLOG_WAIT_S)
            if not queue:
                continue
            batch = queue.popleft()
            if not self.lapsed:
                self._bytes -= batch.size
            await self._wire.write(batch)
