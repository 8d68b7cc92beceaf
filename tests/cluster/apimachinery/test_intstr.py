"""IntOrString."""

import pytest

from apps.cluster.apimachinery import intstr


@pytest.mark.parametrize(
    ("value", "total", "up", "expected"),
    [
        pytest.param(3, 10, True, 3, id="a count is a count"),
        pytest.param("25%", 10, True, 3, id="a share rounds up"),
        pytest.param("25%", 10, False, 2, id="a share rounds down"),
        pytest.param("100%", 7, False, 7, id="all"),
        pytest.param("0%", 7, True, 0, id="none"),
    ],
)
def test_scaled(value, total, up, expected):
    assert intstr.scaled(value, total, up) == expected


@pytest.mark.parametrize("text", ["25", "x%", "%"])
def test_what_is_no_percentage(text):
    with pytest.raises(intstr.InvalidIntOrString):
        intstr.scaled(text, 10, True)
