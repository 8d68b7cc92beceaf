"""What the environment says: `K8SDOCS_*`, `DATABASE_URL` and `REDIS_URL`, read and checked in one place."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def flag(name: str, default: bool = False) -> bool:
    """Return a yes/no variable; anything but 1, true, yes, on (any case) means no."""
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list without blanks."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def database(url: str, var: Path) -> dict[str, Any]:
    """Return Django's settings of one database from its URL.

    >>> database("postgres://reader:s%40fe@db:5433/k8sdocs?sslmode=require", Path("var"))["PASSWORD"]
    's@fe'
    >>> database("sqlite:///other.sqlite3", Path("var"))["NAME"]
    'other.sqlite3'

    Raises:
        ValueError: the scheme is neither sqlite nor postgres.
    """
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        name = unquote(url.removeprefix("sqlite:///")) if url else str(var / "k8sdocs.sqlite3")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": name,
            "CONN_MAX_AGE": 60,
            "OPTIONS": {
                # A writer asks for the lock at once, so two writers queue instead of one failing half-way.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # FULL: a command is on the disk before it is acknowledged, a power cut included.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
            },
        }
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(
            f"DATABASE_URL: {parts.scheme}:// is not supported; use sqlite:///PATH or postgres://USER:PASSWORD@HOST/NAME"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }


def secret_key(var: Path) -> str:
    """Return K8SDOCS_SECRET_KEY, else a key made at the first start and kept in var/, readable by its owner only."""
    given = os.environ.get("K8SDOCS_SECRET_KEY")
    if given:
        return given
    kept = var / "secret_key"
    try:
        return kept.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    var.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(50)
    try:
        handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first: its key is the one
        return kept.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(made + "\n")
    return made
