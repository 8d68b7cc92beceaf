"""Tales: commands and what they print, in a text file each, told by a real kubectl in a namespace of its own.

    ; what is to be seen
    $ scale deploy web --replicas=2         a command; its output follows, without the words that differ each time
    deployment.apps/web scaled
    $! get pod nope                         one that is refused
    $~ get pods                             one that is given when the workloads have come to rest
    web-…  1/1  Running  0  AGE             … stands for any text; alone on a line, for any lines

stdout and stderr are compared together; columns are two spaces apart; FILE is the folder of the files.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.kubectl.blur import CHANCE, COMPILED

HERE = Path(__file__).parent / "tales"
ANY = "…"


@dataclass
class Given:
    """One command of a tale, and what it is to print."""

    line: str
    words: list[str]
    refused: bool = False
    calm: bool = False
    told: list[str] = field(default_factory=list)


def tale(name: str) -> list[Given]:
    found: list[Given] = []
    for line in (HERE / f"{name}.txt").read_text().splitlines():
        command = re.fullmatch(r"\$([!~]*) (.*)", line)
        if command:
            how, text = command.groups()
            found.append(Given(line, shlex.split(text), "!" in how, "~" in how))
        elif line.startswith("; "):
            continue
        elif line.strip():
            found[-1].told.append(line)
    return found


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.txt"))


def printed(text: str) -> list[str]:
    """What was printed, as tales write it."""
    for pattern, word in COMPILED:
        text = pattern.sub(word, text)
    text = re.sub(rf"\b([a-z]+)-{CHANCE}\b", r"\1-NAME", text)
    return [line for line in text.replace("\t", "  ").splitlines() if line.strip()]


def differs(told: list[str], lines: list[str]) -> Iterator[str]:
    """How what was printed is not what was told; nothing when it is."""
    parts = (r"(?:[^\n]*\n)*?" if line.strip() == ANY else _pattern(line) + r"\n" for line in told)
    if re.fullmatch("".join(parts), "".join(f"{line}\n" for line in lines)) is None:
        yield "\n".join(["told:", *told, "printed:", *lines])


def _pattern(line: str) -> str:
    return ".*?".join(re.escape(part) for part in line.split(ANY))
