"""The scheduler's figure: what it says of a decision, at the moment of the decision."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import places
from apps.diagrams.figure import Figure, render
from apps.diagrams.options import WIDTHS, Options


def pod(name: str, cpu: str = "100m", **spec):
    container = {"name": "main", "image": "nginx:1.27", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=3, seed=7, cpu="2"))
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}}
    cluster.execute({"op": "apply", "objects": [{**priority, "value": 1000}, *(pod(f"w{n}", "1") for n in range(3))]})
    cluster.run_to_rest()
    cluster.execute(
        {"op": "apply", "objects": [pod("big", "40"), pod("held", schedulingGates=[{"name": "example.com/x"}])]}
    )
    cluster.run_to_rest()
    cluster.execute({"op": "apply", "objects": [pod("urgent", "1500m", priorityClassName="high")]})
    cluster.run_to_rest()
    return cluster


def figure(cluster: Cluster, revision: int | None = None, focus: str = "", lang: str = "en", width: str = "wide"):
    base = cluster.view(cluster.base)
    snapshot = cluster.view(revision)
    until = snapshot.revision
    now = places.at(base, cluster.trace.between(cluster.base, until))
    return render(snapshot, "scheduler", lang, Options(width=width, places=now, focus=focus))


def bound_at(cluster: Cluster, name: str) -> int:
    return next(
        step.revision for step in cluster.trace.steps if step.verb == "bind" and step.ref == f"pods/default/{name}"
    )


def classes(drawn: Figure, ident: str) -> set[str]:
    return set(drawn.parts[ident].cls.split())


def test_the_chosen_node_is_marked_and_says_its_points(cluster):
    at = bound_at(cluster, "w0")
    drawn = figure(cluster, at)
    decision = cluster.view(at).scheduling.decision("default/w0")
    assert "v-pick" in classes(drawn, f"fig-nodes-{decision.chosen}")
    assert str(decision.score) in drawn.parts[f"fig-nodes-{decision.chosen}"].text
    assert "v-no" in classes(drawn, "fig-nodes-control-plane-1")
    assert any("TaintToleration" in text for text in drawn.parts["fig-nodes-control-plane-1"].text)
    assert "hot" in classes(drawn, "fig-stage-Bind")
    assert f"Pod w0 goes to {decision.chosen}" in drawn.alt


def test_before_its_decision_a_pod_waits_and_nothing_is_said_of_nodes(cluster):
    at = bound_at(cluster, "w0") - 1
    drawn = figure(cluster, at, focus="pods/default/w0")
    assert "Pod w0 waits for its turn" in drawn.alt
    assert "fig-pods-default-w0" in drawn.parts
    assert "v-none" in classes(drawn, "fig-stage-Filter")
    assert all("v-none" in classes(drawn, f"fig-nodes-worker-{n}") for n in (1, 2, 3))


def test_who_fits_nowhere_waits_in_unschedulable_with_its_attempts(cluster):
    drawn = figure(cluster, focus="pods/default/big")
    lane = next(root for root in drawn.graph.roots if root.id == "fig-queue-unschedulable")
    names = {element.ref: element.text for element in lane.children if element.ref}
    assert names.keys() == {"pods/default/big", "pods/default/held"}
    attempts = cluster.scheduler.queue.pods["default/big"].attempts
    assert names["pods/default/big"][1] == f"{attempts}×"
    assert {"v-no"} <= classes(drawn, "fig-stage-Filter")
    assert "picked" in classes(drawn, "fig-pods-default-big")


def test_a_gated_pod_never_got_past_the_first_stage(cluster):
    drawn = figure(cluster, focus="pods/default/held")
    assert "v-no" in classes(drawn, "fig-stage-PreEnqueue")
    assert "SchedulingGates" in drawn.alt


def test_preemption_names_the_node_and_the_victim(cluster):
    history = cluster.view().scheduling.history("default/urgent")
    step, decision = next((step, one) for step, one in history if one.victims)
    drawn = figure(cluster, cluster.trace.steps[step - 1].revision, focus="pods/default/urgent")
    assert "v-pick" in classes(drawn, f"fig-nodes-{decision.nominated}")
    victim = decision.victims[0].removeprefix("default/")
    assert any(victim in text for text in drawn.parts[f"fig-nodes-{decision.nominated}"].text)
    assert "v-yes" in classes(drawn, "fig-stage-PostFilter")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_stands_outside_the_plate(cluster, width, lang):
    for revision in (cluster.base, bound_at(cluster, "w1"), cluster.revision):
        drawn = figure(cluster, revision, lang=lang, width=width)
        assert "⟦" not in drawn.svg + drawn.alt

        elements = list(drawn.graph.roots)
        while elements:
            element = elements.pop()
            x, y, w, h = element.shape.rect
            assert x >= 0, element.id
            assert y >= 0, element.id
            assert x + w <= drawn.width, element.id
            assert y + h <= drawn.height, element.id
            elements += element.children


def test_a_thousand_that_wait_are_counted_not_drawn(cluster):
    crowd = Cluster.boot(Config(workers=1))
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x", "40")["spec"]}
    spec = {"replicas": 300, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    many = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"}, "spec": spec}
    crowd.execute({"op": "apply", "objects": [many]})
    crowd.run_to_rest()
    crowd.execute({"op": "apply", "objects": [pod(f"bare{n}", "40") for n in range(20)]})
    crowd.run_to_rest()
    drawn = figure(crowd)
    assert len(drawn.parts) < 120
    assert "×300" in drawn.svg
    lane = next(root for root in drawn.graph.roots if root.id == "fig-queue-unschedulable")
    words = lane.children[0].text
    assert words[1] == "320"
    assert "more" in words[2]
