"""The pages of the book: its map, an article, search."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from apps.articles import fidelity as faithfulness
from apps.articles import library, pages
from apps.articles import search as searching


@require_safe
def contents(request: HttpRequest) -> HttpResponse:
    """Every article, by chapter."""
    language = get_language() or "ko"
    return render(request, "articles/contents.html", {"chapters": pages.chapters(language)})


@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One article: claim, live figure, text with its walk-through and prediction, what is left out, further reading."""
    language = get_language() or "ko"
    if slug not in library.slugs():
        raise Http404(slug)
    return pages.answer(request, library.article(language, slug))


@require_safe
def fidelity(request: HttpRequest) -> HttpResponse:
    """How far the model does what a real Kubernetes does: counts, what differs and why, what is not compared."""
    language = get_language() or "ko"
    return render(request, "articles/fidelity.html", faithfulness.report(language))


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Results, with or without JavaScript."""
    language = get_language() or "ko"
    query = request.GET.get("q", "")[: searching.MAX_QUERY]
    results = searching.search(language, query)
    return render(request, "articles/search.html", {"query": query, "results": results})
