"""A stored scenario in this process: its log replayed, kept current, and appended to.

The database carries the truth. A session is a copy that any process may have, and throw away: what it shows follows
from the log and the anchored clock alone. A command is carried out on the copy first, since only the cluster can say
whether it is accepted, then written; only when it is durable is it acknowledged, or seen by anyone. If another
process was first with that place in the log, the copy is thrown away and the command tried again after the other's.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from apps.cluster.apimachinery.status import StatusError, conflict
from apps.cluster.apiserver.requests import Response
from apps.scenarios import commands, guard, limits
from apps.scenarios.models import Command, Scenario
from apps.scenarios.replay import Mark, Run
from apps.scenarios.signals import scenario_changed
from apps.scenarios.story import Entry, Story

SESSIONS = 64  # scenarios kept in memory
NEVER = 2**62
# Where several processes serve the site, each shows the cluster as it was a moment ago: a command that another
# process is just writing is then still ahead of what was shown here, and nobody has to be shown another history.
LAG_MS = 250 if getattr(settings, "REDIS_URL", "") else 0
ATTEMPTS = 16  # to win a place in the log
# Every look at a cluster asks this: written out, for the ORM takes ten times as long to say it as a database to answer.
CLOCK_AND_NEWEST = (
    "SELECT speed, anchor_sim_ms, anchor_wall_ms,"
    " (SELECT MAX(seq) FROM scenarios_command WHERE scenario_id = scenarios_scenario.id)"
    " FROM scenarios_scenario WHERE id = %s"
)
SPEEDS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)


def wall_ms() -> int:
    """The wall clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def story_of(scenario: Scenario, log: list[Command]) -> Story:
    """The story that a scenario's rows tell.

    What it began with plays as written, until its editor gives a first command: from then on the cluster is the
    editor's, and what the script would still have done does not happen.
    """
    first = log[0].time_ms if log else None
    script = tuple(Entry(time_ms, body) for time_ms, body in scenario.base if first is None or time_ms <= first)
    return Story(scenario.config, script + tuple(Entry(command.time_ms, command.body) for command in log))


