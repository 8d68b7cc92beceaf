"""Markdown to HTML: our own text, with links that light up the figure.

[web](obj:deployments/default/web)    an object: lights it in the figure, and opens it in the inspector
[](obj:@old)                          one that the walk-through captured as `old`; its name is the text of the link
[](obj:@pod:short)                    the generated end of its name only, as the figure shows it
[kube-scheduler](kube-scheduler)      another article, by its slug
[the gap](preset:recreate)            a preset's own page
[send it](packet:up?src=@a&dst=@b)    a packet at a moment of the walk-through, hop by hop; @a, @b: captured
[then](rev:bind)                      a moment of the walk-through, by its id
## Heading {#id}                      the same id in both languages
[[walk]]  [[prediction]]              where the walk-through and the prediction stand
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qsl, urlencode
from xml.etree.ElementTree import Element, SubElement

import markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

SLOT = re.compile(r"<p>\[\[(walk|prediction)\]\]</p>")
# A particle must not be torn from the bracket before it: 디플로이먼트(Deployment)는
BRACKET_PARTICLE = re.compile(r"\)((?:</(?:code|a|strong|em)>)?)(?=[가-힣])")
WORD_JOINER = "\u2060"
CODE_BLOCK = re.compile(r'<pre><code class="language-(\w+)">(.*?)</code></pre>', re.DOTALL)
CONSOLE_PROMPT = re.compile(r"^\$ ", re.MULTILINE)
# Names that are one word to a reader, though a browser would break them at the hyphen.
NAME = re.compile(
    r"\b(?:kube-[a-z-]+[a-z]|(?:[a-z]+-)+controller|calico-node|node-log|cri-dockerd|CRI-O|(?:worker|db|web)-\d)\b",
    re.ASCII,
)
TAGS = re.compile(r"(<(?:pre|code)\b.*?</(?:pre|code)>|<[^>]*>)", re.DOTALL)
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)


@dataclass(frozen=True)
class Heading:
    id: str
    text: str


@dataclass(frozen=True)
class Prose:
    """`parts`: HTML, or the name of a slot, in order. `headings`: the h2 of the text."""

    parts: tuple[tuple[str, str], ...]
    headings: tuple[Heading, ...]


@dataclass(frozen=True)
class Targets:
    """What a text may link to.

    moments   id of a moment of the walk-through -> address
    names     captured name -> ref of its object, `"pods/default/web-5d-x2k9q"`
    refs      every object that the article's run ever has
    presets   id -> address
    here      the address of the article's own story
    words     the few words of the interface that stand in the text: copy, copied, section
    """

    slugs: frozenset[str] = frozenset()
    moments: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    refs: frozenset[str] = frozenset()
    presets: Mapping[str, str] = field(default_factory=dict)
    here: str = ""
    words: Mapping[str, str] = field(default_factory=dict)


class _Links(Treeprocessor):
    def __init__(self, md: markdown.Markdown, language: str, targets: Targets) -> None:
        super().__init__(md)
        self.language, self.targets = language, targets

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            self._resolve(link)
        for heading in root.iter("h2"):
            anchor = SubElement(heading, "a", {"class": "heading-link", "href": f"#{heading.get('id')}"})
            anchor.set("aria-label", self.targets.words.get("section", ""))
            anchor.text = "#"

    def _resolve(self, link: Element) -> None:
        href = link.get("href", "")
        scheme, colon, rest = href.partition(":")
        target, hash_, anchor = href.partition("#")
        targets = self.targets
        if colon and scheme == "obj":
            self._object(link, rest)
        elif colon and scheme == "rev":
            if rest not in targets.moments:
                raise ValueError(f"no moment {rest!r} in the walk-through")
            link.set("class", "rev-l")
            link.set("data-goto", str(targets.moments[rest]))
            link.set("href", f"?at={targets.moments[rest]}#plate")
        elif colon and scheme == "preset":
            if rest not in targets.presets:
                raise ValueError(f"no preset {rest!r}")
            link.set("href", f"/{self.language}/s/{targets.presets[rest]}/")
        elif colon and scheme == "packet":
            link.set("href", self._packet(rest))
        elif target in targets.slugs:
            link.set("href", f"/{self.language}/docs/{target}/{hash_}{anchor}")
        elif not colon and target and not href.startswith(("/", "#", "?")):
            raise ValueError(f"link to {href!r}: no such article")
        elif scheme in ("http", "https"):
            link.set("rel", "noopener")

    def _packet(self, rest: str) -> str:
        moment, _, query = rest.partition("?")
        if moment not in self.targets.moments:
            raise ValueError(f"no moment {moment!r} in the walk-through")
        asked = {}
        for name, text in parse_qsl(query):
            typed = name == "dst" and not text.startswith("@") and "/" not in text  # a name or address as one types it
            asked[name] = self._ref(text) if name in ("src", "dst") and not typed else text
        shown = urlencode({"view": "packet", "at": str(self.targets.moments[moment]), **asked}, safe="/:")
        return f"/{self.language}/s/{self.targets.here}/?{shown}"

    def _ref(self, text: str) -> str:
        """A ref as it is, or that of what was captured.

        Raises:
            ValueError: there is no such object in the run.
        """
        if text in ("client", "balancer"):
            return text
        ref = self.targets.names.get(text[1:], "") if text.startswith("@") else text
        if not ref:
            raise ValueError(f"nothing was captured as {text[1:]!r}")
        if ref not in self.targets.refs:
            raise ValueError(f"{ref!r} is never in the figure")
        return ref

    def _object(self, link: Element, rest: str) -> None:
        name, _, how = rest.partition(":") if rest.startswith("@") else (rest, "", "")
        ref = self._ref(name)
        if name != ref and not link.text:
            link.text = label_of(ref, how)
        link.set("class", "obj-l")
        link.set("data-ref", ref)
        link.set("href", f"?focus={ref}#plate")


class _OurLinks(Extension):
    def __init__(self, language: str, targets: Targets) -> None:
        super().__init__()
        self.arguments = (language, targets)

    def extendMarkdown(self, md: markdown.Markdown) -> None:
        # After `toc` (5), so that the titles of sections are their words alone.
        md.treeprocessors.register(_Links(md, *self.arguments), "k8sdocs-links", 4)


def label_of(ref: str, how: str = "") -> str:
    """What an object is called in a text.

    >>> label_of("pods/default/web-5d-x2k9q"), label_of("pods/default/web-5d-x2k9q", "short")
    ('web-5d-x2k9q', 'x2k9q')
    """
    name = ref.rpartition("/")[2]
    return name.rpartition("-")[2] if how == "short" else name


def render(text: str, language: str, targets: Targets) -> Prose:
    """HTML in parts.

    Raises:
        ValueError: a link leads nowhere.
    """
    md = markdown.Markdown(
        extensions=["fenced_code", "tables", "attr_list", "toc", "md_in_html", _OurLinks(language, targets)],
        extension_configs={"toc": {"toc_depth": "2-3"}},
        output_format="html",
    )
    html = md.convert(text)
    if language == "ko":
        html = joined(html)
    html = unbroken(html)
    html = CODE_BLOCK.sub(lambda match: _code(match[1], match[2], targets.words), html)
    html = TABLE.sub(lambda match: f'<div class="wide" tabindex="0">{match[0]}</div>', html)
    parts: list[tuple[str, str]] = []
    position = 0
    for match in SLOT.finditer(html):
        parts.append(("html", html[position : match.start()]))
        parts.append((match[1], ""))
        position = match.end()
    parts.append(("html", html[position:]))
    headings = tuple(
        Heading(token["id"], token["name"])
        for token in md.toc_tokens  # type: ignore[attr-defined]
        if token["level"] == 2
    )
    return Prose(tuple(part for part in parts if part[0] != "html" or part[1].strip()), headings)


def joined(html: str) -> str:
    """Korean text whose particles stay with the bracket before them.

    >>> joined("조정(reconcile)이라고") == "조정(reconcile)\u2060이라고"
    True
    """
    return BRACKET_PARTICLE.sub(rf"\g<0>{WORD_JOINER}", html)


def unbroken(html: str) -> str:
    """HTML in which no name is broken at its hyphen.

    >>> unbroken("by kube-proxy, not <code>kube-proxy</code>")
    'by <span class="nb">kube-proxy</span>, not <code>kube-proxy</code>'
    """
    pieces = TAGS.split(html)
    return "".join(
        piece if position % 2 else NAME.sub(r'<span class="nb">\g<0></span>', piece)
        for position, piece in enumerate(pieces)
    )


def _code(language: str, code: str, words: Mapping[str, str]) -> str:
    """A block of code that can be scrolled by keys and copied; a prompt is shown and not copied."""
    shown = CONSOLE_PROMPT.sub('<span class="prompt">$ </span>', code) if language == "console" else code
    copy, done = escape(words.get("copy", "")), escape(words.get("copied", ""))
    button = f'<button type="button" class="copy" data-copy-code data-done="{done}" hidden>{copy}</button>'
    return f'<div class="code">{button}<pre tabindex="0"><code class="language-{language}">{shown}</code></pre></div>'
