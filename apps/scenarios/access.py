"""Who may change a scenario: whoever holds its key, in a cookie, once in the address, or as a bearer token."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.scenarios import tokens
from apps.scenarios.models import Scenario

COOKIE = "k8sdocs_key_"
COOKIE_AGE = 400 * 24 * 3600  # the longest that browsers keep one


def cookie_name(scenario_id: str) -> str:
    return f"{COOKIE}{scenario_id}"


def may_edit(scenario: Scenario, key: str | None) -> bool:
    """Whether `key` is the scenario's."""
    return bool(key) and len(key) <= 200 and tokens.matches(key, scenario.key_hash)


def may_view(scenario: Scenario, token: str | None) -> bool:
    """Whether `token` lets its holder read over the Kubernetes API: the key, or the view token."""
    if not token or len(token) > 200:
        return False
    return (
        tokens.matches(token, scenario.key_hash)
        or tokens.matches(token, scenario.view_hash)
        or tokens.matches(token, tokens.digest(view_token(scenario.id)))
    )


def view_token(scenario_id: str) -> str:
    """The token that the page hands to whoever looks at it: with the address one may look, so with this one may too.

    It follows from the id and the site's secret, so that nothing is stored of it.
    """
    return hmac.new(settings.SECRET_KEY.encode(), f"view:{scenario_id}".encode(), hashlib.sha256).hexdigest()[:40]


def holds_key(request: HttpRequest, scenario: Scenario) -> bool:
    """Whether the visitor's cookie is the scenario's key."""
    return may_edit(scenario, request.COOKIES.get(cookie_name(scenario.id)))


def keep_key(response: HttpResponse, scenario_id: str, key: str) -> HttpResponse:
    """Put the key into the visitor's cookie: out of the address, out of the reach of scripts."""
    response.set_cookie(
        cookie_name(scenario_id),
        key,
        max_age=COOKIE_AGE,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        path="/",
    )
    return response


def address_of(request: HttpRequest) -> str:
    """The visitor's address. What a proxy adds is believed only where the settings say that there is a proxy."""
    if settings.HTTPS:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if forwarded[-1].strip():
            return forwarded[-1].strip()[:64]
    return str(request.META.get("REMOTE_ADDR") or "")


def maker_of(request: HttpRequest) -> str:
    """Stands for the visitor's address in the database: enough to count by, not enough to find them by."""
    return hmac.new(settings.SECRET_KEY.encode(), address_of(request).encode(), hashlib.sha256).hexdigest()
