"""The hub of this process: one subscription to the channel layer, one room a scenario that is watched here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.layers import get_channel_layer

from apps.live.room import Room
from apps.live.viewer import Viewer
from apps.scenarios.session import Session

logger = logging.getLogger(__name__)

THREADS = 4  # that simulate and draw
RETRY_S = 1.0
PROCESS = secrets.token_hex(8)  # names this process on the channel layer

_hubs: list[Hub] = []
_lock = threading.Lock()


def group_of(scenario_id: str) -> str:
    """The channel layer's group of the processes that watch a scenario."""
    return f"live.{scenario_id}"


class Hub:
    """Rooms of one event loop. Everything but `poke` from outside happens on that loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.rooms: dict[str, Room] = {}
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="live")
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._listening: asyncio.Task[None] | None = None

    async def enter(self, scenario_id: str, viewer: Viewer, resource_version: int | None) -> Room:
        """Bring a viewer into a scenario's room.

        Raises:
            Scenario.DoesNotExist
        """
        room = self.rooms.get(scenario_id)
        if room is None:
            room = self.rooms[scenario_id] = Room(scenario_id, self._executor)
            await self._subscribe(scenario_id)
        try:
            await room.enter(viewer, resource_version)
        finally:
            await self._tidy(scenario_id)
        return room

    async def leave(self, scenario_id: str, viewer: Viewer) -> None:
        room = self.rooms.get(scenario_id)
        if room is not None:
            room.leave(viewer)
            await self._tidy(scenario_id)

    def poke(self, scenario_id: str, session: Session | None = None) -> None:
        """Something was written in a scenario, by `session` if that was in this process."""
        room = self.rooms.get(scenario_id)
        if room is not None:
            room.poke(session)

    async def close(self) -> None:
        """Let go of everything; for tests and for the end of the process."""
        for room in self.rooms.values():
            room.close()
        self.rooms.clear()
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _tidy(self, scenario_id: str) -> None:
        room = self.rooms.get(scenario_id)
        if room is None or room.viewers or room.entering:
            return
        del self.rooms[scenario_id]
        room.close()
        if self._channel:
            with contextlib.suppress(Exception):
                await self._layer.group_discard(group_of(scenario_id), self._channel)

    # ---- the channel layer ---------------------------------------------------------------------

    async def _subscribe(self, scenario_id: str) -> None:
        if self._layer is None:
            return
        try:
            if not self._channel:
                self._channel = await self._layer.new_channel()
            await self._layer.group_add(group_of(scenario_id), self._channel)
        except Exception:
            # Without the layer this process still hears of its own writes, and looks at the database now and then.
            logger.warning("no channel layer for %s", scenario_id, exc_info=True)
            return
        if self._listening is None:
            self._listening = self.loop.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            try:
                message = await self._layer.receive(self._channel)
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.warning("the channel layer is not answering", exc_info=True)
                await asyncio.sleep(RETRY_S)
                continue
            if message.get("process") != PROCESS:  # our own changes we know already
                self.poke(message.get("scenario", ""))


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    with _lock:
        for found in _hubs:
            if found.loop is loop:
                return found
        _hubs[:] = [found for found in _hubs if not found.loop.is_closed()]
        _hubs.append(Hub())
        return _hubs[-1]


def running_hubs() -> list[Hub]:
    """Hubs whose loop is running: one in a server, none in a management command."""
    with _lock:
        return [found for found in _hubs if found.loop.is_running()]
