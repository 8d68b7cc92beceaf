"""The recorded commands: what kubectl 1.32 was told, asked of a real 1.36.2 server, and printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

KEPT = Path(__file__).parents[1] / "testdata" / "kubectl" / "recorded.json"


@dataclass(frozen=True)
class Recorded:
    """One command. `rc` is -1 when the recording stopped it; `cut` names the streams it has the beginning of."""

    number: int
    argv: tuple[str, ...]
    rc: int
    out: str
    err: str
    cut: tuple[str, ...]
    asked: tuple[tuple[str, str, int], ...]  # method, address, status (0: not told)

    @property
    def line(self) -> str:
        return " ".join(self.argv)


@cache
def recorded() -> tuple[Recorded, ...]:
    """In their order: each finds what those before it left."""
    return tuple(
        Recorded(
            number,
            tuple(one["argv"]),
            -1 if one["rc"] == "timeout" else one["rc"],
            one.get("out", ""),
            one.get("err", ""),
            tuple(one.get("cut", ())),
            tuple((method, url, status) for method, url, status in one["asked"]),
        )
        for number, one in enumerate(json.loads(KEPT.read_text()))
    )
