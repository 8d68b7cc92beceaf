"""A few Graphviz processes kept running, so that a picture does not wait for one to start.

A kept process reads graph after graph and answers each at once. It dies of a syntax error, goes mute on text that is
no graph and grows, so it is supervised: every answer has a deadline, a process that dies or falls silent is replaced,
and each is retired after `RECYCLE_AFTER` graphs. Nobody waits for a busy process longer than `PATIENCE_S`: then one is
spawned.
"""

from __future__ import annotations

import atexit
import os
import selectors
import subprocess
import threading
import time
from queue import Empty, LifoQueue

PROGRAMS = {
    # engine -> command, what ends an answer, what ends it on the spawned command's output
    "neato": (("neato", "-n2", "-Tsvg", "-q"), b"</svg>\n"),
    "dot": (("dot", "-Tplain", "-q"), b"\nstop\n"),
}
SIZE = 2  # kept processes of each program
RECYCLE_AFTER = 200
TIMEOUT_S = 10.0
PATIENCE_S = 0.25
LIMIT_BYTES = 4_000_000


class GraphvizError(RuntimeError):
    """Graphviz did not draw: it is missing, refused the graph, or took too long."""


class TooLarge(GraphvizError):
    """The graph is larger than what is drawn here; the message names the limit."""


class Kept:
    """One process. Used by one thread at a time; the pool sees to that."""

    def __init__(self, program: str) -> None:
        self.command, self.end = PROGRAMS[program]
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = 0

    def ask(self, graph: bytes, timeout_s: float = TIMEOUT_S) -> bytes | None:
        """The answer, or None when the process died or fell silent; the next call starts a new one."""
        process = self._process
        if process is None or process.poll() is not None or self._answered >= RECYCLE_AFTER:
            process = self._start()
        answer = self._talk(process, graph, time.monotonic() + timeout_s)
        if answer is None:
            self.stop()
        else:
            self._answered += 1
        return answer

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        self.stop()
        try:
            process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
        except OSError as error:
            raise GraphvizError(f"cannot run {self.command[0]}: {error}") from error
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdin.fileno(), False)
        os.set_blocking(process.stdout.fileno(), False)
        self._process, self._answered = process, 0
        return process

    def _talk(self, process: subprocess.Popen[bytes], graph: bytes, deadline: float) -> bytes | None:
        assert process.stdin is not None
        assert process.stdout is not None
        into, out = process.stdin.fileno(), process.stdout.fileno()
        rest = memoryview(graph if graph.endswith(b"\n") else graph + b"\n")
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(into, selectors.EVENT_WRITE)
            selector.register(out, selectors.EVENT_READ)
            while True:
                left = deadline - time.monotonic()
                events = selector.select(left) if left > 0 else []
                if not events:
                    return None
                for key, _ in events:
                    try:
                        if key.fd == into:
                            rest = rest[os.write(into, rest) :]
                            if not rest:
                                selector.unregister(into)
                            continue
                        chunk = os.read(out, 1 << 16)
                    except BlockingIOError:
                        continue
                    except OSError:
                        return None
                    if not chunk:
                        return None
                    answer += chunk
                    if answer.endswith(self.end) and not rest:
                        return bytes(answer)


class Pool:
    """`SIZE` kept processes for one program, started when first needed."""

    def __init__(self, program: str, size: int = SIZE) -> None:
        self.program = program
        self._idle: LifoQueue[Kept] = LifoQueue()
        self._all = [Kept(program) for _ in range(size)]
        for kept in self._all:
            self._idle.put(kept)

    def ask(self, graph: str) -> bytes:
        """What Graphviz makes of a graph.

        Raises:
            GraphvizError: it refused the graph, or is not there.
        """
        data = graph.encode("utf-8", "replace")
        if len(data) > LIMIT_BYTES:
            raise TooLarge(f"the graph has {len(data)} bytes; at most {LIMIT_BYTES} are drawn")
        try:
            kept = self._idle.get(timeout=PATIENCE_S)
        except Empty:
            return spawn(self.program, data)
        try:
            answer = kept.ask(data)
        finally:
            self._idle.put(kept)
        # Whatever it stumbled over, a fresh process either draws it or says what is wrong.
        return answer if answer is not None else spawn(self.program, data)

    def stop(self) -> None:
        for kept in self._all:
            kept.stop()


def spawn(program: str, graph: bytes, timeout_s: float = TIMEOUT_S) -> bytes:
    """One graph by a process of its own."""
    command, end = PROGRAMS[program]
    try:
        done = subprocess.run(command, input=graph, capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise GraphvizError(f"{command[0]} took more than {timeout_s:g} s") from error
    except OSError as error:
        raise GraphvizError(f"cannot run {command[0]}: {error}") from error
    if done.returncode or not done.stdout.endswith(end):
        raise GraphvizError(done.stderr.decode("utf-8", "replace").strip() or f"{command[0]} drew nothing")
    return done.stdout


_pools: dict[str, Pool] = {}
_lock = threading.Lock()


def ask(program: str, graph: str) -> bytes:
    """What `program` (neato or dot) makes of a graph, by this process's pool."""
    pool = _pools.get(program)
    if pool is None:
        with _lock:
            pool = _pools.setdefault(program, Pool(program))
    return pool.ask(graph)


@atexit.register
def shutdown() -> None:
    """End every kept process. A later `ask` starts new ones."""
    with _lock:
        for pool in _pools.values():
            pool.stop()
        _pools.clear()


def _forget() -> None:
    """In a forked child: the pipes belong to the parent."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


os.register_at_fork(after_in_child=_forget)
