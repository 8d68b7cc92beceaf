"""The shapes of the figures' grammar. Each function gives one object for one geometry, so a shape is drawn only once.

All boxes have fixed sizes: no face's metrics, the server's or the page's, moves anything. Coordinates are whole pixels;
the finishing pass puts hairlines on half pixels.
"""

from __future__ import annotations

from functools import lru_cache

from apps.diagrams.graph import Rect, Shape, Text

KEEP = 16384  # shapes remembered of each kind


def _glyph(x: float, y: float, scale: float = 1) -> str:
    """The mark of a state. Which of its drawings shows is decided by the class of what it stands in."""
    where = f'x="{x:g}" y="{y:g}"' if scale == 1 else f'transform="translate({x:g} {y:g}) scale({scale:g})"'
    return f'<use href="#k-gl" {where} class="k-gl"/>'


def _spine(x: float, top: float, bottom: float) -> str:
    return (
        f'<path d="M{x + 4:g} {top:g}V{bottom:g}" class="k-s1"/><path d="M{x + 7:g} {top:g}V{bottom:g}" class="k-s2"/>'
    )


@lru_cache(maxsize=KEEP)
def pod(rect: Rect) -> Shape:
    """A Pod: spine, mark, name, and on its lower edge the word that the mark does not say. Texts: name, word."""
    x, y, w, h = rect
    small = w < 64
    under = _rings(rect)
    return Shape(
        f"pod {x:g} {y:g} {w:g} {h:g}",
        "box",
        rect,
        box="k-b",
        radius=3,
        under=under,
        over=_spine(x, y + 3, y + h - 3) + _glyph(x + (15 if not small else 14.5), y + h / 2),
        texts=(
            Text(x + (24 if not small else 22), y + h / 2 + 4, "k-pn"),
            Text(x + w / 2, y + h + 3, "k-tag", "middle"),
        ),
    )


@lru_cache(maxsize=KEEP)
def mini(rect: Rect) -> Shape:
    """A Pod without its name, or ×N, in a small tile. Text: ×N or nothing."""
    x, y, w, h = rect
    under = "".join(
        f'<rect x="{x - d:g}" y="{y - d:g}" width="{w + 2 * d:g}" height="{h + 2 * d:g}" rx="4" class="{cls}"/>'
        for d, cls in ((2.5, "k-r2"), (1.5, "k-r1"))
    )
    return Shape(
        f"mini {x:g} {y:g} {w:g} {h:g}",
        "box",
        rect,
        box="k-b",
        radius=3,
        under=under,
        over=_spine(x - 1, y + 3, y + h - 3) + _glyph(x + 13, y + h / 2, 0.8),
        texts=(Text(x + 19, y + h / 2 + 4, "k-pn"),),
    )


@lru_cache(maxsize=KEEP)
def slot(rect: Rect) -> Shape:
    """Room for a Pod: four corner ticks."""
    x, y, right, bottom = rect.x + 0.5, rect.y + 0.5, rect.right - 0.5, rect.bottom - 0.5
    ticks = (
        f"M{x:g} {y + 4:g}V{y:g}H{x + 4:g}M{right - 4:g} {y:g}H{right:g}V{y + 4:g}"
        f"M{right:g} {bottom - 4:g}V{bottom:g}H{right - 4:g}M{x + 4:g} {bottom:g}H{x:g}V{bottom - 4:g}"
    )
    return Shape(f"slot {x:g} {y:g} {right:g}", "none", rect, over=f'<path d="{ticks}" class="k-tick"/>')


@lru_cache(maxsize=KEEP)
def box(rect: Rect, cls: str, radius: float = 3, texts: tuple[Text, ...] = (), over: str = "") -> Shape:
    """A plain box with words in it."""
    x, y, w, h = rect
    where = " ".join(f"{text.x:g},{text.y:g}" for text in texts)
    return Shape(
        f"box {cls} {x:g} {y:g} {w:g} {h:g} {where}{len(over)}",
        "box",
        rect,
        box=cls,
        radius=radius,
        texts=texts,
        over=over,
    )


@lru_cache(maxsize=KEEP)
def chip(rect: Rect) -> Shape:
    """A program of a node. Its mark shows when it is anything but ready. Text: name."""
    x, y, w, h = rect
    return Shape(
        f"chip {x:g} {y:g} {w:g} {h:g}",
        "box",
        rect,
        box="k-c",
        radius=3,
        over=_glyph(x + 2, y + 1, 0.7),  # a badge on the corner: beside the name there is no room
        texts=(Text(x + w / 2, y + h / 2 + 4, "k-cp", "middle"),),
    )


