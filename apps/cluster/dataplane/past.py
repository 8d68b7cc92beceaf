"""What the agents of a node had seen at one moment: the key to everything that they have programmed.

Models      what remains in a kernel when the program that filled it stops, is cut off, or its machine loses power
Leaves out  what each module says
"""

from __future__ import annotations

from typing import NamedTuple

from apps.cluster.dataplane.agents import ALL, BIRD, CUT, DOWN, ESTABLISHED, GONE, LOST, PROXY, STALE, UP
from apps.cluster.dataplane.marks import NEVER, Marks


class Seen(NamedTuple):
    """`state` of the agent; `position`: how many steps had happened when it last looked, None if it never has."""

    state: str
    position: int | None


class Session(NamedTuple):
    """BGP between two nodes. `since`: how many steps had happened when it became so; 0 if nothing is known of it."""

    state: str  # established, stale, lost
    since: int


class Past:
    """The marks of the agents, once `position` steps have happened."""

    def __init__(self, marks: Marks, position: int) -> None:
        self._marks = marks
        self.position = position

    def state(self, node: str, agent: str) -> str:
        """up, cut, down, gone; "" before it first ran."""
        return self._marks.last(f"{node}/{agent}", self.position).state

    def seen(self, node: str, agent: str) -> Seen:
        """Felix acts at once, kube-proxy when it syncs."""
        marks, who = self._marks, f"{node}/{agent}"
        mark = marks.last(who, self.position)
        state = mark.state
        until = self.position
        while mark.state in (CUT, DOWN):  # what it saw, it saw before
            until = mark.step
            mark = marks.before(who, mark)
        if not marks.keep and state in (CUT, DOWN):
            return Seen(state, self.position)
        if mark.state != UP:
            return Seen(state, None)
        if agent != PROXY:
            return Seen(state, until)
        synced = marks.last(f"{ALL}/{PROXY}", until)
        return Seen(state, max(synced.step, mark.step))

    def session(self, one: str, other: str) -> Session:
        """Between the BIRDs of two nodes, as far as their machines and programs go."""
        found = Session(ESTABLISHED, 0)
        first, second = sorted((one, other))
        for who in (f"{one}/{BIRD}", f"{other}/{BIRD}", f"{first} {second}/link"):
            mark = self._marks.last(who, self.position)
            if mark is NEVER:
                if who.endswith(BIRD):
                    return Session(LOST, 0)
                continue
            if mark.state == LOST:
                return Session(LOST, mark.step)
            if mark.state == STALE and (found.state != STALE or mark.step < found.since):
                found = Session(STALE, mark.step)
            elif found.state != STALE:
                found = Session(ESTABLISHED, max(found.since, mark.step))
        return found

    def frozen(self, node: str, agent: str) -> Past | None:
        """The moment at which what an agent had programmed came to a stand; itself while it runs; None: nothing."""
        seen = self.seen(node, agent)
        if seen.position is None or seen.state in (GONE, ""):
            return None
        return self if seen.state == UP else Past(self._marks, seen.position)
