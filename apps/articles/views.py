"""The pages of the book: its map, an article, search."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from apps.articles import library, omissions, prose, walks
from apps.articles import search as searching
from apps.scenarios import presets
from apps.scenarios.source import open_source
from apps.scenarios.views.context import page_context


@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """Every article, by chapter."""
    language = get_language() or "ko"
    return render(request, "articles/contents.html", {"chapters": chapters(language)})


@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One article: claim, live figure, text with its walk-through and prediction, what is left out, further reading."""
    language = get_language() or "ko"
    if slug not in library.slugs():
        raise Http404(slug)
    found = library.article(language, slug)
    walk = walks.of(found)
    preset = presets.get(found.preset)
    source = open_source(preset.link, language)
    at = _revision(request.GET.get("at", ""), source.base, source.head, walk.at)
    focus = _focus(request.GET.get("focus", ""), source.run.view(at))
    context = page_context(request, source, language, at=at, view=found.view, focus=focus)
    moments = [
        {
            "id": moment.id,
            "revision": moment.revision,
            "title": moment.title,
            "text": moment.text,
            "current": moment is _present(walk, at),
        }
        for moment in walk.moments
    ]
    before, after = library.neighbours(language, slug)
    guess = request.GET.get("guess", "").strip()[:100]
    focus_row = _row(context["forms"], focus or preset.focus)
    return render(
        request,
        "articles/article.html",
        {
            **context,
            "article": found,
            "chapters": chapters(language, current=slug),
            "prose": prose.render(found.body, language, frozenset(library.slugs()), walk.revisions),
            "moments": moments,
            "prediction": walk.prediction,
            "guess": guess,
            "right": walk.prediction is not None and guess == walk.prediction.answer,
            "components": [
                {"name": name, "headers": omissions.headers(name)} for name in found.components
            ],
            "before": before,
            "after": after,
            "tweak": focus_row,
        },
    )


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Results, with or without JavaScript."""
    language = get_language() or "ko"
    query = request.GET.get("q", "")[: searching.MAX_QUERY]
    results = searching.search(language, query)
    return render(request, "articles/search.html", {"query": query, "results": results})


def chapters(language: str, current: str = "") -> list[dict[str, Any]]:
    """The table of contents as pages show it."""
    return [
        {
            "number": chapter.number,
            "title": chapter.title[language],
            "articles": [
                {
                    "number": found.number,
                    "slug": slug,
                    "title": found.title,
                    "short": found.short,
                    "claim": found.claim,
                    "url": found.url,
                    "minutes": found.minutes,
                    "whole": found.whole,
                    "current": slug == current,
                }
                for slug in chapter.slugs
                for found in [library.article(language, slug)]
            ],
        }
        for chapter in library.chapters()
    ]


def _revision(text: str, base: int, head: int, default: int) -> int:
    """`?at=`; what cannot be one falls back to the article's own moment."""
    if text.isdigit() and base <= int(text[:12]) <= head:
        return int(text)
    return default


def _focus(text: str, snapshot: Any) -> str:
    """`?focus=`, if the figure has it."""
    return text if len(text) < 400 and snapshot.get(text) is not None else ""


def _present(walk: walks.Walk, at: int) -> walks.Moment | None:
    """The last moment that is not later than `at`."""
    passed = [moment for moment in walk.moments if moment.revision <= at]
    return passed[-1] if passed else None


def _row(forms: dict[str, Any], ref: str) -> dict[str, Any] | None:
    """The form of the object that the article is about: the reader turns its screws beside the figure."""
    resource = ref.partition("/")[0]
    for kind, name in (("Deployment", "deployments"), ("DaemonSet", "daemonsets"), ("StatefulSet", "statefulsets")):
        if resource == name:
            for row in forms.get(name, []):
                if row["ref"] == ref:
                    return {"kind": kind, "row": row}
    return None
