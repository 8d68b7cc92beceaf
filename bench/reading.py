"""Pages a second, as many readers with open connections get them. Small, so that the server has the machine to itself.

`python -m bench.reading PORT SECONDS CONNECTIONS PATH [HEADER…]` prints JSON: pages, bytes, statuses, seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter


class Reader(asyncio.Protocol):
    """One connection that asks again as soon as it has been answered."""

    def __init__(self, request: bytes, statuses: Counter[str]) -> None:
        self.request, self.statuses = request, statuses
        self.buffer = bytearray()
        self.needed = -1  # bytes of this answer, once its head has come
        self.pages = self.bytes = 0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer
        buffer += data
        if self.needed < 0:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(buffer[:end]).lower()
            status = head[9:12].decode()
            self.statuses[status] += 1
            self.needed = end + 4
            if status != "304":
                _, found, rest = head.partition(b"\r\ncontent-length:")
                if not found:  # chunked: the last chunk is empty
                    self.needed = -2
                else:
                    self.needed += int(rest.partition(b"\r\n")[0])
        if self.needed == -2:
            if not buffer.endswith(b"\r\n0\r\n\r\n"):
                return
        elif len(buffer) < self.needed:
            return
        self.pages += 1
        self.bytes += len(buffer)
        buffer.clear()
        self.needed = -1
        self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def read(port: int, seconds: float, connections: int, path: str, headers: list[str]) -> dict[str, object]:
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    statuses: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    readers = [
        (await loop.create_connection(lambda: Reader(request, statuses), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    taken = time.perf_counter() - started
    pages, size = sum(reader.pages for reader in readers), sum(reader.bytes for reader in readers)
    for reader in readers:
        reader.transport.abort()
    return {"pages": pages, "bytes": size, "statuses": dict(statuses), "seconds": taken}


if __name__ == "__main__":
    port_, seconds_, connections_, path_, *headers_ = sys.argv[1:]
    print(json.dumps(asyncio.run(read(int(port_), float(seconds_), int(connections_), path_, headers_))))
