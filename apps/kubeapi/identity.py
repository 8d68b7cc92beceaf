"""Who asks: the holder of the key, of the view token, or the scenario's own page in a browser.

A bearer token is what kubectl sends: the scenario's key makes its holder the administrator that kubeadm makes, the
view token a reader. kubectl keeps its tokens to itself where the site has no TLS, as on a reader's own machine; there
the token stands in the server's address (`http://127.0.0.1:8000/k8s/ID:KEY`).

The page sends no token: its cookie is the key, and a browser says of itself that a request comes from the same origin
(`Sec-Fetch-Site`, which no script can set; `Origin` and `Referer` where there is no TLS). What changes anything must
also carry Django's CSRF token in its header, so that no other site can use the cookie.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.authentication import AUTHENTICATED
from apps.cluster.apiserver.authorization import Ask
from apps.cluster.apiserver.requests import User
from apps.cluster.apiserver.requests.messages import ADMIN
from apps.scenarios import access, tokens
from apps.scenarios.models import Scenario

VIEWERS = "k8sdocs:viewers"
VIEWER = User("k8sdocs:viewer", (VIEWERS, AUTHENTICATED))
SAFE = ("GET", "HEAD", "OPTIONS")
READS = frozenset({"get", "list", "watch"})
SHOWN_BELOW = frozenset({"", "status", "scale", "log"})  # of what hangs below an object
Headers = list[tuple[bytes, bytes]]


class Caller(NamedTuple):
    """`user` None: nobody known. `name` is what requests are counted by, `token` what the caller came with."""

    user: User | None
    name: str
    token: str = ""


def header(headers: Headers, name: bytes) -> str:
    """The first value of a header."""
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def caller(scope: dict[str, Any], scenario: Scenario, in_path: str = "") -> Caller:
    """`in_path`: the token that stands in the address.

    Raises:
        StatusError: 403, a page of another site, or one that lost its CSRF token.
    """
    headers: Headers = scope["headers"]
    address = access.address_of(_request(scope))
    given = header(headers, b"authorization")
    if given or in_path:
        token = _token(given) if given else in_path
        if access.may_edit(scenario, token):
            return Caller(ADMIN, f"{scenario.id} key {address}", token)
        if access.may_view(scenario, token):
            return Caller(VIEWER, f"{scenario.id} view {address}", token)
        return Caller(None, address, token)
    request = _request(scope)
    holds_key = access.holds_key(request, scenario)
    key = request.COOKIES[access.cookie_name(scenario.id)] if holds_key else ""
    same_origin = _same_origin(request, headers)
    if scope["method"] in SAFE:
        if same_origin or (holds_key and _csrf(request)):
            return Caller(ADMIN if holds_key else VIEWER, address, key)
        return Caller(None, address)
    if not holds_key:
        return Caller(VIEWER if same_origin else None, address)
    if not _csrf(request):
        raise StatusError(403, "Forbidden", "the page's CSRF token is missing or wrong: send it as X-CSRFToken")
    return Caller(ADMIN, address, key)


def scenario_of(scope: dict[str, Any]) -> str:
    """The id of the scenario that a token belongs to, "" for none."""
    digest = tokens.digest(_token(header(scope["headers"], b"authorization"))[:200])
    found = Scenario.objects.filter(Q(key_hash=digest) | Q(view_hash=digest)).values_list("pk", flat=True).first()
    return found or ""


def origin_of(scope: dict[str, Any]) -> str:
    """The site as the caller reached it. Raises: DisallowedHost"""
    request = _request(scope)
    return f"{request.scheme}://{request.get_host()}"


def signer(scenario_id: str) -> Callable[[bytes], bytes]:
    """Signs the tokens of a scenario's ServiceAccounts with the site's secret; as long as a signature of RS256."""
    secret = f"k8sdocs service account {scenario_id} {settings.SECRET_KEY}".encode()

    def sign(data: bytes) -> bytes:
        return b"".join(hmac.digest(secret, bytes([part]) + data, "sha256") for part in range(8))

    return sign


def _token(authorization: str) -> str:
    """The token of a bearer, or the password of a basic authentication, "" for anything else.

    >>> _token("Bearer abc"), _token("Basic a3ViZWN0bDphYmM="), _token("Digest x")
    ('abc', 'abc', '')
    """
    kind, _, given = authorization.partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return b64decode(given.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _request(scope: dict[str, Any]) -> HttpRequest:
    return ASGIRequest(scope, BytesIO())


def _same_origin(request: HttpRequest, headers: Headers) -> bool:
    """Whether a page of this site asks. Browsers say so where there is TLS; elsewhere their address does."""
    said = header(headers, b"sec-fetch-site")
    if said:
        return said == "same-origin"
    came_from = header(headers, b"origin") or header(headers, b"referer")
    try:
        return bool(came_from) and urlsplit(came_from).netloc == request.get_host()
    except ValueError:
        return False


def _csrf(request: HttpRequest) -> bool:
    """Whether Django's own check lets the request pass: token in the header, origin, host."""
    method, request.method = request.method, "POST"
    try:
        return CsrfViewMiddleware(_nothing).process_view(request, _nothing, (), {}) is None
    finally:
        request.method = method


def _nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def may_read(ask: Ask) -> str:
    """The authorizer behind Node and RBAC that lets viewers read all but Secrets: why it does, "" if it does not."""
    if VIEWERS not in ask.user.groups or ask.verb not in READS:
        return ""
    if ask.path:
        return "viewers may read"
    if ask.resource == "secrets" or ask.subresource not in SHOWN_BELOW:
        return ""
    return "viewers may read"
