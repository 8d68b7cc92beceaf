"""Frames on the wire: the bytes that readers get are those that any WebSocket library would make."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace

import pytest
from autobahn.websocket.protocol import WebSocketProtocol
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from apps.live.wire import BACKLOG_BYTES, Batch, Wire


def read_all(data: bytes) -> list[str]:
    """The texts of a byte stream, as the `websockets` library reads it."""
    stream = StreamReader()
    stream.feed_data(data)
    texts = []
    while stream.buffer:
        frame = _result(Frame.parse(stream.read_exact, mask=False))
        assert frame.opcode is Opcode.TEXT
        assert frame.fin
        texts.append(frame.data.decode())
    return texts


def _result(generator):
    """What a generator that needs nothing more returns."""

    def returned():
        return (yield from generator)

    outer = returned()
    value = None
    with pytest.raises(StopIteration) as stop:
        outer.send(value)
    return stop.value.value


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_every_length_is_framed_as_the_standard_says(size):
    assert read_all(Batch(["x" * size]).data) == ["x" * size]


def test_a_batch_is_its_texts_in_order_framed_once():
    batch = Batch(["하나", "two", "세 번째"])
    assert read_all(batch.data) == ["하나", "two", "세 번째"]
    assert batch.data is batch.data


class Connection(WebSocketProtocol):
    """Daphne's connection, as far as a wire looks at it."""

    def __init__(self, *, state=WebSocketProtocol.STATE_OPEN, compressed=None, buffered=0):
        self.state = state
        self._perMessageCompress = compressed
        self.transport = SimpleNamespace(dataBuffer=b"x" * buffered, offset=0, _tempDataLen=0)
        self.written = []

    def sendData(self, data, sync=False, chopsize=None):
        self.written.append(data)


def wire_to(connection, sent):
    async def reply(protocol, message):
        sent.append(message)

    return Wire(partial(reply, connection))


@pytest.mark.parametrize(
    ("connection", "direct"),
    [
        pytest.param(Connection(), True, id="open"),
        pytest.param(Connection(state=WebSocketProtocol.STATE_CONNECTING), False, id="still connecting"),
        pytest.param(Connection(state=WebSocketProtocol.STATE_CLOSED), False, id="closed"),
        pytest.param(Connection(compressed=object()), False, id="compressed"),
        pytest.param(Connection(buffered=BACKLOG_BYTES + 1), False, id="behind"),
    ],
)
def test_bytes_go_straight_to_an_open_connection_of_daphne(connection, direct):
    wire = wire_to(connection, [])
    assert wire.write_now(Batch(["a"])) is direct
    assert connection.written == ([Batch(["a"]).data] if direct else [])


async def test_any_other_server_gets_plain_asgi():
    sent = []

    async def send(message):
        sent.append(message)
        await asyncio.sleep(0)

    wire = Wire(send)
    assert wire.backlog == 0
    assert not wire.write_now(Batch(["a"]))
    await wire.write(Batch(["a", "b"]))
    assert sent == [{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "text": "b"}]
