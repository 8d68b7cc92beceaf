"""How wide a text is in the faces of the figures, so that no box has to ask Graphviz, which measures with other fonts.

Source: advance widths of IBM Plex Sans KR and IBM Plex Mono (thousandths of the font size).
"""

from __future__ import annotations

from functools import lru_cache

MONO = 600
HANGUL_SANS = 892  # the same glyphs serve Hangul inside mono text

# IBM Plex Sans KR, U+0020 to U+007E, weights 400 and 500.
# fmt: off
_SANS_400 = (
    236, 284, 419, 713, 598, 927, 694, 242, 335, 335, 450, 600, 272, 399, 272, 383, 600, 600, 600, 600, 600, 600, 600,
    600, 600, 600, 292, 292, 600, 600, 600, 477, 891, 641, 653, 621, 671, 583, 559, 695, 707, 400, 510, 634, 501, 812,
    707, 708, 606, 708, 640, 581, 572, 678, 609, 891, 613, 593, 580, 317, 383, 317, 600, 565, 600, 534, 580, 503, 580,
    549, 324, 528, 568, 250, 250, 527, 272, 873, 568, 560, 580, 580, 367, 487, 351, 568, 492, 768, 507, 499, 464, 343,
    314, 343, 600,
)
_SANS_500 = (
    236, 298, 451, 678, 599, 947, 707, 253, 336, 336, 514, 600, 290, 401, 290, 417, 600, 600, 600, 600, 600, 600, 600,
    600, 600, 600, 310, 310, 600, 600, 600, 487, 896, 662, 659, 634, 683, 593, 570, 705, 714, 416, 531, 660, 513, 814,
    714, 712, 627, 712, 655, 598, 577, 686, 628, 926, 639, 617, 591, 325, 417, 325, 600, 561, 600, 549, 592, 510, 592,
    556, 340, 537, 580, 265, 265, 547, 285, 882, 580, 564, 592, 592, 383, 494, 365, 580, 512, 799, 530, 514, 487, 354,
    353, 356, 600,
)
# fmt: on
_OTHER_SANS = {"×": 600, "·": 326, "…": 803}
_WIDE = 1000  # what no Plex face draws is taken as wide as it gets


LONGEST = 512  # more characters than any line of a figure has room for


def width(text: str, size: float, face: str = "mono") -> float:
    """The width of a text in pixels; `face` is mono, sans or sans-500.

    >>> width("worker-1", 12), round(width("스케줄링 제외", 11, "sans"), 1)
    (57.6, 61.5)
    """
    if len(text) > LONGEST:  # a name of a megabyte: as wide as its beginning, and more than there is room for anyway
        text = text[:LONGEST]
    return _width(text, size, face)


@lru_cache(maxsize=8192)
def _width(text: str, size: float, face: str) -> float:
    return sum(_advance(char, face) for char in text) * size / 1000


def _advance(char: str, face: str) -> int:
    code = ord(char)
    if 32 <= code < 127:
        if face == "mono":
            return MONO
        return (_SANS_500 if face == "sans-500" else _SANS_400)[code - 32]
    if 0xAC00 <= code <= 0xD7A3 or 0x3131 <= code <= 0x318E:
        return HANGUL_SANS
    if face == "mono" and code < 0x2200:
        return MONO
    return _OTHER_SANS.get(char, _WIDE)


def fit(text: str, room: float, size: float = 11, face: str = "mono") -> str:
    """The text, or as much of its beginning as fits, with an ellipsis.

    >>> fit("web-57794f8f99", 60), len(fit("x" * 100_000, 1e6))
    ('web-5779…', 512)
    """
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    return _fit(text, room, size, face)


@lru_cache(maxsize=8192)
def _fit(text: str, room: float, size: float, face: str) -> str:
    if _width(text, size, face) <= room:
        return text
    cut = len(text) - 1
    while cut > 0 and _width(text[:cut] + "…", size, face) > room:
        cut -= 1
    return text[:cut] + "…"


def fit_end(text: str, room: float, size: float = 11, face: str = "mono") -> str:
    """The text, or as much of its end as fits, with an ellipsis before it.

    >>> fit_end("elasticsearch-master-0", 60)
    '…master-0'
    """
    if len(text) > LONGEST:
        text = "…" + text[1 - LONGEST :]
    return _fit_end(text, room, size, face)


@lru_cache(maxsize=8192)
def _fit_end(text: str, room: float, size: float, face: str) -> str:
    if _width(text, size, face) <= room:
        return text
    cut = 1
    while cut < len(text) and _width("…" + text[cut:], size, face) > room:
        cut += 1
    return "…" + text[cut:]
