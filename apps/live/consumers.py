"""One reader watching one scenario, over a WebSocket.

Frames follow the API server's watch: ADDED, MODIFIED, DELETED, BOOKMARK, each with a revision to resume from; ERROR
with a Status 410 when that is not possible. A COMMAND is answered by a STATUS. Anybody may watch; only who holds the
key may change anything.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import parse_cookie
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.cluster.apimachinery.status import StatusError, bad_request
from apps.live import frames
from apps.live.hub import Hub, hub
from apps.live.room import Room
from apps.live.viewer import Viewer
from apps.scenarios import access, commands, limits, service
from apps.scenarios.models import Scenario
from apps.scenarios.session import Session, session

logger = logging.getLogger(__name__)

NOT_FOUND = 4404
BAD_REQUEST = 4400
TOO_MANY = 4429
LANGUAGES = ("ko", "en")


class ScenarioConsumer(AsyncWebsocketConsumer):
    """`/ws/scenarios/{id}/?view=&lang=&resourceVersion=&layout=&key=`"""

    channel_layer_alias = "none"  # the hub has the one subscription of this process; a reader needs none

    viewer: Viewer | None = None
    room: Room | None = None
    hub: Hub
    scenario_id: str
    can_edit = False

    async def connect(self) -> None:
        self.hub = hub()
        self.scenario_id = self.scope["url_route"]["kwargs"]["scenario_id"]
        self._received: deque[float] = deque()
        await self.accept()
        query = {name: values[-1] for name, values in parse_qs(self.scope["query_string"].decode("latin-1")).items()}
        lang = query.get("lang", "")
        try:
            view = service.check_view(query.get("view"))
            width = service.check_width(query.get("layout") or query.get("width"))
            since = _resource_version(query.get("resourceVersion"))
        except StatusError as error:
            await self._refuse(error, BAD_REQUEST)
            return
        self.viewer = Viewer(self.base_send, view, lang if lang in LANGUAGES else "ko", width)
        try:
            self.room = await self.hub.enter(self.scenario_id, self.viewer, since)
        except Scenario.DoesNotExist:
            self.viewer.close()
            await self.close(NOT_FOUND)
            return
        assert self.room.session is not None
        self.can_edit = access.may_edit(self.room.session.scenario, self._key(query))

    def _key(self, query: dict[str, str]) -> str:
        if query.get("key"):
            return query["key"]
        header = next((value for name, value in self.scope["headers"] if name == b"cookie"), b"")
        return parse_cookie(header.decode("latin-1")).get(access.cookie_name(self.scenario_id), "")

    async def disconnect(self, code: int) -> None:
        if self.viewer is not None:
            self.viewer.close()
            await self.hub.leave(self.scenario_id, self.viewer)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        viewer, room = self.viewer, self.room
        if viewer is None or room is None:
            return
        if not self._within_rate():
            viewer.put(frames.status(None, limits.exceeded("messages", limits.MESSAGES_PER_10S)))
            await self.close(TOO_MANY)
            return
        ident: Any = None
        try:
            message = _message(text_data if text_data is not None else bytes_data)
            ident = message.get("id")
            if not isinstance(ident, str | int | None) or len(str(ident)) > 64:
                ident = None
                raise bad_request("id must be a short text")
            kind = message.get("type")
            if kind == "COMMAND":
                viewer.put(await self._command(room, viewer, ident, message.get("command")))
            elif kind == "CLOCK":
                viewer.put(await self._set_clock(room, viewer, ident, message))
            elif kind == "VIEW":
                viewer.view = service.check_view(message.get("view") if isinstance(message.get("view"), str) else "?")
                if isinstance(message.get("layout"), str):
                    viewer.width = service.check_width(message["layout"])
            else:
                raise bad_request("type must be COMMAND, VIEW or CLOCK")
        except StatusError as error:
            viewer.put(frames.status(ident, error))

    async def _command(self, room: Room, viewer: Viewer, ident: Any, body: Any) -> str:
        self._check_key(viewer)
        given = commands.check(body)
        found = _session(room)

        def execute() -> str:
            with override(viewer.lang):
                try:
                    objects = session(found.id).execute(given)
                except StatusError as error:
                    return frames.status(ident, error)
                except Scenario.DoesNotExist:
                    return frames.status(ident, StatusError(404, "NotFound", _("This scenario is gone.")))
            kept = [{"kind": obj.get("kind"), "name": obj["metadata"]["name"]} for obj in objects[:50]]
            return frames.status(ident, items=kept) if kept else frames.status(ident)

        return await room.work(execute)

    async def _set_clock(self, room: Room, viewer: Viewer, ident: Any, message: dict[str, Any]) -> str:
        self._check_key(viewer)
        speed = message.get("speed")
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise bad_request("speed must be a number")
        found = _session(room)

        def set_clock() -> str:
            try:
                session(found.id).set_clock(float(speed))
            except StatusError as error:
                return frames.status(ident, error)
            return frames.status(ident)

        return await room.work(set_clock)

    def _check_key(self, viewer: Viewer) -> None:
        if not self.can_edit:
            with override(viewer.lang):
                message = _("You are watching somebody's cluster. Open a copy to change it.")
            raise StatusError(403, "Forbidden", message)

    def _within_rate(self) -> bool:
        now = time.monotonic()
        received = self._received
        while received and received[0] < now - 10:
            received.popleft()
        received.append(now)
        return len(received) <= limits.MESSAGES_PER_10S

    async def _refuse(self, error: StatusError, code: int) -> None:
        await self.send(frames.encode({"type": "ERROR", "object": error.as_status()}))
        await self.close(code)


def _session(room: Room) -> Session:
    assert room.session is not None
    return room.session


def _resource_version(text: str | None) -> int | None:
    if not text or text == "0":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise bad_request("resourceVersion must be a whole number")
    return int(text)


def _message(data: str | bytes | None) -> dict[str, Any]:
    if data is None or len(data) > limits.MESSAGE_BYTES:
        raise limits.exceeded("manifest_bytes", limits.MANIFEST_BYTES, len(data or b""))
    try:
        message = commands.load_json(data)
    except UnicodeDecodeError:
        raise bad_request("not UTF-8") from None
    if not isinstance(message, dict):
        raise bad_request("not a JSON object")
    return message
