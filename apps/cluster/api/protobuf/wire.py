"""The wire format: tags, varints and lengths, with the complaints that Go's generated readers make.

Models      github.com/gogo/protobuf as it writes generated.pb.go (Unmarshal, skipGenerated)
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, GROUP, GROUP_END, FIXED32 = range(6)


class Malformed(Exception):
    """Bytes that are no such message; the text is Go's."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of 64 bits, and where it ends.

    >>> varint(b"\\xac\\x02", 0, 2)
    (300, 2)
    """
    value = shift = 0
    while True:
        if shift >= 64:
            raise Malformed("proto: integer overflow")
        if at >= end:
            raise Malformed("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def signed(value: int, bits: int = 64) -> int:
    """A number as Go's int32 or int64 holds it.

    >>> signed(0xFFFFFFFFFFFFFFFF), signed(5)
    (-1, 5)
    """
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where what has a length begins and ends."""
    size, at = varint(data, at, end)
    if size >> 63:
        raise Malformed("proto: negative length found during unmarshaling")
    if at + size > end:
        raise Malformed("unexpected EOF")
    return at, at + size


def tags(data: bytes, at: int, end: int, message: str) -> Iterator[tuple[int, int, int, int]]:
    """Each field of a message: its number, wire type, and where its value begins and ends."""
    while at < end:
        tag, after = varint(data, at, end)
        number, kind = signed(tag >> 3, 32), tag & 7
        if kind == GROUP_END:
            raise Malformed(f"proto: {message}: wiretype end group for non-group")
        if number <= 0:
            raise Malformed(f"proto: {message}: illegal tag {number} (wire type {tag})")
        start, at = _value(data, kind, after, end)
        yield number, kind, start, at


def _value(data: bytes, kind: int, at: int, end: int) -> tuple[int, int]:
    if kind == VARINT:
        return at, varint(data, at, end)[1]
    if kind == LENGTH:
        return length(data, at, end)
    if kind in (FIXED64, FIXED32):
        after = at + (8 if kind == FIXED64 else 4)
    elif kind == GROUP:
        after = _group(data, at, end)
    else:
        raise Malformed(f"proto: illegal wireType {kind}")
    if after > end:
        raise Malformed("unexpected EOF")
    return at, after


def _group(data: bytes, at: int, end: int) -> int:
    """Where a group ends: nothing we know has one, so it is passed over."""
    depth = 1
    while depth:
        tag, at = varint(data, at, end)
        kind = tag & 7
        if kind == GROUP:
            depth += 1
        elif kind == GROUP_END:
            depth -= 1
        else:
            at = _value(data, kind, at, end)[1]
    return at