@lru_cache(maxsize=KEEP)
def pill(rect: Rect) -> Shape:
    return box(rect, "k-c", rect.h / 2, (Text(rect.cx, rect.cy + 4, "k-us", "middle"),))


@lru_cache(maxsize=KEEP)
def frame(rect: Rect, header: float) -> Shape:
    """A machine. The hatches of a cordoned header and of a machine without power are there, and show by class."""
    x, y, w, h = rect
    hatch = (
        f'<path d="M{x + 1:g} {y + header:g}V{y + 6:g}A5 5 0 0 1 {x + 6:g} {y + 1:g}H{x + w - 6:g}'
        f'A5 5 0 0 1 {x + w - 1:g} {y + 6:g}V{y + header:g}z" class="k-hx"/>'
    )
    return Shape(f"frame {x:g} {y:g} {w:g} {h:g}", "box", rect, box="k-f", radius=6, over=hatch)


@lru_cache(maxsize=KEEP)
def drum(rect: Rect, texts: tuple[Text, ...]) -> Shape:
    x, y, w, h = rect
    return Shape(f"drum {x:g} {y:g} {w:g} {h:g}", "cylinder", rect, box="k-d", radius=7, texts=texts)


@lru_cache(maxsize=KEEP)
def words(texts: tuple[Text, ...], over: str = "") -> Shape:
    """Text alone."""
    where = " ".join(f"{text.x:g},{text.y:g},{text.cls}" for text in texts)
    x, y = texts[0].x, texts[0].y
    return Shape(f"words {where} {over}", "none", Rect(x, y - 11, 1, 14), texts=texts, over=over)


@lru_cache(maxsize=KEEP)
def swatch(x: float, y: float) -> str:
    """An owner's tint and pattern in small, as part of another shape."""
    return f'<rect x="{x + 0.5:g}" y="{y + 0.5:g}" width="13" height="13" rx="2.5" class="k-b"/>' + _spine(
        x, y + 3, y + 11
    )


@lru_cache(maxsize=KEEP)
def gauge(x: float, y: float, w: float, filled: int, text: Text) -> Shape:
    """A scale in eighths of the node's cpu with a bar under it, `filled` pixels long. Text: the figures."""
    ticks = "".join(f"M{x + 0.5 + round(k * (w - 1) / 8):g} {y:g}v{-(8 if k % 4 == 0 else 4)}" for k in range(9))
    bar = f'<path d="M{x:g} {y + 1.25:g}h{filled}" class="k-gu"/>' if filled else ""
    return Shape(
        f"gauge {x:g} {y:g} {w:g} {filled}",
        "none",
        Rect(x, y - 8, w, 10),
        over=f'<path d="M{x:g} {y + 0.5:g}h{w:g}{ticks}" class="k-gt"/>{bar}',
        texts=(text,),
    )


@lru_cache(maxsize=KEEP)
def fill(x: float, y: float, w: float, filled: int, texts: tuple[Text, ...]) -> Shape:
    """How much of a whole is taken: a line in eighths, and on it a bar `filled` pixels long."""
    ticks = "".join(f"M{x + 0.5 + round(k * (w - 1) / 8):g} {y:g}v-4" for k in range(9))
    bar = f'<path d="M{x:g} {y - 1.25:g}h{filled}" class="k-gu"/>' if filled else ""
    where = " ".join(f"{text.x:g},{text.y:g},{text.cls}" for text in texts)
    over = f'<path d="M{x:g} {y + 0.5:g}h{w:g}{ticks}" class="k-gt"/>{bar}'
    return Shape(f"fill {x:g} {y:g} {w:g} {filled} {where}", "none", Rect(x, y - 8, w, 10), over=over, texts=texts)


@lru_cache(maxsize=KEEP)
def tally(x: float, y: float, cells: str) -> Shape:
    """Small squares in a row: `1` whole, `0` empty, `x` crossed out."""
    out = []
    for place, cell in enumerate(cells):
        left = x + place * 11
        cls = "k-cell" if cell == "1" else "k-cell0"
        out.append(f'<rect x="{left + 0.5:g}" y="{y + 0.5:g}" width="8" height="8" class="{cls}"/>')
        if cell == "x":
            out.append(f'<path d="M{left - 1:g} {y - 1:g}l11 11m0 -11l-11 11" class="k-cellx"/>')
    return Shape(f"tally {x:g} {y:g} {cells}", "none", Rect(x, y, 11 * len(cells), 9), over="".join(out))


