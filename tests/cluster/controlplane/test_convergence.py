"""Break a cluster as one likes: once everything is healed, it becomes what it would have been without."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.cluster.cluster import Cluster
from tests.cluster.controlplane.world import World, condition
from tests.cluster.stories import workload

WAITS = st.sampled_from([0, 10, 300, 1_500, 5_000, 20_000, 70_000, 200_000])


def breakage(machines: list[str], planes: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(
            lambda verb, name: {"op": "node", "verb": verb, "name": name},
            st.sampled_from(["power-off", "power-on", "cut-network", "restore-network", "reboot"]),
            st.sampled_from(machines),
        ),
        st.builds(
            lambda one, other: {"op": "node", "verb": "cut-network", "name": one, "peer": other},
            st.sampled_from(machines),
            st.sampled_from(planes),
        ),
        st.builds(
            lambda verb, name, node: {"op": "component", "verb": verb, "name": name, "node": node},
            st.sampled_from(["stop", "crash", "crash", "start"]),
            st.sampled_from(["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]),
            st.sampled_from(planes),
        ),
        st.builds(
            lambda verb, name, node: {"op": "component", "verb": verb, "name": name, "node": node},
            st.sampled_from(["stop", "crash", "start"]),
            st.sampled_from(["kubelet", "crio"]),
            st.sampled_from(machines),
        ),
    )


changes = st.one_of(
    st.builds(
        lambda name, count: {
            "op": "scale",
            "resource": "deployments",
            "namespace": "default",
            "name": name,
            "replicas": count,
        },
        st.sampled_from(["web", "api"]),
        st.integers(0, 5),
    ),
    st.builds(
        lambda name, image: {"op": "apply", "objects": [workload("Deployment", name, 3, image)]},
        st.sampled_from(["web", "api"]),
        st.sampled_from(["nginx:1.27", "nginx:1.28"]),
    ),
    st.just({"op": "apply", "objects": [workload("StatefulSet", "db", 2, "nginx:1.28")]}),
    st.just({"op": "apply", "objects": [workload("DaemonSet", "log", 0, "nginx:1.28")]}),
)

SINGLE = (["control-plane-1", "worker-1", "worker-2"], ["control-plane-1"])
TRIPLE = (
    ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1", "worker-2"],
    ["control-plane-1", "control-plane-2", "control-plane-3"],
)


def story(machines: list[str], planes: list[str]) -> Any:
    one = st.tuples(WAITS, st.one_of(breakage(machines, planes), breakage(machines, planes), changes))
    return st.lists(one, max_size=10)


def heal(world: World) -> None:
    """Everything that is off or away is put right, and time passes."""
    cluster = world.cluster
    for name, machine in list(cluster.machines.items()):
        if machine.power != "on":
            world.node("power-on", name)
        if cluster.machines[name].network != "up" or cluster.machines[name].cut:
            world.node("restore-network", name)
    for name in cluster.machines:
        for component in ("kubelet", "crio", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            if cluster.host.installed(name, component) and cluster.host.is_stopped(name, component):
                assert world.component("start", component, name) == ""
    world.run(1_500)


def check(world: World) -> None:
    """As many Pods Ready as are wanted, of the newest template; every node Ready; every system Pod runs."""
    tables = world.cluster.apiserver.tables
    for node in tables["nodes"].values():
        assert condition(node, "Ready") == "True", node["metadata"]["name"]
        assert all(taint["key"].endswith("control-plane") for taint in node["spec"].get("taints", ())), node["spec"]
    for pod in tables["pods"].values():
        name = pod["metadata"]["name"]
        assert "deletionTimestamp" not in pod["metadata"], name
        assert condition(pod, "Ready") == "True", (name, pod["status"])
    for resource in ("deployments", "statefulsets"):
        for owner in tables.get(resource, {}).values():
            wanted = owner["spec"]["replicas"]
            assert owner["status"].get("readyReplicas", 0) == wanted, owner["metadata"]["name"]
            assert owner["status"].get("updatedReplicas", wanted) == wanted
    for owner in tables.get("daemonsets", {}).values():
        assert owner["status"]["numberReady"] == owner["status"]["desiredNumberScheduled"]
    host = world.cluster.host
    for plane in host.control_planes():
        for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            assert host.runs(plane, component), (plane, component)
    for name in ("kube-controller-manager", "kube-scheduler"):
        assert host.elections[name].leader
        assert world.cluster.processes[name].running
    members = world.cluster.members
    if members is not None:
        assert {members.revision(plane) for plane in host.control_planes()} == {world.cluster.revision}
    # What kubelets run is what the API server knows of.
    for name, kubelet in world.cluster.kubelets.items():
        known = {key for key, pod in tables["pods"].items() if pod["spec"].get("nodeName") == name}
        assert set(kubelet.workers.workers) == known, name


class Base:
    """A booted cluster to begin from. Wrapped, since a failing example would print all of it."""

    def __init__(self, control_planes: int) -> None:
        self.data = World(control_planes=control_planes).cluster.snapshot()

    def __repr__(self) -> str:
        return "Base()"

    def world(self) -> World:
        out = World.__new__(World)
        out.cluster = Cluster.restore(self.data)
        out.since = len(out.cluster.trace.steps)
        return out


@pytest.fixture(scope="module")
def single() -> Base:
    return Base(1)


@pytest.fixture(scope="module")
def triple() -> Base:
    return Base(3)


EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def play(world: World, story_: list[tuple[int, dict[str, Any]]]) -> None:
    for wait, command in story_:
        world.cluster.run_for(wait)
        world.do(**command)


@given(story_=story(*SINGLE))
@EXAMPLES
def test_a_healed_cluster_is_whole(single: Base, story_: list[tuple[int, dict[str, Any]]]) -> None:
    world = single.world()
    play(world, story_)
    heal(world)
    check(world)


@given(story_=story(*TRIPLE))
@EXAMPLES
def test_a_healed_cluster_of_three_control_planes_is_whole(
    triple: Base, story_: list[tuple[int, dict[str, Any]]]
) -> None:
    world = triple.world()
    play(world, story_)
    heal(world)
    check(world)
