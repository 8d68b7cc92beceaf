"""The kept Graphviz processes: they answer, they are replaced when they fail, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from apps.diagrams import pool
from apps.diagrams.pool import GraphvizError, Kept, Pool, TooLarge

GRAPH = 'digraph { a [pos="10,10"] }'


@pytest.fixture
def kept():
    process = Kept("neato")
    yield process
    process.stop()


def test_one_process_answers_again_and_again(kept):
    first = kept.ask(GRAPH.encode())
    pid = kept._process.pid
    assert first.startswith(b"<?xml")
    assert all(kept.ask(GRAPH.encode()).endswith(b"</svg>\n") for _ in range(5))
    assert kept._process.pid == pid


def test_it_retires(kept, monkeypatch):
    monkeypatch.setattr(pool, "RECYCLE_AFTER", 3)
    pids = []
    for _ in range(7):
        assert kept.ask(GRAPH.encode())
        pids.append(kept._process.pid)
    assert len(set(pids)) == 3


def test_a_killed_process_is_replaced(kept):
    kept.ask(GRAPH.encode())
    os.kill(kept._process.pid, signal.SIGKILL)
    time.sleep(0.05)
    assert kept.ask(GRAPH.encode())


def test_a_stopped_process_is_not_waited_for(kept):
    kept.ask(GRAPH.encode())
    os.kill(kept._process.pid, signal.SIGSTOP)
    started = time.monotonic()
    assert kept.ask(GRAPH.encode(), timeout_s=0.2) is None
    assert time.monotonic() - started < 2
    assert kept.ask(GRAPH.encode())


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param("digraph { a -> }", id="a syntax error"),
        pytest.param("no graph at all", id="no graph"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_is_no_graph_is_an_error_and_the_next_graph_is_drawn(graph, monkeypatch):
    monkeypatch.setattr(Kept.ask, "__defaults__", (0.3,))
    ours = Pool("neato", 1)
    try:
        with pytest.raises(GraphvizError):
            ours.ask(graph)
        assert ours.ask(GRAPH).endswith(b"</svg>\n")
    finally:
        ours.stop()


def test_too_large_a_graph_is_refused_with_the_limit():
    with pytest.raises(TooLarge, match=str(pool.LIMIT_BYTES)):
        Pool("neato", 0).ask("x" * (pool.LIMIT_BYTES + 1))


def test_when_all_are_busy_one_is_spawned(monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE_S", 0.01)
    assert Pool("neato", 0).ask(GRAPH).endswith(b"</svg>\n")


def test_a_program_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(pool.PROGRAMS, "neato", (("no-such-graphviz",), b"</svg>\n"))
    with pytest.raises(GraphvizError, match="no-such-graphviz"):
        Pool("neato", 1).ask(GRAPH)


def test_threads_get_their_own_answers():
    ours = Pool("neato", 2)
    wrong: list[int] = []

    def draw(number: int) -> None:
        for _ in range(5):
            if f'id="x{number}"'.encode() not in ours.ask(f'digraph {{ a [pos="1,1" id="x{number}"] }}'):
                wrong.append(number)

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ours.stop()
    assert wrong == []
