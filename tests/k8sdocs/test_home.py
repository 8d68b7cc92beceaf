"""The first page shows the model, and the map shows the whole book."""

import pytest

from apps.articles import library
from k8sdocs import book, home, index_map, routes


@pytest.fixture(scope="module", params=["ko", "en"])
def lang(request):
    return request.param


def test_the_map_has_every_article_once():
    assert sorted(box.slug for box in index_map.BOXES) == sorted(library.slugs())


def test_no_two_boxes_of_the_map_touch():
    boxes = [box for box in index_map.BOXES if box.shape != "title"]
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = (
                one.x + one.width <= other.x
                or other.x + other.width <= one.x
                or one.y + one.height <= other.y
                or other.y + other.height <= one.y
            )
            assert apart, (one.slug, other.slug)


def test_a_name_fits_its_box(lang):
    for box in book.index_map(lang)["boxes"]:
        room = box["right"] - box["left"] - 24  # the number stands at the right
        wide = 8 if box["machine"] else 7.2
        length = sum(13 if ord(letter) > 0x1100 else wide for letter in box["short"])
        assert length <= room, box["slug"]


def test_paths_lead_to_articles_that_are_written(lang):
    articles = book.articles(lang)
    for path in routes.drawn(articles):
        assert path["minutes"] == sum(station["minutes"] for station in path["stations"])
        assert all(articles[station["slug"]]["minutes"] >= routes.WHOLE for station in path["stations"])
    assert {slug for path in routes.PATHS for slug in path} <= set(library.slugs())


def test_the_pod_of_the_strip_comes_to_life(lang):
    stages = home.story(lang)["life"]["stages"]
    assert [stages[0].state, stages[-1].state] == ["Pending", "Ready"]
    assert [stage.revision for stage in stages] == sorted({stage.revision for stage in stages})


def test_the_table_is_that_of_the_figure(lang):
    story = home.story(lang)
    names = [row.name for row in story["table"]]
    assert names == sorted(names)
    figure = story["frame"]["svg"]
    assert all(f'data-ref="pods/default/{name}"' in figure for name in names)
