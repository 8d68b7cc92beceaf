"""Hearing of changes: "something was written in a scenario", told in this process, and to all others that listen.

The database carries the truth; this carries hints. One that gets lost costs whoever watches a refresh some seconds
later, never an edit. Each event loop has one `Ear`, with one subscription to the channel layer a scenario, however many
of its parts listen; it hears of this process's own writes without the layer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

from apps.scenarios.session import Session
from apps.scenarios.signals import scenario_changed

logger = logging.getLogger(__name__)

RETRY_S = 1.0
PROCESS = secrets.token_hex(8)  # names this process on the channel layer
Heard = Callable[[Session | None], None]  # told who wrote, if that was a session of this process

_ears: list[Ear] = []
_lock = threading.Lock()


def group_of(scenario_id: str) -> str:
    """The channel layer's group of the processes that watch a scenario."""
    return f"live.{scenario_id}"


class Ear:
    """Listens for one event loop. Everything but `tell` from outside happens on that loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._heard: dict[str, list[Heard]] = {}
        self._layer: Any = get_channel_layer()
        self._channel = ""
        self._listening: asyncio.Task[None] | None = None

    async def listen(self, scenario_id: str, heard: Heard) -> None:
        """From now on `heard` is called whenever something is written."""
        listeners = self._heard.setdefault(scenario_id, [])
        listeners.append(heard)
        if len(listeners) == 1:
            await self._subscribe(scenario_id)

    async def unlisten(self, scenario_id: str, heard: Heard) -> None:
        """No more of that."""
        listeners = self._heard.get(scenario_id, [])
        if heard in listeners:
            listeners.remove(heard)
        if listeners or scenario_id not in self._heard:
            return
        del self._heard[scenario_id]
        if self._channel:
            with contextlib.suppress(Exception):
                await self._layer.group_discard(group_of(scenario_id), self._channel)

    def tell(self, scenario_id: str, by: Session | None = None) -> None:
        """Something was written in a scenario."""
        for heard in list(self._heard.get(scenario_id, ())):
            heard(by)

    async def close(self) -> None:
        """For tests and for the end of the process."""
        self._heard.clear()
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
            self._listening = None

    # ---- the channel layer ---------------------------------------------------------------------

    async def _subscribe(self, scenario_id: str) -> None:
        if self._layer is None or isinstance(self._layer, InMemoryChannelLayer):
            return  # there is nobody but this process, which knows
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
                self.tell(message.get("scenario", ""))


def ear() -> Ear:
    """The ear of the running event loop."""
    loop = asyncio.get_running_loop()
    with _lock:
        for found in _ears:
            if found.loop is loop:
                return found
        _ears[:] = [found for found in _ears if not found.loop.is_closed()]
        _ears.append(Ear())
        return _ears[-1]


def connect() -> None:
    """Hear of every change, once."""
    scenario_changed.connect(_on_change, dispatch_uid="hearing")


def _on_change(sender: Any, scenario_id: str, session: Session | None = None, **kwargs: Any) -> None:
    """May run in any thread."""
    with _lock:
        ears = [found for found in _ears if found.loop.is_running()]
    for found in ears:
        found.loop.call_soon_threadsafe(found.tell, scenario_id, session)
    layer = get_channel_layer()
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return  # nobody to reach but this process, which knows
    message = {"type": "scenario.changed", "scenario": scenario_id, "process": PROCESS}
    try:
        if ears:
            asyncio.run_coroutine_threadsafe(_send(layer, scenario_id, message), ears[0].loop)
        else:
            async_to_sync(_send)(layer, scenario_id, message)
    except Exception:
        logger.warning("a hint was lost for %s", scenario_id, exc_info=True)


async def _send(layer: Any, scenario_id: str, message: dict[str, Any]) -> None:
    try:
        await layer.group_send(group_of(scenario_id), message)
    except Exception:
        logger.warning("a hint was lost for %s", scenario_id, exc_info=True)
