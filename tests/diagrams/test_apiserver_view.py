"""The API server's figure: every stage keeps its place, and says what it did to this step's request."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.chain import STAGES
from apps.cluster.cluster import Cluster, Config
from apps.diagrams.figure import render
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.views.apiserver import wrapped
from tests.diagrams.test_scheduler_view import pod


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=1, seed=3))
    cluster.execute({"op": "apply", "objects": [pod("web")]})
    cluster.run_to_rest()
    return cluster


def created(cluster):
    return next(step for step in cluster.trace.steps if step.ref == "pods/default/web" and step.verb == "create")


def words(figure, stage):
    return " ".join(figure.parts[f"fig-stage-{stage}"].text)


def test_a_creation_is_told_from_who_asked_to_what_was_written(cluster):
    step = created(cluster)
    drawn = render(cluster.view(step.revision), "apiserver", "en", Options(width="full"))
    assert "kubernetes-admin" in words(drawn, "authentication")
    assert "ClusterRole cluster-admin" in words(drawn, "authorization")
    assert "ServiceAccount changes the object" in words(drawn, "mutating")
    assert "Defaults are filled in" in words(drawn, "schema")
    assert f"/registry/pods/default/web does not exist, it is written, as revision {step.revision}" in words(
        drawn, "etcd"
    )
    assert all("v-yes" in drawn.parts[f"fig-stage-{name}"].cls for name in STAGES)
    assert drawn.parts["fig-asker"].text[0] == "kubectl"


def test_a_kubelet_is_let_in_by_the_node_authorizer(cluster):
    step = next(s for s in cluster.trace.steps if s.ref == "pods/default/web" and s.component == "kubelet" and s.after)
    drawn = render(cluster.view(step.revision), "apiserver", "en", Options(width="full"))
    assert "system:node:worker-1" in words(drawn, "authentication")
    assert "Node authorizer" in words(drawn, "authorization")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_stage_never_moves_and_no_word_leaves_it(cluster, width, lang):
    places = None
    for revision in range(cluster.base, cluster.revision + 1):
        drawn = render(cluster.view(revision), "apiserver", lang, Options(width=width))
        assert "⟦" not in drawn.svg + drawn.alt
        stages = {name: drawn.parts[f"fig-stage-{name}"].geometry for name in STAGES}
        assert places in (None, stages)
        places = stages


@pytest.mark.parametrize(
    ("texts", "most", "expected"),
    [
        pytest.param(["one"], 2, ["one"], id="fits"),
        pytest.param(["aaaa bbbb cccc"], 3, ["aaaa", "bbbb", "cccc"], id="a line a word"),
        pytest.param(["aaaa bbbb cccc"], 2, ["aaaa", "bbb…"], id="what is left out is said"),
        pytest.param([], 2, [], id="nothing"),
    ],
)
def test_words_are_broken_where_they_may_be(texts, most, expected):
    assert wrapped(texts, 30, most) == expected
