"""A story: everything that decides what happens. The same story is the same history, byte for byte, everywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from apps.scenarios.commands import Body, dumps


@dataclass(frozen=True, slots=True)
class Entry:
    """One command and its simulated instant, in milliseconds since the scenario began."""

    time_ms: int
    body: Body


@dataclass(frozen=True)
class Story:
    """A cluster's make-up and the commands given to it, in order; times never go back.

    `cluster` holds what differs from a plain cluster: `workers`, `seed`, and the other fields of the model's Config.
    """

    cluster: dict[str, Any] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Names the story: equal for equal stories, in every process."""
        text = dumps([self.cluster, [[entry.time_ms, entry.body] for entry in self.entries]])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def end_ms(self) -> int:
        """When the last command was given."""
        return self.entries[-1].time_ms if self.entries else 0

    def then(self, *entries: Entry) -> Story:
        """This story, going on with more commands."""
        return Story(self.cluster, (*self.entries, *entries))
