"""IntOrString: `2` or `"25%"`.

Models      k8s.io/apimachinery/pkg/util/intstr (GetScaledValueFromIntOrPercent, Parse, IntValue)
Leaves out  nothing
"""

from __future__ import annotations

import re

IntOrString = int | str

_ATOI = re.compile(r"[+-]?[0-9]+", re.ASCII)


class InvalidIntOrString(ValueError):
    """The text is not a percentage."""


def is_percent(value: IntOrString) -> bool:
    """Written as a percentage, "25%".

    >>> is_percent("25%"), is_percent("25"), is_percent(25)
    (True, False, False)
    """
    return isinstance(value, str) and value.endswith("%") and _ATOI.fullmatch(value[:-1]) is not None


def scaled(value: IntOrString, total: int, round_up: bool) -> int:
    """A count as it is, a percentage as its share of `total`.

    >>> scaled("25%", 10, True), scaled("25%", 10, False), scaled(2, 10, True)
    (3, 2, 2)

    Raises:
        InvalidIntOrString: a text that is no percentage.
    """
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        raise InvalidIntOrString("invalid value for IntOrString: invalid type: string is not a percentage")
    if not _ATOI.fullmatch(value[:-1]):
        raise InvalidIntOrString(f'invalid value for IntOrString: invalid value "{value}"')
    product = int(value[:-1]) * total
    return -(-product // 100) if round_up else product // 100


def parse(text: str) -> IntOrString:
    """A number where the text is one that fits 32 bits, else the text.

    >>> parse("8080"), parse("http"), parse("2147483648")
    (8080, 'http', '2147483648')
    """
    if _ATOI.fullmatch(text) and -(1 << 31) <= int(text) < 1 << 31:
        return int(text)
    return text


def int_value(value: IntOrString) -> int:
    """The number, or what Atoi makes of the text (0 when nothing).

    >>> int_value(80), int_value("80"), int_value("http")
    (80, 80, 0)
    """
    if isinstance(value, int):
        return value
    return int(value) if _ATOI.fullmatch(value) else 0
