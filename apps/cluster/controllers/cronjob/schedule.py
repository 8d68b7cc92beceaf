"""When a cron schedule comes due next.

Models      github.com/robfig/cron/v3 (ParseStandard, SpecSchedule.Next, ConstantDelaySchedule.Next)
Leaves out  local time: without a time zone a schedule is in UTC, as on most control planes

Pure. Instants are milliseconds of virtual time; what is found lies on a whole second, after the instant given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from apps.cluster.api.validation.schedules import FIELDS, schedule_problem
from apps.cluster.apimachinery.timestamps import EPOCH_UNIX

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_UNITS_MS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "ns": 1e-6}
_YEARS = 5  # how far ahead is looked
_MINUTE, _HOUR = 60, 3600
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_START = datetime(1970, 1, 1, tzinfo=UTC)

Next = Callable[[int], int | None]


class BadSchedule(ValueError):
    """The text is no schedule, or names a time zone that there is not."""


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """A time zone of the IANA database; "" and "UTC" are UTC.

    Raises:
        BadSchedule: there is none of that name.
    """
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadSchedule(f"unknown time zone {name}") from None


@lru_cache(maxsize=1024)
def parse(text: str, zone: str = "") -> Next:
    """What gives the next instant of a schedule after a given one; None when there is none in the next five years.

    >>> parse("30 6 * * *")(0)
    23400000

    Raises:
        BadSchedule: in the words of the parser that Kubernetes uses.
    """
    problem = schedule_problem(text)
    if problem:
        raise BadSchedule(problem)
    if text.startswith(("TZ=", "CRON_TZ=")):
        head, _, text = text.partition(" ")
        zone, text = head.partition("=")[2], text.strip()
        try:
            zone_named(zone)
        except BadSchedule as error:
            raise BadSchedule(f"provided bad location {zone}: {error}") from None
    if text.startswith("@every "):
        return _Every(max(1, int(_duration_ms(text.removeprefix("@every ")) // 1000))).next
    fields = DESCRIPTORS.get(text, text).split()
    parsed = [_field(field, least, most, words) for field, (least, most, words) in zip(fields, FIELDS, strict=True)]
    (minute, _), (hour, _), (dom, any_day), (month, _), (dow, any_weekday) = parsed
    return _Fields(minute, hour, dom, month, dow, any_day or any_weekday, zone_named(zone)).next


def _duration_ms(text: str) -> float:
    """A Go duration that has been found valid.

    >>> _duration_ms("1h30m")
    5400000.0
    """
    total, number, unit = 0.0, "", ""
    for character in text.lstrip("+-") + "0":
        if unit and (character.isdigit() or character == "."):
            total += float(number) * _UNITS_MS[unit]
            number, unit = "", ""
        if character.isdigit() or character == ".":
            number += character
        else:
            unit += character
    return -total if text.startswith("-") else total


def _field(text: str, least: int, most: int, words: dict[str, int]) -> tuple[frozenset[int], bool]:
    """The numbers that one of the five fields names, and whether it leaves them open (a star without a step)."""
    found: set[int] = set()
    opened = False
    for part in text.split(","):
        if not part:
            continue
        span, slash, step_text = part.partition("/")
        first, hyphen, last = span.partition("-")
        step = int(step_text) if slash else 1
        if first in ("*", "?"):
            start, end = least, most
            opened = opened or step == 1
        else:
            start = _number(first, words)
            end = _number(last, words) if hyphen else most if slash else start
        found.update(range(start, end + 1, step))
    return frozenset(found), opened


def _number(text: str, words: dict[str, int]) -> int:
    return words[text.lower()] if text.lower() in words else int(text)


@dataclass(frozen=True, slots=True)
class _Every:
    """`@every 90s`: from whenever it was last."""

    seconds: int

    def next(self, after_ms: int) -> int | None:
        return (after_ms // 1000 + self.seconds) * 1000


@dataclass(frozen=True, slots=True)
class _Fields:
    """The five fields. A day has to fit both of its fields when one of them is open, else either."""

    minute: frozenset[int]
    hour: frozenset[int]
    dom: frozenset[int]
    month: frozenset[int]
    dow: frozenset[int]
    open_day: bool
    zone: tzinfo

    def next(self, after_ms: int) -> int | None:
        """Field by field from the largest: the first that does not fit is raised until it does, what is below it reset.

        Where a clock is put forward or back this does what the original does: an hour that does not exist is left
        out, one that comes twice is run through twice.
        """
        at = EPOCH_UNIX + after_ms // 1000 + 1
        limit = self._local(at).year + _YEARS
        local = self._local(at)
        reset = False  # whether what is below the field at hand has been set back to its beginning
        while local.year <= limit:
            if local.month not in self.month:
                year, month = (local.year, local.month + 1) if local.month < 12 else (local.year + 1, 1)
                at, reset = self._unix(datetime(year, month, 1)), True
            elif not self._fits(local):
                day = datetime(local.year, local.month, local.day) + timedelta(days=1)
                at, reset = self._midnight(self._unix(day)), True
            elif local.hour not in self.hour:
                start = at if reset else self._unix(datetime(local.year, local.month, local.day, local.hour))
                at, reset = start + _HOUR, True
            elif local.minute not in self.minute:
                at, reset = at - at % _MINUTE + _MINUTE, True
            elif local.second:
                at, reset = at + (_MINUTE - local.second), True
            else:
                return (at - EPOCH_UNIX) * 1000
            local = self._local(at)
        return None

    def _fits(self, local: datetime) -> bool:
        day = local.day in self.dom
        weekday = local.isoweekday() % 7 in self.dow
        return (day and weekday) if self.open_day else (day or weekday)

    def _local(self, unix: int) -> datetime:
        return datetime.fromtimestamp(unix, self.zone)

    def _offset(self, unix: int) -> int:
        offset = self._local(unix).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

    def _unix(self, wall: datetime) -> int:
        """The instant of a wall clock's time; where it comes twice or never, the one that Go takes."""
        naive = int((wall.replace(tzinfo=UTC) - _START).total_seconds())
        offset = self._offset(naive)
        if self._offset(naive - offset) != offset:
            offset = self._offset(naive - offset)
        return naive - offset

    def _midnight(self, unix: int) -> int:
        """The beginning of a day, also of one whose midnight the clock leaves out."""
        hour = self._local(unix).hour
        return unix + (24 - hour) * _HOUR if hour > 12 else unix - hour * _HOUR


def format_in(at_ms: int, zone: str) -> str:
    """An instant as RFC 3339 in a time zone.

    >>> format_in(0, "Asia/Seoul"), format_in(0, "")
    ('2026-11-23T09:00:00+09:00', '2026-11-23T00:00:00Z')
    """
    moment = datetime.fromtimestamp(EPOCH_UNIX + at_ms // 1000, zone_named(zone))
    return moment.isoformat().removesuffix("+00:00") + ("Z" if not moment.utcoffset() else "")


def format_rfc1123(at_ms: int) -> str:
    """An instant as RFC 1123 with the zone in numbers.

    >>> format_rfc1123(0)
    'Mon, 23 Nov 2026 00:00:00 +0000'
    """
    moment = datetime.fromtimestamp(EPOCH_UNIX + at_ms // 1000, UTC)
    return f"{_DAYS[moment.weekday()]}, {moment:%d} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S} +0000"
