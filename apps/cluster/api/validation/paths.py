"""Rules for file paths, modes and names that many fields share.

Models      pkg/apis/core/validation/validation.go (validatePathNoBacksteps, ValidateLocalNonReservedPath, …)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.validation.fields import Errors, all_invalid, invalid, required
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj

MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def no_backsteps(errors: Errors, at: str, path: str) -> None:
    if ".." in path.split("/"):
        invalid(errors, at, path, "must not contain '..'")


def local_descending(errors: Errors, at: str, path: str) -> None:
    if path.startswith("/"):
        invalid(errors, at, path, "must be a relative path")
    no_backsteps(errors, at, path)


def local_non_reserved(errors: Errors, at: str, path: str) -> None:
    local_descending(errors, at, path)
    if path.startswith("..") and not path.startswith("../"):
        invalid(errors, at, path, "must not start with '..'")


def mode(errors: Errors, at: str, value: int | None) -> None:
    if value is not None and not 0 <= value <= 0o777:
        invalid(errors, at, value, MODE)


def dns_label(errors: Errors, at: str, value: str) -> None:
    problems = names.dns1123_label(value)
    if problems:
        all_invalid(errors, at, value, problems)


def dns_subdomain(errors: Errors, at: str, value: str) -> None:
    problems = names.dns1123_subdomain(value)
    if problems:
        all_invalid(errors, at, value, problems)


def qualified(errors: Errors, at: str, value: str) -> None:
    all_invalid(errors, at, value, names.qualified_name(value))


def port_or_name(errors: Errors, at: str, port: int | str | None) -> None:
    """A port as a number or as a name."""
    problems = names.port_name(port) if isinstance(port, str) else names.port_number(port or 0)
    if problems:
        all_invalid(errors, at, port or (0 if not isinstance(port, str) else ""), problems)


def require(errors: Errors, at: str, obj: Obj, *fields: str) -> None:
    """Each of these fields must be there and not be empty."""
    for field in fields:
        value: Any = obj
        for part in field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not value:
            required(errors, f"{at}.{field}")
