"""Decisions: what the scheduler found out about every node, and what came of it. Plain data, for who asks "why?".

Models      nothing upstream; the facts are those that kube-scheduler logs at verbosity 10
Leaves out  nodes one by one in clusters of more than 32 nodes: there only the outcome is kept
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

DETAILED_NODES = 32


class Verdict(NamedTuple):
    """What Filter said of a node. `plugin` is "" when the node passed."""

    node: str
    plugin: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.plugin


class PluginScore(NamedTuple):
    """One plugin's score of one node: as computed, on the scale 0 to 100, and how much it counts."""

    plugin: str
    raw: int
    normalized: int
    weight: int


class NodeScore(NamedTuple):
    """A node that passed, and its points. `total` is the weighted sum."""

    node: str
    scores: tuple[PluginScore, ...]
    total: int


class Sheet(NamedTuple):
    """Verdicts and scores of one decision column by column, which is how they are found and how they are kept.

    `evaluated` names the nodes that Filter saw, `rejected` what it said of some of them: place, plugin, reasons.
    `scored` gives the places of the nodes that Score saw, `columns` a plugin each: name, weight, raw scores and
    normalised ones. Plain data, not to be changed: neighbouring decisions share what they have in common.
    """

    evaluated: Sequence[str]
    rejected: Sequence[Sequence[Any]] = ()
    scored: Sequence[int] = ()
    columns: Sequence[Sequence[Any]] = ()

    def verdicts(self) -> tuple[Verdict, ...]:
        said = {place: (plugin, tuple(reasons)) for place, plugin, reasons in self.rejected}
        return tuple(Verdict(node, *said.get(place, ("", ()))) for place, node in enumerate(self.evaluated))

    def scores(self) -> tuple[NodeScore, ...]:
        out = []
        for row, place in enumerate(self.scored):
            parts = tuple(PluginScore(name, raws[row], points[row], w) for name, w, raws, points in self.columns)
            out.append(NodeScore(self.evaluated[place], parts, sum(part.normalized * part.weight for part in parts)))
        return tuple(out)


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
    filters: tuple[str, ...] = ()  # plugins that took part in Filter, in their order; the others skipped it
    rejected_by: tuple[str, ...] = ()  # plugins to blame for a failure
    candidates: tuple[tuple[str, tuple[str, ...], int], ...] = ()  # preemption: node, who would leave, budgets broken

    @property
    def ties(self) -> tuple[str, ...]:
        """Nodes with the highest total: when there are several, chance decided."""
        best = max((node.total for node in self.scores), default=0)
        return tuple(node.node for node in self.scores if node.total == best)

    @classmethod
    def restore(cls, data: Mapping[str, Any]) -> Decision:
        """Be as `plain` said."""
        lists = {name: tuple(data[name]) for name in _LISTS if name in data}
        candidates = tuple((node, tuple(victims), broken) for node, victims, broken in data.get("candidates", ()))
        fields = {name: value for name, value in data.items() if name != "sheet"}
        sheet = Sheet(*data["sheet"])
        return cls(
            **{**fields, **lists, "verdicts": sheet.verdicts(), "scores": sheet.scores(), "candidates": candidates}
        )


NO_SHEET = Sheet(())
_LISTS = ("victims", "filters", "rejected_by")
Plain = dict[str, Any]  # a Decision as plain data: its fields, but a Sheet for verdicts and scores


class Decisions:
    """Decisions in the order they were made, each with the step it belongs to.

    Kept as recipes, which give plain data when the cluster is saved or somebody asks; what has become plain data stays
    so, and is shared by all snapshots. `most`: how many are kept, 0 = all.
    """

    __slots__ = ("_by_pod", "_dropped", "_kept", "_steps", "most")

    def __init__(self, most: int = 0) -> None:
        self.most = most
        self._steps: list[int] = []
        self._kept: list[tuple[str, Plain | Callable[[], Plain]]] = []
        self._by_pod: dict[str, list[int]] = {}  # steps of the decisions about a Pod
        self._dropped = 0

    def keep(self, step: int, pod: str, decision: Callable[[], Plain]) -> None:
        """A decision; `step` is the number of steps from which on it is known, and names it."""
        steps = self._steps
        if steps and step <= steps[-1]:
            step = steps[-1] + 1  # nothing was written in between
        steps.append(step)
        self._kept.append((pod, decision))
        self._by_pod.setdefault(pod, []).append(step)
        if self.most and len(steps) >= 2 * self.most:
            self._drop(len(steps) - self.most)

    def _drop(self, count: int) -> None:
        """Forget the oldest."""
        for pod, _ in self._kept[:count]:
            self._by_pod[pod].pop(0)
            if not self._by_pod[pod]:
                del self._by_pod[pod]
        del self._steps[:count], self._kept[:count]
        self._dropped += count

    def mark(self) -> int:
        return self._dropped + len(self._steps)

    def rewind(self, mark: int) -> None:
        """Forget the latest, down to `mark` ever made."""
        length = max(mark - self._dropped, 0)
        for pod, _ in reversed(self._kept[length:]):
            self._by_pod[pod].pop()
            if not self._by_pod[pod]:
                del self._by_pod[pod]
        del self._steps[length:], self._kept[length:]

    def _at(self, step: int) -> Decision:
        return Decision.restore(self._plain(bisect_right(self._steps, step) - 1))

    def _plain(self, place: int) -> Plain:
        pod, found = self._kept[place]
        if not isinstance(found, dict):
            found = found()
            self._kept[place] = (pod, found)
        return found

    def at(self, pod: str, position: int) -> Decision | None:
        """The latest decision about a Pod once `position` steps have happened."""
        steps = self._by_pod.get(pod, ())
        known = bisect_right(steps, position)
        return self._at(steps[known - 1]) if known else None

    def get(self, pod: str) -> Decision | None:
        """The latest decision about a Pod."""
        steps = self._by_pod.get(pod)
        return self._at(steps[-1]) if steps else None

    def history(self, pod: str, position: int) -> list[tuple[int, Decision]]:
        """Every remembered decision about a Pod up to a position, the latest first."""
        return [(step, self._at(step)) for step in reversed(self._by_pod.get(pod, ())) if step <= position]

    def latest(self, position: int) -> tuple[int, str]:
        """The step and the Pod of the latest decision up to a position; (0, "") without one."""
        known = bisect_right(self._steps, position)
        return (self._steps[known - 1], self._kept[known - 1][0]) if known else (0, "")

    def all(self) -> list[Decision]:
        """Oldest first."""
        return [self._at(step) for step in self._steps]

    def save(self) -> list[list[Any]]:
        return [[step, self._plain(place)] for place, step in enumerate(self._steps)]

    def load(self, data: list[list[Any]]) -> None:
        self._steps = [step for step, _ in data]
        self._kept = [(plain["pod"], plain) for _, plain in data]
        self._dropped = 0
        self._by_pod = {}
        for step, (pod, _) in zip(self._steps, self._kept, strict=True):
            self._by_pod.setdefault(pod, []).append(step)
