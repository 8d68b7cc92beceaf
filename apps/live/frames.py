"""The frames of the socket: the API server's watch events, with a step and a figure beside the object.

Encoded here once, as text, for everybody who looks at the same thing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apps.cluster.apimachinery.status import StatusError, gone
from apps.cluster.engine import Step
from apps.diagrams.figure import Figure, difference
from apps.scenarios.replay import Mark
from apps.scenarios.steps import command_json, step_json, watch_type, watched_object


def encode(message: dict[str, Any]) -> str:
    """One frame as text."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def step_frame(step: Step, lang: str, base_ms: int, at: str = "", figure: dict[str, Any] | None = None) -> str:
    """ADDED, MODIFIED or DELETED; a step that wrote nothing is a MODIFIED of what it was about. `at`: its address."""
    return encode(
        {
            "type": watch_type(step),
            "revision": step.revision,
            "step": step_json(step, lang, base_ms, at),
            "object": watched_object(step),
            "figure": figure,
        }
    )


def figure_json(old: Figure | None, new: Figure) -> dict[str, Any]:
    """The picture, or what differs from the one before where nothing moved."""
    if old is not None:
        patch = [] if old.digest == new.digest else difference(old, new)
        if patch is not None:
            return {"digest": new.digest, "from": old.digest, "patch": patch}
    return {"digest": new.digest, "svg": new.svg}


def bookmark(revision: int, time_ms: int, clock: dict[str, Any], marks: Iterable[Mark] = ()) -> str:
    """Where the history stands, how time passes, and commands that were given."""
    return encode(
        {
            "type": "BOOKMARK",
            "revision": revision,
            "time_ms": time_ms,
            "clock": clock,
            "commands": [command_json(mark) for mark in marks],
            "object": {"metadata": {"resourceVersion": str(revision)}},
        }
    )


def status(ident: Any, error: StatusError | None = None, **details: Any) -> str:
    """The answer to a command: Success, or the refusal as the API server words it."""
    if error is not None:
        body = error.as_status()
    else:
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 200}
        if details:
            body["details"] = details
    return encode({"type": "STATUS", "id": ident, "object": body})


def request(told: dict[str, Any]) -> str:
    """A request that left no step: who asked, for what, and with what code it was answered."""
    return encode({"type": "REQUEST", "request": told})


def expired(why: str) -> str:
    """What was asked for cannot be gone on from: fetch anew. The socket is closed after it, as a watch is."""
    return encode({"type": "ERROR", "object": gone(why).as_status()})
