"""Which layout of a figure a page begins with, before any script can measure: a phone says that it is one."""

from __future__ import annotations

from django.http import HttpRequest

VARY = ("Sec-CH-UA-Mobile", "User-Agent")  # what an answer that asked here depends on


def is_phone(request: HttpRequest) -> bool:
    """Whether the browser says it runs on a phone."""
    hint = request.headers.get("Sec-CH-UA-Mobile")
    if hint:
        return hint == "?1"
    return "Mobi" in request.headers.get("User-Agent", "")


def layout_for(request: HttpRequest, wide: str) -> str:
    """The layout to draw first: `wide` on a desk, "narrow" on a phone."""
    return "narrow" if is_phone(request) else wide