@lru_cache(maxsize=KEEP)
def edge(points: tuple[tuple[float, float], ...]) -> Shape:
    """An edge that a request travels, with an arrowhead, a mark for a cut cable and the dot that runs along it."""
    return Shape(
        "edge " + " ".join(f"{x:g},{y:g}" for x, y in points), "edge", Rect(0, 0, 0, 0), box="arrow", points=points
    )


@lru_cache(maxsize=KEEP)
def line(points: tuple[tuple[float, float], ...]) -> Shape:
    """An edge that only relates: no arrowhead."""
    return Shape("line " + " ".join(f"{x:g},{y:g}" for x, y in points), "edge", Rect(0, 0, 0, 0), points=points)


@lru_cache(maxsize=KEEP)
def owner(rect: Rect, texts: tuple[Text, ...]) -> Shape:
    """An object in a box of its own: a spine when its Pods have one. Texts: kind, note, count, name."""
    x, y, w, h = rect
    where = " ".join(f"{text.x:g},{text.y:g}" for text in texts)
    under = f'<rect x="{x - 2.5:g}" y="{y - 2.5:g}" width="{w + 5:g}" height="{h + 5:g}" rx="6" class="k-r1"/>'
    return Shape(
        f"owner {x:g} {y:g} {w:g} {h:g} {where}",
        "box",
        rect,
        box="k-b",
        radius=3,
        under=under,
        over=_spine(x, y + 3, y + h - 3),
        texts=texts,
    )


def _rings(rect: Rect) -> str:
    """The two rings around a Pod: touched by this step, chosen by the reader; both may nest."""
    x, y, w, h = rect
    return "".join(
        f'<rect x="{x - d + 0.5:g}" y="{y - d + 0.5:g}" width="{w + 2 * d - 1:g}" height="{h + 2 * d - 1:g}" rx="{r}"'
        f' class="{cls}"/>'
        for d, r, cls in ((5, 6, "k-r2"), (3, 5, "k-r1"))
    )


@lru_cache(maxsize=KEEP)
def waiting(rect: Rect) -> Shape:
    """A Pod in a queue: as a Pod, and at its right how often it has been tried. Texts: name, attempts."""
    x, y, w, h = rect
    under = _rings(rect)
    return Shape(
        f"waiting {x:g} {y:g} {w:g} {h:g}",
        "box",
        rect,
        box="k-b",
        radius=3,
        under=under,
        over=_spine(x, y + 3, y + h - 3),
        texts=(Text(x + 12, y + h / 2 + 4, "k-pn"), Text(x + w - 6, y + h / 2 + 4, "k-num", "end")),
    )


@lru_cache(maxsize=KEEP)
def inner(rect: Rect) -> Shape:
    """A Pod as its node has it: spine, mark, name; at the right QoS class and address. Its containers stand in it."""
    x, y, w, h = rect
    under = _rings(rect)
    return Shape(
        f"inner {x:g} {y:g} {w:g} {h:g}",
        "box",
        rect,
        box="k-b",
        radius=3,
        under=under,
        over=_spine(x, y + 3, y + h - 3) + _glyph(x + 17, y + 15),
        texts=(Text(x + 28, y + 19, "k-pn"), Text(x + w - 8, y + 19, "k-num", "end")),
    )


@lru_cache(maxsize=KEEP)
def container(rect: Rect) -> Shape:
    """A container under its monitor. Texts: the monitor, the container's name."""
    x, y, w, h = rect
    return Shape(
        f"container {x:g} {y:g} {w:g} {h:g}",
        "box",
        rect,
        box="k-c",
        radius=3,
        over=_glyph(x + 11, y + h / 2, 0.8),
        texts=(Text(x + 21, y + h / 2 + 4, "k-cp"),),
    )


@lru_cache(maxsize=KEEP)
def stage(rect: Rect) -> Shape:
    """A stage that something passes through, one after the other. Texts: its name, what came of it."""
    x, y, w, h = rect
    return box(
        rect, "k-st", 3, (Text(x + 8, y + 16, "k-stn"), Text(x + 8, y + h - 8, "k-sts")), verdict(x + w - 13, y + 12)
    )


