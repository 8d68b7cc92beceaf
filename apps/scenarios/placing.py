"""Where everything stands at a revision: the places of the figure, carried along the history of a run.

Places depend on what came before (`apps/diagrams/places.py`), so they are folded from the base on, and some are kept
on the way: looking at any revision costs a few dozen steps at most.
"""

from __future__ import annotations

from apps.diagrams import places
from apps.diagrams.places import Places
from apps.scenarios.replay import Run

EVERY = 64  # steps between places that are kept


def places_at(run: Run, at: int) -> Places:
    """The places after everything that happened up to a moment."""
    with run.lock:
        trace = run.cluster.trace
        first = trace.position(run.base)
        wanted = max(run.position(at), first)
        kept: list[Places] = run.kept_places
        if not kept:
            kept.append(places.start(run.cluster.view(run.base)))
        while (len(kept) * EVERY) + first <= wanted:
            begin = first + (len(kept) - 1) * EVERY
            kept.append(_after(kept[-1], run, begin, begin + EVERY))
        index = (wanted - first) // EVERY
        return _after(kept[index], run, first + index * EVERY, wanted)


def _after(start: Places, run: Run, begin: int, end: int) -> Places:
    now = start
    for step in run.cluster.trace.steps[begin:end]:
        now = places.advance(now, step)
    return now
