"""`{% ruler base head at commands %}`: the scale of revisions, drawn on the server for readers without scripts."""

from __future__ import annotations

from typing import Any

from django import template

from k8sdocs import ruler as scale

register = template.Library()


@register.inclusion_tag("partials/ruler_scale.html")
def ruler(base: int, head: int, at: int, commands: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    base, head, at = int(base or 0), int(head or 0), int(at or 0)
    return {
        "base": base,
        "head": head,
        "at": at,
        "here": scale.position(at, base, head),
        "ticks": scale.ticks(base, head),
        "numbers": [
            (number, scale.position(number, base, head))
            for number in scale.numbers(base, head)
            if abs(number - at) * 22 > head - base  # the needle's own number has the room
        ],
        "flags": [
            (command["text"], scale.position(command["revision"], base, head), index % 2, command["revision"] <= at)
            for index, command in enumerate(commands or [])
            if base <= command["revision"] <= head
        ],
    }
