"""Cron schedules: whether a text is one, in the words of the parser Kubernetes uses.

Models      github.com/robfig/cron/v3 (ParseStandard)
Leaves out  nothing of the standard form
"""

from __future__ import annotations

import re

_MONTHS, _DAYS = "jan feb mar apr may jun jul aug sep oct nov dec", "sun mon tue wed thu fri sat"
MONTHS = {name: number for number, name in enumerate(_MONTHS.split(), 1)}
DAYS = {name: number for number, name in enumerate(_DAYS.split())}
# least, most, words
FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, MONTHS),
    (0, 6, DAYS),
)
DESCRIPTORS = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
DURATION = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+")


class _Bad(Exception):
    pass


def _number(text: str, words: dict[str, int]) -> int:
    if text.lower() in words:
        return words[text.lower()]
    if not re.fullmatch(r"[-+]?[0-9]+", text, re.ASCII):
        raise _Bad(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text)
    if number < 0:
        raise _Bad(f"negative number ({number}) not allowed: {text}")
    return number


def _range(text: str, least: int, most: int, words: dict[str, int]) -> None:
    parts = text.split("/")
    bounds = parts[0].split("-")
    if bounds[0] in ("*", "?"):
        start, end = least, most
    else:
        start = _number(bounds[0], words)
        if len(bounds) > 2:
            raise _Bad(f"too many hyphens: {text}")
        end = _number(bounds[1], words) if len(bounds) == 2 else start
    if len(parts) > 2:
        raise _Bad(f"too many slashes: {text}")
    step = 1
    if len(parts) == 2:
        step = _number(parts[1], {})
        if len(bounds) == 1:
            end = most
    if start < least:
        raise _Bad(f"beginning of range ({start}) below minimum ({least}): {text}")
    if end > most:
        raise _Bad(f"end of range ({end}) above maximum ({most}): {text}")
    if start > end:
        raise _Bad(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if step == 0:
        raise _Bad(f"step of range should be a positive number: {text}")


def schedule_problem(schedule: str) -> str:
    """What is wrong with a schedule; empty when nothing is.

    >>> schedule_problem("*/5 * * * *"), schedule_problem("61 * * * *")
    ('', 'end of range (61) above maximum (59): 61')
    """
    text = schedule
    if text.startswith(("TZ=", "CRON_TZ=")):
        text = text.partition(" ")[2].strip()
    if text.startswith("@"):
        if text in DESCRIPTORS:
            return ""
        if text.startswith("@every "):
            duration = text.removeprefix("@every ")
            if DURATION.fullmatch(duration):
                return ""
            return f'failed to parse duration {text}: time: invalid duration "{duration}"'
        return f"unrecognized descriptor: {text}"
    fields = text.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    try:
        for field, (least, most, words) in zip(fields, FIELDS, strict=True):
            for part in field.split(","):
                if part:
                    _range(part, least, most, words)
    except _Bad as problem:
        return str(problem)
    return ""
