"""The look of the figures without a page: `static/css/figure.css` with the colours of `tokens.css` worked in.

One source: the page and the file are drawn by the same rules. What a still picture has no use for (motion, hover,
focus) is left out, and so is what librsvg does not know (custom properties).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

THEMES = ("light", "dark")

_ROOT = Path(__file__).resolve().parents[2]
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r"(--[\w-]+):\s*([^;]+);")
_PAIR = re.compile(r"light-dark\(([^,()]+),\s*([^()]+)\)")
_VAR = re.compile(r"var\((--[\w-]+)(?:,\s*[^()]*)?\)")
_MARK = re.compile(r'<g class="k-m (k-m-(\w+))">')
_NOT_STILL = re.compile(r":hover|:focus|:not\(|--m-|\.k-m\b(?!-)")

Rule = tuple[str, tuple[tuple[str, str], ...]]


@cache
def tokens() -> dict[str, tuple[str, str]]:
    """Custom property -> its values by day and by night, from tokens.css."""
    text = _COMMENT.sub("", (_ROOT / "static/css/tokens.css").read_text())
    root = text.partition(":root {")[2].partition("}")[0]
    found = {}
    for name, value in _TOKEN.findall(root):
        pair = _PAIR.fullmatch(value.strip())
        found[name] = (pair[1].strip(), pair[2].strip()) if pair else (value.strip(), value.strip())
    return found


def resolved(value: str, theme: int) -> str:
    """A value with every custom property replaced; theme 0 = light, 1 = dark."""
    return _VAR.sub(lambda match: tokens()[match[1]][theme], value)


@cache
def rules() -> tuple[Rule, ...]:
    """The plain rules of figure.css: selector, declarations."""
    text = _COMMENT.sub("", (_ROOT / "static/css/figure.css").read_text())
    out: list[Rule] = []
    position = 0
    while (start := text.find("{", position)) >= 0:
        selector = " ".join(text[position:start].split())
        end, depth = start + 1, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        position = end
        if selector.startswith("@"):
            continue
        selectors = [one for one in _split(selector) if not _NOT_STILL.search(one)]
        body = tuple(
            (name.strip(), value.strip())
            for name, _, value in (part.partition(":") for part in text[start + 1 : end - 1].split(";"))
            if value.strip() and not name.strip().startswith("--") and "--m-" not in value
        )
        if selectors and body:
            out.append((",".join(selectors), body))
    return tuple(out)


@cache
def stylesheet(theme: str) -> str:
    """CSS for a file: of one theme, or with theme "" of both, chosen by the viewer's own preference."""
    first = 1 if theme == "dark" else 0
    css = "".join(
        _rule(selector, [(name, resolved(value, first)) for name, value in body]) for selector, body in rules()
    )
    if theme:
        return css
    night = []
    for selector, body in rules():
        changed = [(name, resolved(value, 1)) for name, value in body if resolved(value, 0) != resolved(value, 1)]
        if changed:
            night.append(_rule(selector, changed))
    return css + "@media (prefers-color-scheme:dark){" + "".join(night) + "}"


@cache
def definitions() -> str:
    """The <defs> of a file: each mark by a name of its own."""
    text = (_ROOT / "templates/diagrams/defs.html").read_text()
    inner = text.partition("<defs>")[2].partition("</defs>")[0]
    inner = inner.replace('<g id="k-gl">', "").replace("</g></g>", "</g>", -1)
    return "<defs>" + _MARK.sub(r'<g id="k-gl-\2" class="\1">', inner).replace("\n", "") + "</defs>"


def _rule(selector: str, body: list[tuple[str, str]]) -> str:
    return selector + "{" + ";".join(f"{name}:{value}" for name, value in body) + "}"


def _split(selector: str) -> list[str]:
    """The parts of a selector list; figure.css keeps to selectors that librsvg reads, so no commas inside brackets."""
    return [part.strip() for part in selector.split(",")]
