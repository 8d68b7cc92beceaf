"""Bootstrap tokens as they lie in Secrets, and the signature that a token puts on a text.

Models      pkg/controller/bootstrap (util.go, jws.go), k8s.io/cluster-bootstrap
Leaves out  nothing

Pure.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj, name_of

TYPE = "bootstrap.kubernetes.io/token"
PREFIX = "bootstrap-token-"


def field(secret: Obj, name: str) -> str:
    """A value of a Secret as text, "" when it is not there."""
    try:
        return b64decode((secret.get("data") or {}).get(name) or "").decode()
    except (ValueError, UnicodeDecodeError):
        return ""


def expires_in_ms(secret: Obj, now_ms: int) -> int | None:
    """How long a token is good for: 0 or less it is not, None it has no end. An end that cannot be read is past."""
    text = field(secret, "expiration")
    if not text:
        return None
    try:
        return timestamps.parse(text) - now_ms
    except ValueError:
        return 0


def signing(secret: Obj, now_ms: int) -> tuple[str, str] | None:
    """(id, secret) of a token that may sign, None for any other."""
    identity, value = field(secret, "token-id"), field(secret, "token-secret")
    left = expires_in_ms(secret, now_ms)
    if not identity or not value or name_of(secret) != PREFIX + identity or (left is not None and left <= 0):
        return None
    return (identity, value) if field(secret, "usage-bootstrap-signing") == "true" else None


def signature(content: str, identity: str, value: str) -> str:
    """A JSON web signature of `content` without the content.

    >>> signature("a", "abcdef", "0123456789abcdef").split("..")[0]
    'eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9'
    """
    header = _base64(f'{{"alg":"HS256","kid":"{identity}"}}'.encode())
    body = _base64(content.encode())
    key = f"{identity}.{value}".encode()
    return f"{header}..{_base64(hmac.new(key, f'{header}.{body}'.encode(), sha256).digest())}"


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