@lru_cache(maxsize=KEEP)
def ruled(rect: Rect, texts: tuple[Text, ...], marked: bool = True) -> Shape:
    """A row: words over a hairline, and before them a verdict."""
    x, y, w, h = rect
    over = f'<path d="M{x:g} {y + h - 0.5:g}h{w:g}" class="k-rule"/>'
    under = f'<rect x="{x:g}" y="{y + 1:g}" width="{w:g}" height="{h - 2:g}" rx="3" class="k-wash"/>'
    if marked:
        over += verdict(x + 11, y + h / 2)
    where = " ".join(f"{text.x:g},{text.y:g},{text.cls}" for text in texts)
    return Shape(f"ruled {x:g} {y:g} {w:g} {h:g} {where} {marked}", "none", rect, under=under, over=over, texts=texts)


@lru_cache(maxsize=KEEP)
def bar(x: float, y: float, filled: int) -> Shape:
    """How much of something, as a bar."""
    over = f'<path d="M{x:g} {y:g}h{max(filled, 1)}" class="k-bar"/>'
    return Shape(f"bar {x:g} {y:g} {filled}", "none", Rect(x, y - 4, filled, 8), over=over)


def verdict(x: float, y: float) -> str:
    """Chosen, passed, refused, left out: which of them shows is decided by the class of what it stands in."""
    return (
        f'<path d="M{x - 4:g} {y + 0.5:g}l3 3l5.5 -7" class="k-v k-v-yes"/>'
        f'<path d="M{x - 3.5:g} {y - 3.5:g}l7 7m0 -7l-7 7" class="k-v k-v-no"/>'
        f'<path d="M{x - 3.5:g} {y:g}h7" class="k-v k-v-skip"/>'
        f'<path d="M{x - 4:g} {y - 5:g}l8 5l-8 5z" class="k-v k-v-pick"/>'
    )


@lru_cache(maxsize=KEEP)
def chain(points: tuple[tuple[float, float], ...]) -> Shape:
    """A hairline through points: what belongs together in an order."""
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    x, y = points[0]
    return Shape(f"chain {path}", "none", Rect(x, y, 1, 1), over=f'<path d="{path}" class="k-tree"/>')


@lru_cache(maxsize=KEEP)
def hop(rect: Rect, detail: float) -> Shape:
    """What happened to a packet: its number in a circle, a word, and `detail` from the left what it happened with.

    The cross of where it came to grief is there, and shows by class. Texts: number, word, detail.
    """
    x, y, w, h = rect
    cx, cy = x + 11, y + h / 2
    under = f'<rect x="{x - 2:g}" y="{y + 0.5:g}" width="{w + 4:g}" height="{h - 1:g}" rx="3" class="k-wash"/>'
    over = (
        f'<circle cx="{cx:g}" cy="{cy:g}" r="8.5" class="k-hn"/>'
        f'<path d="M{cx - 4:g} {cy - 4:g}l8 8m0 -8l-8 8" class="k-fail"/>'
    )
    texts = [Text(cx, cy + 3.5, "k-ht", "middle"), Text(x + 26, cy + 4, "k-hc")]
    if detail:
        texts.append(Text(x + detail, cy + 4, "k-num"))
    return Shape(f"hop {x:g} {y:g} {w:g} {h:g} {detail:g}", "none", rect, under=under, over=over, texts=tuple(texts))


@lru_cache(maxsize=KEEP)
def pipe(rect: Rect) -> Shape:
    """A tunnel: its wall, with the outer header written on it, and the packet inside. Texts: outer header, inner."""
    x, y, w, h = rect
    over = (
        f'<rect x="{x + 8.5:g}" y="{y + 25.5:g}" width="{w - 17:g}" height="{h - 32:g}" rx="3" class="k-core"/>'
        f'<path d="M{x + 7.5:g} {y + 0.5:g}v{h - 1:g}M{x + w - 7.5:g} {y + 0.5:g}v{h - 1:g}" class="k-rim"/>'
    )
    texts = (Text(x + 16, y + 17, "k-num"), Text(x + 18, y + h - 13, "k-num"))
    return Shape(f"pipe {x:g} {y:g} {w:g} {h:g}", "box", rect, box="k-pipe", radius=9, over=over, texts=texts)
