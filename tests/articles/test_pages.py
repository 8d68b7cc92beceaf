"""The book's pages: what they answer, without scripts and with hostile addresses, and how they are kept."""

from __future__ import annotations

import gzip
import html
import re

import pytest
from django.contrib.messages.storage.base import Message
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client

from apps.articles import library, pages, walks
from tests import moments

SLUGS = library.slugs()
WHOLE = [slug for slug in SLUGS if library.article("en", slug).whole]
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\son[a-z]+=|\sstyle=|javascript:", re.IGNORECASE)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    return Client(enforce_csrf_checks=True)


def page(reader, address, status=200):
    response = reader.get(address)
    assert response.status_code == status
    return response.content.decode()


def at_of(text):
    return int(re.search(r'<k8s-figure[^>]* data-at="(\d+)"', text)[1])


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("language", library.LANGUAGES)
def test_every_article_answers_whole_before_any_script(reader, language, slug):
    text = page(reader, f"/{language}/docs/{slug}/")
    article = library.article(language, slug)
    words = html.unescape(re.sub(r"<[^>]*>", "", text))
    assert article.claim in words
    assert article.caption in words
    assert f"<h1>{html.escape(article.title)}</h1>" in text
    assert "<svg" in text
    assert "fig-" in text
    assert 'id="left-out"' in text
    assert "⟦" not in text  # a message without its words
    assert not INLINE.search(text)
    assert text.count("<h1") == 1


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        pytest.param("ready", "v-yes", id="no policy yet"),
        pytest.param("denied", "v-no", id="all is denied"),
        pytest.param("half", "v-no", id="one end allows"),
        pytest.param("front-to-web", "v-yes", id="both ends allow"),
    ],
)
def test_a_figure_shows_the_packet_that_its_walk_captured(reader, moment, told):
    article = library.article("en", "felix")
    walk = walks.of(article)
    text = page(reader, f"{article.url}?at={walk.addresses[moment]}")
    source, target = (walk.names[name].rpartition("/")[2] for name in ("front", "web"))
    shown = re.search(r'id="fig-outcome" class="k-said (v-\w+)"[^>]*aria-label="([^:]*):', text)
    assert shown[1] == told
    assert html.unescape(shown[2]) == f"{source} → {target}"


@pytest.mark.parametrize("slug", SLUGS)
def test_an_object_that_an_article_opens_with_is_there(reader, slug):
    article = library.article("en", slug)
    text = page(reader, article.url)
    panel = re.search(r'<section class="inspector[^>]*>', text)[0]
    assert ("hidden" in panel) is (not article.focus)
    if article.focus:
        assert f'data-ref="{article.focus}"' in text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        pytest.param("/ko/docs/", 200, id="the contents"),
        pytest.param("/en/docs/", 200, id="in English"),
        pytest.param("/ko/docs/no-such-article/", 404, id="an unknown article"),
        pytest.param("/ko/docs/deployment.md/", 404, id="a file name"),
        pytest.param("/fr/docs/deployment/", 404, id="an unknown language"),
        pytest.param("/ko/docs/deployment", 301, id="without its last stroke"),
        pytest.param("/ko/search/", 200, id="search, asked nothing"),
        pytest.param("/ko/search/?q=%3Cscript%3Ealert(1)%3C/script%3E", 200, id="search, asked markup"),
    ],
)
def test_addresses(reader, address, status):
    text = page(reader, address, status)
    assert "<script>alert" not in text


def test_pages_are_only_read(reader):
    assert reader.post("/ko/docs/deployment/", HTTP_X_CSRFTOKEN="x").status_code in (403, 405)
    assert Client().post("/ko/docs/deployment/").status_code == 405
    assert reader.head("/ko/docs/deployment/").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("at=abc", id="no number"),
        pytest.param("at=-1", id="negative"),
        pytest.param("at=1", id="before the story"),
        pytest.param("at=999999999999", id="far beyond it"),
        pytest.param("at=" + "9" * 500, id="very long"),
        pytest.param("at=%C2%B2", id="a digit that is none"),
        pytest.param("at=%EF%BC%93%EF%BC%90%EF%BC%90", id="digits of another script"),
        pytest.param("focus=pods/default/nobody", id="an object that is not there"),
        pytest.param("focus=%3Cscript%3E", id="markup for an object"),
        pytest.param("focus=" + "x" * 900, id="a very long object"),
        pytest.param("utm_source=%22%3E%3Cscript%3E", id="somebody else's parameter"),
    ],
)
def test_what_an_address_cannot_mean_is_passed_over(reader, query):
    text = page(reader, f"/en/docs/deployment/?{query}")
    assert at_of(text) == walks.of(library.article("en", "deployment")).at
    assert 'data-focus=""' in text
    assert "<script>" not in text


