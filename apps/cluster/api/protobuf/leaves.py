"""The types that read themselves: quantities, times, numbers that may be text, JSON inside.

Models      resource.Quantity, intstr.IntOrString, metav1 Time, MicroTime, Duration, FieldsV1 and Verbs,
            runtime.RawExtension, apiextensions JSON and JSONSchemaPropsOr… (their Unmarshal and MarshalJSON)
Leaves out  nothing
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.cluster.api.protobuf.wire import LENGTH, VARINT, Malformed, signed, tags, varint

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Fields = dict[int, int | bytes]


def _flat(data: bytes, at: int, end: int, name: str, text: frozenset[int]) -> Fields:
    """The last value of each field of a small message: `text` are the numbers of those that are bytes."""
    found: Fields = {}
    for number, kind, start, after in tags(data, at, end, name):
        if number in text and kind == LENGTH:
            found[number] = data[start:after]
        elif number not in text and kind == VARINT:
            found[number] = varint(data, start, after)[0]
        elif number <= 3:
            raise Malformed(f"proto: wrong wireType = {kind} for field {name}")
    return found


def quantity(data: bytes, at: int, end: int) -> str:
    return _text(_flat(data, at, end, "String_", frozenset({1})).get(1, b"0"))


def int_or_string(data: bytes, at: int, end: int) -> int | str:
    found = _flat(data, at, end, "IntOrString", frozenset({3}))
    what = found.get(1, 0)
    if what == 0:
        number = found.get(2, 0)
        assert isinstance(number, int)
        return signed(number, 32)
    if what == 1:
        return _text(found.get(3, b""))
    raise Malformed("impossible IntOrString.Type")


def _moment(data: bytes, at: int, end: int) -> tuple[datetime, int] | None:
    if at == end:
        return None
    found = _flat(data, at, end, "Timestamp", frozenset())
    seconds, nanos = found.get(1, 0), found.get(2, 0)
    assert isinstance(seconds, int)
    assert isinstance(nanos, int)
    try:
        return EPOCH + timedelta(seconds=signed(seconds)), signed(nanos, 32)
    except OverflowError:
        raise Malformed("Time.MarshalJSON: year outside of range [0,9999]") from None


def time(data: bytes, at: int, end: int) -> str | None:
    """Whole seconds; None is Go's zero time."""
    moment = _moment(data, at, end)
    return None if moment is None else _second(moment[0]) + "Z"


def micro_time(data: bytes, at: int, end: int) -> str | None:
    moment = _moment(data, at, end)
    if moment is None:
        return None
    when, nanos = moment
    return f"{_second(when)}.{max(nanos, 0) // 1000:06d}Z"


def _second(when: datetime) -> str:
    return when.replace(microsecond=0, tzinfo=None).isoformat()


def duration(data: bytes, at: int, end: int) -> str:
    """As Go writes a duration: 1h0m0s, 1.5s, 300ms."""
    nanos = _flat(data, at, end, "Duration", frozenset()).get(1, 0)
    assert isinstance(nanos, int)
    return go_duration(signed(nanos))


def go_duration(nanos: int) -> str:
    """
    >>> go_duration(3_600_000_000_000), go_duration(1_500_000_000), go_duration(300_000_000), go_duration(0)
    ('1h0m0s', '1.5s', '300ms', '0s')
    """
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1000), ("ms", 1_000_000)):
        if nanos < size * 1000:
            return f"{sign}{_decimal(nanos, size)}{unit}"
    seconds, rest = divmod(nanos, 1_000_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = _decimal(seconds * 1_000_000_000 + rest, 1_000_000_000) + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = str(unit + rest)[1:].rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def raw(data: bytes, at: int, end: int) -> Any:
    """The JSON inside a RawExtension or a FieldsV1; None when there is none."""
    inside = _flat(data, at, end, "Raw", frozenset({1})).get(1, b"")
    assert isinstance(inside, bytes)
    if not inside:
        return None
    try:
        return json.loads(inside)
    except (ValueError, RecursionError):
        raise Malformed("json: error calling MarshalJSON for type runtime.RawExtension: invalid JSON") from None


def items(data: bytes, at: int, end: int) -> list[str]:
    """Verbs and ExtraValue: a list of texts in a message of its own."""
    return list(_items(data, at, end))


def _items(data: bytes, at: int, end: int) -> Iterator[str]:
    for number, kind, start, after in tags(data, at, end, "Verbs"):
        if number == 1 and kind == LENGTH:
            yield _text(data[start:after])


def _text(value: int | bytes) -> str:
    assert isinstance(value, bytes)
    return value.decode("utf-8", "replace")


LEAVES = {
    "Quantity": quantity,
    "IntOrString": int_or_string,
    "Time": time,
    "MicroTime": micro_time,
    "Duration": duration,
    "RawExtension": raw,
    "FieldsV1": raw,
    "Verbs": items,
}
