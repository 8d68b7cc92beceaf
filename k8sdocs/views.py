"""The pages that belong to no app: the door, home, errors, and what machines ask."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, get_language_from_request
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie, vary_on_headers

from apps.scenarios.screens import VARY, layout_for
from k8sdocs import book, routes


@require_safe
@vary_on_cookie
@vary_on_headers("Accept-Language")
def language_door(request: HttpRequest) -> HttpResponse:
    """`/` leads to `/ko/` or `/en/`: the cookie, then Accept-Language, else Korean."""
    return HttpResponseRedirect(f"/{get_language_from_request(request)}/")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The first page: a running cluster, what it can do, the map of the book, the reading paths."""
    from k8sdocs import home as first  # the model, which the other pages here do without

    lang = get_language() or settings.LANGUAGE_CODE
    layout = layout_for(request, "full")
    articles = book.articles(lang)
    context = {
        **first.story(lang, layout),
        "layout": layout,
        "caption": _("A rolling update that changes the image, with hardly any cpu to spare"),
        "map": book.index_map(lang),
        "paths": routes.drawn(articles),
    }
    response = render(request, "home.html", context)
    patch_vary_headers(response, VARY)
    return response


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every shared component once, in its own markup: for those who write pages."""
    from k8sdocs import home as first

    return render(request, "styleguide.html", first.story(get_language() or settings.LANGUAGE_CODE))


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """The process can serve: its database answers. 503 names what does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception as error:
        return JsonResponse({"database": type(error).__name__}, status=503)
    return JsonResponse({"database": "ok"})


@require_safe
@cache_control(max_age=86400, public=True)
def robots(request: HttpRequest) -> HttpResponse:
    """Articles may be indexed; single scenarios, which their authors share by link, are not."""
    lines = [
        "User-agent: *",
        *(f"Disallow: /{code}/s/" for code, _ in settings.LANGUAGES),
        "Disallow: /d/",
        "Disallow: /k8s/",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(max_age=86400, public=True)
def favicon(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(static("favicon.svg"))


def _error(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, f"{status}.html", {"status": status}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _too_big(request)
    return _error(request, 400)


def _too_big(request: HttpRequest) -> HttpResponse:
    """More than a request may hold: the limit is named, since what was pasted cannot be shown again."""
    from apps.scenarios.limits import MANIFEST_BYTES, exceeded
    from apps.scenarios.views.answers import refusal

    size = request.META.get("CONTENT_LENGTH", "")
    error = exceeded("manifest_bytes", MANIFEST_BYTES, int(size) if size.isdigit() else None)
    error.code = 413
    return refusal(request, error)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _error(request, 500)