def test_a_revision_and_an_object_can_be_asked_for(reader):
    moment = walks.of(library.article("en", "deployment")).moments[3]
    text = page(reader, f"/en/docs/deployment/?at={moment.revision}&focus=deployments/default/web")
    assert at_of(text) == moment.revision
    assert 'data-focus="deployments/default/web"' in text
    current = re.search(r'<li class="on" aria-current="step">.*?<span class="n">(\d+)</span>', text)
    assert int(current[1]) == moment.revision


def test_the_twin_in_the_other_language_is_at_the_same_place(reader):
    at = moments.deployment_article()
    text = page(reader, f"/ko/docs/deployment/?at={at}&focus=deployments/default/web")
    twin = f'href="/en/docs/deployment/?at={at}&amp;focus=deployments/default/web"'
    assert f'<link rel="alternate" hreflang="en" {twin}>' in text
    assert f'{twin} lang="en"' in text


@pytest.mark.parametrize("slug", WHOLE)
@pytest.mark.parametrize("language", library.LANGUAGES)
def test_a_guess_without_scripts_is_judged(reader, language, slug):
    prediction = walks.of(library.article(language, slug)).prediction
    url = f"/{language}/docs/{slug}/"
    asked = page(reader, url)
    answer = re.search(r'<div class="answer"[^>]*>', asked)[0]
    assert "hidden" in answer

    right = page(reader, f"{url}?at={prediction.shows}&guess={prediction.answer}")
    assert at_of(right) == prediction.shows
    assert _shown(right) == "right"
    wrong = page(reader, f"{url}?at={prediction.shows}&guess=nothing-of-the-kind")
    assert _shown(wrong) == "wrong"
    none = page(reader, f"{url}?at={prediction.shows}&guess=")
    assert _shown(none) == ""
    assert "hidden" not in re.search(r'<div class="answer"[^>]*>', none)[0]


def _shown(text):
    verdicts = re.findall(r'<span class="verdict" data-verdict="(\w+)"( hidden)?>', text)
    shown = [name for name, hidden in verdicts if not hidden]
    return shown[0] if shown else ""


def test_a_number_is_right_however_it_is_written(reader):
    assert _shown(page(reader, "/en/docs/deployment/?guess=03")) == "right"
    assert _shown(page(reader, "/en/docs/deployment/?guess=+3+")) == "right"


def test_the_parts_of_the_map_lead_to_their_articles(reader):
    text = page(reader, "/ko/docs/architecture/")
    for slug in ("etcd", "kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet", "container-runtime"):
        assert re.search(rf'<a id="fig-[^"]*"[^>]* href="/ko/docs/{slug}/"', text), slug
    frame_url = re.search(r'data-frame-url="([^"]+)"', text)[1].replace("&amp;", "&")
    frame = reader.get(f"{frame_url}{'&' if '?' in frame_url else '?'}at={at_of(text)}&parts=1").json()
    assert 'href="/ko/docs/etcd/"' in frame["svg"]


@pytest.mark.parametrize(
    ("slug", "preset"), [("deployment", "recreate"), ("architecture", "node-failure"), ("daemonset", "daemonset")]
)
def test_a_scenario_that_a_text_names_is_the_one_it_leads_to(reader, slug, preset):
    for language in library.LANGUAGES:
        text = page(reader, f"/{language}/docs/{slug}/")
        link = pages.presets.get(preset).link
        assert f'href="/{language}/s/{link}/"' in text
        assert reader.get(f"/{language}/s/{link}/").status_code == 200


# ---- kept pages ----


