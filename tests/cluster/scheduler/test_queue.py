"""The three queues: who comes next, and what brings a Pod back."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.scheduler.queue import ACTIVE, BACKOFF, ERROR_BACKOFF, UNSCHEDULABLE, SchedulingQueue
from tests.cluster.scheduler.tables import World, node, pod

Obj = dict[str, Any]


def _queue() -> SchedulingQueue:
    return SchedulingQueue(World([node("n1")]).framework)


def _add(queue: SchedulingQueue, name: str, now_ms: int = 0, **spec: Any) -> None:
    queue.add(f"default/{name}", pod(name, **spec), now_ms, 0)


def _failed(queue: SchedulingQueue, name: str, *plugins: str, now_ms: int = 0, **spec: Any) -> None:
    _add(queue, name, now_ms, **spec)
    queued = queue.pop()
    assert queued is not None
    queue.add_unschedulable(queued, plugins, now_ms)


def _popped(queue: SchedulingQueue) -> list[str]:
    out = []
    while (queued := queue.pop()) is not None:
        out.append(queued.key.removeprefix("default/"))
    return out


def test_higher_priority_first_then_longer_waiting_then_in_order():
    queue = _queue()
    _add(queue, "late", 20)
    _add(queue, "early", 10)
    _add(queue, "twin", 10)
    _add(queue, "important", 30, priority=100)
    assert _popped(queue) == ["important", "early", "twin", "late"]


def test_a_deleted_pod_is_never_popped():
    queue = _queue()
    _add(queue, "gone")
    _add(queue, "stays")
    queue.delete("default/gone")
    assert _popped(queue) == ["stays"]
    assert len(queue) == 0


@pytest.mark.parametrize(
    ("failures", "until"),
    [
        pytest.param(1, 1_000, id="first failure: a second"),
        pytest.param(2, 2_000, id="second: two"),
        pytest.param(3, 4_000, id="third: four"),
        pytest.param(4, 8_000, id="fourth: eight"),
        pytest.param(5, 10_000, id="from the fifth on: ten"),
        pytest.param(9, 10_000, id="never more than ten"),
    ],
)
def test_back_off_doubles_up_to_ten_seconds(failures, until):
    queue = _queue()
    _add(queue, "p")
    queued = queue.pop()
    for _ in range(failures):
        queue.add_unschedulable(queued, ("NodeResourcesFit",), 0)
        queue.delete(queued.key)
    assert queue.backoff_until(queued) == until


def test_back_off_ends_with_the_second():
    queue = _queue()
    _failed(queue, "p", "NodeResourcesFit", now_ms=300)
    queued = queue.pods["default/p"]
    assert queue.backoff_until(queued) == 1_000
    assert queue.backing_off(queued, 1_999)
    assert not queue.backing_off(queued, 2_000)


def test_an_event_brings_back_the_pods_it_may_help_and_no_others():
    queue = _queue()
    _failed(queue, "needs-room", "NodeResourcesFit")
    _failed(queue, "needs-label", "NodeAffinity", nodeSelector={"disk": "ssd"})
    queue.move("pod/delete", pod("other", "n1"), None, 100, 7)
    assert queue.pods["default/needs-room"].where == BACKOFF
    assert queue.pods["default/needs-room"].cause == 7
    assert queue.pods["default/needs-label"].where == UNSCHEDULABLE
    labelled = node("n1", disk="ssd")
    queue.move("node/label", node("n1"), labelled, 100, 8)
    assert queue.pods["default/needs-label"].where == BACKOFF


def test_with_nothing_else_to_do_back_off_is_cut_short():
    queue = _queue()
    _failed(queue, "p", "NodeResourcesFit")
    queue.move("pod/delete", pod("other", "n1"), None, 10, 0)
    assert queue.ready
    assert _popped(queue) == ["p"]


def test_active_pods_go_before_those_that_back_off_until_the_second_is_over():
    queue = _queue()
    _failed(queue, "tried", "NodeResourcesFit", priority=100)
    queue.move("pod/delete", pod("other", "n1"), None, 10, 0)
    _add(queue, "fresh", 20)
    queue.flush_backoff(500)
    assert queue.pods["default/tried"].where == BACKOFF
    queue.flush_backoff(2_000)
    assert queue.pods["default/tried"].where == ACTIVE
    assert _popped(queue) == ["tried", "fresh"]


def test_after_an_error_the_whole_back_off_is_waited_for():
    queue = _queue()
    _failed(queue, "p")
    assert queue.pods["default/p"].where == ERROR_BACKOFF
    assert not queue.ready
    assert queue.next_error_retry() == 2_000
    queue.flush_backoff(2_000)
    assert _popped(queue) == ["p"]


def test_a_gated_pod_stays_out_until_its_last_gate_goes():
    queue = _queue()
    gated = pod("p", schedulingGates=[{"name": "wait"}])
    queue.add("default/p", gated, 0, 0)
    assert (queue.pods["default/p"].where, queue.pods["default/p"].gate) == (UNSCHEDULABLE, "SchedulingGates")
    queue.move("node/add", None, node("n2"), 10, 0)
    assert not queue.ready
    queue.update("default/p", gated, pod("p"), ["pod/gates"], 10, 0)
    assert _popped(queue) == ["p"]


def test_what_no_event_helps_is_tried_again_after_five_minutes():
    queue = _queue()
    _failed(queue, "p", "NodeAffinity")
    queue.flush_leftover(300_000, 0)
    assert not queue.ready
    queue.flush_leftover(300_001, 0)
    assert _popped(queue) == ["p"]


def test_save_and_load_keep_order_and_history():
    queue = _queue()
    _add(queue, "a", 5)
    _add(queue, "b", 5, priority=10)
    _failed(queue, "c", "NodeResourcesFit", now_ms=6, priority=99)
    saved = queue.save()
    pods = {key: queued.pod for key, queued in queue.pods.items()}
    again = _queue()
    again.load(saved, pods)
    assert again.save() == saved
    again.move("pod/delete", pod("other", "n1"), None, 10, 0)
    assert _popped(again) == ["b", "a", "c"]
