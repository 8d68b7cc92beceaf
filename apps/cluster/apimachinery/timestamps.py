"""Virtual time as Kubernetes writes it: RFC 3339 in UTC, whole seconds (metav1.Time) or microseconds
(metav1.MicroTime).

The clock's zero is 2026-11-23T00:00:00Z.

Models      k8s.io/apimachinery/pkg/apis/meta/v1 Time and MicroTime, pkg/util/duration HumanDuration
Leaves out  time zones other than UTC when writing
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(2026, 11, 23, tzinfo=UTC)
EPOCH_UNIX = int(EPOCH.timestamp())


@lru_cache(maxsize=4096)
def _second(second: int) -> str:
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)
def _time(second: int) -> str:
    return _second(second) + "Z"


def format_ms(ms: int) -> str:
    """A virtual instant as metav1.Time writes it.

    >>> format_ms(0), format_ms(32_400_999)
    ('2026-11-23T00:00:00Z', '2026-11-23T09:00:00Z')
    """
    return _time(ms // 1000)  # everything that is said in a second says it with the same text


def format_micro(ms: int) -> str:
    """A virtual instant as metav1.MicroTime writes it.

    >>> format_micro(1_500)
    '2026-11-23T00:00:01.500000Z'
    """
    return f"{_second(ms // 1000)}.{ms % 1000:03d}000Z"


@lru_cache(maxsize=4096)
def parse(text: str) -> int:
    """The virtual milliseconds of an RFC 3339 text, with or without a fraction.

    >>> parse("2026-11-23T09:00:00Z"), parse("2026-11-23T00:00:01.5+00:00")
    (32400000, 1500)

    Raises:
        ValueError: the text is not RFC 3339.
    """
    if len(text) < 20 or text[10] not in "Tt":
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    return round((moment - EPOCH) / timedelta(milliseconds=1))


def human_duration(ms: int) -> str:
    """An age as kubectl prints it, two units at most and less precise the longer it is.

    >>> human_duration(70_000), human_duration(190_000), human_duration(49 * 3_600_000)
    ('70s', '3m10s', '2d1h')
    """
    seconds = ms // 1000 if ms >= 0 else -(-ms // 1000)
    if seconds < -1:
        return "<invalid>"
    if seconds < 0:
        return "0s"
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if hours < 24 * 365 * 2:
        return f"{days}d"
    years = days // 365
    if hours < 24 * 365 * 8:
        return f"{years}y{days % 365}d" if days % 365 else f"{years}y"
    return f"{years}y"
