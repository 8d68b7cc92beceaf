"""Quantities: read, written, compared and rounded as Kubernetes' own tables say."""

import pytest

from apps.cluster.apimachinery import quantity
from apps.cluster.apimachinery.quantity import InvalidQuantity, parse


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
