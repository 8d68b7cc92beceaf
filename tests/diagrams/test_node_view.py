"""Inside a machine: what its runtime has made stands there, under its monitor, whatever the API says."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import calls, places
from apps.diagrams.figure import render
from apps.diagrams.options import WIDTHS, Options
from tests.diagrams.test_scheduler_view import pod


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster.boot(Config(workers=1, seed=3))
    cluster.execute({"op": "apply", "objects": [pod("web")]})
    cluster.run_to_rest()
    cluster.execute({"op": "delete", "resource": "pods", "namespace": "default", "name": "web"})
    cluster.run_to_rest()
    return cluster


def figure(cluster, revision=None, focus="nodes/worker-1", lang="en", width="wide"):
    snapshot = cluster.view(revision)
    now = places.at(cluster.view(cluster.base), cluster.trace.between(cluster.base, snapshot.revision))
    return render(snapshot, "node", lang, Options(width=width, places=now, focus=focus))


def note(cluster, message, container="main"):
    return next(
        step
        for step in cluster.trace.steps
        if step.message == message
        and step.ref == "pods/default/web"
        and step.params.get("container", container) == container
    )


def standing(cluster, step):
    """What stands once a step has happened."""
    notes = [one for one in cluster.trace.steps[: step.index] if one.rank == "note" and one.node == step.node]
    return calls.standing(notes).get("pods/default/web")


@pytest.mark.parametrize(
    ("message", "state"),
    [
        pytest.param("cri.create-container", calls.CREATED, id="created"),
        pytest.param("cri.start-container", calls.RUNNING, id="started"),
        pytest.param("cri.stop-container", calls.STOPPING, id="told to stop"),
        pytest.param("oci.ended", calls.EXITED, id="ended"),
    ],
)
def test_a_container_is_what_the_calls_have_made_of_it(cluster, message, state):
    found = standing(cluster, note(cluster, message))
    assert found.containers["main"].state == state


def test_a_sandbox_comes_first_and_goes_last(cluster):
    made = standing(cluster, note(cluster, "cri.run-sandbox"))
    assert made.ip
    assert made.containers == {}
    assert not standing(cluster, note(cluster, "cri.stop-sandbox")).standing
    assert standing(cluster, note(cluster, "cri.remove-sandbox")) is None


def test_the_calls_of_the_present_revision_are_lit(cluster):
    step = note(cluster, "cri.start-container")
    drawn = figure(cluster, step.revision)
    lit = [" ".join(part.text) for name, part in drawn.parts.items() if "fig-call-" in name and "hot" in part.cls]
    assert any(text.startswith("crio StartContainer main") for text in lit)
    assert "hot" in drawn.parts["fig-inside-crio"].cls
    before = figure(cluster, step.revision - 1)
    assert not any("StartContainer main web" in " ".join(part.text) for part in before.parts.values())


def test_a_machine_without_power_holds_nothing():
    cluster = Cluster.boot(Config(workers=1, seed=3))
    cluster.execute({"op": "apply", "objects": [pod("web")]})
    cluster.run_to_rest()
    assert "pods/default/web" in calls.standing(cluster.view().internals.notes("worker-1"))
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    assert calls.standing(cluster.view().internals.notes("worker-1")) == {}
    drawn = figure(cluster)
    assert "v-no" in drawn.parts["fig-inside-kubelet"].cls
    assert "powered off" in drawn.alt


@pytest.mark.parametrize("runtime", ["cri-o", "containerd", "cri-dockerd"])
def test_each_runtime_is_named_as_it_is(runtime):
    cluster = Cluster.boot(Config(workers=1, runtime=runtime))
    drawn = figure(cluster)
    flavour = calls.flavour_of(cluster.view().get("nodes/worker-1"))
    assert flavour.name == runtime
    assert f"fig-inside-{flavour.component}" in drawn.parts
    assert flavour.monitor in drawn.parts["fig-inside-oci"].label


@pytest.mark.parametrize(
    ("qos", "path"),
    [
        pytest.param("Guaranteed", "kubepods.slice/kubepods-podu_1.slice/crio-abc.scope", id="guaranteed"),
        pytest.param(
            "BestEffort",
            "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podu_1.slice/crio-abc.scope",
            id="best effort",
        ),
    ],
)
def test_a_cgroup_is_named_as_systemd_names_it(qos, path):
    assert calls.cgroup_of({"metadata": {"uid": "u-1"}, "status": {"qosClass": qos}}, "abc", calls.CRIO) == path


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_stands_outside_the_plate(cluster, width, lang):
    for name in ("worker-1", "control-plane-1"):
        drawn = figure(cluster, focus=f"nodes/{name}", lang=lang, width=width)
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
