"""The hub of this process: one room a scenario that is watched here, and the threads that work for the rooms."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apps.live.room import Room
from apps.live.viewer import Viewer
from apps.scenarios import hearing
from apps.scenarios.signals import request_answered

THREADS = 4  # that simulate and draw

_hubs: list[Hub] = []
_lock = threading.Lock()


class Hub:
    """Rooms of one event loop. Everything happens on that loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.rooms: dict[str, Room] = {}
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="live")
        self._ear = hearing.ear()

    async def enter(self, scenario_id: str, viewer: Viewer, resource_version: int | None) -> Room:
        """Bring a viewer into a scenario's room.

        Raises:
            Scenario.DoesNotExist
        """
        room = self.rooms.get(scenario_id)
        if room is None:
            room = self.rooms[scenario_id] = Room(scenario_id, self._executor)
            await self._ear.listen(scenario_id, room.poke)
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

    def show_request(self, scenario_id: str, told: dict[str, Any]) -> None:
        """Somebody asked a scenario's API server something that left no step."""
        room = self.rooms.get(scenario_id)
        if room is not None:
            room.show_request(told)

    async def close(self) -> None:
        """Let go of everything; for tests and for the end of the process."""
        for room in self.rooms.values():
            room.close()
        self.rooms.clear()
        await self._ear.close()
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _tidy(self, scenario_id: str) -> None:
        room = self.rooms.get(scenario_id)
        if room is None or room.viewers or room.entering:
            return
        del self.rooms[scenario_id]
        room.close()
        await self._ear.unlisten(scenario_id, room.poke)


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


def connect() -> None:
    """Hear of requests that leave no step. Readers in other processes do not see them, and miss no change by that."""
    request_answered.connect(_on_request, dispatch_uid="live")


def _on_request(sender: Any, scenario_id: str, told: dict[str, Any], **kwargs: Any) -> None:
    loop = asyncio.get_running_loop()
    for found in _hubs:
        if found.loop is loop:
            found.show_request(scenario_id, told)
