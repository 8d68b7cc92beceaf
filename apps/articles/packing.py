"""gzip with holes: a text whose fixed parts are compressed once, and whose blanks are filled in as it goes out.

DEFLATE lets compressed pieces follow one another when each ends on a byte and refers to nothing before it (a full
flush), and lets bytes stand as they are (a stored block). So a page is its compressed parts with the reader's token
stored between them; only the checksum runs over all of it again.

    >>> import gzip
    >>> packed = Packed(["one ", " three"])
    >>> gzip.decompress(packed.filled("two")).decode()
    'one two three'
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from functools import cached_property

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: deflate, no name, no time, any system
END = b"\x03\x00"  # an empty last block
MAX_STORED = 0xFFFF
LEVEL = 6


class Packed:
    """The fixed parts of a text, in order; between two of them there is a blank."""

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = [part.encode() for part in parts]

    @cached_property
    def _squeezed(self) -> list[bytes]:
        return [_squeeze(part) for part in self.parts]

    def filled(self, blank: str) -> bytes:
        """The whole as one gzip member, the same text in every blank."""
        filling = blank.encode()
        stored = _stored(filling)
        out, crc, size = [HEADER], 0, 0
        for position, part in enumerate(self.parts):
            if position:
                out.append(stored)
                crc, size = zlib.crc32(filling, crc), size + len(filling)
            out.append(self._squeezed[position])
            crc, size = zlib.crc32(part, crc), size + len(part)
        out += (END, struct.pack("<II", crc, size & 0xFFFFFFFF))
        return b"".join(out)

    def plain(self, blank: str) -> bytes:
        """The whole, not compressed."""
        return blank.encode().join(self.parts)


def _squeeze(part: bytes) -> bytes:
    maker = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return maker.compress(part) + maker.flush(zlib.Z_FULL_FLUSH)


def _stored(filling: bytes) -> bytes:
    """RFC 1951, 3.2.4: a block that is not compressed."""
    assert len(filling) <= MAX_STORED
    return b"\x00" + struct.pack("<HH", len(filling), len(filling) ^ 0xFFFF) + filling
