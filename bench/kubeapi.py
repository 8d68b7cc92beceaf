"""Fifty clients like kubectl for a minute: each watches, lists and patches over HTTP, five to a scenario.

A client has a watch open on the Deployments of its scenario all the while, and on another connection asks in turn for
a Deployment, for all Pods, and patches its own Deployment, with a short pause after each answer, as a person's script
would. Counted are the requests answered, how long each took, and how long until the client's own watch told what it had
written. Anything but 200 and whatever was expected is an error.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.result import Result, percentile, table
from bench.site import manage, served

CLIENTS = 50
SCENARIOS = 10
SECONDS = 60.0
PAUSE_S = 0.25
AIM_P99_MS = 500.0
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
MAKE = """
from django.core.management import call_command
print("made")
for _ in range({count}):
    call_command("scenario", "new")
    print("--")
"""


@dataclass
class Seen:
    """What all clients saw."""

    times: dict[str, list[float]] = field(default_factory=dict)  # ms, by what was asked
    told: list[float] = field(default_factory=list)  # ms until the watch told
    errors: list[str] = field(default_factory=list)

    def all(self) -> list[float]:
        return [one for times in self.times.values() for one in times]


class Connection:
    """One connection that is kept open."""

    def __init__(self, port: int, base: str, key: str) -> None:
        self._port, self._base, self._key = port, base, key
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=16 << 20)

    def close(self) -> None:
        self._writer.close()

    async def send(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> int:
        """Ask; the status. The body is still to be read."""
        data = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {self._base}{path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self._key}",
            "Accept: application/json",
            "User-Agent: kubectl/v1.32.4 (linux/amd64) kubernetes/4ea3eb5",
        ]
        if body is not None:
            lines += [f"Content-Type: {content_type}", f"Content-Length: {len(data)}"]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        await self._writer.drain()
        status = int((await self._reader.readline()).split()[1])
        self._length = -1
        while True:
            line = (await self._reader.readline()).strip().lower()
            if not line:
                return status
            if line.startswith(b"content-length:"):
                self._length = int(line.split(b":")[1])

    async def whole(self) -> bytes:
        return await self._reader.readexactly(self._length)

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        """The JSON lines of a chunked answer."""
        held = b""
        while True:
            size = int((await self._reader.readline()).strip() or b"0", 16)
            if not size:
                return
            held += (await self._reader.readexactly(size + 2))[:-2]
            *whole, held = held.split(b"\n")
            for line in whole:
                yield json.loads(line)


class Client:
    """One of the fifty."""

    def __init__(self, port: int, made: dict[str, str], number: int, seen: Seen) -> None:
        self.name = f"web-{number}"
        self._address = (port, f"/k8s/{made['id']}", made["key"])
        self._seen = seen
        self._wrote: dict[str, float] = {}

    async def run(self, seconds: float) -> None:
        asking, watching = Connection(*self._address), Connection(*self._address)
        await asking.open()
        await watching.open()
        try:
            await self._ask(asking, "create", "POST", DEPLOYMENTS, deployment(self.name), expected=201)
            watch = asyncio.create_task(self._watch(watching))
            until, count = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                count += 1
                await self._ask(asking, "get", "GET", f"{DEPLOYMENTS}/{self.name}")
                await self._ask(asking, "list", "GET", "/api/v1/pods?limit=500")
                self._wrote[str(count)] = time.monotonic()
                patch = {"metadata": {"annotations": {"turn": str(count)}}}
                await self._ask(
                    asking, "patch", "PATCH", f"{DEPLOYMENTS}/{self.name}", patch, "application/merge-patch+json"
                )
            await asyncio.sleep(1)
            if watch.done():
                self._seen.errors.append(f"the watch ended: {watch.exception()}")
            watch.cancel()
            if len(self._wrote) > 0:
                self._seen.errors.append(f"{len(self._wrote)} changes that the watch did not tell")
        except (OSError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
            self._seen.errors.append(repr(error))
        finally:
            asking.close()
            watching.close()

    async def _ask(
        self,
        connection: Connection,
        what: str,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        *,
        expected: int = 200,
    ) -> None:
        begin = time.monotonic()
        status = await connection.send(method, path, body, content_type)
        answer = await connection.whole()
        self._seen.times.setdefault(what, []).append((time.monotonic() - begin) * 1000)
        if status != expected:
            self._seen.errors.append(f"{method} {path}: {status} {answer[:200].decode()}")
        await asyncio.sleep(PAUSE_S)

    async def _watch(self, connection: Connection) -> None:
        status = await connection.send("GET", f"{DEPLOYMENTS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=600")
        if status != 200:
            raise ValueError(f"watch: {status}")
        async for frame in connection.lines():
            metadata = frame["object"].get("metadata", {})
            turn = (metadata.get("annotations") or {}).get("turn")
            if metadata.get("name") == self.name and turn in self._wrote:
                self._seen.told.append((time.monotonic() - self._wrote.pop(turn)) * 1000)


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    spec = {"containers": [{"name": "web", "image": "nginx:1.27"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


async def crowd(port: int, made: list[dict[str, str]], seconds: float) -> Seen:
    seen = Seen()
    clients = [Client(port, made[number % len(made)], number, seen) for number in range(CLIENTS)]
    await asyncio.gather(*(client.run(seconds) for client in clients))
    return seen


def scenarios(var: Path) -> list[dict[str, str]]:
    printed: str = manage(var, "shell", "-v0", "-c", MAKE.format(count=SCENARIOS))
    return [json.loads(part) for part in printed.removeprefix("made").split("--") if part.strip()]


def measure(seconds: float = SECONDS) -> list[Result]:
    with served() as (server, var):
        made = scenarios(var)
        begin_cpu = server.cpu_s
        begin = time.monotonic()
        seen = asyncio.run(crowd(server.port, made, seconds))
        took = time.monotonic() - begin
        cpu = server.cpu_s - begin_cpu
    for error in seen.errors[:10]:
        print(error, file=sys.stderr)
    every = seen.all()
    each = ", ".join(
        f"{what} {percentile(times, 50):.0f}/{percentile(times, 99):.0f}" for what, times in seen.times.items()
    )
    told = f"{len(seen.told)} changes, p50 {percentile(seen.told, 50):.0f} ms" if seen.told else ""
    return [
        Result("kubeapi: errors", len(seen.errors), "", 0.5, f"{CLIENTS} clients, {SCENARIOS} scenarios, {took:.0f} s"),
        Result(
            "kubeapi: requests a second",
            len(every) / took,
            "",
            None,
            f"{cpu / len(every) * 1000:.1f} ms of the processor each",
        ),
        Result("kubeapi: p50 of a request", percentile(every, 50), "ms"),
        Result("kubeapi: p99 of a request", percentile(every, 99), "ms", AIM_P99_MS, f"p50/p99 {each}"),
        Result("kubeapi: p99 until the watch tells", percentile(seen.told, 99) if seen.told else 0, "ms", None, told),
    ]


if __name__ == "__main__":
    print(table(measure(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)))
