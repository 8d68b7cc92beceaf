"""Watches of this process: one lookout a scenario lets its time pass, and tells every watch what there is to send.

The lookout sleeps until the next thing is due by the anchored clock, until somebody writes, or until a watch is due a
bookmark. It polls all its watches in one turn, in a thread; the loop only moves bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from django.db import close_old_connections

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import hearing, limits
from apps.scenarios.models import Scenario
from apps.scenarios.session import Session, session

logger = logging.getLogger(__name__)
T = TypeVar("T")

THREADS = 4  # that read, write and poll
TICK_S = 0.02  # changes of a busy cluster are gathered this long
REFRESH_S = 10.0  # a hint of another process's that was lost costs at most this


class Source(Protocol):
    """What a stream gets its bytes from; called in a thread, with the session's lock held."""

    done: bool

    def poll(self, found: Session, now: float, written: dict[Any, bytes]) -> bytes:
        """`written`: what others have been told in this turn, which may be the same."""

    def next_at(self) -> float | None:
        """The loop's time at which it has something to say by itself."""


class Stream:
    """One client's end: a bounded queue."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.closed = self.behind = False
        self._parts: list[bytes] = []
        self._size = 0
        self.wake = asyncio.Event()

    def put(self, data: bytes, *, done: bool) -> None:
        """Never waits. Who falls behind too far is cut off, as the real one does."""
        if data and not self.closed:
            self._parts.append(data)
            self._size += len(data)
        if self._size > limits.WATCH_QUEUE_BYTES:
            self._parts.clear()
            self.behind = True
        if done or self.behind:
            self.closed = True
        self.wake.set()

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self.wake.clear()
        return data


class Lookout:
    """One scenario that is watched here."""

    def __init__(self, post: Post, scenario_id: str) -> None:
        self.post, self.id = post, scenario_id
        self.streams: set[Stream] = set()
        self._poked = asyncio.Event()
        self._stale = False
        self._wait_ms: int | None = None
        self._session: Session | None = None
        self.task = post.loop.create_task(self._run())

    def poke(self, by: Session | None = None) -> None:
        """Somebody wrote, or set the clock, or began to watch; `by` our own session, that is current without a look."""
        if by is None or by is not self._session:
            self._stale = True
        self._poked.set()

    async def _run(self) -> None:
        loop = self.post.loop
        await self.post.ear.listen(self.id, self.poke)
        self._stale = True
        stale_at = loop.time() + REFRESH_S
        try:
            while self.streams:
                self._poked.clear()
                stale, self._stale = self._stale or loop.time() >= stale_at, False
                if stale:
                    stale_at = loop.time() + REFRESH_S
                streams = list(self.streams)
                told = await self.post.work(lambda stale=stale, streams=streams: self._turn(stale, streams))  # type: ignore[misc]
                for stream, data in zip(streams, told, strict=True):
                    stream.put(data, done=stream.source.done)
                    if stream.closed:
                        self.streams.discard(stream)
                begin = loop.time()
                wakes = [stale_at, *filter(None, (stream.source.next_at() for stream in self.streams))]
                if self._wait_ms is not None:
                    wakes.append(begin + self._wait_ms / 1000)
                await asyncio.sleep(TICK_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._poked.wait(), max(0.0, min(wakes) - loop.time()))
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("scenario %s", self.id)
        finally:
            for stream in self.streams:
                stream.put(b"", done=True)
            self.streams.clear()
            self.post.forget(self)
            await self.post.ear.unlisten(self.id, self.poke)

    def _turn(self, stale: bool, streams: list[Stream]) -> list[bytes]:
        """Let happen what is due, and ask every watch. Runs in a thread."""
        try:
            if self._session is None:
                self._session, stale = session(self.id), True
            found = self._session
            if stale:
                found.sync()
            else:
                found.advance()
        except Scenario.DoesNotExist:
            for stream in streams:
                stream.source.done = True
            return [b""] * len(streams)
        with found.lock:
            now = self.post.loop.time()
            written: dict[Any, bytes] = {}
            told = [self._poll(found, stream, now, written) for stream in streams]
            self._wait_ms = found.wait_ms()
        return told

    def _poll(self, found: Session, stream: Stream, now: float, written: dict[Any, bytes]) -> bytes:
        problem = found.run.cluster.reader.problem
        if problem is not None and problem.code == 0:
            stream.source.done = True  # its API server is gone, and the connection with it
            return b""
        try:
            return stream.source.poll(found, now, written)
        except StatusError:
            stream.source.done = True
            return b""


class Post:
    """All lookouts of one event loop, and the threads that work for it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._lookouts: dict[str, Lookout] = {}
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="kubeapi")
        self.ear = hearing.ear()
        self.count = 0

    async def work(self, function: Callable[[], T]) -> T:
        """Run what blocks."""

        def guarded() -> T:
            close_old_connections()
            try:
                return function()
            finally:
                close_old_connections()

        return await self.loop.run_in_executor(self._executor, guarded)

    def watches_of(self, scenario_id: str) -> int:
        lookout = self._lookouts.get(scenario_id)
        return len(lookout.streams) if lookout is not None else 0

    def room_for(self, scenario_id: str) -> None:
        """Raises: StatusError 429, there are as many watches as there may be."""
        lookout = self._lookouts.get(scenario_id)
        if lookout is not None and len(lookout.streams) >= limits.WATCHES_PER_SCENARIO:
            raise _too_many(f"{limits.WATCHES_PER_SCENARIO} watches of one scenario")
        if self.count >= limits.WATCHES:
            raise _too_many(f"{limits.WATCHES} watches")

    def enter(self, scenario_id: str, source: Source) -> Stream:
        """From now on the stream is told what its source has to say."""
        stream = Stream(source)
        lookout = self._lookouts.get(scenario_id)
        if lookout is None:
            lookout = self._lookouts[scenario_id] = Lookout(self, scenario_id)
        lookout.streams.add(stream)
        self.count += 1
        lookout.poke(lookout._session)
        return stream

    def leave(self, scenario_id: str, stream: Stream) -> None:
        self.count -= 1
        stream.closed = True
        lookout = self._lookouts.get(scenario_id)
        if lookout is not None:
            lookout.streams.discard(stream)
            if not lookout.streams:
                lookout.poke(lookout._session)

    def forget(self, lookout: Lookout) -> None:
        if self._lookouts.get(lookout.id) is lookout:
            del self._lookouts[lookout.id]

    async def close(self) -> None:
        """Let go of everything; for tests and for the end of the process."""
        for lookout in list(self._lookouts.values()):
            lookout.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await lookout.task
        self._executor.shutdown(wait=True, cancel_futures=True)


def _too_many(what: str) -> StatusError:
    return StatusError(429, "TooManyRequests", f"at most {what} at a time", {"retryAfterSeconds": 1})


_posts: list[Post] = []
_lock = threading.Lock()


def post() -> Post:
    """The post of the running event loop."""
    loop = asyncio.get_running_loop()
    with _lock:
        for found in _posts:
            if found.loop is loop:
                return found
        _posts[:] = [found for found in _posts if not found.loop.is_closed()]
        _posts.append(Post())
        return _posts[-1]
