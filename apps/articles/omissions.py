"""What the model models and leaves out: promises stand where the code is, in the components' own docstrings.

English is read from there. Korean follows in `content/ko/omissions.toml`, keyed by the module's path:

    ["controllers/podgc/gc_controller.py"]
    subject = "파드 가비지 수집기"
    leaves_out = ["…", "…"]            as many as the docstring has, in its order

A test holds the two together, so a promise that changes is changed in both. Until then the page says it in English.
"""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

ROOT = Path(settings.BASE_DIR) / "apps" / "cluster"
KOREAN = Path(settings.BASE_DIR) / "content" / "ko" / "omissions.toml"
HEADER = re.compile(r"^(Models|Leaves out)[ ]{2,}(.*)$")
SHOWN = 6  # lines of one component that are not folded away
NOTHING = re.compile(r"nothing\b|-$")
SUBJECT = re.compile(r"^(.*?)(?:[:.,] |$)")


@dataclass(frozen=True)
class Header:
    """One module's promise. `module` is its path below apps/cluster."""

    module: str
    summary: str
    models: str
    leaves_out: tuple[str, ...]

    @property
    def subject(self) -> str:
        """What the summary is about: its words before the first pause."""
        match = SUBJECT.match(self.summary)
        return match[1] if match else self.summary


@dataclass(frozen=True)
class Line:
    """What one module leaves out, in one language."""

    subject: str
    text: str  # a sentence; "" if it leaves out nothing
    models: str
    language: str


@dataclass(frozen=True)
class Group:
    """A component, and its modules: those that leave something out first."""

    component: str
    lines: tuple[Line, ...]
    whole: tuple[str, ...]  # the subjects of those that leave out nothing
    models: tuple[tuple[str, str], ...]  # subject, what it was modelled on

    @property
    def first(self) -> tuple[Line, ...]:
        """The lines that are read; the rest can be unfolded."""
        return self.lines if len(self.lines) <= SHOWN + 1 else self.lines[:SHOWN]

    @property
    def more(self) -> tuple[Line, ...]:
        return self.lines[len(self.first) :]


@cache
def header(path: Path) -> Header | None:
    """The header of one file, None when its docstring has none."""
    doc = ast.get_docstring(ast.parse(path.read_text()), clean=True)
    if not doc:
        return None
    found: dict[str, str] = {}
    current = ""
    for line in doc.splitlines():
        match = HEADER.match(line)
        if match:
            current = match[1]
            found[current] = match[2].strip()
        elif current and line.startswith("  ") and line.strip():
            found[current] += " " + line.strip()
        else:
            current = ""
    if "Models" not in found:
        return None
    left = found.get("Leaves out", "")
    parts = () if NOTHING.match(left) else tuple(part.strip() for part in left.split(";") if part.strip())
    return Header(str(path.relative_to(ROOT)), doc.splitlines()[0].rstrip("."), found["Models"], parts)


@cache
def headers(component: str) -> tuple[Header, ...]:
    """Every header of a component: a package or a module below apps/cluster, `"controllers/deployment"`.

    The module that stands for the whole (scheduler/scheduler.py, the package itself) comes first.

    Raises:
        FileNotFoundError: there is no such component.
    """
    place = ROOT / component
    if place.is_dir():
        files = sorted(place.rglob("*.py"), key=lambda path: (_rank(place, path), str(path)))
    else:
        files = [place.with_suffix(".py")]
        if not files[0].exists():
            raise FileNotFoundError(component)
    return tuple(found for path in files if (found := header(path)) is not None)


def _rank(place: Path, path: Path) -> int:
    """0 for the module that a package is named after, 1 for those beside it, 2 for those further in."""
    stem = path.stem.removesuffix("_controller")
    if path.parent == place and stem in ("__init__", "registry", "server", place.name, place.name.removesuffix("set")):
        return 0
    return 1 if path.parent == place else 2


@cache
def korean() -> dict[str, dict[str, Any]]:
    """The Korean of every header, by module."""
    return tomllib.loads(KOREAN.read_text())


def line(found: Header, language: str) -> Line:
    """One module in one language; in English where the Korean has not followed yet."""
    subject, parts = found.subject, found.leaves_out
    if language == "ko":
        entry = korean().get(found.module)
        if entry is None or len(entry["leaves_out"]) != len(parts):
            language = "en"
        else:
            subject, parts = entry["subject"], tuple(entry["leaves_out"])
    text = ""
    if parts:
        text = "; ".join(part.rstrip(".") for part in parts)
        text = f"{text[0].upper() if language == 'en' and _plain(text) else text[0]}{text[1:]}."
    return Line(subject, text, found.models, language)


def _plain(text: str) -> bool:
    """Whether the first word is an ordinary one, which a sentence begins with a capital."""
    return text.split()[0].isalpha() and text.split()[0].islower() and text.split()[0] not in {"conmon", "runc"}


@cache
def box(components: tuple[str, ...], language: str) -> tuple[Group, ...]:
    """What an article shows: a group a component. A module that two components share is told once.

    Raises:
        FileNotFoundError: there is no such component.
    """
    seen: set[str] = set()
    groups = []
    for component in components:
        fresh = [found for found in headers(component) if found.module not in seen]
        seen.update(found.module for found in fresh)
        lines = [line(found, language) for found in fresh]
        groups.append(
            Group(
                component,
                tuple(each for each in lines if each.text),
                tuple(each.subject for each in lines if not each.text),
                tuple((each.subject, each.models) for each in lines),
            )
        )
    return tuple(groups)
