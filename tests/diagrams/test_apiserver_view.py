"""The API server's figure: every stage keeps its place, and says what it did to this step's request."""

from __future__ import annotations

import pytest

from apps.cluster.apiserver.chain import STAGES
from apps.cluster.cluster import Cluster, Config
from apps.diagrams.figure import render
from apps.diagrams.options import WIDTHS, Options
from apps.diagrams.views.apiserver import wrapped
from tests.cluster.stories import workload
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


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_refused_request_of_a_component_is_shown_as_far_as_it_came(lang):
    cluster = Cluster.boot(Config(workers=1, seed=3))
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": "default"},
        "spec": {"hard": {"pods": "0"}},
    }
    cluster.execute({"op": "apply", "objects": [quota]})
    cluster.run_to_rest()
    cluster.execute({"op": "apply", "objects": [workload("Deployment", "web", 1, "nginx:1.28")]})
    cluster.run_for(5_000)
    step = next(step for step in cluster.trace.steps if step.message == "apiserver.refused")
    drawn = render(cluster.view(step.revision, cluster.trace.after(step)), "apiserver", lang, Options(width="full"))
    assert drawn.parts["fig-asker"].text[0] == "replicaset-controller"
    assert drawn.parts["fig-asker"].text[1].startswith("POST pods default/web-")
    marks = [drawn.parts[f"fig-stage-{name}"].cls.split()[2] for name in STAGES]
    assert marks == ["v-yes", "v-yes", "v-yes", "v-yes", "v-no", "v-none"]
    assert "exceeded quota: few" in words(drawn, "validating")
    assert "hot" not in drawn.parts["fig-stage-etcd"].cls
    flat = render(cluster.view(step.revision, cluster.trace.after(step)), "cluster", lang)
    assert " on " in f"{flat.parts['edge-kube-controller-manager'].cls} "
    assert " on " not in f"{flat.parts['edge-etcd'].cls} "
