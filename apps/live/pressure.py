"""How much of what was sent is still waiting inside the server.

ASGI lets a server hold `send` back until the network has taken the data, and most do. Daphne does not: it buffers
without bound and returns at once, so we look at the buffer of the connection ourselves. For any other server the
answer is 0, and its `send` waits.
"""

from __future__ import annotations

from functools import partial
from typing import Any


def backlog(send: Any) -> int:
    """Bytes that Daphne has buffered for the connection of this `send`."""
    if not isinstance(send, partial) or not send.args:
        return 0
    transport = getattr(send.args[0], "transport", None)
    transport = getattr(transport, "wrappedProtocol", transport)
    buffered = getattr(transport, "dataBuffer", None)
    if buffered is None:
        return 0
    waiting: int = len(buffered) - getattr(transport, "offset", 0) + getattr(transport, "_tempDataLen", 0)
    return waiting
