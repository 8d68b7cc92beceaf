"""Refusals in the reader's language: what is wrong, and how to mend it, next to Kubernetes' own words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.cluster.api.explain import explain as taken_apart
from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.status import StatusError
from apps.diagrams import wording
from apps.scenarios.limits import Said
from apps.scenarios.manifests import ManifestError, Problem

# Maps whose values are quantities, by their names in the API.
QUANTITIES = frozenset(
    {"requests", "limits", "capacity", "hard", "overhead", "default", "defaultRequest", "max", "min"}
)


TOLD = 50  # things wrong that are listed; ten thousand would help nobody
MESSAGE = 2000  # characters shown of Kubernetes' own message


@dataclass(frozen=True)
class Told:
    """`text` says what is wrong, `fix` what to do about it (may be empty); `message` is how Kubernetes says it."""

    text: str
    fix: str = ""
    field: str = ""
    message: str = ""


def explain_all(error: StatusError, lang: str) -> list[Told]:
    """Everything that a refusal says, one thing at a time; never empty, and not without end."""
    if isinstance(error, Said):
        return [Told(error.message, message=error.message)]
    found = taken_apart(error, TOLD + 1)
    own = [str(one) for one in error.errors[: len(found)]] if error.errors else [error.message] * len(found)
    told = [
        Told(
            wording.say(lang, one.message_id, one.params),
            wording.say(lang, one.fix_id, one.params) if one.fix_id else "",
            one.field,
            message if len(message) <= MESSAGE else message[: MESSAGE - 1] + "…",
        )
        for one, message in zip(found[:TOLD], own, strict=False)
    ]
    return [*told, _more(lang)] if len(found) > TOLD else told


def _more(lang: str) -> Told:
    return Told(wording.say(lang, "rejected.more", {"limit": TOLD}))


def explain(error: StatusError, lang: str) -> Told:
    """The first thing that a refusal says."""
    return explain_all(error, lang)[0]


def in_one_line(told: Told) -> str:
    """What is wrong and what to do, with Kubernetes' own words behind."""
    text = f"{told.text} {told.fix}".strip()
    return text if not told.message or told.message == told.text else f"{text} ({told.message})"


def problems_json(error: ManifestError, lang: str) -> list[dict[str, Any]]:
    """The problems of a manifest, as the page shows them."""
    shown: list[dict[str, Any]] = []
    for problem in error.problems:
        shown += _problem(problem, lang)
        if len(shown) > TOLD:
            last = _more(lang)
            return [*shown[:TOLD], {**shown[TOLD], "field": "", "message": "", "text": last.text, "fix": ""}]
    return shown


def bad_quantity(value: Any, path: str = "") -> str:
    """The path of the first quantity that is none; "" without one. The API server's own message does not say where.

    >>> bad_quantity({"spec": {"containers": [{"resources": {"limits": {"cpu": "100x"}}}]}})
    'spec.containers[0].resources.limits.cpu'
    """
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        items = ((f"{path}.{key}" if path else str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        items = ((f"{path}[{number}]", item) for number, item in enumerate(value))
    for place, item in items:
        name = place.rpartition(".")[2]
        if name in QUANTITIES and isinstance(item, dict):
            found = next((f"{place}.{key}" for key, amount in item.items() if not _is_quantity(amount)), "")
        elif name == "sizeLimit":
            found = "" if _is_quantity(item) else place
        else:
            found = bad_quantity(item, place)
        if found:
            return found
    return ""


def _is_quantity(amount: Any) -> bool:
    try:
        quantity.parse(str(amount))
    except quantity.InvalidQuantity:
        return False
    return not isinstance(amount, bool | dict | list)


def _problem(problem: Problem, lang: str) -> list[dict[str, Any]]:
    out = []
    for told in explain_all(problem.error, lang):
        line = problem.line
        field = told.field
        if not field and "quantit" in told.message and problem.document is not None:
            field = bad_quantity(problem.document.obj)
        if field and problem.document is not None:
            line = problem.document.line_of(field)
        out.append(
            {
                "document": problem.number,
                "line": line,
                "kind": problem.kind,
                "name": problem.name,
                "field": field,
                "message": told.message,
                "text": told.text,
                "fix": told.fix,
                "source": problem.source,
            }
        )
    return out
