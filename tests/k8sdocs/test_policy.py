"""What a page may do: nothing inline, nothing from elsewhere; and what it says of itself."""

import re

import pytest

INLINE = [
    pytest.param(re.compile(r"<[^>]+\sstyle\s*=", re.I), id="a style attribute"),
    pytest.param(re.compile(r"<style[\s>]", re.I), id="a style element"),
    pytest.param(re.compile(r"<[^>]+\son[a-z]+\s*=\s*[\"']", re.I), id="a handler in the markup"),
    pytest.param(re.compile(r"<script(?![^>]*\ssrc=)(?![^>]*application/json)[^>]*>", re.I), id="a script in the page"),
    pytest.param(
        re.compile(r"(?:src|href)=[\"']https?://[^\"']+\.(?:js|css|woff2?)", re.I), id="a file from elsewhere"
    ),
]
PAGES = [
    "/ko/",
    "/en/",
    "/ko/docs/",
    "/en/docs/deployment/",
    "/ko/scenarios/",
    "/en/scenarios/new",
    "/ko/search/?q=pod",
]


@pytest.fixture(scope="module")
def pages(django_db_setup, django_db_blocker):
    from django.test import Client

    with django_db_blocker.unblock():
        client = Client()
        found = {path: client.get(path) for path in PAGES}
        link = re.search(r'href="(/en/s/v1\.[^"]+)"', client.get("/en/scenarios/").content.decode())
        assert link
        found["a scenario"] = client.get(link[1])
    return found


@pytest.mark.parametrize("pattern", INLINE)
def test_no_page_has(pages, pattern):
    for path, answer in pages.items():
        assert answer.status_code == 200, path
        assert not pattern.search(answer.content.decode()), path


def test_every_page_is_under_the_policy(pages):
    for path, answer in pages.items():
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert answer["X-Content-Type-Options"] == "nosniff", path
        assert answer["Referrer-Policy"] == "same-origin", path


def test_every_page_has_one_title_and_one_heading(pages):
    titles = set()
    for path, answer in pages.items():
        text = answer.content.decode()
        assert len(re.findall(r"<h1[\s>]", text)) == 1, path
        titles.add(re.search(r"<title>(.*?)</title>", text)[1])
    assert len(titles) >= len(pages) - 1  # home has one in each language


def test_ids_are_used_once(pages):
    for path, answer in pages.items():
        ids = re.findall(r'\sid="([^"]+)"', answer.content.decode())
        assert len(ids) == len(set(ids)), (path, {name for name in ids if ids.count(name) > 1})


def test_an_english_page_has_no_korean_and_the_other_way_round(pages):
    english = re.sub(r'<a [^>]*lang="ko".*?</a>', "", pages["/en/"].content.decode())
    assert not re.findall(r"[가-힣]+", english)
    korean = pages["/ko/"].content.decode()
    assert len(re.findall(r"[가-힣]", korean)) > 500
