"""Steps and commands as the page and the socket say them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.cluster.engine import Step
from apps.diagrams import narration
from apps.scenarios.moments import address
from apps.scenarios.replay import Mark, Run

MOST_STEPS = 5000  # in one answer


def clock_text(time_ms: int) -> str:
    """Simulated time since the scenario began.

    >>> clock_text(16520), clock_text(0), clock_text(3_725_000)
    ('t+16.52 s', 't+0.00 s', 't+3725.00 s')
    """
    return f"t+{time_ms / 1000:.2f} s"


def article_url(slug: str, lang: str) -> str:
    """The address of an article, "" for none."""
    return f"/{lang}/docs/{slug}/" if slug else ""


def step_json(step: Step, lang: str, base_ms: int, at: str = "") -> dict[str, Any]:
    """One step, in the shape that docs/architecture.md calls STEP. `at`: its address; "" = its revision's."""
    _resource, namespace, name = narration.split_ref(step.ref)
    time_ms = step.time_ms - base_ms
    return {
        "index": step.index,
        "revision": step.revision,
        "at": at or str(step.revision),
        "time_ms": time_ms,
        "time": clock_text(time_ms),
        "who": narration.who(step),
        "reader": step.component == "kubectl",  # a reader's own, whatever program they used
        "node": step.node,
        "verb": step.verb,
        "verb_text": narration.verb_text(step, lang),
        "kind": narration.kind_of(step),
        "ref": step.ref,
        "namespace": namespace,
        "name": name,
        "text": narration.sentence(step, lang),
        "cause": step.cause,
        "rank": step.rank,
        "article": article_url(narration.article_of(step), lang),
        "edges": narration.edges_of(step),
    }


def steps_json(run: Run, lang: str, after: int, until: int) -> list[dict[str, Any]]:
    """The steps whose revision is in (after, until], oldest first, at most MOST_STEPS.

    What followed on the base before anything was written is the story's too: a power cut may come first.
    """
    with run.lock:
        trace = run.cluster.trace
        first = run.first if after <= run.base else trace.position(after)
        found = trace.steps[first : trace.position(until)][:MOST_STEPS]
        return [step_json(step, lang, run.base_ms, address(trace, step)) for step in found]


def command_json(mark: Mark) -> dict[str, Any]:
    """A command: where in the history it stands, and how it would be typed."""
    out: dict[str, Any] = {
        "seq": mark.seq,
        "revision": mark.revision + 1,
        "time_ms": mark.time_ms,
        "time": clock_text(mark.time_ms),
        "text": mark.text,
    }
    if mark.error:
        out["error"] = mark.error
    return out


def commands_json(marks: Iterable[Mark]) -> list[dict[str, Any]]:
    return [command_json(mark) for mark in marks]


def watch_type(step: Step) -> str:
    """How a watch calls the step; a note changes no object."""
    if step.before is None and step.after is not None:
        return "ADDED"
    if step.after is None and step.before is not None:
        return "DELETED"
    return "MODIFIED"


def watched_object(step: Step) -> dict[str, Any]:
    """What a watch frame says of the object: what it is, not all that is in it."""
    obj = step.after or step.before
    if obj is not None:
        metadata = obj["metadata"]
        kept = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion") if key in metadata}
        return {"apiVersion": obj.get("apiVersion", ""), "kind": obj.get("kind", ""), "metadata": kept}
    _resource, namespace, name = narration.split_ref(step.ref)
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "", "kind": narration.kind_of(step), "metadata": metadata}
