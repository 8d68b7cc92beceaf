"""How the rows of the tables read in our words: times, durations, objects with empty sections left out."""

from __future__ import annotations

import re
from typing import Any

from apps.cluster.apimachinery import timestamps

Obj = dict[str, Any]
NOW = "2026-11-23T04:22:24Z"  # the instant at which most of the tables were dumped
NOW_MS = timestamps.parse(NOW)
_UNITS = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "µs": 1_000, "ns": 1}


def nanoseconds(text: str) -> int:
    """A Go duration: `3h59m0.1s`, `-1ns`."""
    total = 0.0
    for number, unit in re.findall(r"([0-9.]+)(h|ms|m|µs|ns|s)", text):
        total += float(number) * _UNITS[unit]
    return round(-total if text.startswith("-") else total)


def milliseconds(text: str) -> int:
    return nanoseconds(text) // 1_000_000


def whole(obj: Obj | None) -> Obj:
    """The object with the sections that the tables leave out when empty."""
    return {"metadata": {}, "spec": {}, "status": {}, **(obj or {})}


def error_of(value: Any) -> str:
    """The text of a dumped error, or nothing."""
    if isinstance(value, dict):
        return str(value.get("__error", ""))
    return value or ""


def members(value: Any) -> list[Any]:
    """A dumped set."""
    return sorted((value or {}).get("__set") or [])


def bare(value: Any) -> Any:
    """Without what Go leaves out or writes as null, so that two spellings of nothing are the same."""
    if isinstance(value, dict):
        found = {name: bare(inner) for name, inner in value.items()}
        return {name: inner for name, inner in found.items() if inner not in (None, "", [], {}, 0, False)}
    if isinstance(value, list):
        return [bare(inner) for inner in value]
    return value


def timeless(value: Any) -> Any:
    """Without the times that no two runs agree on."""
    left_out = ("lastProbeTime", "lastTransitionTime", "startTime", "completionTime", "lastUpdateTime")
    if isinstance(value, dict):
        return {name: timeless(entry) for name, entry in value.items() if name not in left_out}
    return [timeless(entry) for entry in value] if isinstance(value, list) else value
