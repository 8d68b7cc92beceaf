"""What the model leaves out, told in both languages."""

from __future__ import annotations

import re

import pytest

from apps.articles import library, omissions

COMPONENTS = sorted({name for slug in library.slugs() for name in library.article("en", slug).components})
HEADERS = {found.module: found for name in COMPONENTS for found in omissions.headers(name)}


@pytest.mark.parametrize("module", sorted(HEADERS))
def test_every_promise_has_its_korean_twin(module):
    assert module in omissions.korean(), "content/ko/omissions.toml lacks this module"
    entry = omissions.korean()[module]
    assert re.search(r"[가-힣A-Za-z]", entry["subject"])
    assert len(entry["leaves_out"]) == len(HEADERS[module].leaves_out), HEADERS[module].leaves_out


def test_no_korean_is_left_behind_by_a_module_that_went():
    assert set(omissions.korean()) == set(HEADERS)


@pytest.mark.parametrize("module", sorted(HEADERS))
def test_a_subject_is_short_enough_to_stand_in_bold(module):
    for language in library.LANGUAGES:
        assert 2 <= len(omissions.line(HEADERS[module], language).subject) <= 90


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        pytest.param("Leaves out  nothing", (), id="nothing"),
        pytest.param("Leaves out  nothing that matters", (), id="nothing, with words"),
        pytest.param("Leaves out  -", (), id="a dash is nothing"),
        pytest.param("Leaves out  one; two", ("one", "two"), id="parts by semicolon"),
        pytest.param("Leaves out  one, and\n            more; two", ("one, and more", "two"), id="two lines"),
    ],
)
def test_leaves_out_is_read_from_the_docstring(tmp_path, monkeypatch, doc, expected):
    monkeypatch.setattr(omissions, "ROOT", tmp_path)
    path = tmp_path / "part.py"
    path.write_text(f'"""Part: does a thing.\n\nModels      upstream.go\n{doc}\n"""\n')
    found = omissions.header(path)
    assert found is not None
    assert (found.subject, found.models, found.leaves_out) == ("Part", "upstream.go", expected)


@pytest.mark.parametrize("language", library.LANGUAGES)
def test_what_leaves_something_out_is_told_and_the_rest_is_counted(language):
    for component in COMPONENTS:
        (group,) = omissions.box((component,), language)
        assert len(group.lines) + len(group.whole) == len(omissions.headers(component))
        for line in group.lines:
            assert line.text.endswith(".")
            assert ".." not in line.text.replace("...", "")


def test_a_module_that_two_components_share_is_told_once():
    first, second = omissions.box(("controllers/replicaset", "controllers"), "en")
    assert not {line.subject for line in first.lines} & {line.subject for line in second.lines}


def test_the_module_that_stands_for_the_whole_comes_first():
    assert omissions.headers("scheduler")[0].module == "scheduler/scheduler.py"
    assert omissions.headers("controllers/deployment")[0].module.endswith("deployment_controller.py")
