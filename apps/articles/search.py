"""Search in both languages: an index small enough to keep in memory, ranked by where a word stands.

Korean is matched by parts of words, since particles cling to them, and a particle that the reader wrote is let go;
English by beginnings of words, a plural as its singular.
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
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.*?)(?: \{#[\w-]+\})?$", re.MULTILINE)
TABLE_RULE = re.compile(r"^\|[-|: ]+\|$", re.MULTILINE)
MARKUP = re.compile(r"\[([^\]]*)\]\([^)]*\)|\[\[\w+\]\]|[`*#>|]")
WORD = re.compile(r"[0-9a-z가-힣][0-9a-z가-힣._/-]*")
PARTICLE = re.compile(
    r"(?<=..)(?:에서는|에게서|으로는|이라는|까지|부터|에서|에게|에는|으로|처럼|보다|이나|이란|라는|대로|은|는|이|가|을|를|과|와|의|에|로|도|만|나|란)$"
)
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


def plain(body: str) -> str:
    """A text without its markup; a heading reads as a sentence.

    >>> plain("## One door {#one-door}\\n\\nFollow a [line](etcd).")
    'One door. Follow a line.'
    """
    text = FENCE.sub(" ", body)
    text = HEADING.sub(r"\1.", text)
    text = TABLE_RULE.sub("", text)
    return " ".join(MARKUP.sub(lambda match: match[1] or " ", text).split()).replace(" .", ".")


@cache
def index(language: str) -> tuple[Entry, ...]:
    entries = []
    other = next(code for code in library.LANGUAGES if code != language)
    for slug in library.slugs():
        article = library.article(language, slug)
        text = plain(article.body)
        entries.append(
            Entry(
                article,
                {
                    # A reader may look for either language's word.
                    "title": fold(f"{article.title} {library.article(other, slug).title}"),
                    "slug": slug,
                    "heading": fold(" ".join(HEADING.findall(article.body))),
                    "claim": fold(article.claim),
                    # Manifests and commands are found, though they are not quoted.
                    "body": fold(f"{text} {' '.join(FENCE.findall(article.body))}"),
                },
                f"{article.claim} {text}",
            )
        )
    return tuple(entries)


def words(query: str) -> list[str]:
    """The words of a query, at most eight, as they are looked for.

    >>> words("파드가 노드를"), words("Rolling updates")
    (['파드', '노드'], ['rolling', 'update'])
    """
    return [stem(word.rstrip("._/-")) for word in WORD.findall(fold(query[:MAX_QUERY]))[:8]]


def stem(word: str) -> str:
    """A word without what grammar hangs on it."""
    if "가" <= word[-1] <= "힣":
        return PARTICLE.sub("", word)
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


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


def _pattern(word: str) -> str:
    """Korean anywhere, English at the beginning of a word."""
    return re.escape(word) if "가" <= word[0] <= "힣" else rf"(?<![0-9a-z]){re.escape(word)}"


def _count(text: str, word: str) -> int:
    return len(re.findall(_pattern(word), text))


def _excerpt(text: str, wanted: list[str], around: int = 70) -> tuple[tuple[str, bool], ...]:
    low = fold(text)
    if len(low) != len(text):  # folding changed lengths: positions would not agree
        text = low
    pattern = re.compile("|".join(_pattern(word) for word in sorted(wanted, key=len, reverse=True)), re.IGNORECASE)
    places = [match.start() for word in wanted if (match := re.search(_pattern(word), low))]
    middle = min(places) if places else 0
    start = text.rfind(" ", 0, max(0, middle - around)) + 1 if middle > around else 0
    end = min(len(text), middle + around * 2)
    piece = text[start:end]
    parts: list[tuple[str, bool]] = [("… ", False)] if start else []
    position = 0
    for match in pattern.finditer(piece):
        parts.append((piece[position : match.start()], False))
        parts.append((match[0], True))
        position = match.end()
    parts.append((piece[position:] + ("…" if end < len(text) else ""), False))
    return tuple(part for part in parts if part[0])
