"""`render`: snapshot -> figure. `difference`: what changed between two figures, when nothing moved.

A `Figure` knows its parts at once (classes, texts, geometry); the SVG is put together only when asked for, and
Graphviz is asked only for shapes never drawn before.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections import OrderedDict
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

from apps.diagrams import finish
from apps.diagrams import text as text_
from apps.diagrams.graph import Element, Graph, Shape
from apps.diagrams.options import Options
from apps.diagrams.places import SnapshotLike
from apps.diagrams.views import (
    apiserver,
    calico,
    cluster,
    etcd,
    kubeadm,
    network,
    node,
    ownership,
    packet,
    scheduler,
    service,
)

SVG_CACHE = 512

Patch = list[list[Any]]


class Part(NamedTuple):
    """What one element says and wears, and a key of where and how it is drawn."""

    cls: str
    text: tuple[str, ...]
    geometry: str
    label: str
    href: str


class Figure:
    """A drawn figure. `svg` is put together on first use; `parts` is there at once."""

    def __init__(self, graph: Graph, prefix: str = "") -> None:
        self.graph = graph
        self.prefix = prefix
        self.width, self.height, self.title = graph.width, graph.height, graph.title

    @cached_property
    def alt(self) -> str:
        """The figure in words, a line for each machine or lane: what a screen reader or a text browser gets."""
        return text_.describe(self.graph)

    @cached_property
    def parts(self) -> dict[str, Part]:
        """Element id -> class, texts, geometry, label, href; in the order they are drawn."""
        parts: dict[str, Part] = {}
        for element in self.graph.roots:
            _collect(element, parts)
        for element in self.graph.edges:
            _collect(element, parts)
        return parts

    @cached_property
    def digest(self) -> str:
        """Names the picture: equal digests are equal SVG."""
        graph = self.graph
        head = f"{graph.view}\x1f{graph.lang}\x1f{self.width}\x1f{self.height}\x1f{self.prefix}"
        texts = [head]
        for name, (cls, text, geometry, label, href) in self.parts.items():
            texts += (name, cls, geometry, label, href, *text)
        return hashlib.blake2b("\x1f".join(texts).encode(), digest_size=10).hexdigest()

    @cached_property
    def svg(self) -> str:
        """The finished SVG, for a page with `static/css/figure.css` and the definitions of `diagrams/defs.html`.

        Raises:
            GraphvizError: Graphviz is missing or failed.
        """
        with _lock:
            found = _svgs.get(self.digest)
            if found is not None:
                _svgs.move_to_end(self.digest)
                return found
        svg = assemble(self.graph, self.prefix)
        with _lock:
            _svgs[self.digest] = svg
            while len(_svgs) > SVG_CACHE:
                _svgs.popitem(last=False)
        return svg


VIEWS = {
    "cluster": cluster.build,
    "ownership": ownership.build,
    "scheduler": scheduler.build,
    "apiserver": apiserver.build,
    "etcd": etcd.build,
    "node": node.build,
    "kubeadm": kubeadm.build,
    "network": network.build,
    "packet": packet.build,
    "service": service.build,
    "calico": calico.build,
}

_svgs: OrderedDict[str, str] = OrderedDict()
_lock = Lock()


def render(snapshot: SnapshotLike, view: str = "cluster", lang: str = "ko", options: Options | None = None) -> Figure:
    """The figure of a snapshot: `view` is one of VIEWS."""
    options = options or Options()
    return Figure(VIEWS[view](snapshot, lang, options), options.prefix)


def difference(old: Figure, new: Figure) -> Patch | None:
    """What turns one figure into the other: `[[id, {"class"?, "text"?, "label"?, "href"?}], …]`; None when that cannot.

    `class` replaces the element's class attribute, `text` the texts of its own `<text>` children in order, `label` its
    aria-label, `href` where it leads.
    """
    before, after = old.parts, new.parts
    if len(before) != len(after) or old.width != new.width or old.height != new.height:
        return None
    prefix = new.prefix
    patch: Patch = []
    for name, part in after.items():
        was = before.get(name)
        if was is None or was[2] != part[2]:
            return None
        if bool(was[3]) is not bool(part[3]) or bool(was[4]) is not bool(part[4]):
            return None  # another kind of element
        if was == part:
            continue
        change: dict[str, Any] = {}
        if was[0] != part[0]:
            change["class"] = part[0]
        if was[1] != part[1]:
            change["text"] = list(part[1])
        if was[3] != part[3]:
            change["label"] = part[3]
        if was[4] != part[4]:
            change["href"] = part[4]
        patch.append([prefix + name, change])
    return patch


def assemble(graph: Graph, prefix: str = "") -> str:
    """The SVG of a graph, for a page."""
    width, height = graph.width, graph.height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="kfig kfig-{graph.view}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="group" aria-label="{escape(graph.title)}">{body(graph, prefix)}</svg>'
    )


def body(graph: Graph, prefix: str = "", still: bool = False) -> str:
    """The drawing itself. `still` = for a file: no links, each mark by its own name, no movement."""
    missing: dict[str, Shape] = {}
    for element in (*graph.roots, *graph.edges):
        _missing(element, missing)
    if missing:
        finish.draw(list(missing.values()))
    out = [_svg(element, prefix, still) for element in graph.roots]
    out.append('<g class="k-edges" aria-hidden="true">')
    out += [_svg(element, prefix, still) for element in graph.edges]
    out.append("</g>")
    return "".join(out)


def _collect(element: Element, parts: dict[str, Part]) -> None:
    parts[element.id] = Part(element.cls, element.text, element.shape.key, element.label, element.href)
    for child in element.children:
        _collect(child, parts)


def _missing(element: Element, missing: dict[str, Shape]) -> None:
    if element.shape.template is None:
        missing[element.shape.key] = element.shape
    for child in element.children:
        _missing(child, missing)


def _svg(element: Element, prefix: str, still: bool) -> str:
    children = "".join([_svg(child, prefix, still) for child in element.children]) if element.children else ""
    tag, attributes = "g", ""
    if element.href and not still:
        tag = "a"
        attributes = f' href="{escape(element.href)}"'
    if element.label:
        role = "" if tag == "a" else ' role="group"' if children else ' role="img"'
        attributes += f'{role} aria-label="{escape(element.label)}"'
    if element.ref and not still:
        attributes += f' data-ref="{escape(element.ref)}"'
    template = element.shape.template
    assert template is not None
    if still:
        template = _frozen(template, element.cls)
    return template % (
        tag,
        prefix + element.id,
        element.cls,
        attributes,
        *[escape(text) for text in element.text],
        children,
        tag,
    )


def _frozen(template: str, cls: str) -> str:
    """Without what only CSS and scripts of a page bring to life."""
    mark = _STATE.search(cls)
    if mark is None:
        template = _USE.sub("", template)
    else:
        template = template.replace('href="#k-gl"', f'href="#k-gl-{mark[1]}"')
    return _OFFSET.sub("", template)


_STATE = re.compile(r"\bst-(\w+)")
_USE = re.compile(r"<use [^>]*/>")
_OFFSET = re.compile(r' style="offset-path[^"]*"')
_BAD_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape(text: str) -> str:
    """Text for XML: what XML cannot hold becomes a replacement character."""
    if text.isalnum():
        return text
    return html.escape(_BAD_XML.sub("\N{REPLACEMENT CHARACTER}", text))