def test_a_kept_page_is_the_same_page(reader):
    first, second = (reader.get("/en/docs/deployment/") for _ in range(2))
    assert first["ETag"] == second["ETag"]
    assert TOKEN.sub("", first.content.decode()) == TOKEN.sub("", second.content.decode())
    assert len(pages._pages) == 1


def test_who_has_the_page_already_is_told_so(reader):
    first = reader.get("/en/docs/deployment/")
    again = reader.get("/en/docs/deployment/", HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304
    assert not again.content
    other = Client().get("/en/docs/deployment/", HTTP_IF_NONE_MATCH=first["ETag"])
    assert other.status_code == 200  # another reader's token would not be theirs


def test_a_packed_page_is_the_same_page(reader):
    plain = reader.get("/ko/docs/deployment/")
    packed = reader.get("/ko/docs/deployment/", HTTP_ACCEPT_ENCODING="gzip, br")
    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert len(packed.content) < len(plain.content) / 2
    opened = gzip.decompress(packed.content).decode()
    assert TOKEN.sub("", opened) == TOKEN.sub("", plain.content.decode())
    assert TOKEN.search(opened)[1] != pages.BLANK
    assert packed["ETag"] == plain["ETag"]


def test_two_readers_of_a_kept_page_have_tokens_of_their_own(reader):
    other = Client(enforce_csrf_checks=True)
    tokens = [TOKEN.search(page(each, "/ko/docs/deployment/"))[1] for each in (reader, other)]
    assert pages.BLANK not in tokens
    assert tokens[0] != tokens[1]
    for each, token in zip((reader, other), tokens, strict=True):
        request = each.get("/ko/docs/deployment/").wsgi_request
        request.method = "POST"
        request.POST = {"csrfmiddlewaretoken": token}
        assert CsrfViewMiddleware(lambda _request: None).process_view(request, None, (), {}) is None


def test_the_form_of_a_kept_page_posts_without_scripts(reader):
    page(reader, "/en/docs/deployment/")
    text = page(reader, "/en/docs/deployment/")
    form = re.search(r'<form class="frow".*?</form>', text, re.DOTALL)[0]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
    action = html.unescape(re.search(r'action="([^"]+)"', form)[1])
    response = reader.post(action, {**fields, "replicas": "6", "image": "web:9.9", "cpu": "100m", "action": "save"})
    assert response.status_code == 303, response.content.decode()[:400]
    assert re.match(r"/en/s/\w+/", response["Location"])


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("guess=3", id="a guess"),
        pytest.param("utm_source=x", id="somebody else's parameter"),
    ],
)
def test_what_is_one_reader_s_own_is_not_kept(reader, query):
    page(reader, f"/en/docs/deployment/?{query}")
    assert not pages._pages


def test_a_message_is_shown_once_and_not_kept(reader, monkeypatch):
    monkeypatch.setattr(pages, "get_messages", lambda request: [Message(20, "just so")])
    page(reader, "/en/docs/deployment/")
    assert not pages._pages


def test_kept_pages_have_a_bound(reader, monkeypatch):
    monkeypatch.setattr(pages, "PAGES", 3)
    for slug in SLUGS[:5]:
        page(reader, f"/en/docs/{slug}/")
    assert len(pages._pages) == 3


# ---- search and contents ----


def test_search_without_scripts(reader):
    text = page(reader, "/ko/search/?q=%EB%8D%B0%EB%AA%AC%EC%85%8B%EC%9D%80")
    assert 'href="/ko/docs/daemonset/"' in text
    assert "<mark>데몬셋</mark>" in text
    assert 'value="데몬셋은"' in text
    assert not INLINE.search(text)


def test_search_that_finds_nothing_says_so(reader):
    text = page(reader, "/en/search/?q=zzzz")
    assert "Nothing has all these words" in text


def test_the_contents_name_every_article_once(reader):
    for language in library.LANGUAGES:
        text = page(reader, f"/{language}/docs/")
        main = text[text.index("<main") : text.index("</main>")]
        for slug in SLUGS:
            assert main.count(f'href="/{language}/docs/{slug}/"') == 1, slug
        assert not INLINE.search(text)
