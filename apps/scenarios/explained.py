"""Refusals in the reader's language: what is wrong, and how to mend it, next to Kubernetes' own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios.limits import Said
from apps.scenarios.manifests import ManifestError, Problem

try:
    from apps.cluster.api import explain as _model
except ImportError:  # pragma: no cover
    _model = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Told:
    """`text` says what is wrong, `fix` what to do about it; either may be empty."""

    text: str
    fix: str = ""
    field: str = ""


def explain(error: StatusError, lang: str, *, field: str = "") -> Told:
    """A refusal in the reader's language."""
    if isinstance(error, Said):
        return Told(error.message)
    return Told(GENERAL.get(error.reason, "") and _(GENERAL[error.reason]), "", field or first_field(error))


GENERAL = {
    "NotFound": "There is no such object.",
}


def first_field(error: StatusError) -> str:
    """The first field that a refusal names."""
    causes = error.details.get("causes") or []
    if causes:
        return str(causes[0].get("field", ""))
    for pattern in IN_WORDS:
        match = pattern.search(error.message)
        if match is not None:
            return match[1]
    return ""


# Errors of decoding name their field in words only.
IN_WORDS = (re.compile(r'unknown field "([^"]+)"'), re.compile(r"Go struct field \w*\.([^ ]+) of type"))


def problem_json(problem: Problem, lang: str) -> dict[str, Any]:
    """One refused document, as the page shows it."""
    told = explain(problem.error, lang)
    line = problem.line
    if told.field and problem.document is not None:
        line = problem.document.line_of(told.field)
    return {
        "document": problem.number,
        "line": line,
        "kind": problem.kind,
        "name": problem.name,
        "field": told.field,
        "message": problem.error.message,
        "text": told.text or problem.error.message,
        "fix": told.fix,
        "source": problem.source,
    }


def problems_json(error: ManifestError, lang: str) -> list[dict[str, Any]]:
    return [problem_json(problem, lang) for problem in error.problems]
