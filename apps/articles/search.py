"""Search in both languages: an index small enough to keep in memory, ranked by where a word stands.

Korean is matched by parts of words, since particles cling to them; English by beginnings of words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from apps.articles import library
from apps.articles.library import Article

MAX_QUERY = 100
MAX_RESULTS = 30
MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|\[\[\w+\]\]|\{#[\w-]+\}|[`*#>|]")
WORD = re.compile(r"[0-9a-z가-힣][0-9a-z가-힣._/-]*")
WEIGHTS = (("title", 12), ("slug", 10), ("heading", 6), ("claim", 4), ("body", 1))


@dataclass(frozen=True)
class Entry:
    article: Article
    fields: dict[str, str]
    text: str


@dataclass(frozen=True)
class Result:
    article: Article
    excerpt: tuple[tuple[str, bool], ...]  # text and whether it is what was looked for


def fold(text: str) -> str:
    """Text as it is compared: composed Hangul, small letters."""
    return unicodedata.normalize("NFKC", text).lower()


@cache
def index(language: str) -> tuple[Entry, ...]:
    entries = []
    other = next(code for code in library.LANGUAGES if code != language)
    for slug in library.slugs():
        article = library.article(language, slug)
        text = " ".join(MARKUP.sub(lambda match: match[1] or "", article.body).split())
        headings = " ".join(line.lstrip("# ") for line in article.body.splitlines() if line.startswith("##"))
        entries.append(
            Entry(
                article,
                {
                    # A reader may look for either language's word.
                    "title": fold(f"{article.title} {library.article(other, slug).title}"),
                    "slug": slug,
                    "heading": fold(headings),
                    "claim": fold(article.claim),
                    "body": fold(text),
                },
                f"{article.claim} {text}",
            )
        )
    return tuple(entries)


def words(query: str) -> list[str]:
    """The words of a query, at most eight."""
    return WORD.findall(fold(query[:MAX_QUERY]))[:8]


def search(language: str, query: str) -> list[Result]:
    """Articles that have every word, best first."""
    wanted = words(query)
    if not wanted:
        return []
    found: list[tuple[int, int, Result]] = []
    for position, entry in enumerate(index(language)):
        total = 0
        for word in wanted:
            score = sum(weight * min(_count(entry.fields[name], word), 3) for name, weight in WEIGHTS)
            if not score:
                break
            total += score
        else:
            found.append((-total, position, Result(entry.article, _excerpt(entry.text, wanted))))
    found.sort(key=lambda item: item[:2])
    return [result for _, _, result in found[:MAX_RESULTS]]


def _count(text: str, word: str) -> int:
    if "가" <= word[0] <= "힣":
        return text.count(word)
    return len(re.findall(rf"(?<![0-9a-z]){re.escape(word)}", text))


def _excerpt(text: str, wanted: list[str], around: int = 70) -> tuple[tuple[str, bool], ...]:
    low = fold(text)
    if len(low) != len(text):  # folding changed lengths: positions would not agree
        text = low
    places = [place for word in wanted if (place := low.find(word)) >= 0]
    middle = min(places) if places else 0
    start, end = max(0, middle - around), min(len(text), middle + around * 2)
    if start:  # from the beginning of a word to the end of one
        start = text.find(" ", start, middle) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", middle + around, end), middle + around)
    piece = text[start:end]
    pattern = re.compile("|".join(re.escape(word) for word in sorted(wanted, key=len, reverse=True)), re.IGNORECASE)
    parts: list[tuple[str, bool]] = [("… ", False)] if start else []
    position = 0
    for match in pattern.finditer(piece):
        parts.append((piece[position : match.start()], False))
        parts.append((match[0], True))
        position = match.end()
    parts.append((piece[position:] + (" …" if end < len(text) else ""), False))
    return tuple(part for part in parts if part[0])
