"""Calico's figure: sessions between nodes, blocks and how full they are, what runs, who programmed which route."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster
from apps.diagrams import places
from apps.diagrams.figure import difference, render
from apps.diagrams.options import WIDTHS, Options
from tests.cluster.dataplane.clusters import agent, booted


@pytest.fixture(scope="module")
def base():
    return booted().snapshot()


@pytest.fixture
def cluster(base):
    return Cluster.restore(base)


def figure(cluster, lang="en", width="wide", focus="", snapshot=None, **options):
    shown = snapshot or cluster.view()
    return render(shown, "calico", lang, Options(width=width, focus=focus, places=places.start(shown), **options))


def sessions(drawn):
    """Pairs of nodes -> the state that their arc wears."""
    return {name[9:]: part.cls.split()[2] for name, part in drawn.parts.items() if name.startswith("edge-bgp-")}


def routes(drawn):
    return [" ".join(part.text) for name, part in drawn.parts.items() if name.startswith("fig-route-") and part.text]


def noted(cluster, message):
    """The cluster as it is right after a note, and the note."""
    step = next(step for step in reversed(cluster.trace.steps) if step.message == message)
    return cluster.view(step.revision, cluster.trace.after(step))


def test_every_node_has_its_programs_its_tunnel_and_its_blocks(cluster):
    drawn = figure(cluster)
    for name in ("control-plane-1", *(f"worker-{number}" for number in (1, 2, 3))):
        assert f"fig-nodes-{name}" in drawn.parts
        assert [drawn.parts[f"fig-{name}-{one}"].text[0] for one in ("felix", "bird", "confd")] == [
            "Felix",
            "BIRD",
            "confd",
        ]
        assert drawn.parts[f"fig-{name}-tunnel"].text[0] == "tunl0"
        assert drawn.parts[f"fig-{name}-block-0"].text[0].endswith("/26")
    assert "IP-in-IP Always" in drawn.parts["fig-pool-default-ipv4-ippool"].label


def test_a_block_is_as_full_as_it_has_addresses(cluster):
    before = figure(cluster).parts["fig-worker-1-block-0"].text[1]
    workloads = cluster.view().network.facts.by_node["worker-1"]
    assert before == f"{len(workloads) + 1}/64"  # and the tunnel's own


def test_a_full_mesh_is_an_arc_for_each_pair(cluster):
    found = sessions(figure(cluster))
    assert len(found) == 6
    assert set(found.values()) == {"established"}


def test_sessions_of_a_node_whose_bird_has_ended_are_stale_and_then_lost(cluster):
    agent(cluster, "stop", "calico-node", "worker-3")
    cluster.run_until(cluster.now_ms + 10_000)
    drawn = figure(cluster, snapshot=noted(cluster, "bird.ended"))
    assert {pair for pair, state in sessions(drawn).items() if state == "stale"} == {
        "control-plane-1-worker-3",
        "worker-1-worker-3",
        "worker-2-worker-3",
    }
    assert " on" in drawn.parts["edge-bgp-worker-1-worker-3"].cls
    assert " on" not in drawn.parts["edge-bgp-worker-1-worker-2"].cls
    assert " down" in drawn.parts["fig-worker-3-bird"].cls
    assert any("192.168" in row and "worker-3" in row for row in routes(drawn))
    cluster.run_until(cluster.now_ms + 130_000)
    drawn = figure(cluster)
    assert sessions(drawn)["worker-1-worker-3"] == "lost"
    assert "worker-1 – worker-3 lost" in drawn.alt
    assert not any("worker-3" in row for row in routes(drawn))


@pytest.mark.parametrize(
    ("config", "device", "by"),
    [
        pytest.param({}, "tunl0", "BIRD", id="IP-in-IP by BIRD"),
        pytest.param({"cluster_routes": "felix"}, "tunl0", "Felix", id="IP-in-IP by Felix"),
        pytest.param({"encapsulation": "vxlan"}, "vxlan.calico", "Felix", id="VXLAN"),
        pytest.param({"encapsulation": "none"}, "eth0", "BIRD", id="no tunnel"),
    ],
)
def test_routes_say_which_device_they_take_and_who_programmed_them(config, device, by):
    drawn = figure(booted(**config))
    ways = [row for row in routes(drawn) if "worker-2" in row]
    assert ways
    assert all(f"dev {device}" in row and row.endswith(by) for row in ways)
    assert bool(sessions(drawn)) is (config.get("encapsulation") != "vxlan")


def test_with_two_subnets_nodes_stand_by_subnet_and_only_routes_across_are_wrapped():
    drawn = figure(booted(subnets=2, encapsulation="ipip-cross-subnet"))
    subnets = [part.text[0] for name, part in drawn.parts.items() if name.startswith("fig-subnet-")]
    assert subnets == ["subnet 10.0.0.0/24", "subnet 10.0.1.0/24"]
    by_node = {row.partition(" dev ")[2].split()[1]: row for row in routes(drawn) if " dev " in row}
    assert "dev eth0" in by_node["worker-3"]
    assert "IP-in-IP" in by_node["worker-2"]


def test_the_chosen_node_tells_its_routes(cluster):
    assert "Routes of worker-2" in figure(cluster, focus="nodes/worker-2").alt
    assert " chosen" in figure(cluster, focus="nodes/worker-2").parts["fig-nodes-worker-2"].cls
    pod = next(key for key, pod in cluster.view().objects["pods"].items() if pod["spec"]["nodeName"] == "worker-3")
    assert "Routes of worker-3" in figure(cluster, focus=f"pods/{pod}").alt


def test_an_agent_that_is_cut_off_keeps_what_it_has_programmed_and_says_since_when(cluster):
    cluster.execute({"op": "node", "verb": "cut-network", "name": "worker-1", "peer": "control-plane-1"})
    cluster.run_until(cluster.now_ms + 60_000)
    drawn = figure(cluster, focus="nodes/worker-1")
    assert " cut" in drawn.parts["fig-worker-1-felix"].cls
    assert "programmed at rev" in " ".join(drawn.parts["fig-routes-words"].text)


def test_a_step_of_another_kind_moves_nothing(cluster):
    before = figure(cluster)
    cluster.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 5})
    cluster.run_to_rest()
    after = figure(cluster)
    assert {name: part.geometry for name, part in before.parts.items() if "block" not in name} == {
        name: part.geometry for name, part in after.parts.items() if "block" not in name
    }


def test_what_says_the_same_is_a_patch(cluster):
    old = figure(cluster)
    agent(cluster, "stop", "calico-node", "worker-3")
    assert difference(old, figure(cluster)) is not None


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_large_cluster_is_a_bounded_figure_that_says_what_it_leaves_out(large, width, lang):
    drawn = figure(large, lang, width, focus="nodes/worker-77")
    assert len(drawn.parts) < 400
    assert drawn.height < 1600
    assert "fig-nodes-worker-77" in drawn.parts
    assert "fig-more-nodes" in drawn.parts
    assert drawn.parts["fig-sessions-more"].text[0]
    assert "⟦" not in drawn.svg + drawn.alt


@pytest.fixture(scope="module")
def large():
    return booted(workers=100)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_nothing_stands_outside_the_plate(cluster, width, lang):
    drawn = figure(cluster, lang, width)
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


def test_a_node_that_has_not_spoken_yet_has_lost_nothing(cluster):
    cluster.execute({"op": "node", "verb": "join", "name": "worker-4"})
    step = next(step for step in reversed(cluster.trace.steps) if step.ref == "nodes/worker-4")
    drawn = figure(cluster, snapshot=cluster.view(step.revision))
    assert set(sessions(drawn).values()) == {"established"}
    cluster.run_to_rest()
    assert len(sessions(figure(cluster))) == 10
