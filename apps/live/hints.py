"""Hints: "something was written in this scenario", to this process's rooms and over the channel layer to all others.

The database carries the truth. A hint that gets lost costs a refresh some seconds later, never an edit.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer

from apps.live.hub import PROCESS, group_of, running_hubs
from apps.scenarios.session import Session
from apps.scenarios.signals import scenario_changed

logger = logging.getLogger(__name__)


def connect() -> None:
    """Hear of every change, once."""
    scenario_changed.connect(on_change, dispatch_uid="live")


def on_change(sender: Any, scenario_id: str, session: Session | None = None, **kwargs: Any) -> None:
    """May run in any thread."""
    hubs = running_hubs()
    for hub in hubs:
        hub.loop.call_soon_threadsafe(hub.poke, scenario_id, session)
    layer = get_channel_layer()
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return  # nobody to reach but this process, which knows
    message = {"type": "scenario.changed", "scenario": scenario_id, "process": PROCESS}
    try:
        if hubs:
            asyncio.run_coroutine_threadsafe(_tell(layer, scenario_id, message), hubs[0].loop)
        else:
            async_to_sync(_tell)(layer, scenario_id, message)
    except Exception:
        logger.warning("a hint was lost for %s", scenario_id, exc_info=True)


async def _tell(layer: Any, scenario_id: str, message: dict[str, Any]) -> None:
    try:
        await layer.group_send(group_of(scenario_id), message)
    except Exception:
        logger.warning("a hint was lost for %s", scenario_id, exc_info=True)
