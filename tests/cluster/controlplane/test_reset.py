"""kubeadm reset of a control plane: its etcd member leaves, others lead, and the machine may join again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster
from tests.cluster.controlplane.world import World

PLANES = ("control-plane-1", "control-plane-2", "control-plane-3")
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
TWO_HOURS_S = 2 * 3600 + 300


@pytest.fixture(scope="module")
def base() -> dict[str, object]:
    return World(control_planes=3).cluster.snapshot()


def world(base: dict[str, object]) -> World:
    out = World.__new__(World)
    out.cluster = Cluster.restore(base)
    out.since = len(out.cluster.trace.steps)
    return out


def reset(one: World, node: str) -> str:
    return one.do(op="kubeadm", verb="reset", name=node)


def voters(one: World) -> set[tuple[str, ...]]:
    assert one.cluster.members is not None
    return {node.voters for node in one.cluster.members.nodes.values()}


def leader(one: World) -> str:
    assert one.cluster.members is not None
    found = one.cluster.members.leader()
    return found.name if found is not None else ""


def addresses(one: World) -> list[str]:
    found = one.table("endpoints")["kubernetes"]["subsets"][0]["addresses"]
    return [address["ip"] for address in found]


@pytest.mark.parametrize("plane", PLANES)
def test_the_member_leaves_and_the_others_go_on(base: dict[str, object], plane: str) -> None:
    one = world(base)
    assert reset(one, plane) == ""
    others = tuple(name for name in PLANES if name != plane)
    assert voters(one) == {others}
    assert not any(one.cluster.host.runs(plane, name) for name in PROGRAMS)
    one.run(60)
    assert leader(one) in others
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert one.leader(name) in others
    assert len(addresses(one)) == 2, "its API server is no address of the Service any more"
    one.run(30)
    assert one.node_ready(plane) == "Unknown", "its Node stays until somebody deletes it"
    assert one.scale(5) == ""
    one.run(10)
    assert one.ready() == 5
    assert one.told("kubeadm.member-stays") == []


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("deleted", [False, True], ids=["its Node is there still", "its Node was deleted"])
def test_it_may_join_again(base: dict[str, object], plane: str, deleted: bool) -> None:
    one = world(base)
    reset(one, plane)
    one.run(90)
    if deleted:
        assert one.do(op="delete", resource="nodes", namespace="", name=plane) == ""
        one.run(60)
    assert one.node("join", plane) == ""
    one.run(120)
    assert all(one.cluster.host.runs(plane, name) for name in PROGRAMS)
    assert one.node_ready(plane) == "True"
    assert {frozenset(found) for found in voters(one)} == {frozenset(PLANES)}
    assert one.cluster.members is not None
    assert [one.cluster.members.revision(name) for name in PLANES] == [one.cluster.revision] * 3
    assert len(addresses(one)) == 3
    taints = one.table("nodes", "")[plane]["spec"]["taints"]
    assert [taint["key"] for taint in taints] == ["node-role.kubernetes.io/control-plane"]


def test_a_join_long_afterwards_needs_the_certificates_once_more(base: dict[str, object]) -> None:
    one = world(base)
    reset(one, PLANES[2])
    one.run(TWO_HOURS_S)
    assert "kubeadm-certs" not in one.table("secrets", "kube-system")
    one.node("join", PLANES[2])
    one.run(120)
    assert one.node_ready(PLANES[2]) == "True"
    assert "kubeadm-certs" in one.table("secrets", "kube-system")


def test_etcd_keeps_a_member_that_its_quorum_needs(base: dict[str, object]) -> None:
    one = world(base)
    one.node("power-off", PLANES[2])
    one.run(60)
    assert reset(one, PLANES[1]) == "", "kubeadm warns and goes on"
    assert one.told("kubeadm.member-stays", "etcd.member-removed") == ["kubeadm.member-stays"]
    said = next(step for step in one.cluster.trace.steps if step.message == "kubeadm.member-stays")
    assert said.params["reason"] == "etcdserver: unhealthy cluster"
    assert voters(one) == {PLANES}
    assert one.scale(5) == "etcdserver: request timed out", "one of three is no quorum"
    one.node("power-on", PLANES[2])
    one.run(60)
    assert one.scale(5) == ""


def test_a_member_that_is_down_may_always_go(base: dict[str, object]) -> None:
    one = world(base)
    one.component("stop", "etcd", PLANES[2])
    one.run(60)
    assert reset(one, PLANES[2]) == ""
    assert voters(one) == {PLANES[:2]}


def test_one_after_another_until_the_last_which_takes_the_cluster_with_it(base: dict[str, object]) -> None:
    one = world(base)
    for plane in PLANES[:2]:
        reset(one, plane)
        one.run(60)
        assert one.scale(4 if plane == PLANES[0] else 5) == ""
    assert voters(one) == {(PLANES[2],)}
    assert leader(one) == PLANES[2]
    assert reset(one, PLANES[2]) == ""
    assert one.told("kubeadm.member-stays") == [], "the only member is not asked to leave"
    assert "EOF" in one.scale(6), "the load balancer has nobody left"
    one.run(600)
    assert one.do(op="kubeadm", verb="token-create") != ""


def test_the_only_control_plane_takes_the_cluster_with_it() -> None:
    one = World(workers=1, replicas=0)
    assert reset(one, "control-plane-1") == ""
    assert "was refused" in one.scale(2)
    assert one.node("join", "control-plane-1") != "", "its Node looks alive still"


@settings(max_examples=15, deadline=None)
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(("reset", "join", "power-off", "power-on")), st.sampled_from(PLANES), st.integers(1, 90)
        ),
        max_size=7,
    )
)
def test_whatever_is_reset_what_was_written_stays_and_saving_goes_on_the_same(
    base: dict[str, object], acts: list[tuple[str, str, int]]
) -> None:
    one = world(base)
    written = 0
    for position, (act, plane, seconds) in enumerate(acts):
        if act == "reset":
            reset(one, plane)
        else:
            one.node(act, plane)
        one.run(seconds)
        if not one.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{position}"}}):
            written += 1
        members = one.cluster.members
        assert members is not None
        assert len(members.nodes) >= 1
        leading = members.leader()
        if leading is not None:
            assert leading.commit == leading.log.last
            assert members.revision(leading.name) == one.cluster.revision
    assert sum(name.startswith("c") for name in one.table("configmaps")) == written
    again = world(json.loads(json.dumps(one.cluster.snapshot())))
    for each in (one, again):
        each.run(60)
    assert [step[:-2] for step in again.cluster.trace.steps] == [step[:-2] for step in one.cluster.trace.steps]
