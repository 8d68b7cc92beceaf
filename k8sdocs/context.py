"""What every page needs: the languages with this same place in each, the chosen theme, the versions on the stamp."""

from __future__ import annotations

from typing import Any, TypedDict

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from k8sdocs import book

THEMES = ("light", "dark")
NAMES = {"ko": "한국어", "en": "English"}  # each language in its own words, whatever the page's language


class Language(TypedDict):
    code: str
    name: str
    url: str
    current: bool


def same_place(path: str, language: str) -> str:
    """Return an address in another language: same page, same revision, same focus.

    >>> same_place("/ko/s/3kf9/?at=41&view=cluster", "en")
    '/en/s/3kf9/?at=41&view=cluster'
    >>> same_place("/healthz", "en")
    '/en/'
    """
    for code, _name in settings.LANGUAGES:
        if path == f"/{code}" or path.startswith(f"/{code}/"):
            return f"/{language}{path[len(code) + 1 :]}"
    return f"/{language}/"


def section(path: str) -> str:
    """Return which entry of the main navigation a page belongs under, "" for none.

    >>> section("/ko/docs/pod/"), section("/en/s/3kf9/"), section("/en/scenarios/new"), section("/ko/")
    ('docs', 'scenarios', 'scenarios', '')
    """
    part = path.split("/")[2] if path.count("/") > 2 else path.rpartition("/")[2]
    return {"docs": "docs", "s": "scenarios", "scenarios": "scenarios"}.get(part, "")


def site(request: HttpRequest) -> dict[str, Any]:
    """The context processor."""
    language = get_language() or settings.LANGUAGE_CODE
    path = request.get_full_path()
    theme = request.GET.get("theme", "")
    return {
        "languages": [
            Language(code=code, name=NAMES[code], url=same_place(path, code), current=code == language)
            for code, _name in settings.LANGUAGES
        ],
        "theme": theme if theme in THEMES else "",
        "section": section(request.path),
        "kubernetes_version": settings.KUBERNETES_VERSION,
        "model_version": settings.MODEL_VERSION,
        "pod_states": book.pod_states(),
    }
