"""Refused requests of components, told once: a step of rank "note" that says who asked for what, and who refused it.

Models      what the API server's own log, and the logs of the components, say of such requests
Leaves out  nothing that a reader should see: a conflict is tried again at once, an object that is gone is no news

A component asks again and again. What it is refused with is told when it first happens, and an hour later once more.
"""

from __future__ import annotations

import re
from typing import Any

from apps.cluster.api.resource import ResourceInfo
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.authentication import Actor
from apps.cluster.engine import Engine

REFUSED = "apiserver.refused"  # the message of such a step
AGAIN_MS = 3_600_000
TOLD = frozenset({400, 403, 405, 422, 429})  # and 404 of a creation: its namespace is missing
NEVER = ("events",)  # recorders ask for them beside everything else
READERS = ("kubectl",)  # whoever is told by the answer


class Refusals:
    """What has been told, and when. Kept with the trace."""

    __slots__ = ("_engine", "_entries", "_last")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._entries: list[tuple[int, str]] = []
        self._last: dict[str, int] = {}
        engine.record("refusals", self)

    def tell(
        self,
        actor: Actor,
        verb: str,
        info: ResourceInfo,
        namespace: str,
        name: str,
        error: StatusError,
        *,
        subresource: str = "",
        generated: bool = False,
    ) -> None:
        """A request was refused. `generated`: `name` is what the server has made names of."""
        if error.code not in TOLD and (error.code, verb) != (404, "create"):
            return
        engine = self._engine
        if not engine.trace.keep or actor.component in READERS or info.plural in NEVER:
            return
        ref = f"{info.plural}/{namespace}/{name}" if namespace else f"{info.plural}/{name}"
        why = error.message
        if generated:  # another name with every try
            why = re.sub(rf'"{re.escape(name)}[a-z0-9]{{5}}"', f'"{name}*"', why)
        key = f"{actor.component} {verb} {ref} {subresource} {why}"
        last = self._last.get(key)
        if last is not None and engine.now_ms < last + AGAIN_MS:
            return
        self._last[key] = engine.now_ms
        self._entries.append((engine.now_ms, key))
        params = {
            "kind": info.kind,
            "code": error.code,
            "reason": error.reason,
            "why": why,
            "stage": error.stage,
            "plugin": error.plugin,
            "request": verb,
            "subresource": subresource,
        }
        engine.note(actor.component, actor.node, "refuse", ref, REFUSED, params)

    # engine.Record

    def mark(self) -> int:
        return len(self._entries)

    def rewind(self, mark: int) -> None:
        del self._entries[mark:]
        self._last = {key: time_ms for time_ms, key in self._entries}

    def save(self) -> list[list[Any]]:
        return [list(entry) for entry in self._entries]

    def load(self, data: list[list[Any]]) -> None:
        self._entries = [(time_ms, key) for time_ms, key in data]
        self._last = {key: time_ms for time_ms, key in self._entries}


def error_of(params: dict[str, Any]) -> StatusError:
    """The refusal that a step tells of."""
    error = StatusError(params["code"], params["reason"], params["why"])
    error.stage, error.plugin = params["stage"], params["plugin"]
    return error
