"""The page of the counts: it says what `make fidelity` found, in both languages."""

from __future__ import annotations

import json

import pytest

from apps.articles import fidelity
from tests.fidelity import explain, tables
from tests.fidelity.counting import table

COUNTS = json.loads((explain.CONTENT / "counts.json").read_text())
LINES = {line["name"]: line for group in COUNTS["groups"] for line in group["lines"]}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page(client, language):
    page = client.get(f"/{language}/fidelity/").content.decode()
    whole = fidelity.report(language)["whole"]
    assert f"{whole.matched:,}" in page
    assert f"{whole.total:,}" in page
    assert "make fidelity" in page
    assert 'id="not-run"' in page


@pytest.mark.parametrize("language", ["ko", "en"])
def test_everything_that_differs_or_is_not_run_is_told(language):
    report = fidelity.report(language)
    differences = sum(len(line["differences"]) for line in LINES.values())
    assert sum(reason.count for reason in report["differences"]) == differences
    assert sum(reason.count for reason in report["not_run"]) == sum(rows for _, rows, *_ in COUNTS["left_out"])
    assert report["whole"].left_out == sum(rows for _, rows, *_ in COUNTS["left_out"])


def test_every_group_has_its_place_and_its_words():
    named = fidelity._read("groups.toml")
    placed = [group for component in named["component"] for group in component["groups"]]
    assert sorted(placed) == sorted(named["group"])
    assert {group["name"] for group in COUNTS["groups"]} <= set(placed)


def test_a_scale_never_looks_whole_when_it_is_not():
    group = fidelity.Group("", matched=9_999, total=10_000)
    assert [which for which, *_ in group.parts] == ["same", "differ"]
    assert sum(width for *_, width in group.parts) == pytest.approx(100)
    assert group.parts[1][2] >= fidelity.LEAST


TABLES = [name for topic in tables.topics() for name in tables.tables(topic) if tables.adaptor_of(name)]


@pytest.mark.parametrize("name", [name for name in TABLES if not name.startswith("hash__")])
def test_the_page_claims_no_more_than_is_true(name):
    """Run `make fidelity` when this fails: the model does less than the page says."""
    line, told = table(name), LINES.get(name, {"matched": 0, "total": 0})
    assert told["matched"] <= line.matched
    assert told["total"] - told["matched"] >= line.total - line.matched or told["total"] < line.total
