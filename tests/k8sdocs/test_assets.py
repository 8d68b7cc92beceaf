"""The typefaces: which syllables go where."""

import pytest

from k8sdocs import assets


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], ""),
        ([0x41], "U+41"),
        ([0x41, 0x42, 0x43, 0xAC00], "U+41-43,U+AC00"),
        ([0xAC01, 0xAC00, 0x20], "U+20,U+AC00-AC01"),
    ],
)
def test_ranges(codes, expected):
    assert assets.ranges(codes) == expected


def test_the_common_syllables_are_those_of_the_standard():
    assert len(assets.common_syllables()) == 2350


def test_what_the_site_says_in_korean_is_in_the_core():
    used = assets.syllables_in_use()
    assert {ord(letter) for letter in "이책의그림은모두실행중인쿠버네티스클러스터다"} <= used
    assert used <= set(assets.HANGUL)
    assert len(used) < 1400  # a page stays light


def test_the_fonts_are_there_and_light():
    fonts = assets.VENDOR / "fonts"
    if not fonts.exists():
        pytest.skip("not installed: make install")
    assert (fonts / "plex-sans-400-core.woff2").stat().st_size < 90_000
    assert (fonts / "plex-sans-400-latin.woff2").stat().st_size < 20_000
    rules = (assets.VENDOR / "fonts.css").read_text()
    assert rules.count("@font-face") == 3 * 5
