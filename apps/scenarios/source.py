"""Where a page's cluster comes from: a stored scenario, or a link with the whole story. Pages treat both alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.cluster.apimachinery.status import StatusError
from apps.scenarios import links, presets, replay
from apps.scenarios.limits import Said
from apps.scenarios.models import Scenario
from apps.scenarios.replay import Run
from apps.scenarios.session import Session, session
from apps.scenarios.story import Entry, Story


@dataclass(frozen=True)
class Source:
    """One cluster to look at. `session` is None for a link: then the story is over, and everybody shares the run."""

    ref: str  # a scenario's id, or a v1 token
    title: str
    preset: str
    run: Run
    session: Session | None = None
    link: links.Link | None = None

    @property
    def stored(self) -> bool:
        return self.session is not None

    @property
    def scenario(self) -> Scenario:
        assert self.session is not None
        return self.session.scenario

    @property
    def base(self) -> int:
        return self.run.base

    @property
    def head(self) -> int:
        return self.run.head

    @property
    def epoch(self) -> str:
        """Names this history: another epoch may tell the same revision numbers differently."""
        return f"{self.ref}/{self.session.epoch}" if self.session else self.ref

    def clock(self) -> dict[str, Any]:
        if self.session is not None:
            return self.session.clock()
        return {"now_ms": self.run.done_ms, "speed": 1.0, "paused": False, "at_rest": True}

    def story(self, until: int | None = None) -> Story:
        """The story so far, or as far as a revision."""
        with self.run.lock:
            if until is not None:
                return Story(self.settings(), self.run.entries_until(until))
            marks = self.run.marks
            return Story(self.settings(), tuple(Entry(mark.time_ms, mark.body) for mark in marks if not mark.error))

    def settings(self) -> dict[str, Any]:
        """The make-up of the cluster."""
        if self.session is not None:
            return dict(self.scenario.config)
        assert self.link is not None
        return dict(presets.story_of(self.link).cluster)


def is_token(ref: str) -> bool:
    return ref.startswith(links.PREFIX)


def open_source(ref: str, lang: str) -> Source:
    """The cluster that an address names, current as of now.

    Raises:
        StatusError: 404 for an unknown scenario, 400 for a damaged link.
    """
    if is_token(ref):
        return open_link(ref, lang)
    try:
        found = session(ref)
        found.sync()
    except Scenario.DoesNotExist:
        raise Said(404, "NotFound", _("No scenario is stored under this address.")) from None
    scenario = found.scenario
    return Source(ref, title_of(scenario, lang), scenario.preset, found.run, found)


def open_link(token: str, lang: str) -> Source:
    """Raises: StatusError 400."""
    try:
        link = links.decode(token)
        run = replay.settled(presets.story_of(link))
    except StatusError as error:
        told = _("This link cannot be read (%(why)s). It may have lost a letter on the way.")
        raise Said(400, "BadRequest", told % {"why": error.message}) from None
    title = link.title or presets.get(link.preset).title_in(lang)
    return Source(token, title, link.preset, run, None, link)


def title_of(scenario: Scenario, lang: str) -> str:
    """What a scenario is called: its own title, else its preset's."""
    if scenario.title:
        return scenario.title
    preset = presets.library().get(scenario.preset)
    return preset.title_in(lang) if preset else scenario.id
