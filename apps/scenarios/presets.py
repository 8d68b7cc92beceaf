"""The preset library: stories to begin with, one TOML file each in `presets/`.

A preset that was published never changes: links and scenarios name it. To tell a story better, give it a new name and
set `retired = true` in the old one, which then is no longer listed (tests/scenarios/test_presets.py holds the
digests).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from apps.cluster.apimachinery.status import not_found
from apps.scenarios import commands, links, manifests
from apps.scenarios.story import Entry, Story

FOLDER = Path(__file__).parent / "presets"
DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")


@dataclass(frozen=True)
class Preset:
    """A story to begin with, its words in each language, and what a page shows first of it."""

    id: str
    order: int
    title: dict[str, str]
    description: dict[str, str]
    kinds: tuple[str, ...]
    story: Story
    focus: str = ""  # the object that the inspector opens with
    view: str = "cluster"
    retired: bool = False
    link: str = field(default="", compare=False)

    def title_in(self, lang: str) -> str:
        return self.title.get(lang) or self.title["en"]

    def description_in(self, lang: str) -> str:
        return self.description.get(lang) or self.description["en"]


def milliseconds(text: str) -> int:
    """A duration as people write it.

    >>> milliseconds("1.5s"), milliseconds("5m"), milliseconds("1m30s"), milliseconds("200ms")
    (1500, 300000, 90000, 200)

    Raises:
        ValueError: not a duration.
    """
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not a duration, such as 90s or 1m30s")
    hours, minutes, seconds, millis = match.groups()
    return (
        int(hours or 0) * 3_600_000 + int(minutes or 0) * 60_000 + round(float(seconds or 0) * 1000) + int(millis or 0)
    )


@lru_cache(maxsize=1)
def library() -> dict[str, Preset]:
    """Every preset by id, in the order in which they are listed."""
    found = [_read(path) for path in sorted(FOLDER.glob("*.toml"))]
    return {preset.id: preset for preset in sorted(found, key=lambda preset: (preset.order, preset.id))}


def listed() -> list[Preset]:
    """The presets that a reader is offered."""
    return [preset for preset in library().values() if not preset.retired]


def get(preset_id: str) -> Preset:
    """Raises: StatusError 404 NotFound."""
    preset = library().get(preset_id)
    if preset is None:
        raise not_found("presets", preset_id[:80])
    return preset


def _read(path: Path) -> Preset:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    cluster: dict[str, Any] = {"workers": 3, "seed": 1, **data.get("cluster", {})}
    if data.get("begin"):
        cluster["begin"] = data["begin"]
    entries = tuple(_entry(command) for command in data.get("command", ()))
    return Preset(
        id=path.stem,
        order=data["order"],
        title=data["title"],
        description=data["description"],
        kinds=tuple(data.get("kinds", ())),
        story=Story(cluster, entries),
        focus=data.get("focus", ""),
        view=data.get("view", "cluster"),
        retired=data.get("retired", False),
        link=links.encode(links.Link(path.stem)),
    )


def _entry(data: dict[str, Any]) -> Entry:
    time_ms = milliseconds(data["at"])
    if "apply" in data:
        objects = [document.obj for document in manifests.read(data["apply"])]
        return Entry(time_ms, commands.check({"op": "apply", "objects": objects}))
    return Entry(time_ms, commands.check(data["command"]))


def story_of(link: links.Link) -> Story:
    """The whole story of a v1 link: the preset's, then its own commands, on the preset's cluster with its changes.

    Raises:
        StatusError: 404, there is no such preset.
    """
    story = get(link.preset).story
    count = link.script if link.script is not None else script_count(story, link.entries)
    return Story({**story.cluster, **link.cluster}, story.entries[:count] + link.entries)


def script_count(story: Story, own: tuple[Entry, ...]) -> int:
    """How many of a preset's commands happen when others follow: those up to the first of them, for it takes over."""
    if not own:
        return len(story.entries)
    return sum(1 for entry in story.entries if entry.time_ms <= own[0].time_ms)
