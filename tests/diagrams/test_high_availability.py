"""A control plane of three machines: the figures say which of them runs what, and who leads, then as well as now."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.diagrams import places
from apps.diagrams.figure import render
from apps.diagrams.options import WIDTHS, Options

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


@pytest.fixture(scope="module")
def three():
    cluster = Cluster.boot(Config(workers=1, control_planes=3))
    cluster.run_for(30_000)
    return cluster


def fresh(cluster: Cluster) -> Cluster:
    return Cluster.restore(cluster.snapshot())


def seats(cluster: Cluster, part: str, revision: int | None = None) -> list[str]:
    drawn = render(cluster.view(revision), "cluster", "en")
    return [drawn.parts[f"fig-{part}-{number}"].cls.partition(" ")[2] for number in (1, 2, 3)]


def leader_of(cluster: Cluster, part: str) -> str:
    if part == "etcd":
        return cluster.members.leader().name
    return cluster.host.elections[part].leader


@pytest.mark.parametrize("part", ["etcd", "kube-controller-manager", "kube-scheduler"])
def test_one_of_three_leads_and_it_is_the_one_that_does(three, part):
    number = int(leader_of(three, part).rpartition("-")[2])
    assert seats(three, part) == ["lead" if each == number else "by" for each in (1, 2, 3)]


def test_every_api_server_answers(three):
    assert seats(three, "kube-apiserver") == ["lead"] * 3


@pytest.mark.parametrize("part", PARTS)
def test_one_machine_has_no_boxes_for_others(part):
    drawn = render(Cluster.boot(Config(workers=1)).view(), "cluster", "en")
    assert f"fig-{part}-1" not in drawn.parts


def test_without_the_leader_another_leads_and_the_past_is_kept(three):
    cluster = fresh(three)
    before = cluster.revision - 1
    was = leader_of(cluster, "kube-scheduler")
    cluster.execute({"op": "node", "verb": "power-off", "name": was})
    cluster.run_for(60_000)
    now = leader_of(cluster, "kube-scheduler")
    assert now not in ("", was)
    for part in PARTS:
        assert seats(cluster, part)[int(was[-1]) - 1] == "away"
    assert seats(cluster, "kube-scheduler")[int(now[-1]) - 1] == "lead"
    assert seats(cluster, "kube-scheduler", before)[int(was[-1]) - 1] == "lead"
    drawn = render(cluster.view(), "cluster", "en")
    assert f"away: {was}" in " ".join(drawn.parts["fig-control-plane-1-name"].text)
    assert f"kube-scheduler on {was}: ended, starts again" in drawn.alt


def test_members_of_etcd_have_role_term_and_revision(three):
    cluster = fresh(three)
    was = cluster.members.leader().name
    follower = next(name for name in cluster.members.nodes if name != was)
    cluster.execute({"op": "component", "verb": "stop", "name": "etcd", "node": follower})
    cluster.run_for(5_000)
    stopped = cluster.members.revision(follower)
    cluster.run_for(60_000)
    drawn = render(cluster.view(), "etcd", "en", Options(width="full"))
    rows = {name: " ".join(drawn.parts[f"fig-member-{name}"].text) for name in cluster.members.nodes}
    assert rows[follower] == f"{follower} stopped term 1 rev {stopped}"
    assert rows[was].endswith(f"leader term 1 rev {cluster.revision}")
    assert "2 of 3 follow the log" in " ".join(drawn.parts["fig-members-words"].text)


def test_without_a_quorum_nobody_leads(three):
    cluster = fresh(three)
    for name in ("control-plane-2", "control-plane-3"):
        cluster.execute({"op": "component", "verb": "stop", "name": "etcd", "node": name})
    cluster.run_for(5_000)
    assert seats(cluster, "etcd") == ["wait", "away", "away"]
    drawn = render(cluster.view(), "cluster", "en")
    assert "no leader" in " ".join(drawn.parts["fig-etcd-word"].text)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", ["cluster", "etcd", "node", "scheduler"])
def test_nothing_stands_outside_the_plate(three, view, width):
    drawn = render(three.view(), view, "ko", Options(width=width, focus="nodes/control-plane-2"))
    assert "⟦" not in drawn.svg + drawn.alt
    elements = list(drawn.graph.roots)
    while elements:
        element = elements.pop()
        x, y, w, h = element.shape.rect
        assert x >= -1
        assert x + w <= drawn.width + 1, element.id
        assert y + h <= drawn.height, element.id
        elements += element.children


def test_each_machine_of_the_control_plane_has_its_kubelet_its_edge_and_its_pods(three):
    drawn = render(three.view(), "cluster", "en")
    for number in (1, 2, 3):
        name = f"control-plane-{number}"
        assert f"fig-{name}-kubelet" in drawn.parts
        assert f"edge-kubelet-{name}" in drawn.parts
        assert "st-Ready" in drawn.parts[f"fig-{name}-calico-node"].cls
    assert "k-plane" in drawn.parts["fig-nodes-control-plane-2"].cls
    assert "k-plane" not in drawn.parts["fig-nodes-worker-1"].cls
    drawn_pods = {part for part in drawn.parts if part.startswith("fig-pods-")}
    for key, pod in three.view().objects["pods"].items():
        if "mirror" not in str(pod["metadata"].get("annotations")) and pod["metadata"]["name"].startswith("coredns"):
            assert f"fig-pods-{key.replace('/', '-')}" in drawn_pods


def test_a_machine_that_is_marked_later_keeps_its_place(three):
    steps = three.trace.steps
    where = places.start(three.view(1))
    seen = {}
    for step in steps[three.trace.position(1) :]:
        where = places.advance(where, step)
        for name, cell in where.cells.items():
            if name != "control-plane-1":
                assert seen.setdefault(name, cell) == cell
    assert where.framed == "control-plane-1"
    assert set(where.cells) == {"control-plane-2", "control-plane-3", "worker-1"}


def test_a_machine_without_power_is_cut_off_in_the_figure(three):
    cluster = fresh(three)
    cluster.execute({"op": "node", "verb": "power-off", "name": "control-plane-3"})
    drawn = render(cluster.view(), "cluster", "en")
    assert " off" in drawn.parts["edge-kubelet-control-plane-3"].cls
    assert " off" in drawn.parts["fig-nodes-control-plane-3"].cls


def test_the_frame_of_the_control_plane_is_off_only_when_all_its_machines_are(three):
    cluster = fresh(three)
    cluster.execute({"op": "node", "verb": "power-off", "name": "control-plane-1"})
    cluster.run_for(120_000)
    drawn = render(cluster.view(), "cluster", "en")
    assert drawn.parts["fig-nodes-control-plane-1"].cls == "k-node k-control"
    assert " down" in drawn.parts["fig-control-plane-1-kubelet"].cls
    assert "away: control-plane-1" in " ".join(drawn.parts["fig-control-plane-1-name"].text)
    for number in (2, 3):
        cluster.execute({"op": "node", "verb": "power-off", "name": f"control-plane-{number}"})
    assert " off" in render(cluster.view(), "cluster", "en").parts["fig-nodes-control-plane-1"].cls


def test_a_control_plane_that_was_reset_is_no_member_and_joins_again(three):
    cluster = fresh(three)
    cluster.execute({"op": "kubeadm", "verb": "reset", "name": "control-plane-1"})
    cluster.run_for(90_000)
    drawn = render(cluster.view(), "etcd", "en", Options(width="full"))
    assert "fig-member-control-plane-1" not in drawn.parts
    assert "2 of 2 follow the log" in " ".join(drawn.parts["fig-members-words"].text)
    assert seats(cluster, "kube-apiserver") == ["away", "lead", "lead"]
    drawn = render(cluster.view(), "cluster", "en")
    assert " down" in drawn.parts["fig-control-plane-1-kubelet"].cls
    cluster.execute({"op": "node", "verb": "join", "name": "control-plane-1"})
    cluster.run_for(90_000)
    drawn = render(cluster.view(), "etcd", "en", Options(width="full"))
    assert "3 of 3 follow the log" in " ".join(drawn.parts["fig-members-words"].text)
    assert "down" not in render(cluster.view(), "cluster", "en").parts["fig-control-plane-1-kubelet"].cls
