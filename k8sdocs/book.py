"""The book as the frame of the site shows it: articles by slug, the index map, the legend."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from apps.articles import library
from k8sdocs import index_map as drawing


@lru_cache(maxsize=4)
def articles(lang: str) -> dict[str, dict[str, Any]]:
    """Slug -> {"slug", "short", "title", "number", "url", "minutes"}, in the book's order."""
    found = {}
    for slug in library.slugs():
        article = library.article(lang, slug)
        found[slug] = {
            "slug": slug,
            "short": article.short,
            "title": article.title,
            "number": article.number,
            "url": article.url,
            "minutes": article.minutes,
        }
    return found


@lru_cache(maxsize=4)
def index_map(lang: str) -> dict[str, Any]:
    """What `partials/index_map.html` draws."""
    known = articles(lang)
    boxes = []
    for box in drawing.BOXES:
        inset = 12 if box.width > 110 else 9
        boxes.append(
            {
                **box._asdict(),
                **known[box.slug],
                "machine": box.slug in drawing.MACHINE,
                "left": box.x + inset,
                "right": box.x + box.width - inset,
                "line": box.y + box.height / 2 + 4.5,
            }
        )
    return {
        "width": drawing.WIDTH,
        "height": drawing.HEIGHT,
        "frames": drawing.FRAMES,
        "edges": drawing.EDGES,
        "boxes": boxes,
        "chapters": [
            {
                "number": chapter.number,
                "title": chapter.title[lang],
                "articles": [known[slug] for slug in chapter.slugs],
            }
            for chapter in library.chapters()
        ],
    }


def pod_states() -> list[tuple[str, str]]:
    """The legend: the marks of `apps.diagrams.states` in the order of a Pod's life, and their names."""
    return [
        ("Pending", _("Pending")),
        ("ContainerCreating", _("Creating")),
        ("Running", _("Running")),
        ("Ready", _("Ready")),
        ("Terminating", _("Terminating")),
        ("Failed", _("Failed")),
        ("Unknown", _("Unknown")),
        ("Completed", _("Completed")),
    ]
