"""Quantities: read, written, compared and rounded as Kubernetes' own tables say."""

import pytest

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.quantity import InvalidQuantity, parse
from tests.testdata.api import rows


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*row, id=row[0]) for row in rows("quantity_parse")])
def test_the_canonical_form(text, expected):
    assert parse(text).canonical() == expected


@pytest.mark.parametrize(("one", "other", "sign"), [pytest.param(*row) for row in rows("quantity_compare")])
def test_exact_comparison(one, other, sign):
    difference = quantity.nano(one) - quantity.nano(other)
    assert (difference > 0) - (difference < 0) == sign


@pytest.mark.parametrize(
    ("text", "scale", "expected"),
    [pytest.param(*row, id=f"{row[0]} to 10**{row[1]}") for row in rows("quantity_round")],
)
def test_rounding_goes_away_from_zero(text, scale, expected):
    assert parse(text).rounded_up(scale).canonical() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", quantity.FORMAT_WRONG, id="nothing"),
        pytest.param("aoeu", quantity.FORMAT_WRONG, id="letters"),
        pytest.param("1.1.M", quantity.FORMAT_WRONG, id="two points"),
        pytest.param(" 1", quantity.FORMAT_WRONG, id="a space before"),
        pytest.param("0.1mi", quantity.SUFFIX_WRONG, id="a suffix that is none"),
        pytest.param("100mb", quantity.FORMAT_WRONG, id="megabytes as people write them"),
        pytest.param("1GB", quantity.FORMAT_WRONG, id="gigabytes as people write them"),
        pytest.param("1Gib", quantity.FORMAT_WRONG, id="gibibytes as people write them"),
        pytest.param("-3.01e-", quantity.SUFFIX_WRONG, id="an exponent without digits"),
    ],
)
def test_what_is_no_quantity(text, message):
    with pytest.raises(InvalidQuantity) as caught:
        parse(text)
    assert str(caught.value) == message


def test_a_text_that_was_canonical_is_written_back_as_it_was():
    assert [quantity.canonical(text) for text in ("1E6", "100m", "1.500", "128Mi")] == ["1E6", "100m", "1.500", "128Mi"]


def test_resource_lists_know_nothing_finer_than_thousandths():
    assert quantity.canonical_resource("0.0001") == "1m"
    assert quantity.canonical_resource("100u") == "1m"
