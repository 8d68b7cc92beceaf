"""The words of the Korean texts: one word, one translation; plain style; no particle that has to guess.

`tests/testdata/terms.tsv`: the word we use, its English in brackets, and what is not said instead.
gloss   once = a page that uses the word has the English in brackets at its first use, and nowhere else
        free = the same where a page gives the English at all;  never = it never does
"""

from __future__ import annotations

import csv
import re
import tomllib
from functools import cache
from pathlib import Path

import polib
import pytest
from django.conf import settings

from apps.articles import library, walks

ROOT = Path(settings.BASE_DIR)
TERMS = list(csv.DictReader((ROOT / "tests/testdata/terms.tsv").read_text().splitlines(), delimiter="\t"))
SLUGS = library.slugs()
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
# Syllables that end in ㅂ: 합니다 and 습니다 are polite, 아니다 is not.
BIEUP = "".join(chr(0xAC00 + index) for index in range(17, 11172, 28))
POLITE = re.compile(rf"([{BIEUP}]니다|세요|십시오|[해돼]요|어요|예요|이에요)(?=[.!?”\"]|$)", re.MULTILINE)
COLON_BEFORE_LIST = re.compile(r":\s*\n\s*\n?\s*(?:[-*|]|\d+\.|```)")
PRAISE = {
    "ko": re.compile(r"강력한|손쉽게|놀라운|간편하게|획기적|완벽하게"),
    "en": re.compile(r"\b(powerful|seamless\w*|effortless\w*|blazing\w*|robust|simply|amazing)\b", re.IGNORECASE),
}
# What may follow a name depends on its last sound, which a variable does not tell.
PARTICLES = "은|는|이|가|을|를|과|와|으로|로|이랑|랑|이나|나|아|야|이라|라|이다|다|이며|며|이고|고|이면|면|이여|여"
GUESSED = re.compile(rf"(?:\}}|\[\]\(obj:@[^)]*\))[\"'”’]?({PARTICLES})(?![가-힣])")
# How Latin names are read: c ends in a consonant, l in ㄹ (which 로 follows), v in a vowel.
READ_ALOUD = {
    "kubelet": "c", "kubectl": "l", "kubeadm": "c", "Deployment": "v", "web": "c", "ExternalName": "c", "confd": "v",
    "etcd": "v", "kube-apiserver": "v", "kube-scheduler": "v", "kube-controller-manager": "v", "kube-proxy": "v",
    "Calico": "v", "calico-node": "v", "CRI-O": "v", "containerd": "v", "CoreDNS": "v", "BIRD": "v", "Felix": "v",
    "deployment-controller": "v", "replicaset-controller": "v", "daemonset-controller": "v", "ClusterIP": "v",
    "NodePort": "v", "LoadBalancer": "v", "IP": "v", "node-log": "v", "BGP": "v", "DNS": "v", "worker-1": "l",
    "worker-2": "v", "worker-3": "c", "db-0": "c", "db-1": "l", "CPU": "v", "YAML": "l", "Pending": "c", "Ready": "v",
    "Running": "c", "NotReady": "v", "conntrack": "c", "status": "v", "replicas": "v", "watch": "v", "iptables": "v",
}  # fmt: skip
PAIRS = {"은": "는", "이": "가", "을": "를", "과": "와"}  # after a consonant: after a vowel


