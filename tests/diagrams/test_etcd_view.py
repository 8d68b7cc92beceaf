"""etcd's figure: the transaction of the step, its condition, and who is told."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.diagrams.figure import render
from apps.diagrams.options import WIDTHS, Options
from tests.diagrams.test_scheduler_view import pod


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=2, seed=3))
    cluster.execute({"op": "apply", "objects": [pod("web")]})
    cluster.run_to_rest()
    cluster.execute({"op": "delete", "resource": "pods", "namespace": "default", "name": "web"})
    cluster.run_to_rest()
    return cluster


def step_of(cluster, verb):
    return next(
        step
        for step in cluster.trace.steps
        if step.rank == "change"
        and step.ref == "pods/default/web"
        and step.verb == verb
        and (verb != "delete" or step.after is None)
    )


def row(figure, name):
    return " ".join(figure.parts[f"fig-txn-{name}"].text)


@pytest.mark.parametrize(
    ("verb", "condition", "act"),
    [
        pytest.param("create", "mod(/registry/pods/default/web) = 0", "put /registry/pods/default/web", id="create"),
        pytest.param("bind", "mod(/registry/pods/default/web) = {}", "put /registry/pods/default/web", id="update"),
        pytest.param("delete", "mod(/registry/pods/default/web) = {}", "delete /registry/pods/default/web", id="gone"),
    ],
)
def test_a_write_names_its_condition_and_its_key(cluster, verb, condition, act):
    step = step_of(cluster, verb)
    figure = render(cluster.view(step.revision), "etcd", "en", Options(width="full"))
    before = (step.before or {}).get("metadata", {}).get("resourceVersion", "")
    assert condition.format(before) in row(figure, "if")
    assert act in row(figure, "then")
    if verb == "create":
        assert row(figure, "result").endswith(f"create {step.revision} · mod {step.revision} · version 1")
    assert "hot" in figure.parts["fig-prefix-pods"].cls


def test_only_the_kubelet_of_its_node_hears_of_a_pod(cluster):
    step = step_of(cluster, "bind")
    node = step.after["spec"]["nodeName"]
    figure = render(cluster.view(step.revision), "etcd", "en", Options(width="full"))
    told = {" ".join(part.text): "hot" in part.cls for name, part in figure.parts.items() if "fig-watch-" in name}
    kubelets = {text: hot for text, hot in told.items() if text.startswith("kubelet ")}
    assert {text for text, hot in kubelets.items() if hot} == {f"kubelet {node} spec.nodeName={node}"}
    assert any(text.startswith("kube-scheduler") and hot for text, hot in told.items())


@pytest.mark.parametrize("width", WIDTHS)
def test_a_prefix_never_moves(cluster, width):
    before = None
    for revision in range(cluster.base, cluster.revision + 1):
        parts = render(cluster.view(revision), "etcd", "ko", Options(width=width)).parts
        prefixes = {name: part.geometry for name, part in parts.items() if name.startswith("fig-prefix-")}
        if before is not None:
            assert before.items() <= prefixes.items(), revision
        before = prefixes