class Session:
    """One stored scenario, replayed. Every method may be called from any thread."""

    def __init__(self, scenario_id: str) -> None:
        self.id = scenario_id
        self.lock = threading.RLock()
        self.scenario: Scenario
        self.run: Run
        self.seq = 0
        self.log_bytes = 0
        self.epoch = 0  # counts the times that history was replayed anew
        self._response: Response | None = None  # to the last request that was carried out
        self._changed_from: list[int] = []  # for each of them, the instant up to which it told the same as before
        self._load()

    # ---- keeping current -----------------------------------------------------------------------

    def _load(self) -> None:
        """Replay the whole log. Raises: Scenario.DoesNotExist."""
        known = self.seq
        # The log before the clock: an older clock would run on past the newest command.
        log = list(Command.objects.filter(scenario_id=self.id).order_by("seq"))
        self.scenario = Scenario.objects.get(pk=self.id)
        self.run = Run(story_of(self.scenario, log), self.lock)
        self.seq = log[-1].seq if log else 0
        self.log_bytes = sum(len(commands.dumps(command.body)) for command in log)
        self.epoch += 1
        self._changed_from.append(min((command.time_ms for command in log if command.seq > known), default=NEVER))
        self.run.advance(max(self.shown_ms(), log[-1].time_ms if log else 0))

    def same_until(self, epoch: int) -> int:
        """The instant up to which the history tells the same as it did in an earlier epoch."""
        with self.lock:
            return min(self._changed_from[epoch:], default=NEVER)

    def sync(self) -> None:
        """Take in what other processes wrote, and let happen what is due by now.

        Raises:
            Scenario.DoesNotExist: it was removed.
        """
        with self.lock:
            newest = self._look_at_row()
            if newest > self.seq:
                self._take_in(list(Command.objects.filter(scenario_id=self.id, seq__gt=self.seq, seq__lte=newest)))
            self.run.advance(self.shown_ms())

    def _look_at_row(self) -> int:
        """Read the clock, and the place of the newest command: in one statement, so that both are of one moment.

        Raises:
            Scenario.DoesNotExist
        """
        with connection.cursor() as cursor:
            cursor.execute(CLOCK_AND_NEWEST, [self.id])
            row = cursor.fetchone()
        if row is None:
            raise Scenario.DoesNotExist(self.id)
        self.scenario.speed, self.scenario.anchor_sim_ms, self.scenario.anchor_wall_ms, newest = row
        return newest or 0

    def advance(self) -> None:
        """Let happen what is due by now, without asking the database for news."""
        with self.lock:
            self.run.advance(self.shown_ms())

    def _take_in(self, news: list[Command]) -> None:
        if any(command.time_ms < self.run.done_ms for command in news):
            self._load()  # this copy has run past a command that it did not know of
            return
        if self.seq == 0:
            self.run.cut_script(news[0].time_ms)
        for command in news:
            self.run.feed(Entry(command.time_ms, command.body))
            self.run.advance(command.time_ms)
            self.log_bytes += len(commands.dumps(command.body))
        self.seq = news[-1].seq

    # ---- time ----------------------------------------------------------------------------------

    def clock_ms(self, wall: int | None = None) -> int:
        """Where the anchored clock stands, whether or not anything is left to happen."""
        row = self.scenario
        elapsed = max(0, (wall_ms() if wall is None else wall) - row.anchor_wall_ms)
        return row.anchor_sim_ms + int(elapsed * row.speed)

    def shown_ms(self) -> int:
        """How far readers are shown."""
        return self.clock_ms() - int(LAG_MS * self.scenario.speed)

    def now_ms(self, wall: int | None = None) -> int:
        """The simulated present: a cluster at rest stands still."""
        clock = self.clock_ms(wall)
        if self.run.at_rest:
            return min(clock, max(self.run.done_ms, self.run.end_ms, min(self.scenario.anchor_sim_ms, clock)))
        return clock

    def wait_ms(self) -> int | None:
        """Wall milliseconds until something is due; None while nothing will happen by itself."""
        with self.lock:
            if self.scenario.speed <= 0 or self.run.at_rest:
                return None
            due = self.run.next_ms()
            if due is None:
                return None
            return max(0, int((due - self.shown_ms()) / self.scenario.speed) + 1)

    def clock(self) -> dict[str, Any]:
        """The clock as the page shows it."""
        speed = self.scenario.speed
        return {"now_ms": self.now_ms(), "speed": speed, "paused": speed == 0, "at_rest": self.run.at_rest}

    def set_clock(self, speed: float) -> None:
        """Let time pass faster, slower, or not at all (0).

        Raises:
            StatusError: 400 for a speed that there is not.
        """
        if speed not in SPEEDS:
            raise StatusError(400, "BadRequest", f"speed: must be one of {', '.join(f'{s:g}' for s in SPEEDS)}")
        with self.lock:
            self.sync()
            now, wall = self.now_ms(), wall_ms()
            Scenario.objects.filter(pk=self.id).update(anchor_sim_ms=now, anchor_wall_ms=wall, speed=speed)
            self.scenario.anchor_sim_ms, self.scenario.anchor_wall_ms, self.scenario.speed = now, wall, speed
        scenario_changed.send(Session, scenario_id=self.id, session=self)

    def step_forward(self) -> None:
        """Let the very next thing happen, however long it would have taken, and stand still there."""
        with self.lock:
            self.sync()
            due = self.run.next_ms()
            if due is None or self.run.at_rest:
                return
            now, wall = max(due, self.now_ms()), wall_ms()
            Scenario.objects.filter(pk=self.id).update(anchor_sim_ms=now, anchor_wall_ms=wall, speed=0)
            self.sync()
        scenario_changed.send(Session, scenario_id=self.id, session=self)

    # ---- writing -------------------------------------------------------------------------------

    def execute(self, body: commands.Body, *, agent: str = "kubectl") -> list[dict[str, Any]]:
        """Carry out a command at the present instant; durable when this returns.

        Raises:
            StatusError: the cluster refuses it (then nothing has changed), or a limit is reached.
            Scenario.DoesNotExist: it was removed.
        """
        return self.execute_all([Entry(0, body)], agent=agent)[0]

    def execute_all(self, entries: list[Entry], *, agent: str = "kubectl") -> list[list[dict[str, Any]]]:
        """Several commands, times counted from now: all of them, or none. The clock moves on to the last.

        Raises:
            StatusError: as `execute`.
        """
        for entry in entries:
            commands.check(entry.body)
            guard.check_command(entry.body, limits.SITE)
        size = sum(len(commands.dumps(entry.body)) for entry in entries)
        with self.lock:
            for _attempt in range(ATTEMPTS):
                self.sync()
                if self.seq + len(entries) > limits.COMMANDS:
                    raise limits.exceeded("commands", limits.COMMANDS)
                if self.log_bytes + size > limits.LOG_BYTES:
                    raise limits.exceeded("log_bytes", limits.LOG_BYTES)
                outcome = self._attempt(entries, size, agent)
                if outcome is not None:
                    break
            else:
                raise conflict("scenarios", self.id)
        scenario_changed.send(Session, scenario_id=self.id, session=self)
        return outcome

    def request(self, body: commands.Body, *, agent: str = "") -> Response:
        """Carry out a request as the API server gets it: a command of its own, and not kept if it has changed nothing.

        Raises:
            Refused: the API server's own answer; StatusError: nobody answers there, or a limit is reached.
        """
        with self.lock:
            self.execute(body, agent=agent)
            assert self._response is not None
            return self._response

    def _attempt(self, entries: list[Entry], size: int, agent: str) -> list[list[dict[str, Any]]] | None:
        """None: another process was first."""
        now, wall = max(self.now_ms(), self.run.done_ms), wall_ms()
        cut = self.seq == 0 and self.run.cut_script(now)
        marks = len(self.run.marks)
        outcome: list[list[dict[str, Any]]] = []
        try:
            for entry in entries:
                outcome.append(self.run.execute(now + entry.time_ms, entry.body))
        except limits.LimitExceeded:
            self._load()  # what it has led to never happened
            raise
        except StatusError:
            if outcome or cut or self.run.head != self.run.began:
                self._load()  # what came before the refused one never happened either
            raise
        except BaseException:
            self._load()
            raise
        self._response = self.run.cluster.response
        if len(self.run.marks) == marks:
            if cut:
                self._load()  # a request that changes nothing leaves the script alone
            return outcome
        try:
            with transaction.atomic():
                Command.objects.bulk_create(
                    Command(
                        scenario_id=self.id,
                        seq=self.seq + offset,
                        time_ms=now + entry.time_ms,
                        body=entry.body,
                        agent=agent[:80],
                    )
                    for offset, entry in enumerate(entries, 1)
                )
                self.scenario.anchor_sim_ms, self.scenario.anchor_wall_ms = now + entries[-1].time_ms, wall
                self.scenario.save(update_fields=["anchor_sim_ms", "anchor_wall_ms", "updated"])
        except IntegrityError:
            self._load()  # raises DoesNotExist if the scenario went away meanwhile
            return None
        except BaseException:
            self._load()
            raise
        self.seq += len(entries)
        self.log_bytes += size
        return outcome

    # ---- reading -------------------------------------------------------------------------------

    @property
    def head(self) -> int:
        return self.run.head

    def story(self) -> Story:
        """Everything that has been told so far."""
        return Story(
            self.scenario.config, tuple(Entry(mark.time_ms, mark.body) for mark in self.run.marks if not mark.error)
        )

    def marks(self) -> list[Mark]:
        with self.lock:
            return list(self.run.marks)


_sessions: OrderedDict[str, Session] = OrderedDict()
_lock = threading.Lock()
_loading: dict[str, threading.Lock] = {}


def session(scenario_id: str, *, factory: Callable[[str], Session] = Session) -> Session:
    """This process's copy of a stored scenario, not yet current: call `sync`.

    Raises:
        Scenario.DoesNotExist
    """
    with _lock:
        known = _sessions.get(scenario_id)
        if known is not None:
            _sessions.move_to_end(scenario_id)
            return known
        loading = _loading.setdefault(scenario_id, threading.Lock())
    with loading:
        with _lock:
            known = _sessions.get(scenario_id)
        if known is None:
            try:
                known = factory(scenario_id)
            finally:
                with _lock:
                    _loading.pop(scenario_id, None)
            with _lock:
                _sessions[scenario_id] = known
                while len(_sessions) > SESSIONS:
                    _sessions.popitem(last=False)
    return known


def forget(scenario_id: str | None = None) -> None:
    """Throw away this process's copy of one scenario, or of all."""
    with _lock:
        if scenario_id is None:
            _sessions.clear()
        else:
            _sessions.pop(scenario_id, None)
