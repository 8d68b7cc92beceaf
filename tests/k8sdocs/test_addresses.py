"""The public addresses: they are for ever."""

import pytest
from django.conf import settings
from django.urls import resolve, reverse
from django.utils.translation import override

from k8sdocs.context import same_place, section


@pytest.mark.parametrize(
    ("headers", "cookie", "expected"),
    [
        pytest.param({}, "", "/ko/", id="a reader who says nothing reads Korean"),
        pytest.param({"accept-language": "en-GB,en;q=0.9"}, "", "/en/", id="a browser that asks for English"),
        pytest.param({"accept-language": "fr"}, "", "/ko/", id="a language that there is not"),
        pytest.param({"accept-language": "en"}, "ko", "/ko/", id="the reader's own choice comes first"),
    ],
)
def test_the_door(client, headers, cookie, expected):
    if cookie:
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = cookie
    answer = client.get("/", headers=headers)
    assert (answer.status_code, answer["Location"]) == (302, expected)
    assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/ko/", "home"),
        ("/en/docs/", "contents"),
        ("/en/docs/deployment/", "article"),
        ("/ko/search/", "search"),
        ("/ko/fidelity/", "fidelity"),
        ("/ko/scenarios/", "scenarios"),
        ("/en/scenarios/new", "scenario-new"),
        ("/ko/s/3kf9abcd/", "scenario"),
        ("/ko/s/v1.ePmxXdQDq0YSqQUAHJ8EWg/", "scenario"),
        ("/en/s/3kf9abcd/frame/", "scenario-frame"),
        ("/en/s/3kf9abcd/steps/", "scenario-steps"),
        ("/en/s/3kf9abcd/commands/", "scenario-commands"),
        ("/d/3kf9abcd.svg", "scenario-file"),
        ("/d/v1.ePmxXdQDq0YSqQUAHJ8EWg.yaml", "scenario-file"),
        ("/embed/3kf9abcd/", "scenario-embed"),
        ("/healthz", "healthz"),
        ("/readyz", "readyz"),
    ],
)
def test_an_address_leads_where_it_always_led(path, name):
    with override(path[1:3] if path[1:3] in {"ko", "en"} else "ko"):
        assert resolve(path).url_name == name


def test_the_database_answers(client, db):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok"})


def test_health_needs_no_database(client):
    assert client.get("/healthz").content == b"ok\n"


def test_scenarios_are_not_for_search_engines(client):
    text = client.get("/robots.txt").content.decode()
    assert "Disallow: /ko/s/" in text
    assert "Disallow: /en/docs/" not in text


@pytest.mark.parametrize(
    ("path", "language", "expected"),
    [
        ("/ko/s/3kf9/?at=41&view=cluster", "en", "/en/s/3kf9/?at=41&view=cluster"),
        ("/en/docs/pod/", "ko", "/ko/docs/pod/"),
        ("/en", "ko", "/ko"),
        ("/english/", "ko", "/ko/"),
        ("/embed/3kf9/", "en", "/en/"),
    ],
)
def test_a_language_keeps_the_place(path, language, expected):
    assert same_place(path, language) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/ko/docs/pod/", "docs"),
        ("/en/s/3kf9/", "scenarios"),
        ("/en/scenarios/new", "scenarios"),
        ("/ko/", ""),
        ("/", ""),
    ],
)
def test_section(path, expected):
    assert section(path) == expected


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_page_that_is_not_there_says_so_in_its_language(client, language):
    answer = client.get(f"/{language}/nothing/")
    assert answer.status_code == 404
    assert f'<html lang="{language}"' in answer.content.decode()


def test_names_lead_back():
    assert reverse("home") in {"/ko/", "/en/"}
