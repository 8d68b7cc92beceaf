"""The articles on disk: `content/contents.toml` for their order, `content/<language>/<chapter>/<slug>.md` for the text.

A text begins with a YAML head between two lines of `---`:

    title       of the page, the English term in brackets in Korean
    short       in navigation and figures
    claim       one or two sentences, read before the figure
    level       whole | outline (an outline: three sentences and a live figure)
    minutes     to read and watch, whole articles only
    component   the package under apps/cluster whose `Models` and `Leaves out` the page shows; several in a list
    preset      the story its figure shows;  view  of the figure;  caption
    packet      what the view `packet` is asked, as in an address: src=client&dst=services/default/web; `@pod`: captured
    tweak       the workload whose form stands beside the figure; without it, the preset's own focus if that is one
    focus       the object that the page opens with in its inspector; without it, none
    map         true: the parts of the figure lead to their articles
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

CONTENT = Path(settings.BASE_DIR) / "content"
LANGUAGES = ("ko", "en")


@dataclass(frozen=True, eq=False)
class Chapter:
    number: int
    id: str
    title: dict[str, str]
    slugs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Article:
    """One article in one language."""

    slug: str
    language: str
    chapter: Chapter
    number: str  # "4.3"
    title: str
    short: str
    claim: str
    level: str
    minutes: int
    components: tuple[str, ...]
    preset: str
    view: str
    packet: str
    caption: str
    focus: str
    tweak: str
    map: bool
    body: str

    @property
    def url(self) -> str:
        return f"/{self.language}/docs/{self.slug}/"

    @property
    def lead(self) -> str:
        """The first sentence of the claim."""
        return self.claim.partition(". ")[0].rstrip(".") + "."

    @property
    def whole(self) -> bool:
        return self.level == "whole"


@cache
def chapters() -> tuple[Chapter, ...]:
    data = tomllib.loads((CONTENT / "contents.toml").read_text())
    return tuple(
        Chapter(number, entry["id"], entry["title"], tuple(entry["articles"]))
        for number, entry in enumerate(data["chapter"], start=1)
    )


@cache
def slugs() -> tuple[str, ...]:
    """Every article, in the book's order."""
    return tuple(slug for chapter in chapters() for slug in chapter.slugs)


@cache
def article(language: str, slug: str) -> Article:
    """One article.

    Raises:
        KeyError: there is none of that slug.
        ValueError: its head lacks something.
    """
    for chapter in chapters():
        if slug in chapter.slugs:
            return _read(language, slug, chapter)
    raise KeyError(slug)


def neighbours(language: str, slug: str) -> tuple[Article | None, Article | None]:
    """The articles before and after."""
    order = slugs()
    position = order.index(slug)
    before = article(language, order[position - 1]) if position else None
    after = article(language, order[position + 1]) if position + 1 < len(order) else None
    return before, after


def _read(language: str, slug: str, chapter: Chapter) -> Article:
    path = CONTENT / language / chapter.id / f"{slug}.md"
    text = path.read_text()
    if not text.startswith("---\n"):
        raise ValueError(f"{path}: no head")
    head_text, _, body = text[4:].partition("\n---\n")
    head: dict[str, Any] = yaml.safe_load(head_text)
    for name in ("title", "short", "claim", "preset", "caption", "component"):
        if not head.get(name):
            raise ValueError(f"{path}: {name} is missing")
    components = head["component"]
    return Article(
        slug=slug,
        language=language,
        chapter=chapter,
        number=f"{chapter.number}.{chapter.slugs.index(slug) + 1}",
        title=head["title"],
        short=head["short"],
        claim=" ".join(head["claim"].split()),
        level=head.get("level", "outline"),
        minutes=int(head.get("minutes", 2)),
        components=tuple([components] if isinstance(components, str) else components),
        preset=head["preset"],
        view=head.get("view", "cluster"),
        packet=head.get("packet", ""),
        caption=" ".join(head["caption"].split()),
        focus=head.get("focus", ""),
        tweak=head.get("tweak", ""),
        map=bool(head.get("map")),
        body=body.strip() + "\n",
    )
