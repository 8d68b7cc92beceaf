"""Figures of the running model: a story of three nodes, drawn at every revision."""

from __future__ import annotations

import pytest
from lxml import etree

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import places
from apps.diagrams.figure import VIEWS, difference, render
from apps.diagrams.narration import article_of, edges_of, sentence, verb_text
from apps.diagrams.options import Options
from tests.diagrams.test_stability import moved, only_down


def workload(kind, name, image="nginx:1.27", **spec):
    container = {"name": "main", "image": image, "resources": {"requests": {"cpu": "100m"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=3, seed=7))
    cluster.execute(
        {
            "op": "apply",
            "objects": [
                workload("Deployment", "web", replicas=5),
                workload("DaemonSet", "node-log"),
                workload("StatefulSet", "db", serviceName="db", replicas=2, volumeClaimTemplates=[CLAIM]),
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "web"},
                    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
                },
            ],
        }
    )
    cluster.run_to_rest()
    cluster.execute({"op": "apply", "objects": [workload("Deployment", "web", image="nginx:1.28", replicas=5)]})
    cluster.run_to_rest()
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 30})
    cluster.run_to_rest()
    cluster.execute({"op": "node", "verb": "join", "name": "worker-4"})
    cluster.execute({"op": "node", "verb": "drain", "name": "worker-2"})
    cluster.run_until(cluster.now_ms + 5_000)
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    cluster.run_until(cluster.now_ms + 90_000)
    return cluster


def machines_of(figure):
    """Each hop of the packet that is suggested, with what it says: where it is and what happens there."""
    return {name: part.text for name, part in figure.parts.items() if "hop" in name}


@pytest.mark.parametrize("view", VIEWS)
def test_every_revision_is_drawn_and_nothing_moves_without_cause(cluster, view):
    base = cluster.view(cluster.base)
    now = places.start(base)
    before, figure = base, render(base, view, "ko", Options(places=now))
    patches = drawn = 0
    for step in cluster.trace.between(cluster.base, cluster.revision):
        if step.rank in ("note", "heartbeat"):
            continue
        now = places.advance(now, step)
        after = cluster.view(step.revision)
        fresh = render(after, view, "ko", Options(places=now, step=step))
        changed = moved(before, after, figure.parts, fresh)
        if fresh.height > figure.height:
            changed = [one for one in changed if not only_down(*one[1:])]
        if view == "packet" and machines_of(figure) != machines_of(fresh):
            changed = []  # the packet takes another way now, and the picture is of its way
        assert changed == [], f"revision {step.revision}: {step.verb} {step.ref}"
        if difference(figure, fresh) is None:
            drawn += 1
        else:
            patches += 1
        before, figure = after, fresh
    if view in {"cluster", "ownership"}:  # the others draw each step itself
        assert patches > 3 * drawn
    etree.fromstring(figure.svg.encode())
    assert "⟦" not in figure.svg + figure.alt


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_step_can_be_told(cluster, lang):
    for step in cluster.trace.steps:
        said = sentence(step, lang)
        assert said
        assert "⟦" not in said, step
        assert verb_text(step, lang)
        assert article_of(step)


def test_the_edges_steps_travel_are_in_the_figure(cluster):
    figure = render(cluster.view(), "cluster", "en")
    for step in cluster.trace.steps:
        assert set(edges_of(step)) <= set(figure.parts), step
