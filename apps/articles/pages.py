"""Article pages, put together once and kept: what every reader sees alike costs a look-up.

A page differs between two readers only in the token that guards its form. It is kept with a blank in the token's place,
and the blank is filled in as the page goes out. Pages with a guess, a message to the reader, or an address that the
page would have to repeat back are put together anew.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.middleware.gzip import re_accepts_gzip as accepts_gzip
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.html import escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.articles import library, omissions, prose, walks
from apps.articles.library import Article
from apps.articles.packing import Packed
from apps.articles.prose import Prose
from apps.articles.walks import Prediction, Walk
from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import presets
from apps.scenarios.moments import Moment, parse
from apps.scenarios.replay import settled
from apps.scenarios.service import check_at, check_packet
from apps.scenarios.source import Source, open_source
from apps.scenarios.views.context import page_context

PAGES = 192  # kept in memory; a page is some 100 to 200 kB
KEPT_QUERY = frozenset({"at", "focus", "theme"})  # what a kept page's address may ask for
FORMS = (("Deployment", "deployments"), ("DaemonSet", "daemonsets"), ("StatefulSet", "statefulsets"))
BLANK = secrets.token_hex(32)  # stands where a token goes; nobody else can write it


@dataclass(frozen=True)
class Page:
    """A page without its token."""

    packed: Packed
    digest: str


_pages: OrderedDict[str, Page] = OrderedDict()
_lock = threading.Lock()


def answer(request: HttpRequest, article: Article) -> HttpResponse:
    """The page of an article, from memory if it can be."""
    page = _kept(request, article) if _keepable(request) else _made(request, article)
    blank = len(page.packed.parts) > 1
    token = get_token(request) if blank else ""
    if accepts_gzip.search(request.headers.get("Accept-Encoding", "")):
        response = HttpResponse(page.packed.filled(token), headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(page.packed.plain(token))
    patch_vary_headers(response, ("Accept-Encoding",))
    # The token belongs to the reader's cookie: who comes back with the same one may go on showing what they have.
    secret = request.META.get("CSRF_COOKIE", "") if blank else ""
    response["ETag"] = f'W/"{page.digest}-{hashlib.blake2b(secret.encode(), digest_size=6).hexdigest()}"'
    response["Cache-Control"] = "private, no-cache"
    return response


def forget() -> None:
    """Put every page together anew."""
    with _lock:
        _pages.clear()


def _keepable(request: HttpRequest) -> bool:
    return not settings.DEBUG and KEPT_QUERY.issuperset(request.GET) and not get_messages(request)


def _kept(request: HttpRequest, article: Article) -> Page:
    address = request.get_full_path()
    with _lock:
        page = _pages.get(address)
        if page is not None:
            _pages.move_to_end(address)
            return page
    page = _made(request, article)
    with _lock:
        _pages[address] = page
        while len(_pages) > PAGES:
            _pages.popitem(last=False)
    return page


def _made(request: HttpRequest, article: Article) -> Page:
    html = render_to_string("articles/article.html", {**context(request, article), "csrf_token": BLANK}, request)
    return Page(Packed(html.split(BLANK)), hashlib.blake2b(html.encode(), digest_size=12).hexdigest())


def context(request: HttpRequest, article: Article) -> dict[str, Any]:
    """What `articles/article.html` gets."""
    language = article.language
    walk = walks.of(article)
    preset = presets.get(article.preset)
    source = open_source(preset.link, language)
    at = _moment(request.GET.get("at", ""), source, walk.at)
    focus = _focus(request.GET.get("focus", article.focus), source, at)
    packet = check_packet({**_packet(article, walk), "hop": request.GET.get("hop", "")}, article.view, [])
    around = page_context(
        request, source, language, at=at, view=article.view, focus=focus, parts=article.map, packet=packet
    )
    before, after = library.neighbours(language, article.slug)
    return {
        **around,
        "article": article,
        "parts": article.map,
        "claim": _line(article.claim),
        "caption": _line(article.caption),
        "chapters": chapters(language, current=article.slug),
        "prose": text_of(article),
        "moments": _moments(walk, at, source),
        "prediction": walk.prediction,
        **_guess(request, walk.prediction),
        "left_out": omissions.box(article.components, language),
        "before": before,
        "after": after,
        "tweak": _tweak(around["forms"], article.tweak or preset.focus),
    }


def _packet(article: Article, walk: walks.Walk) -> dict[str, str]:
    """What the figure is asked; `@pod` is what the walk-through captured by that name."""
    asked = dict(parse_qsl(article.packet))
    return {name: walk.names[text[1:]] if text.startswith("@") else text for name, text in asked.items()}


def text_of(article: Article) -> Prose:
    """The article's text, its links resolved.

    Raises:
        ValueError: a link leads nowhere.
    """
    walk = walks.of(article)
    run = settled(presets.get(article.preset).story)
    targets = prose.Targets(
        slugs=frozenset(library.slugs()),
        moments=walk.addresses,
        names=walk.names,
        refs=frozenset(step.ref for step in run.cluster.trace.steps),
        presets={name: preset.link for name, preset in presets.library().items()},
        here=presets.get(article.preset).link,
        words={"copy": _("Copy"), "copied": _("Copied"), "section": pgettext("link", "This section")},
    )
    return prose.render(article.body, article.language, targets)


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
                    "lead": found.lead,
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


def _line(text: str) -> str:
    """A line of the head, its names whole."""
    return mark_safe(prose.unbroken(escape(text)))  # noqa: S308 - escaped just here


def _moments(walk: Walk, at: int, source: Source) -> list[dict[str, Any]]:
    position = source.run.position(at)
    passed = [moment for moment in walk.moments if _position(moment, source) <= position]
    present = passed[-1] if passed else None
    return [
        {
            "id": moment.id,
            "at": moment.at,
            "title": moment.title,
            "text": moment.text,
            "current": moment is present,
        }
        for moment in walk.moments
    ]


def _position(moment: walks.Moment, source: Source) -> int:
    """How many steps had happened; of a revision, at its writing."""
    at = parse(moment.at)
    assert at is not None
    return source.run.position(at if at.after else Moment(at, 0))


def _guess(request: HttpRequest, prediction: Prediction | None) -> dict[str, Any]:
    """What a reader without scripts answered: `?guess=`, which may be empty."""
    guess = request.GET.get("guess", "").strip()[:100]
    return {
        "guess": guess,
        "asked": prediction is not None and "guess" in request.GET,
        "right": prediction is not None and _plain(guess) == _plain(prediction.answer),
    }


def _plain(answer: str) -> str:
    """An answer as it is compared: 03 is 3."""
    return str(int(answer)) if answer.isascii() and answer.isdigit() else answer.casefold()


def _moment(text: str, source: Source, default: int) -> int:
    """`?at=`; what cannot be one falls back to the article's own moment."""
    try:
        return check_at(source.run, text) or default
    except StatusError:
        return default


def _focus(text: str, source: Source, at: int) -> str:
    """`?focus=`, if the figure has it."""
    return text if 0 < len(text) < 400 and source.run.view(at).get(text) is not None else ""


def _tweak(forms: dict[str, Any], ref: str) -> dict[str, Any] | None:
    """The form of the object that the article is about: the reader turns its screws beside the figure."""
    resource = ref.partition("/")[0]
    for kind, name in FORMS:
        if resource == name:
            for row in forms.get(name, []):
                if row["ref"] == ref:
                    return {"kind": kind, "row": row}
    return None
