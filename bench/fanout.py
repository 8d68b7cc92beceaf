"""One change, a thousand viewers: the site behind Daphne against a bare `websockets` server that sends the same bytes.

Both servers have a thousand viewers, all from this machine, and take turns. The clock starts when the command, or the
order to send, leaves us, so the site's time has the whole way in it: carrying out, storing, drawing, encoding. It stops
at each viewer when the whole frame has come. What counts is the 99th of a hundred viewers, the median of the rounds.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bench.crowd import Crowd
from bench.frames import cordons, new_pods
from bench.model import deployment
from bench.result import Result, percentile
from bench.site import Server, environment, free_port, manage, served

VIEWERS = 1000
PROCESSES = 2
ROUNDS = 12
WARM_UP = 3
AIM = 4.0
MESSAGES = 2  # the frame, and the bookmark that follows
WORKLOADS, EACH = 5, 6


class Editor:
    """The one who changes the scenario, and the first of its viewers."""

    def __init__(self, port: int, made: dict[str, Any]) -> None:
        address = f"ws://127.0.0.1:{port}/ws/scenarios/{made['id']}/?lang=ko&key={made['key']}"
        self.socket: ClientConnection = connect(address, origin=f"http://127.0.0.1:{port}", max_size=None)  # type: ignore[arg-type]
        self.number = 0

    def say(self, **message: Any) -> int:
        """When it was said, in monotonic ns."""
        self.number += 1
        text = json.dumps({"id": str(self.number), **message})
        at = time.monotonic_ns()
        self.socket.send(text)
        return at

    def texts(self) -> list[str]:
        """The frames of the last command and their bookmark, as they came."""
        kept: list[str] = []
        while True:
            text = self.socket.recv(20)
            assert isinstance(text, str)
            type_ = json.loads(text)["type"]
            if type_ != "STATUS":
                kept.append(text)
            if type_ == "BOOKMARK":
                return kept

    def rest(self, quiet_s: float = 2.0) -> None:
        """Until nothing more comes."""
        while True:
            try:
                self.socket.recv(quiet_s)
            except TimeoutError:
                return


def p99_ms(times: list[int], since: int) -> float:
    if len(times) < VIEWERS:
        raise RuntimeError(f"only {len(times)} of {VIEWERS} viewers got the frame")
    return percentile([(at - since) / 1e6 for at in times], 99)


def allow_files(needed: int) -> None:
    """Let this process and those it starts have that many open files, if the machine lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )


def measure() -> list[Result]:
    allow_files(4 * VIEWERS)
    manifest = json.dumps(
        {"kind": "List", "apiVersion": "v1", "items": [deployment(f"web-{n}", EACH, "20m") for n in range(WORKLOADS)]}
    )
    with served() as (site, var):
        made = manage(var, "scenario", "new", "--nodes", "4", "-f", "-", given=manifest)
        port = free_port()
        command = [sys.executable, "-m", "bench.bare_socket", str(port)]
        with Server(command, port, {**os.environ, **environment(var)}) as bare:
            crowd = Crowd(PROCESSES)
            try:
                return compare(site, bare, crowd, made)
            finally:
                crowd.close()


def compare(site: Server, bare: Server, crowd: Crowd, made: dict[str, Any]) -> list[Result]:
    editor = Editor(site.port, made)
    editor.say(type="CLOCK", speed=60)  # let the Pods start …
    editor.rest()
    editor.say(type="CLOCK", speed=0)  # … and stand still: from here on a frame is the answer to a command
    editor.rest(0.5)
    conductor = connect(f"ws://127.0.0.1:{bare.port}/", max_size=None, compression=None)
    crowd.connect("site", site.port, f"/ws/scenarios/{made['id']}/?lang=ko", VIEWERS)
    crowd.connect("bare", bare.port, "/", VIEWERS)
    results = []
    for said, commands in (("state only", cordons()), ("new picture", new_pods())):
        results.append(one_kind(said, commands, editor, conductor, crowd, (site, bare)))
    return results


def one_kind(
    said: str,
    commands: Iterator[dict[str, Any]],
    editor: Editor,
    conductor: ClientConnection,
    crowd: Crowd,
    servers: tuple[Server, Server],
) -> Result:
    ours: list[float] = []
    theirs: list[float] = []
    spent = [0.0, 0.0]
    size = 0
    for turn in range(ROUNDS + WARM_UP):
        before = [server.cpu_s for server in servers]
        crowd.arm("site", MESSAGES)
        since = editor.say(type="COMMAND", command=next(commands))
        site_ms = p99_ms(crowd.times("site"), since)
        texts = editor.texts()
        assert len(texts) == MESSAGES, texts
        size = sum(len(text.encode()) for text in texts)
        conductor.send("PUT " + json.dumps(texts))
        conductor.recv(5)
        crowd.arm("bare", MESSAGES)
        since = time.monotonic_ns()
        conductor.send("GO")
        bare_ms = p99_ms(crowd.times("bare"), since)
        for _ in texts:
            conductor.recv(5)
        if '"svg"' in texts[0]:  # and back again, so that every picture is of the same size
            editor.say(type="COMMAND", command=next(commands))
            editor.texts()
        if turn >= WARM_UP:
            ours.append(site_ms)
            theirs.append(bare_ms)
            spent = [total + server.cpu_s - start for total, server, start in zip(spent, servers, before, strict=True)]
    each = [total / (ROUNDS * VIEWERS) * 1e6 for total in spent]
    how = (
        f"p99 {median(ours):.0f} ms by bare {median(theirs):.0f}, {size / 1000:.1f} kB; "
        f"CPU a viewer {each[0]:.0f} µs by {each[1]:.0f}"
    )
    return Result(f"command to {VIEWERS} viewers, {said}", median(ours) / median(theirs), aim=AIM, how=how)
