"""Walk-throughs and predictions: data in `content/figures/<slug>.toml`, worked out on the article's own run.

    at = "ready"                            the moment that the figure shows first (by its id; else the last one)
    start = {who = "kubelet", …}            the same for a figure without a walk-through: a finder

    [[walk]]
    id = "bind"                             names the moment: `[…](rev:bind)` in the text
    find = {who = "kube-scheduler", verb = "bind"}      searched for after the moment before it (finding.py)
    as = "pod"                              `{pod}` in the texts from here on: a link to the object of that step
    title = {ko = "…", en = "…"}
    text = {ko = "…", en = "…"}

    [prediction]
    at = "bind"                             where the reader stands when asked
    question = {ko = "…", en = "…"}
    measure = {…}                           how the model answers (measures.py)
    options = [{id = "a", ko = "…", en = "…", find = {…}}]     choices; without them a number or a name is written
    reveal = {ko = "…{answer}…", en = "…"}

A text that names an object which is not in the figure at its moment is an error, and fails the tests.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Any

from apps.articles import finding, measures
from apps.articles.library import CONTENT, LANGUAGES, Article
from apps.articles.prose import joined, label_of, unbroken
from apps.cluster.engine import Step
from apps.scenarios import presets
from apps.scenarios.moments import address
from apps.scenarios.replay import Run, settled
from apps.scenarios.service import NOTED

NAME = re.compile(r"\{(\w+)(?::(\w+))?\}")
CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Moment:
    """One step of a walk-through, found."""

    id: str
    revision: int
    title: str
    text: str  # HTML
    at: str = ""  # its address: the revision, or a step that follows on it where such steps show

    def __post_init__(self) -> None:
        if not self.at:
            object.__setattr__(self, "at", str(self.revision))


@dataclass(frozen=True)
class Option:
    id: str
    text: str  # HTML


@dataclass(frozen=True)
class Prediction:
    question: str
    revision: int  # where the reader stands
    shows: int  # the revision that shows the answer
    options: tuple[Option, ...]
    answer: str  # an option's id, a number or a name
    answer_text: str
    reveal: str  # HTML

    @property
    def number(self) -> bool:
        """Whether a number is asked for."""
        return self.answer.isdigit()


@dataclass(frozen=True)
class Walk:
    """Everything the page needs of a figure's data, in one language."""

    at: int
    moments: tuple[Moment, ...]
    prediction: Prediction | None
    names: Mapping[str, str] = field(default_factory=dict)  # captured name -> ref

    @property
    def addresses(self) -> dict[str, str]:
        return {moment.id: moment.at for moment in self.moments}


def load(slug: str) -> dict[str, Any]:
    """The data of an article's figure; empty for one without a walk-through."""
    path = CONTENT / "figures" / f"{slug}.toml"
    return tomllib.loads(path.read_text()) if path.exists() else {}


@lru_cache(maxsize=128)
def of(article: Article) -> Walk:
    """The article's walk-through, found in its run.

    Raises:
        LookupError: a moment never comes; ValueError: the data is wrong, or a text names what is not on screen.
    """
    data = load(article.slug)
    run = settled(presets.get(article.preset).story)
    steps = run.cluster.trace.steps
    position = run.cluster.trace.position(run.before)
    moments: list[Moment] = []
    names: dict[str, str] = {}
    places: dict[str, int] = {}
    positions: dict[str, int] = {}
    for entry in data.get("walk", ()):
        try:
            position = finding.find(steps, entry["find"], position)
        except LookupError as error:
            raise LookupError(f"{article.slug}: moment {entry['id']!r}: {error}") from None
        step = steps[position]
        position += 1
        if "as" in entry:
            names[entry["as"]] = step.ref
        places[entry["id"]], positions[entry["id"]] = step.revision, position
        for language in LANGUAGES:
            _check_on_screen(article.slug, entry["id"], entry["text"][language], names, run, step)
        moments.append(
            Moment(
                entry["id"],
                step.revision,
                paragraph(entry["title"][article.language], names, links=False),
                paragraph(entry["text"][article.language], names),
                address(run.cluster.trace, step) if article.view in NOTED else "",
            )
        )
    prediction = _prediction(article, data.get("prediction"), run, places, positions, names)
    return Walk(_first(article, data, run, places), tuple(moments), prediction, names)


def _first(article: Article, data: Mapping[str, Any], run: Run, places: Mapping[str, int]) -> int:
    """The revision that the figure shows first."""
    if "at" in data:
        return places[data["at"]]
    if "start" in data:
        trace = run.cluster.trace
        try:
            return trace.steps[finding.find(trace.steps, data["start"], trace.position(run.before))].revision
        except LookupError as error:
            raise LookupError(f"{article.slug}: {error}") from None
    return max(places.values(), default=run.head)


def _prediction(
    article: Article,
    data: Mapping[str, Any] | None,
    run: Run,
    places: dict[str, int],
    positions: dict[str, int],
    names: dict[str, str],
) -> Prediction | None:
    if data is None:
        return None
    language = article.language
    start = places[data["at"]]
    answer, shows = measures.measure(data["measure"], data.get("options", ()), run, start, names, positions[data["at"]])
    options = tuple(Option(option["id"], _coded(option[language])) for option in data.get("options", ()))
    answer_text = next((option.text for option in options if option.id == answer), _coded(answer))
    reveal = paragraph(data["reveal"][language], names, answer=answer_text)
    question = paragraph(data["question"][language], names, links=False)
    return Prediction(question, start, shows, options, answer, answer_text, reveal)


def _check_on_screen(slug: str, moment: str, text: str, names: Mapping[str, str], run: Run, step: Step) -> None:
    for match in NAME.finditer(text):
        ref = names.get(match[1])
        if ref is None:
            raise ValueError(f"{slug}: moment {moment!r} names {{{match[1]}}}, which no moment before it captured")
        resource, _, key = ref.partition("/")
        there = key in run.cluster.trace.world(step.revision).get(resource, {})
        if not there and step.ref != ref:
            raise ValueError(f"{slug}: moment {moment!r} names {ref}, which is not in the figure")


def _coded(text: str) -> str:
    """A text as HTML, what stands between back quotes as code."""
    return CODE.sub(lambda match: f"<code>{match[1]}</code>", escape(text, quote=False))


def paragraph(text: str, names: Mapping[str, str], *, links: bool = True, answer: str = "") -> str:
    """One paragraph of HTML: `code` in back quotes, `{name}` a link to the object it stands for.

    `{name:short}` shows the generated end of the name only, as the figure does. `answer` is HTML.
    """

    def replace(match: re.Match[str]) -> str:
        if match[1] == "answer":
            return f"<strong>{answer}</strong>"
        ref = names.get(match[1])
        if ref is None:
            raise ValueError(f"{{{match[1]}}} stands for nothing here")
        label = label_of(ref, match[2] or "")
        if not links:
            return escape(label)
        return f'<a class="obj-l" href="?focus={escape(ref)}#plate" data-ref="{escape(ref)}">{escape(label)}</a>'

    html = _coded(text)
    return unbroken(joined(NAME.sub(replace, html)))
