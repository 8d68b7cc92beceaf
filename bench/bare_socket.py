"""The least a WebSocket server can do: hand the same messages to everybody who is connected.

`python -m bench.bare_socket PORT`. From a client, `PUT <JSON list of texts>` sets the messages, `GO` sends them to all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

messages: list[str] = []
everybody: set[Any] = set()


async def handle(connection: Any) -> None:
    everybody.add(connection)
    with contextlib.suppress(ConnectionClosed):
        async for text in connection:
            if text == "GO":
                for message in messages:
                    broadcast(everybody, message)
            else:
                messages[:] = json.loads(text.removeprefix("PUT "))
                await connection.send("ready")
    everybody.discard(connection)


async def main() -> None:
    async with serve(handle, "127.0.0.1", int(sys.argv[1]), compression=None, max_size=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
