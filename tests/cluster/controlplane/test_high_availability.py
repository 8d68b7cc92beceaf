"""Three control planes: who takes over when one dies, and what a quorum of etcd can bear."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster, Config
from tests.cluster.controlplane.world import World

PLANES = ("control-plane-1", "control-plane-2", "control-plane-3")
NO_QUORUM = "etcdserver: request timed out"


@pytest.fixture(scope="module")
def base() -> dict[str, object]:
    return World(control_planes=3).cluster.snapshot()


def world(base: dict[str, object]) -> World:
    out = World.__new__(World)
    out.cluster = Cluster.restore(base)
    out.since = len(out.cluster.trace.steps)
    return out


def leader(world: World) -> str:
    assert world.cluster.members is not None
    found = world.cluster.members.leader()
    return found.name if found is not None else ""


def test_three_of_each_and_one_of_each_leads(base: dict[str, object]) -> None:
    one = world(base)
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        assert all(one.cluster.host.runs(plane, name) for plane in PLANES)
    assert leader(one) == PLANES[0]
    assert one.leader("kube-scheduler") == PLANES[0]
    endpoints = one.table("endpoints")["kubernetes"]["subsets"][0]["addresses"]
    assert [address["ip"] for address in endpoints] == ["10.0.0.10", "10.0.0.11", "10.0.0.12"]
    servers = [name for name in one.table("leases", "kube-system") if name.startswith("apiserver-")]
    assert len(servers) == 3
    assert one.cluster.members is not None
    assert {node.voters for node in one.cluster.members.nodes.values()} == {PLANES}
    assert [one.cluster.members.revision(name) for name in PLANES] == [one.cluster.revision] * 3


def test_the_leading_machine_dies_and_others_take_over(base: dict[str, object]) -> None:
    one = world(base)
    one.node("power-off", PLANES[0])
    assert one.scale(5) == NO_QUORUM, "no leader yet"
    one.run(3)
    assert leader(one) in PLANES[1:]
    assert one.scale(5) == "", "the load balancer knows another API server"
    one.run(3)
    assert one.ready() == 3, "nobody acts before the leases of the dead have run out"
    one.run(40)
    assert one.ready() == 5
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert one.leader(name) in PLANES[1:]
        assert one.table("leases", "kube-system")[name]["spec"]["leaseTransitions"] == 1
    events = [e["message"] for e in one.table("events", "kube-system").values() if e["reason"] == "LeaderElection"]
    assert len(events) == 4
    assert all(message.endswith("became leader") for message in events)
    one.run(60)
    assert one.node_ready(PLANES[0]) == "Unknown"
    addresses = one.table("endpoints")["kubernetes"]["subsets"][0]["addresses"]
    assert [address["ip"] for address in addresses] == ["10.0.0.11", "10.0.0.12"]
    one.node("power-on", PLANES[0])
    one.run(60)
    assert one.node_ready(PLANES[0]) == "True"
    assert one.cluster.members is not None
    assert [one.cluster.members.revision(name) for name in PLANES] == [one.cluster.revision] * 3
    assert leader(one) != PLANES[0], "whoever leads goes on leading"


def test_one_member_less_is_a_quorum_two_less_is_none(base: dict[str, object]) -> None:
    one = world(base)
    one.component("stop", "etcd", PLANES[2])
    one.run(5)
    assert one.scale(5) == ""
    one.run(30)
    assert one.ready() == 5
    one.component("stop", "etcd", PLANES[1])
    one.run(5)
    assert leader(one) == ""
    assert one.scale(2) == NO_QUORUM
    revision = one.cluster.revision
    one.run(30)
    assert one.cluster.revision == revision
    assert one.ready() == 5
    one.component("start", "etcd", PLANES[2])
    one.run(60)
    assert one.scale(2) == ""
    one.run(120)
    assert len(one.pods) == 2
    one.component("start", "etcd", PLANES[1])
    one.run(240)
    assert one.cluster.members is not None
    assert [one.cluster.members.revision(name) for name in PLANES] == [one.cluster.revision] * 3
    assert [one.node_ready(name) for name in PLANES] == ["True"] * 3


def test_a_leader_cut_off_steps_down_and_the_majority_goes_on(base: dict[str, object]) -> None:
    one = world(base)
    one.node("cut-network", PLANES[0])
    one.run(4)
    assert one.cluster.members is not None
    assert one.cluster.members.nodes[PLANES[0]].role == "follower"
    assert leader(one) in PLANES[1:]
    behind = one.cluster.members.revision(PLANES[0])
    one.scale(4)
    one.run(40)
    assert one.ready() == 4
    assert one.cluster.members.revision(PLANES[0]) == behind < one.cluster.revision
    one.node("restore-network", PLANES[0])
    one.run(30)
    assert one.cluster.members.revision(PLANES[0]) == one.cluster.revision
    assert "etcd.catch-up" in one.told("etcd.catch-up")


def test_a_cut_between_two_control_planes(base: dict[str, object]) -> None:
    one = world(base)
    one.node("cut-network", PLANES[0], PLANES[1])
    one.run(5)
    assert leader(one) == PLANES[0], "two of three still hear it"
    assert one.scale(4) == ""
    one.run(30)
    assert one.ready() == 4
    assert one.cluster.members is not None
    assert one.cluster.members.revision(PLANES[1]) < one.cluster.revision
    assert one.cluster.host.etcd_problem(PLANES[1]) is not None
    one.node("restore-network", PLANES[0], PLANES[1])
    one.run(30)
    assert one.cluster.members.revision(PLANES[1]) == one.cluster.revision


def test_only_the_api_server_dies_on_the_machine_whose_controllers_lead(base: dict[str, object]) -> None:
    one = world(base)
    one.component("stop", "kube-apiserver", PLANES[0])
    one.run(3)
    assert one.scale(4) == ""
    one.run(9)
    assert one.ready() == 3
    one.run(30)
    assert one.ready() == 4
    assert one.leader("kube-controller-manager") in PLANES[1:]


def test_idle_hours_are_cheap_and_writes_go_into_every_log(base: dict[str, object]) -> None:
    one = world(base)
    one.run(3600)
    assert one.cluster.at_rest
    renewals = one.told("heartbeat.leader")
    assert 3_590 <= len(renewals) <= 3_600, "every two seconds, for others wait for the leases"
    assert one.cluster.members is not None
    one.cluster.members.flush()
    assert len({node.commit for node in one.cluster.members.nodes.values()}) == 1
    one.component("stop", "etcd", PLANES[1])
    one.run(3600 * 4)
    one.cluster.members.flush()
    nodes = one.cluster.members.nodes
    assert nodes[PLANES[0]].log.offset > 0, "snapshots let go of what everybody has"
    assert nodes[PLANES[0]].log.offset > nodes[PLANES[1]].log.last
    one.component("start", "etcd", PLANES[1])
    one.run(5)
    assert "etcd.snapshot" in one.told("etcd.snapshot")
    assert one.cluster.members.revision(PLANES[1]) == one.cluster.revision


def test_the_short_way_of_a_write_leads_where_messages_lead(base: dict[str, object]) -> None:
    """Members in step take a write without messages; the logs are those that messages would have made."""
    short, long = world(base), world(base)
    assert long.cluster.members is not None
    look = long.cluster.members._look
    long.cluster.members._look = lambda: (look(), setattr(long.cluster.members, "_steady", ()))  # type: ignore[method-assign]
    look()
    long.cluster.members._steady = ()
    for one in (short, long):
        one.scale(6)
        one.run(20)
        one.component("crash", "etcd", PLANES[0])
        one.run(20)
    assert short.cluster.members is not None
    ours, theirs = short.cluster.members.save(), long.cluster.members.save()
    for name in PLANES:
        for field in ("term", "vote", "log", "commit", "role", "leader"):
            assert ours["nodes"][name][field] == theirs["nodes"][name][field], (name, field)
    assert [tuple(a)[:11] for a in short.cluster.trace.steps] == [tuple(b)[:11] for b in long.cluster.trace.steps]


machines = st.sampled_from([*PLANES, "worker-1", "worker-2"])
breakages = st.lists(
    st.tuples(
        st.sampled_from([0, 300, 1_500, 5_000, 20_000, 70_000]),
        st.one_of(
            st.builds(
                lambda verb, name: {"op": "node", "verb": verb, "name": name},
                st.sampled_from(["power-off", "power-on", "cut-network", "restore-network", "reboot"]),
                machines,
            ),
            st.builds(
                lambda one, other: {"op": "node", "verb": "cut-network", "name": one, "peer": other},
                st.just(PLANES[0]),
                st.sampled_from(PLANES[1:]),
            ),
            st.builds(
                lambda verb, name, node: {"op": "component", "verb": verb, "name": name, "node": node},
                st.sampled_from(["stop", "crash", "start"]),
                st.sampled_from(["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"]),
                st.sampled_from(PLANES),
            ),
            st.builds(
                lambda replicas: {
                    "op": "scale",
                    "resource": "deployments",
                    "namespace": "default",
                    "name": "web",
                    "replicas": replicas,
                },
                st.integers(0, 6),
            ),
        ),
    ),
    max_size=8,
)


@given(story=breakages, cut=st.integers(0, 8))
@settings(max_examples=25, deadline=None)
def test_a_snapshot_among_breakages_goes_on_alike(base: dict[str, object], story: list, cut: int) -> None:
    one = world(base)
    for wait, command in story[:cut]:
        one.cluster.run_for(wait)
        one.do(**command)
    other = World.__new__(World)
    other.cluster = Cluster.restore(json.loads(json.dumps(one.cluster.snapshot())))
    for each in (one, other):
        for wait, command in story[cut:]:
            each.cluster.run_for(wait)
            each.do(**command)
        each.cluster.run_for(60_000)
    ours, theirs = one.cluster.trace.steps, other.cluster.trace.steps
    different = next((pair for pair in zip(ours, theirs, strict=False) if pair[0][:11] != pair[1][:11]), None)
    assert different is None
    assert len(ours) == len(theirs)


def test_what_the_members_tell_of_themselves(base: dict[str, object]) -> None:
    one = world(base)
    one.component("stop", "etcd", PLANES[2])
    one.run(30)
    first, second, third = one.cluster.etcd_members()
    assert [member.role for member in (first, second, third)] == ["leader", "follower", "follower"]
    assert [member.running for member in (first, second, third)] == [True, True, False]
    assert first.revision == second.revision == one.cluster.revision > third.revision
    assert first.matched[PLANES[1]] == first.last_index > first.matched[PLANES[2]]
    assert one.cluster.etcd_leases()[0].ttl_s == 3660


def test_one_member_tells_of_itself() -> None:
    one = World()
    (member,) = one.cluster.etcd_members()
    assert (member.role, member.running, member.revision) == ("leader", True, one.cluster.revision)
    one.component("stop", "etcd")
    one.run(5)
    assert one.cluster.etcd_members()[0].running is False


def test_bounds() -> None:
    with pytest.raises(Exception, match="control_planes must be between 1 and 5"):
        Config.from_dict({"control_planes": 6})
