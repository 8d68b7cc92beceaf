"""The scale of revisions."""

import pytest

from k8sdocs import ruler


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, 1), (130, 1), (131, 5), (650, 5), (651, 10), (1300, 10), (1301, 50), (100_000, 1000)],
)
def test_a_tick_stands_for(length, expected):
    assert ruler.unit(length) == expected


@pytest.mark.parametrize(("base", "head"), [(0, 0), (4126, 4172), (293, 660), (10, 9000)])
def test_every_tick_is_a_revision_of_the_run(base, head):
    ticks = ruler.ticks(base, head)
    assert all(base <= tick.revision <= head for tick in ticks)
    assert all(0 <= tick.percent <= 100 for tick in ticks)
    assert len(ticks) <= ruler.ROOM + 1


def test_fives_and_tens_are_taller():
    heights = {tick.revision: tick.height for tick in ruler.ticks(98, 110)}
    assert (heights[99], heights[100], heights[105], heights[110]) == (6, 14, 10, 14)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (4126, 4172, [4130, 4140, 4150, 4160, 4170]),
        (0, 3, [0, 1, 2, 3]),
        (0, 180, [0, 50, 100, 150]),
        (7, 7, [7]),
    ],
)
def test_numbers_are_round(base, head, expected):
    assert ruler.numbers(base, head) == expected
