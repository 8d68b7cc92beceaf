"""How a refusal leaves the site: a page for people, a Status for programs; never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import quote_etag

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios.explained import explain

View = Callable[..., HttpResponse]
DAY = 24 * 3600

__all__ = ["DAY", "immutable", "refusal", "speaks_status", "wants_json"]


def wants_json(request: HttpRequest) -> bool:
    """Whether the one who asks is a program: it accepts JSON, and no HTML."""
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def refusal(request: HttpRequest, error: StatusError, *, as_json: bool | None = None) -> HttpResponse:
    """The answer to a request that was refused. That a simulated server is down is no failure of this one: 409."""
    code = error.code if error.code < 500 else 409
    if wants_json(request) if as_json is None else as_json:
        response: HttpResponse = JsonResponse(error.as_status(), status=code)
    else:
        told = explain(error, getattr(request, "LANGUAGE_CODE", "ko"))
        context = {"status": error.code, "message": error.message, "text": told.text or error.message, "fix": told.fix}
        response = render(request, "scenarios/refused.html", context, status=code)
    response["Cache-Control"] = "no-store"
    if error.code == 429:
        response["Retry-After"] = "60"
    return response


def speaks_status(*, json: bool | None = None) -> Callable[[View], View]:
    """A view whose StatusErrors become pages, or Statuses where `json` says so or the request asks for it."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except StatusError as error:
                return refusal(request, error, as_json=json)

        return wrapped

    return decorate


def immutable(request: HttpRequest, response: HttpResponse, etag: str) -> HttpResponse:
    """An answer about a revision: it never changes while the model is the same, so nobody need ask again for a day."""
    response["Cache-Control"] = f"public, max-age={DAY}, immutable"
    response["ETag"] = quote_etag(etag)
    patch_vary_headers(response, ["Accept-Encoding"])
    return response