def texts_of(value):
    """The strings of nested tables, Korean ones where both languages stand side by side."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if not (key == "en" and "ko" in value):
                yield from texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)


def figure_texts(slug):
    """The walk-through and the question of an article, as they read in its place."""
    data = walks.load(slug)
    walk = [entry[part]["ko"] for entry in data.get("walk", ()) for part in ("title", "text")]
    asked = data.get("prediction", {})
    question = [asked[part]["ko"] for part in ("question", "reveal") if part in asked]
    return "\n".join(walk), "\n".join(question + [option["ko"] for option in asked.get("options", ())])


@cache
def page(slug):
    """Everything Korean that a reader of the article meets, in the order in which they meet it."""
    article = library.article("ko", slug)
    walk, question = figure_texts(slug)
    body = FENCE.sub("", article.body).replace("[[walk]]", walk).replace("[[prediction]]", question)
    return "\n".join((article.title, article.claim, article.caption, body))


def said(text):
    """A text as it sounds: links by their words, code without its marks."""
    return LINK.sub(r"\1", text).replace("`", "")


def sources():
    """Every Korean text of the project, by where it stands."""
    for slug in SLUGS:
        yield f"content/ko/**/{slug}.md", page(slug)
    for path in sorted(ROOT.glob("apps/diagrams/wording/ko/*.toml")):
        yield str(path.relative_to(ROOT)), "\n".join(texts_of(tomllib.loads(path.read_text())))
    for path in sorted(ROOT.glob("apps/scenarios/presets/*.toml")):
        data = tomllib.loads(path.read_text())
        yield str(path.relative_to(ROOT)), "\n".join(data[part]["ko"] for part in ("title", "description"))
    path = ROOT / "content/ko/omissions.toml"
    yield "content/ko/omissions.toml", "\n".join(texts_of(tomllib.loads(path.read_text())))
    entries = polib.pofile(str(ROOT / "locale/ko/LC_MESSAGES/django.po"))
    yield "locale/ko", "\n".join(text for entry in entries for text in (entry.msgstr, *entry.msgstr_plural.values()))


SOURCES = dict(sources())


@pytest.mark.parametrize("where", SOURCES)
def test_one_word_one_translation(where):
    for term in TERMS:
        for banned in filter(None, term["banned"].split("|")):
            found = re.search(rf"(?<![가-힣]){re.escape(banned)}", SOURCES[where])
            assert not found, f"{banned!r} instead of {term['korean']!r}"


@pytest.mark.parametrize("slug", SLUGS)
def test_english_stands_in_brackets_once_and_first(slug):
    text = page(slug)
    for term in TERMS:
        korean, english = term["korean"], term["english"]
        if not english:
            continue
        glosses = [match.start() for match in re.finditer(rf"{korean}\({english}\)", text)]
        uses = [match.start() for match in re.finditer(rf"(?<![가-힣]){korean}(?!슬라이스)", text)]
        if term["gloss"] == "never":
            assert not glosses, f"{korean}({english}) is never glossed"
            continue
        assert len(glosses) <= 1, f"{korean}({english}) more than once"
        if glosses:
            assert glosses[0] == uses[0], f"{korean} is used before {korean}({english})"
        elif term["gloss"] == "once":
            assert not uses, f"{korean} without ({english})"


@pytest.mark.parametrize("where", [where for where in SOURCES if where != "locale/ko"])
def test_the_style_is_plain(where):
    found = POLITE.search(CODE.sub("", SOURCES[where]))
    assert not found, SOURCES[where][max(0, found.start() - 30) : found.end()] if found else ""


@pytest.mark.parametrize("slug", SLUGS)
def test_a_list_is_introduced_by_a_full_stop(slug):
    assert not COLON_BEFORE_LIST.search(FENCE.sub("```", library.article("ko", slug).body))


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("language", library.LANGUAGES)
def test_nothing_is_praised_or_exclaimed(slug, language):
    article = library.article(language, slug)
    text = CODE.sub("", FENCE.sub("", f"{article.title}\n{article.claim}\n{article.caption}\n{article.body}"))
    assert "!" not in text
    assert not PRAISE[language].search(text)


@pytest.mark.parametrize("where", [*(f"content/figures/{slug}.toml" for slug in SLUGS if walks.load(slug)), *SOURCES])
def test_no_particle_is_guessed_after_a_variable(where):
    text = SOURCES.get(where) or "\n".join(figure_texts(Path(where).stem))
    found = GUESSED.search(text)
    assert not found, text[max(0, found.start() - 40) : found.end()] if found else ""


@pytest.mark.parametrize("where", SOURCES)
def test_a_particle_agrees_with_the_name_before_it(where):
    text = said(SOURCES[where])
    for match in re.finditer(r"(?<![\w-])([A-Za-z][\w-]*)(은|는|이|가|을|를|과|와|으로|로)(?![가-힣])", text):
        name, particle = match.groups()
        ends = READ_ALOUD.get(name)
        if ends is None:
            continue
        consonant = ends != "v"
        if particle in ("으로", "로"):
            right = "으로" if ends == "c" else "로"
        else:
            pair = next((pair for pair in PAIRS.items() if particle in pair), ("", ""))
            right = pair[0] if consonant else pair[1]
        assert particle == right, match[0]
