"""Decisions: what the scheduler found out about every node, and what came of it. Plain data, for who asks "why?".

Models      nothing upstream; the facts are those that kube-scheduler logs at verbosity 10
Leaves out  nodes one by one in clusters of more than 32 nodes: there only the outcome is kept
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MOST = 500  # decisions remembered
DETAILED_NODES = 32


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Filter said of a node. `plugin` is "" when the node passed."""

    node: str
    plugin: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.plugin


@dataclass(frozen=True, slots=True)
class PluginScore:
    """One plugin's score of one node: as computed, on the scale 0 to 100, and how much it counts."""

    plugin: str
    raw: int
    normalized: int
    weight: int


@dataclass(frozen=True, slots=True)
class NodeScore:
    """A node that passed, and its points. `total` is the weighted sum."""

    node: str
    scores: tuple[PluginScore, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One attempt to place one Pod.

    `evaluated` and `feasible` count nodes. `verdicts` has every evaluated node, `scores` every feasible one (none
    when only one was: then it is taken unscored), both empty when the cluster is large. `chosen` is "" when there was
    none; `message` then says why, `nominated` and `victims` what preemption did about it.
    """

    pod: str
    uid: str
    time_ms: int
    attempt: int
    nodes: int
    evaluated: int
    feasible: int
    verdicts: tuple[Verdict, ...]
    scores: tuple[NodeScore, ...]
    chosen: str
    score: int
    message: str = ""
    nominated: str = ""
    victims: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        plain["verdicts"] = [[v.node, v.plugin, list(v.reasons)] for v in self.verdicts]
        plain["scores"] = [
            [s.node, [[p.plugin, p.raw, p.normalized, p.weight] for p in s.scores], s.total] for s in self.scores
        ]
        plain["victims"] = list(self.victims)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Decision:
        verdicts = tuple(Verdict(node, plugin, tuple(reasons)) for node, plugin, reasons in data["verdicts"])
        scores = tuple(
            NodeScore(node, tuple(PluginScore(*part) for part in parts), total) for node, parts, total in data["scores"]
        )
        return cls(**{**data, "verdicts": verdicts, "scores": scores, "victims": tuple(data["victims"])})


class Decisions:
    """The latest decision about each Pod. Kept as a recipe and worked out when somebody asks."""

    __slots__ = ("_kept", "_plain")

    def __init__(self) -> None:
        self._kept: dict[str, Decision | Callable[[], Decision]] = {}
        self._plain: dict[str, dict[str, Any]] = {}  # what was saved before, so that saving again costs nothing

    def keep(self, pod: str, decision: Decision | Callable[[], Decision]) -> None:
        kept = self._kept
        self._plain.pop(pod, None)
        if pod in kept:
            del kept[pod]
        elif len(kept) >= MOST:
            oldest = next(iter(kept))
            del kept[oldest]
            self._plain.pop(oldest, None)
        kept[pod] = decision

    def get(self, pod: str) -> Decision | None:
        found = self._kept.get(pod)
        if found is None or isinstance(found, Decision):
            return found
        decision = self._kept[pod] = found()
        return decision

    def all(self) -> list[Decision]:
        """Oldest first."""
        return [decision for pod in list(self._kept) if (decision := self.get(pod)) is not None]

    def save(self) -> list[dict[str, Any]]:
        plain = self._plain
        for decision in self.all():
            if decision.pod not in plain:
                plain[decision.pod] = decision.as_dict()
        return [plain[pod] for pod in self._kept]

    def load(self, data: list[dict[str, Any]]) -> None:
        self._kept = {entry["pod"]: Decision.from_dict(entry) for entry in data}
        self._plain = {entry["pod"]: entry for entry in data}
