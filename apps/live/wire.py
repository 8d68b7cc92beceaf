"""How frames reach a reader's network.

ASGI's `send` takes one message at a time, and a server may hold it back until the network has taken the data. Daphne
does neither well for a crowd: it frames each message anew for each reader, and it buffers without bound and returns at
once. So where the server is Daphne, we hand its connection the frames as bytes made once for everybody, and look at
the connection's buffer ourselves. Any other server gets plain ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property, partial
from typing import Any

from autobahn.websocket.protocol import PreparedMessage, WebSocketProtocol

Send = Callable[[dict[str, Any]], Awaitable[None]]

BACKLOG_BYTES = 512 * 1024  # handed to the server and not yet taken by the reader's network


class Batch:
    """Frames that belong together. Framed for the network once, however many readers get them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(texts)
        self.size = sum(len(text) for text in self.texts)

    @cached_property
    def data(self) -> bytes:
        """The frames as RFC 6455 has them on the wire, unmasked as a server's are."""
        return b"".join(PreparedMessage(text.encode(), False, False, True).payloadHybi for text in self.texts)


class Wire:
    """The way to one reader."""

    def __init__(self, send: Send) -> None:
        self._send = send
        # Daphne's `send` is a partial of its handler and the connection (daphne/server.py, create_application).
        protocol = send.args[0] if isinstance(send, partial) and send.args else None
        self._protocol = protocol if isinstance(protocol, WebSocketProtocol) else None

    @property
    def backlog(self) -> int:
        """Bytes that Daphne holds for this reader; 0 for a server whose `send` waits."""
        transport = getattr(self._protocol, "transport", None)
        transport = getattr(transport, "wrappedProtocol", transport)
        buffered = getattr(transport, "dataBuffer", None)
        if buffered is None:
            return 0
        waiting: int = len(buffered) - getattr(transport, "offset", 0) + getattr(transport, "_tempDataLen", 0)
        return waiting

    def write_now(self, batch: Batch) -> bool:
        """Write without waiting, if that can be done: a connection of Daphne's, open, uncompressed and not behind."""
        protocol = self._protocol
        if (
            protocol is None
            or protocol.state != WebSocketProtocol.STATE_OPEN
            or protocol._perMessageCompress is not None
        ):
            return False
        if self.backlog > BACKLOG_BYTES:
            return False
        protocol.sendData(batch.data)
        return True

    async def write(self, batch: Batch) -> None:
        """Write, and wait as long as the server makes us."""
        if not self.write_now(batch):
            for text in batch.texts:
                await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})
