"""Errors as the API server says them: a Status with a code and a reason, and field errors inside.

Models      k8s.io/apimachinery/pkg/api/errors and pkg/util/validation/field (Error.ErrorBody)
Leaves out  nothing
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

# field.ErrorType and the `reason` that a StatusCause carries for it.
CAUSE_REASONS = {
    "Required value": "FieldValueRequired",
    "Invalid value": "FieldValueInvalid",
    "Unsupported value": "FieldValueNotSupported",
    "Forbidden": "FieldValueForbidden",
    "Not found": "FieldValueNotFound",
    "Duplicate value": "FieldValueDuplicate",
    "Too long": "FieldValueTooLong",
    "Too many": "FieldValueTooMany",
    "Internal error": "InternalError",
    "Type invalid": "FieldValueTypeInvalid",
}
WITHOUT_VALUE = {"Required value", "Forbidden", "Too long", "Internal error"}


class Omitted(Enum):
    """In the place of a value that a message does not repeat."""

    VALUE = 0


OMITTED = Omitted.VALUE


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field. `value` is what was there, as the JSON it was."""

    type: str
    field: str
    value: Any = None
    detail: str = ""

    @property
    def body(self) -> str:
        """The text without the field: `Invalid value: "X": a lowercase RFC 1123 label must …`."""
        if self.type in WITHOUT_VALUE or self.value is OMITTED:
            text = self.type
        else:
            shown = "Invalid value" if self.type == "Type invalid" else self.type
            text = f"{shown}: {_go_value(self.value)}"
        return f"{text}: {self.detail}" if self.detail else text

    def __str__(self) -> str:
        return f"{self.field}: {self.body}"


_NAMED_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_HTML_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def go_quoted(text: str) -> str:
    """A text as Go's `%q` prints it.

    >>> print(go_quoted('a"b'), go_quoted("<\\x01>"))
    "a\\"b" "<\\x01>"
    """
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_go_letter, text))}"'


def _go_letter(letter: str) -> str:
    if letter in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[letter]
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def go_escaped(text: str) -> str:
    """What Go's JSON writes otherwise than others: angle brackets and ampersands."""
    return text.translate(_HTML_ESCAPES)


def _go_value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return go_quoted(value)
    if isinstance(value, float):
        return repr(value) if value != int(value) else str(int(value))
    if isinstance(value, dict | list):
        return go_escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    return str(value)


class StatusError(Exception):
    """A refusal, shaped as metav1.Status."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.metadata: dict[str, Any] = {}  # of the Status: a list that went too old says here how to go on
        self.errors: tuple[FieldError, ...] = ()
        self.stage = ""  # where in the request chain it was refused: "authorization", "mutating", "schema" …
        self.plugin = ""  # and by which admission plugin
        self.generic = False  # an answer to the request as such: it shows its details though they are empty

    def as_status(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": dict(self.metadata),
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details or self.generic:
            status["details"] = self.details
        status["code"] = self.code
        return status


def qualified(resource: str, group: str) -> str:
    """`deployments.apps`, `pods`: how messages name a resource or kind of a group."""
    return f"{resource}.{group}" if group else resource


def _named(resource: str, group: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {"name": name} if name else {}
    if group:
        details["group"] = group
    details["kind"] = resource
    return details


def not_found(resource: str, name: str, group: str = "") -> StatusError:
    return StatusError(
        404, "NotFound", f'{qualified(resource, group)} "{name}" not found', _named(resource, group, name)
    )


def already_exists(resource: str, name: str, group: str = "") -> StatusError:
    return StatusError(
        409, "AlreadyExists", f'{qualified(resource, group)} "{name}" already exists', _named(resource, group, name)
    )


def conflict(resource: str, name: str, group: str = "", why: str = "") -> StatusError:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return StatusError(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
        _named(resource, group, name),
    )


def forbidden(resource: str, name: str, why: str, group: str = "") -> StatusError:
    if not resource:
        subject = "forbidden"
    elif name:
        subject = f'{qualified(resource, group)} "{name}" is forbidden'
    else:
        subject = f"{qualified(resource, group)} is forbidden"
    return StatusError(403, "Forbidden", f"{subject}: {why}", _named(resource, group, name))


def invalid(kind: str, group: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """422 with every field error, once each, in order."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _named(kind, group, name)
    details["causes"] = [
        {"reason": CAUSE_REASONS.get(error.type, "FieldValueInvalid"), "message": error.body, "field": error.field}
        for error in errors
    ]
    status = StatusError(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {listed}', details)
    status.errors = tuple(errors)
    return status


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def gone(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


GENERIC = {
    404: ("NotFound", "the server could not find the requested resource"),
    405: ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
    415: ("UnsupportedMediaType", "415: Unsupported Media Type"),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
}


def generic(code: int) -> StatusError:
    """What a server says of a request that never reached an object."""
    reason, message = GENERIC[code]
    error = StatusError(code, reason, message)
    error.generic = True
    return error


def method_not_allowed(message: str) -> StatusError:
    return StatusError(405, "MethodNotAllowed", message)


def too_many_requests(message: str, retry_after_seconds: int = 0) -> StatusError:
    details = {"retryAfterSeconds": retry_after_seconds} if retry_after_seconds else {}
    return StatusError(429, "TooManyRequests", message, details)


def internal_error(message: str) -> StatusError:
    return StatusError(500, "InternalError", f"Internal error occurred: {message}")
