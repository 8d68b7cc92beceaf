"""Markdown to HTML: our own text, with links that light up the figure.

[web](obj:deployments/default/web)    an object: lights it in the figure, and opens it in the inspector
[kube-scheduler](kube-scheduler)      another article, by its slug
[rev](rev:bind)                       a moment of the walk-through, by its id
## Heading {#id}                      the same id in both languages
[[walk]]  [[prediction]]              where the walk-through and the prediction stand
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

SLOT = re.compile(r"<p>\[\[(walk|prediction)\]\]</p>")
# A particle must not be torn from the bracket before it: 디플로이먼트(Deployment)는
BRACKET_PARTICLE = re.compile(r"\)(?=[가-힣])")
WORD_JOINER = "\u2060"


@dataclass(frozen=True)
class Heading:
    id: str
    text: str


@dataclass(frozen=True)
class Prose:
    """`parts`: HTML, or the name of a slot, in order. `headings`: the h2 of the text."""

    parts: tuple[tuple[str, str], ...]
    headings: tuple[Heading, ...]


class _Links(Treeprocessor):
    def __init__(self, md: markdown.Markdown, language: str, slugs: frozenset[str], moments: dict[str, int]) -> None:
        super().__init__(md)
        self.language, self.slugs, self.moments = language, slugs, moments

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            href = link.get("href", "")
            scheme, colon, rest = href.partition(":")
            target, hash_, anchor = href.partition("#")
            if colon and scheme == "obj":
                link.set("class", "obj-l")
                link.set("data-ref", rest)
                link.set("href", f"?focus={rest}#plate")
            elif colon and scheme == "rev":
                if rest not in self.moments:
                    raise ValueError(f"no moment {rest!r} in the walk-through")
                link.set("class", "rev-l")
                link.set("data-goto", str(self.moments[rest]))
                link.set("href", f"?at={self.moments[rest]}#plate")
            elif target in self.slugs:
                link.set("href", f"/{self.language}/docs/{target}/{hash_}{anchor}")
            elif not colon and target and not href.startswith(("/", "#", "?")):
                raise ValueError(f"link to {href!r}: no such article")
            elif scheme in ("http", "https"):
                link.set("rel", "noopener")


class _OurLinks(Extension):
    def __init__(self, language: str, slugs: frozenset[str], moments: dict[str, int]) -> None:
        super().__init__()
        self.arguments = (language, slugs, moments)

    def extendMarkdown(self, md: markdown.Markdown) -> None:
        md.treeprocessors.register(_Links(md, *self.arguments), "k8sdocs-links", 5)


def render(text: str, language: str, slugs: frozenset[str], moments: dict[str, int]) -> Prose:
    """HTML in parts.

    Raises:
        ValueError: a link leads nowhere.
    """
    md = markdown.Markdown(
        extensions=["fenced_code", "tables", "attr_list", "toc", "md_in_html", _OurLinks(language, slugs, moments)],
        extension_configs={"toc": {"toc_depth": "2-3"}},
        output_format="html",
    )
    html = md.convert(text)
    if language == "ko":
        html = BRACKET_PARTICLE.sub(f"){WORD_JOINER}", html)
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
