"""Field errors as k8s.io/apimachinery's field package makes them, appended to a list that the caller hands round.

Paths are texts ("spec.containers[0].name"), put together only where something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.status import OMITTED, FieldError

Errors = list[FieldError]

NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
NOT_INTEGER = "must be an integer"
IMMUTABLE = "field is immutable"


def required(errors: Errors, path: str, detail: str = "") -> None:
    errors.append(FieldError("Required value", path, "", detail))


def invalid(errors: Errors, path: str, value: Any, detail: str) -> None:
    errors.append(FieldError("Invalid value", path, value, detail))


def all_invalid(errors: Errors, path: str, value: Any, details: Iterable[str]) -> None:
    for detail in details:
        errors.append(FieldError("Invalid value", path, value, detail))


def omitted(errors: Errors, path: str, detail: str) -> None:
    """An invalid value that the message does not repeat."""
    errors.append(FieldError("Invalid value", path, OMITTED, detail))


def forbidden(errors: Errors, path: str, detail: str) -> None:
    errors.append(FieldError("Forbidden", path, "", detail))


def not_supported(errors: Errors, path: str, value: Any, valid: Iterable[str]) -> None:
    listed = ", ".join(f'"{one}"' for one in valid)
    errors.append(FieldError("Unsupported value", path, value, f"supported values: {listed}" if listed else ""))


def duplicate(errors: Errors, path: str, value: Any) -> None:
    errors.append(FieldError("Duplicate value", path, value))


def not_found(errors: Errors, path: str, value: Any, detail: str = "") -> None:
    errors.append(FieldError("Not found", path, value, detail))


def too_long(errors: Errors, path: str, length: int) -> None:
    errors.append(FieldError("Too long", path, "", f"may not be more than {length} bytes"))


def too_many(errors: Errors, path: str, count: int, most: int) -> None:
    errors.append(FieldError("Too many", path, count, f"must have at most {most} items"))


def nonnegative(errors: Errors, path: str, value: int | None) -> None:
    if value is not None and value < 0:
        invalid(errors, path, value, NEGATIVE)


def positive(errors: Errors, path: str, value: int) -> None:
    if value <= 0:
        invalid(errors, path, value, NOT_POSITIVE)


def immutable(errors: Errors, path: str, new: Any, old: Any) -> None:
    """Nothing, an empty list and an empty map are one and the same, as in upstream's semantic equality."""
    if new is not old and not same(new, old):
        invalid(errors, path, new, IMMUTABLE)


def same(one: Any, other: Any) -> bool:
    """Semantic.DeepEqual: absent equals empty, and quantities are texts already canonical."""
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return all(same(one.get(name), other.get(name)) for name in dict.fromkeys((*one, *other)))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if one in (None, [], {}) and other in (None, [], {}):
        return not (isinstance(one, dict) or isinstance(other, dict)) or (one or {}) == (other or {})
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def is_negative(amount: Any) -> bool:
    return quantity.nano(amount) < 0


def sorted_map(value: dict[str, Any] | None) -> dict[str, Any] | None:
    """A map as Go's JSON shows it in a message."""
    return None if value is None else {name: value[name] for name in sorted(value)}
