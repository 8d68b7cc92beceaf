"""Search: both languages, particles, plurals, hostile queries."""

from __future__ import annotations

import pytest

from apps.articles import library
from apps.articles.search import MAX_QUERY, plain, search, stem, words


def slugs(language, query):
    return [result.article.slug for result in search(language, query)]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("파드가", "파드", id="a particle is let go"),
        pytest.param("레플리카셋에서는", "레플리카셋", id="a double one too"),
        pytest.param("노드", "노드", id="a bare word stays"),
        pytest.param("경로", "경로", id="what is left must be a word"),
        pytest.param("updates", "update", id="a plural is its singular"),
        pytest.param("class", "class", id="not every s is one"),
        pytest.param("dns", "dns", id="nor that of an abbreviation"),
    ],
)
def test_stem(word, expected):
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("language", "query", "first"),
    [
        pytest.param("ko", "디플로이먼트", "deployment", id="a Korean title"),
        pytest.param("ko", "데몬셋은", "daemonset", id="with a particle"),
        pytest.param("ko", "StatefulSet", "statefulset", id="an English word on the Korean side"),
        pytest.param("en", "데몬셋", "daemonset", id="a Korean word on the English side"),
        pytest.param("ko", "kubeadm", "kubeadm", id="a name that both languages share"),
        pytest.param("en", "rolling update", "deployment", id="two words"),
        pytest.param("en", "ROLLING  UPDATES", "deployment", id="however they are written"),
        pytest.param("en", "DaemonSets", "daemonset", id="a plural"),
        pytest.param("en", "kubectl rollout undo", "deployment", id="a command"),
        pytest.param("ko", "volumeClaimTemplates", "statefulset", id="a field"),
        pytest.param("ko", "재생성", "deployment", id="a word of the text"),
        pytest.param("ko", "디플로이먼트".encode().decode(), "deployment", id="composed Hangul"),
        pytest.param("ko", "\u1103\u1166\u1106\u1169\u11ab\u1109\u1166\u11ba", "daemonset", id="decomposed Hangul"),
    ],
)
def test_what_is_found_first(language, query, first):
    assert slugs(language, query)[0] == first


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("", id="nothing"),
        pytest.param("  ", id="spaces"),
        pytest.param("((((", id="brackets"),
        pytest.param("zzzzzz", id="a word nobody uses"),
        pytest.param("deployment zzzzzz", id="one word of two"),
        pytest.param("<script>", id="markup"),
        pytest.param("_" * 5000, id="very long"),
    ],
)
def test_what_is_not_found(query):
    assert slugs("en", query) == []


def test_every_article_is_found_by_its_title():
    for language in library.LANGUAGES:
        for slug in library.slugs():
            assert slug in slugs(language, library.article(language, slug).title), slug


def test_a_query_has_a_bound():
    assert len(words("a " * 1000)) == 8
    assert sum(len(word) for word in words("가" * 1000)) <= MAX_QUERY


def test_the_excerpt_shows_the_word_marked():
    for result in search("ko", "파드가"):
        assert any(hit and text == "파드" for text, hit in result.excerpt)
        assert len("".join(text for text, _ in result.excerpt)) < 300


def test_an_excerpt_is_prose():
    text = plain(library.article("en", "deployment").body)
    for mark in ("[[", "](", "`", "{#", "|", "apiVersion", "$ kubectl"):
        assert mark not in text
