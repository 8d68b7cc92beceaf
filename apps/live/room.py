"""A room: one scenario, watched in this process. One runner lets its time pass, and encodes each frame once for all.

The runner sleeps until the next thing is due by the anchored clock, until somebody writes, or for good while nothing
will happen.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import close_old_connections

from apps.cluster.engine import Step
from apps.diagrams.figure import Figure
from apps.live import frames
from apps.live.viewer import Viewer
from apps.live.wire import Batch
from apps.scenarios import service
from apps.scenarios.models import Scenario
from apps.scenarios.moments import address
from apps.scenarios.replay import Mark
from apps.scenarios.session import Session, session

logger = logging.getLogger(__name__)
T = TypeVar("T")

TICK_S = 0.04  # frames of a busy cluster are gathered this long
REFRESH_S = 10.0  # a lost hint costs at most this
ROUNDS = 50  # to catch up with a busy runner before taking a seat
RESUME_STEPS = 3000  # further behind than this, a reader fetches anew
REQUESTS_A_SECOND = 10  # shown of those that left no step
LooksAt = tuple[str, str, str]  # view, language, width


@dataclass
class News:
    """What one turn of the runner found."""

    steps: list[Step] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)  # of the steps
    marks: list[Mark] = field(default_factory=list)
    clock: dict[str, Any] = field(default_factory=dict)
    head: int = 0
    time_ms: int = 0
    base_ms: int = 0
    wait_ms: int | None = None
    rewritten: bool = False  # history is another than was shown
    removed: bool = False  # the scenario is gone
    index: int = 0
    seq: int = 0
    epoch: int = 0
    texts: dict[LooksAt, list[str]] = field(default_factory=dict)

    def told(self, lang: str, most: int | None = None) -> list[str]:
        """Its steps as frames without pictures, at most so many."""
        places = list(zip(self.steps, self.addresses, strict=True))[:most]
        return [frames.step_frame(step, lang, self.base_ms, at) for step, at in places]


class Room:
    """Everybody in this process who watches one scenario."""

    def __init__(self, scenario_id: str, executor: Executor) -> None:
        self.id = scenario_id
        self.viewers: set[Viewer] = set()
        self.session: Session | None = None
        self._executor = executor
        self._poked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._stale = True  # somebody may have written since we last asked the database
        self.entering = 0
        # How far the runner has come, and how far that has been shown: it works in a thread, and shows on the loop.
        self._index = self._shown = 0  # steps
        self._seq = self._shown_seq = 0  # commands
        self._epoch = self._shown_epoch = 0
        self._clock: dict[str, Any] = {}
        self._figures: dict[LooksAt, Figure] = {}
        self._opened: asyncio.Task[None] | None = None
        self._requests: list[float] = []  # when those of the last second were shown

    # ---- coming and going ----------------------------------------------------------------------

    async def enter(self, viewer: Viewer, resource_version: int | None) -> None:
        """Show a viewer what was written since `resource_version`, then everything that follows.

        Raises:
            Scenario.DoesNotExist
        """
        self.entering += 1
        try:
            if self._opened is None:
                self._opened = asyncio.get_running_loop().create_task(self._open())
            await asyncio.shield(self._opened)
            done: int | None = None
            for _round in range(ROUNDS):
                missed = await self.work(lambda done=done: self._missed(viewer, resource_version, done))  # type: ignore[misc]
                if missed is None:
                    viewer.lapse(f"too old resource version: {resource_version}")
                    return
                texts, index = missed
                if index is None:  # the runner has not yet seen that history was replayed anew
                    if done is not None:
                        viewer.lapse("history was written anew")
                        return
                    await asyncio.sleep(TICK_S)
                    continue
                done = index
                if texts:
                    viewer.put(Batch(texts))
                # No await from here to the end: the next that the runner shows is the next that this viewer gets.
                if done == self._shown:
                    break
            else:
                viewer.lapse("history went on too fast")
                return
            self.viewers.add(viewer)
            self._poked.set()
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._run())
        finally:
            self.entering -= 1

    def leave(self, viewer: Viewer) -> None:
        self.viewers.discard(viewer)

    def close(self) -> None:
        for task in (self._task, self._opened):
            if task is not None:
                task.cancel()
        for viewer in self.viewers:
            viewer.close()
        self.viewers.clear()

    def poke(self, session: Session | None = None) -> None:
        """Somebody wrote, or set the clock; if it was through our own `session`, that is current without a look."""
        if session is None or session is not self.session:
            self._stale = True
        self._poked.set()

    async def work(self, function: Callable[[], T]) -> T:
        """Simulation, Graphviz and the database block, so they leave the event loop to other readers."""

        def guarded() -> T:
            close_old_connections()
            try:
                return function()
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._executor, guarded)

    async def _open(self) -> None:
        def load() -> tuple[Session, int, int, int, dict[str, Any]]:
            found = session(self.id)
            found.sync()
            with found.lock:
                return found, len(found.run.cluster.trace.steps), len(found.run.marks), found.epoch, found.clock()

        self.session, self._index, self._seq, self._epoch, clock = await self.work(load)
        self._clock = {key: value for key, value in clock.items() if key != "now_ms"}
        self._shown, self._shown_seq, self._shown_epoch = self._index, self._seq, self._epoch

    def _missed(
        self, viewer: Viewer, resource_version: int | None, begin: int | None
    ) -> tuple[list[str], int | None] | None:
        """What a viewer has to be shown first, and the number of the last step in it; None when that is too much.

        It goes as far as the others have been shown. `begin` continues an earlier call.
        """
        found = self.session
        assert found is not None
        with found.lock:
            run = found.run
            trace = run.cluster.trace
            index = min(self._shown, len(trace.steps))
            shown = trace.steps[index - 1].revision if index else run.base
            since = shown if resource_version is None else resource_version
            if found.epoch != self._shown_epoch and self.viewers:
                self.poke_soon()
                return [], None
            if since > run.head or since < run.base - 1:
                return None
            steps = trace.steps[trace.position(since) if begin is None else begin : index]
            if len(steps) > RESUME_STEPS:
                return None
            marks = [
                mark for mark in run.marks[: self._shown_seq] if resource_version is None or mark.revision >= since
            ]
            texts = [frames.step_frame(step, viewer.lang, run.base_ms, address(trace, step)) for step in steps]
            time_ms = max(0, trace.steps[index - 1].time_ms - run.base_ms) if index else 0
            texts.append(frames.bookmark(shown, time_ms, found.clock(), marks))
            return texts, index

    def show_request(self, told: dict[str, Any]) -> None:
        """Tell everybody of a request that left no step; of so many a second that a reader can still read."""
        now = self._loop.time()
        self._requests = [at for at in self._requests if at > now - 1]
        if len(self._requests) >= REQUESTS_A_SECOND:
            return
        self._requests.append(now)
        batch = Batch([frames.request(told)])
        for viewer in self.viewers:
            viewer.put(batch)

    def poke_soon(self) -> None:
        """`poke` from another thread."""
        self._loop.call_soon_threadsafe(self.poke)

    # ---- the runner ----------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self.viewers:
                self._poked.clear()
                stale, self._stale = self._stale, False
                looks = {viewer.looks_at for viewer in self.viewers}
                news = await self.work(lambda stale=stale, looks=looks: self._turn(stale, looks))  # type: ignore[misc]
                self._show(news)
                if news.removed:
                    return
                refresh_at = loop.time() + REFRESH_S
                wait = REFRESH_S if news.wait_ms is None else max(TICK_S, news.wait_ms / 1000)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._poked.wait(), min(wait, REFRESH_S))
                if loop.time() >= refresh_at:
                    self._stale = True
        except asyncio.CancelledError:
            raise
        except Exception:
            # A reader who cannot be shown what happens is told to fetch anew; the page then says what is wrong.
            logger.exception("scenario %s", self.id)
            for viewer in list(self.viewers):
                viewer.lapse("the server could not go on")
            self.viewers.clear()
        finally:
            self._task = None

    def _turn(self, stale: bool, looks: set[LooksAt]) -> News:
        """Let happen what is due, and encode it for everybody. Runs in a thread."""
        found = self.session
        assert found is not None
        try:
            if stale:
                found.sync()
            else:
                found.advance()
        except Scenario.DoesNotExist:
            return News(removed=True)
        with found.lock:
            run = found.run
            trace = run.cluster.trace
            news = News(
                clock=found.clock(),
                head=run.head,
                time_ms=run.done_ms,
                base_ms=run.base_ms,
                wait_ms=found.wait_ms(),
                rewritten=found.epoch != self._epoch and not self._still_true(found),
            )
            self._epoch = news.epoch = found.epoch
            news.index, news.seq = len(trace.steps), len(run.marks)
            if news.rewritten or len(trace.steps) - self._index > RESUME_STEPS:
                news.rewritten = True
                self._index, self._seq = news.index, news.seq
                self._figures.clear()
                return news
            news.steps = list(trace.steps[self._index :])
            news.addresses = [address(trace, step) for step in news.steps]
            news.marks = list(run.marks[self._seq :])
            self._index, self._seq = news.index, news.seq
            if not news.steps:
                return news
            snapshot = run.view()
            drawn = {
                look: service.figure_of(run, snapshot, look[0], look[1], width=look[2])
                for look in sorted(looks)
                if look[0] not in service.UNPUSHED
            }
        plain = {lang: news.told(lang, -1) for lang in {lang for _v, lang, _w in looks}}
        for look, figure in drawn.items():
            picture = frames.figure_json(self._figures.get(look), figure)
            last = frames.step_frame(news.steps[-1], look[1], news.base_ms, news.addresses[-1], picture)
            news.texts[look] = [*plain[look[1]], last]
        self._figures = drawn
        return news

    def _still_true(self, found: Session) -> bool:
        """Whether what was shown is also how the history tells it since it was replayed anew."""
        run = found.run
        steps, marks = run.cluster.trace.steps, run.marks
        until = found.same_until(self._epoch)
        if self._index > len(steps) or self._seq > len(marks):
            return False
        step_ms = steps[self._index - 1].time_ms - run.base_ms if self._index else 0
        mark_ms = marks[self._seq - 1].time_ms if self._seq else 0
        return max(step_ms, mark_ms) <= until

    def _show(self, news: News) -> None:
        self._shown, self._shown_seq, self._shown_epoch = news.index, news.seq, news.epoch
        if news.removed or news.rewritten:
            for viewer in list(self.viewers):
                viewer.lapse("the scenario was removed" if news.removed else "history was written anew")
            self.viewers.clear()
            return
        changed = {key: value for key, value in news.clock.items() if key != "now_ms"}
        mark = None
        if news.marks or changed != self._clock or (news.steps and news.clock.get("at_rest")):
            mark = frames.bookmark(news.head, news.time_ms, news.clock, news.marks)
        self._clock = changed
        ending = [] if mark is None else [mark]
        batches = {look: Batch([*texts, *ending]) for look, texts in news.texts.items()}
        for viewer in list(self.viewers):
            look = viewer.looks_at
            batch = batches.get(look)
            if batch is None:  # it looks at something else since a moment ago, or there are no steps
                texts = news.told(viewer.lang)
                batch = batches[look] = Batch([*texts, *ending])
            if batch.texts:
                viewer.put(batch)
            if viewer.lapsed:
                self.viewers.discard(viewer)
