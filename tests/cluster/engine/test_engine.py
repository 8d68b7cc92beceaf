"""The engine: order, time, rest, and going on from what was saved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.cluster.engine import Engine, Randomness


class Diary:
    """Writes down its turns, and asks for a next one as told."""

    def __init__(self, engine: Engine, plan: dict[str, list[tuple[str, int]]] | None = None) -> None:
        self.engine = engine
        self.plan = plan or {}
        self.turns: list[tuple[int, str]] = []

    def run(self, key: str) -> None:
        self.turns.append((self.engine.now_ms, key))
        for following, delay in self.plan.get(key, ()):
            self.engine.wake("diary", following, delay)

    def save(self) -> Any:
        return list(self.turns)

    def load(self, data: Any) -> None:
        self.turns = [(time, key) for time, key in data]


def start(plan: dict[str, list[tuple[str, int]]] | None = None) -> tuple[Engine, Diary]:
    engine = Engine(1)
    diary = Diary(engine, plan)
    engine.register("diary", diary)
    return engine, diary


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param([("b", 5), ("a", 5)], [(5, "b"), (5, "a")], id="ties go in the order asked"),
        pytest.param([("late", 9), ("soon", 1)], [(1, "soon"), (9, "late")], id="the earliest comes first"),
        pytest.param([("now", 0)], [(0, "now")], id="no delay is still a turn of its own"),
    ],
)
def test_order_of_turns(asked, expected):
    engine, diary = start()
    for key, delay in asked:
        engine.wake("diary", key, delay)
    engine.run_until(10)
    assert diary.turns == expected
    assert engine.now_ms == 10


def test_house_keeping_alone_is_rest():
    engine, _ = start()
    engine.wake("diary", "heartbeat", 10_000, quiet=True)
    assert engine.at_rest
    engine.wake("diary", "work", 5)
    assert not engine.at_rest
    assert engine.run_to_rest(60_000)
    assert engine.now_ms == 5


def test_rest_is_not_waited_for_beyond_the_limit():
    engine, _ = start({"again": [("again", 100)]})
    engine.wake("diary", "again", 100)
    assert not engine.run_to_rest(1_000)
    assert engine.now_ms == 1_000


def test_a_turn_asked_for_by_a_component_that_left_does_nothing():
    engine, diary = start()
    engine.wake("diary", "x", 1)
    engine.unregister("diary")
    engine.run_until(5)
    assert diary.turns == []


def test_a_note_becomes_the_cause_of_what_follows_in_its_turn():
    engine, _ = start()
    engine.note("crio", "worker-1", "call", "pods/default/web", "crio.run-pod-sandbox")
    engine.wake("diary", "x", 1)
    assert engine.trace.steps[0].cause == 0
    engine.note("crio", "worker-1", "call", "pods/default/web", "crio.create-container")
    assert engine.trace.steps[1].cause == 1


@given(
    plan=st.dictionaries(
        st.sampled_from("abcd"),
        # One follower each: with two, turns would double and double again.
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 50)), max_size=1),
        max_size=4,
    ),
    cut=st.integers(0, 120),
)
def test_going_on_from_what_was_saved_is_going_on(plan, cut):
    whole, diary = start(plan)
    whole.wake("diary", "a", 3)
    whole.run_until(120)

    first, early = start(plan)
    first.wake("diary", "a", 3)
    first.run_until(cut)
    saved = json.loads(json.dumps(first.save()))  # plain data survives JSON

    second, later = start(plan)
    second.load(saved)
    second.run_until(120)
    assert later.turns == diary.turns
    assert second.save()["queue"] == whole.save()["queue"]
    assert early.turns == diary.turns[: len(early.turns)]


def test_randomness_depends_on_the_seed_alone():
    def draw(seed):
        random = Randomness(seed)
        return random.suffix(), random.uuid(), random.below(1000), random.choice("abc"), random.shuffle([1, 2, 3])

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_a_uid_has_the_form_of_a_version_4_uuid():
    import uuid

    random = Randomness(3)
    for _ in range(50):
        assert uuid.UUID(random.uuid()).version == 4
