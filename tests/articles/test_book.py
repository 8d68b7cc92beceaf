"""The book as a whole: every article twice, alike in shape, true to the model."""

from __future__ import annotations

import re

import pytest

from apps.articles import library, omissions, pages, walks
from apps.cluster.cluster import Cluster, Config
from apps.scenarios import manifests, presets

SLUGS = library.slugs()
WHOLE = [slug for slug in SLUGS if library.article("en", slug).whole]
HEADING = re.compile(r"^##+ .*\{#([\w-]+)\}$", re.MULTILINE)
FENCE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"[.!?。](?:\s|$)")


def both(slug):
    return library.article("ko", slug), library.article("en", slug)


def test_the_map_has_every_promised_article_once():
    assert len(SLUGS) == len(set(SLUGS)) == 29


@pytest.mark.parametrize("slug", SLUGS)
def test_twins_are_alike(slug):
    ko, en = both(slug)
    for field in ("level", "minutes", "components", "preset", "view", "number", "map", "focus", "tweak"):
        assert getattr(ko, field) == getattr(en, field), field
    assert HEADING.findall(ko.body) == HEADING.findall(en.body)
    assert FENCE.findall(ko.body) == FENCE.findall(en.body)
    assert ko.body.count("](") == en.body.count("](")


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("language", library.LANGUAGES)
def test_every_link_leads_somewhere_and_every_heading_has_an_id(slug, language):
    article = library.article(language, slug)
    rendered = pages.text_of(article)
    assert all(re.fullmatch(r"[a-z0-9-]+", heading.id) for heading in rendered.headings)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_component_says_what_it_models_and_leaves_out(slug):
    for component in library.article("en", slug).components:
        assert omissions.headers(component), component


@pytest.mark.parametrize("slug", WHOLE)
def test_a_whole_article_has_all_its_parts(slug):
    ko, en = both(slug)
    data = walks.load(slug)
    assert 5 <= len(data["walk"]) <= 12
    assert "prediction" in data
    for article in (ko, en):
        assert "[[walk]]" in article.body
        assert "[[prediction]]" in article.body
        assert "{#further}" in article.body


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if slug not in WHOLE])
@pytest.mark.parametrize("language", library.LANGUAGES)
def test_an_outline_has_three_sentences(slug, language):
    article = library.article(language, slug)
    count = len(SENTENCE.findall(f"{article.claim} {article.body}"))
    assert count == 3


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("language", library.LANGUAGES)
def test_the_walk_is_found_in_its_run_and_the_model_answers(slug, language):
    article = library.article(language, slug)
    walk = walks.of(article)
    revisions = [moment.revision for moment in walk.moments]
    assert revisions == sorted(revisions)
    data = walks.load(slug)
    if "prediction" in data:
        assert walk.prediction is not None
        assert walk.prediction.answer
        ids = [option.id for option in walk.prediction.options]
        assert not ids or walk.prediction.answer in ids


def test_a_walk_that_names_what_is_not_there_is_an_error():
    article = library.article("en", "deployment")
    run = presets.get(article.preset)
    assert run.story.entries
    with pytest.raises(ValueError, match="stands for nothing"):
        walks.paragraph("{nobody}", {})


@pytest.mark.parametrize("slug", WHOLE)
def test_the_manifests_of_an_article_apply(slug):
    cluster = Cluster.boot(Config(workers=1))
    for text in FENCE.findall(library.article("en", slug).body):
        documents = manifests.read(text)
        assert documents
        cluster.execute({"op": "apply", "objects": [document.obj for document in documents]})
