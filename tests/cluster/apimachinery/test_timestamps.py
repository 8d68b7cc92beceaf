"""Virtual time in RFC 3339, and ages as kubectl prints them."""

import re

import pytest

from apps.cluster.apimachinery import timestamps

UNITS = {"h": 3_600_000, "m": 60_000, "s": 1000}


def milliseconds(text):
    """A Go duration, "1h10m0s"."""
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        pytest.param(0, "2026-11-23T00:00:00Z", id="the clock's zero"),
        pytest.param(999, "2026-11-23T00:00:00Z", id="parts of a second are cut"),
        pytest.param(86_400_000 * 38, "2026-12-31T00:00:00Z", id="into the next month"),
    ],
)
def test_whole_seconds(ms, expected):
    assert timestamps.format_ms(ms) == expected
    assert timestamps.parse(expected) == ms // 1000 * 1000


def test_microseconds_come_back():
    assert timestamps.parse(timestamps.format_micro(12_345)) == 12_345


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23", "2026-11-23T00:00:00"])
def test_what_is_no_time(text):
    with pytest.raises(ValueError, match=r"RFC 3339|isoformat"):
        timestamps.parse(text)
