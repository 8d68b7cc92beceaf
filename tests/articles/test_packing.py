"""gzip with holes: whatever stands in them, every reader of gzip gets the whole."""

from __future__ import annotations

import gzip
import zlib

import pytest

from apps.articles.packing import Packed


@pytest.mark.parametrize(
    ("parts", "blank"),
    [
        pytest.param(["no blank"], "", id="none"),
        pytest.param(["before ", " after"], "middle", id="one"),
        pytest.param(["a", "b", "c"], "-", id="two"),
        pytest.param(["", ""], "alone", id="nothing around it"),
        pytest.param(["", ""], "", id="nothing at all"),
        pytest.param(["한글 " * 30_000, "끝" * 30_000], "토큰", id="long parts"),
        pytest.param(["x" * 40_000, "x" * 40_000], "x" * 60_000, id="a long blank like its surroundings"),
    ],
)
def test_what_goes_in_comes_out(parts, blank):
    packed = Packed(parts)
    whole = blank.join(parts).encode()
    assert packed.plain(blank) == whole
    assert gzip.decompress(packed.filled(blank)) == whole
    streaming = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert streaming.decompress(packed.filled(blank)) + streaming.flush() == whole
    assert streaming.eof
    assert not streaming.unused_data  # one member: some readers stop after the first
