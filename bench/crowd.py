"""Many WebSocket viewers in one process, as light as they can be: they count messages, and note when each came.

Spawned by `bench.fanout`, which tells it over its standard input what to do, one JSON object a line. The time is the
machine's monotonic clock, the same in every process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from typing import Any

AT_ONCE = 40  # connections being opened
QUIET_S = 0.1
PONG_MASK = bytes(4)


class Viewer(asyncio.Protocol):
    """One connection. Payloads are not looked at."""

    def __init__(self, gathering: Gathering, request: bytes) -> None:
        self.gathering, self.request = gathering, request
        self.opened = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.to_skip = 0
        self.arrived: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gathering.lost += 1
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed while opening"))

    def data_received(self, data: bytes) -> None:
        if self.to_skip >= len(data):  # in the middle of a payload
            self.to_skip -= len(data)
            if not self.to_skip:
                self.came()
            return
        self.buffer += data
        if not self.opened.done():
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self.opened.set_exception(ConnectionError(head.decode("latin-1")[:200]))
                return
            self.buffer = rest
            self.opened.set_result(None)
        self.frames()

    def frames(self) -> None:
        while True:
            if self.to_skip:
                taken = min(self.to_skip, len(self.buffer))
                self.to_skip -= taken
                self.buffer = self.buffer[taken:]
                if self.to_skip:
                    return
                self.came()
            if len(self.buffer) < 2:
                return
            opcode, length, start = self.buffer[0] & 15, self.buffer[1] & 127, 2
            if length > 125:
                start = 4 if length == 126 else 10
                if len(self.buffer) < start:
                    return
                length = int.from_bytes(self.buffer[2:start], "big")
            if opcode == 9:  # ping
                if len(self.buffer) < start + length:
                    return
                self.transport.write(bytes((0x8A, 0x80 | length)) + PONG_MASK + self.buffer[start : start + length])
                self.buffer = self.buffer[start + length :]
                continue
            self.buffer = self.buffer[start:]
            self.to_skip = length

    def came(self) -> None:
        self.arrived.append(time.monotonic_ns())
        if len(self.arrived) == self.gathering.wanted:
            self.gathering.one_is_done()


class Gathering:
    """All viewers of one server."""

    def __init__(self) -> None:
        self.viewers: list[Viewer] = []
        self.wanted = self.left = self.lost = 0
        self.all_done = asyncio.Event()

    async def connect(self, port: int, path: str, count: int) -> None:
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with gate:
                _, viewer = await asyncio.get_running_loop().create_connection(
                    lambda: Viewer(self, request), "127.0.0.1", port
                )
                self.viewers.append(viewer)
                await asyncio.wait_for(viewer.opened, 30)

        await asyncio.gather(*(one() for _ in range(count)))

    def arm(self, messages: int) -> None:
        self.wanted, self.left = messages, len(self.viewers)
        self.all_done.clear()
        for viewer in self.viewers:
            viewer.arrived.clear()

    def one_is_done(self) -> None:
        self.left -= 1
        if not self.left:
            self.all_done.set()

    async def quiet(self) -> None:
        """Until nothing has come for a while."""
        before = -1
        while (now := sum(len(viewer.arrived) for viewer in self.viewers)) != before:
            before = now
            await asyncio.sleep(QUIET_S)

    async def times(self, timeout: float) -> dict[str, Any]:
        """When the first message since `arm` came to each viewer, once as many have come as were to come."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.all_done.wait(), timeout)
        return {"times": [viewer.arrived[0] for viewer in self.viewers if viewer.arrived], "lost": self.lost}


async def serve() -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    gatherings: dict[str, Gathering] = {}
    while line := await orders.readline():
        order = json.loads(line)
        gathering = gatherings.setdefault(order["name"], Gathering())
        answer: dict[str, Any] = {}
        if order["do"] == "connect":
            await gathering.connect(order["port"], order["path"], order["count"])
        elif order["do"] == "arm":
            await gathering.quiet()
            gathering.arm(order["messages"])
        elif order["do"] == "times":
            answer = await gathering.times(order["timeout"])
        print(json.dumps(answer), flush=True)


class Crowd:
    """Some processes full of viewers, seen from the one that measures."""

    def __init__(self, processes: int) -> None:
        command = [sys.executable, "-m", "bench.crowd"]
        self.processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]

    def ask(self, **order: Any) -> list[dict[str, Any]]:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        answers = []
        for process in self.processes:
            assert process.stdout is not None
            answers.append(json.loads(process.stdout.readline()))
        return answers

    def connect(self, name: str, port: int, path: str, count: int) -> None:
        self.ask(do="connect", name=name, port=port, path=path, count=count // len(self.processes))

    def arm(self, name: str, messages: int) -> None:
        self.ask(do="arm", name=name, messages=messages)

    def times(self, name: str, timeout: float = 20) -> list[int]:
        return [at for answer in self.ask(do="times", name=name, timeout=timeout) for at in answer["times"]]

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    asyncio.run(serve())
