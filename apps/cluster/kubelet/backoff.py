"""Back-off per key: 10 s, 20 s, 40 s … 5 min; forgotten after ten quiet minutes.

Models      client-go util/flowcontrol/backoff.go (Backoff, no jitter), as the kubelet uses it for crashes and pulls
Leaves out  crashLoopBackOff.maxContainerRestartPeriod, which no kubelet here is configured with
"""

from __future__ import annotations

from typing import Any

INITIAL_MS = 10_000
MAX_MS = 300_000


class Backoff:
    """Delays that double. Plain data: key -> [delay, last update], both in ms."""

    __slots__ = ("entries", "initial_ms", "max_ms")

    def __init__(self, initial_ms: int = INITIAL_MS, max_ms: int = MAX_MS) -> None:
        self.initial_ms = initial_ms
        self.max_ms = max_ms
        self.entries: dict[str, list[int]] = {}

    def get(self, key: str) -> int:
        """The present delay, 0 when there is none."""
        entry = self.entries.get(key)
        return entry[0] if entry is not None else 0

    def get_left(self, key: str, now_ms: int) -> int:
        """How long the delay still lasts that began with the last update (IsInBackOffSinceUpdate)."""
        entry = self.entries.get(key)
        if entry is None or self._expired(now_ms, entry):
            return 0
        return max(0, entry[1] + entry[0] - now_ms)

    def next(self, key: str, now_ms: int) -> int:
        """Move on: the first delay, or twice the last one. Gives the new delay."""
        entry = self.entries.get(key)
        if entry is None or self._expired(now_ms, entry):
            delay = self.initial_ms
        else:
            delay = min(entry[0] * 2, self.max_ms)
        self.entries[key] = [delay, now_ms]
        return delay

    def remaining_since(self, key: str, event_ms: int, now_ms: int) -> int:
        """How long the delay that began with the event still lasts, 0 when it is over (IsInBackOffSince)."""
        entry = self.entries.get(key)
        if entry is None or self._expired(event_ms, entry):
            return 0
        return max(0, event_ms + entry[0] - now_ms)

    def _expired(self, event_ms: int, entry: list[int]) -> bool:
        return event_ms - entry[1] > self.max_ms * 2

    def forget(self, prefix: str) -> None:
        """Drop every key that begins so: the Pod is gone."""
        for key in [key for key in self.entries if key.startswith(prefix)]:
            del self.entries[key]

    def save(self) -> dict[str, Any]:
        return {key: list(entry) for key, entry in self.entries.items()}

    def load(self, data: dict[str, Any]) -> None:
        self.entries = {key: list(entry) for key, entry in data.items()}


def spoken(ms: int) -> str:
    """A duration as Go prints it.

    >>> spoken(10_000), spoken(80_000), spoken(300_000), spoken(2_345), spoken(900)
    ('10s', '1m20s', '5m0s', '2.345s', '900ms')
    """
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    whole, fraction = divmod(ms, 1000)
    hours, rest = divmod(whole, 3600)
    minutes, seconds = divmod(rest, 60)
    tail = f"{seconds}.{fraction:03d}".rstrip("0").rstrip(".") if fraction else str(seconds)
    if hours:
        return f"{hours}h{minutes}m{tail}s"
    return f"{minutes}m{tail}s" if minutes else f"{tail}s"
