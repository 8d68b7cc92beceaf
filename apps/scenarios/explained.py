"""Refusals in the reader's language: what is wrong, and how to mend it, next to Kubernetes' own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from apps.cluster.api import explain as model
from apps.cluster.apimachinery.status import StatusError
from apps.diagrams import wording
from apps.scenarios.limits import Said
from apps.scenarios.manifests import ManifestError, Problem


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
    found = model.explain(error)[:MOST]
    texts = dict.fromkeys(wording.say(lang, one.message_id, one.params) for one in found)
    fixes = dict.fromkeys(wording.say(lang, one.fix_id, one.params) for one in found if one.fix_id)
    return Told("\n".join(texts), "\n".join(fixes), field or found[0].field or first_field(error))


MOST = 5  # things wrong that are told of one document; Kubernetes' own message names them all


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
