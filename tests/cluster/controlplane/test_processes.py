"""What stops and what goes on when a program of the control plane or of a node stops, crashes and starts again."""

from __future__ import annotations

import json

import pytest

from apps.cluster.cluster import Cluster
from tests.cluster.controlplane.world import CP, World, condition

REFUSED = "The connection to the server 10.0.0.10:6443 was refused - did you specify the right host or port?"
NO_ETCD = (
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: '
    'dial tcp 127.0.0.1:2379: connect: connection refused"'
)


def test_without_a_scheduler_new_pods_stay_pending_and_running_ones_run() -> None:
    world = World()
    assert world.component("stop", "kube-scheduler") == ""
    world.run(5)
    assert f"kube-scheduler-{CP}" not in world.table("pods", "kube-system"), "its mirror Pod has gone"
    world.scale(5)
    world.run(60)
    assert (world.ready(), len(world.pods)) == (3, 5)
    assert [pod["spec"].get("nodeName") for pod in world.pods.values()].count(None) == 2
    assert world.component("start", "kube-scheduler") == ""
    world.run(10)
    assert world.ready() == 3, "the old lease has not run out yet"
    world.run(20)
    assert world.ready() == 5
    assert f"kube-scheduler-{CP}" in world.table("pods", "kube-system")


def test_without_a_controller_manager_a_deleted_pod_is_not_replaced() -> None:
    world = World()
    world.component("stop", "kube-controller-manager")
    world.run(1)
    gone = next(iter(world.pods))
    world.delete_pod(gone)
    world.run(60)
    assert gone not in world.pods
    assert len(world.pods) == 2
    world.component("start", "kube-controller-manager")
    world.run(40)
    assert world.ready() == 3


def test_without_an_api_server_containers_go_on_and_nobody_is_evicted() -> None:
    world = World()
    before = dict(world.pods)
    world.component("stop", "kube-apiserver")
    world.run(1)
    assert world.scale(5) == REFUSED
    revision = world.cluster.revision
    world.run(600)
    assert world.cluster.revision == revision, "nobody can write"
    world.component("start", "kube-apiserver")
    world.run(5)
    assert world.scale(4) == ""
    world.run(120)
    assert world.ready() == 4
    assert set(before) <= set(world.pods), "no Pod has been evicted"
    assert [world.node_ready(name) for name in (CP, "worker-1", "worker-2")] == ["True"] * 3
    # Both lost their lease, ended, and were started again by their kubelet, once.
    assert [world.restarts(name) for name in ("kube-controller-manager", "kube-scheduler")] == [1, 1]
    assert "election.lost" in world.told("election.lost")


def test_a_short_outage_of_the_api_server_costs_nobody_its_lease() -> None:
    world = World()
    world.component("crash", "kube-apiserver")
    assert world.scale(5) == REFUSED
    world.run(4)
    assert world.scale(5) == ""
    world.run(30)
    assert world.ready() == 5
    assert world.restarts("kube-apiserver") == 1
    assert world.restarts("kube-controller-manager") == 0


def test_without_etcd_the_api_server_answers_with_errors_and_its_kubelet_restarts_it() -> None:
    world = World()
    world.component("stop", "etcd")
    world.run(1)
    assert world.scale(5) == NO_ETCD
    world.run(75)
    assert world.scale(5) == NO_ETCD
    world.run(15)
    assert world.scale(5) == REFUSED, "its liveness probe has failed, and without etcd it does not come up"
    world.run(120)
    world.component("start", "etcd")
    world.run(90)
    assert world.scale(5) == ""
    world.run(60)
    assert world.ready() == 5
    assert world.restarts("kube-apiserver") >= 2


def test_a_short_outage_of_etcd_is_over_when_it_is() -> None:
    world = World()
    world.component("stop", "etcd")
    world.run(3)
    world.component("start", "etcd")
    world.run(4)
    assert world.scale(5) == ""
    world.run(30)
    assert world.ready() == 5
    assert world.restarts("kube-apiserver") == 0


def test_a_crashed_static_pod_is_started_again_with_growing_pauses() -> None:
    world = World()
    pauses = []
    for _ in range(4):
        world.component("crash", "kube-scheduler")
        begun = world.cluster.now_ms
        while not world.cluster.host.runs(CP, "kube-scheduler"):
            world.run(0.25)
        pauses.append((world.cluster.now_ms - begun) // 1000)
        world.run(5)
    assert pauses[0] <= 2
    assert pauses == sorted(pauses)
    assert pauses[-1] >= 15


def test_without_a_kubelet_containers_run_on_and_its_node_is_lost() -> None:
    world = World()
    here = world.on("worker-1")
    world.component("stop", "kubelet", "worker-1")
    world.run(30)
    assert world.node_ready("worker-1") == "True", "nobody has noticed yet"
    world.run(45)
    assert world.node_ready("worker-1") == "Unknown"
    assert [condition(world.pods[name], "Ready") for name in here] == ["False"] * len(here)
    world.component("start", "kubelet", "worker-1")
    world.run(30)
    assert world.node_ready("worker-1") == "True"
    assert world.ready() == 3
    assert set(here) <= set(world.pods)
    statuses = [world.pods[name]["status"]["containerStatuses"][0] for name in here]
    assert [status["restartCount"] for status in statuses] == [0] * len(here), "they never stopped"


def test_a_crashed_kubelet_is_back_before_anyone_notices() -> None:
    world = World()
    world.component("crash", "kubelet", "worker-1")
    world.run(60)
    assert world.cluster.kubelets["worker-1"].running
    assert world.node_ready("worker-1") == "True"
    assert world.told("node-lifecycle.silent") == []


def test_without_a_runtime_the_node_is_not_ready_and_nothing_starts_on_it() -> None:
    world = World()
    world.component("stop", "crio", "worker-1")
    world.scale(6)
    world.run(20)
    waiting = [name for name in world.on("worker-1") if condition(world.pods[name], "Ready") != "True"]
    assert waiting
    world.run(20)
    node = world.table("nodes", "")["worker-1"]
    ready = node["status"]["conditions"][-1]
    assert (ready["status"], ready["reason"], ready["message"]) == (
        "False",
        "KubeletNotReady",
        "container runtime is down",
    )
    assert {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}.items() <= node["spec"]["taints"][0].items()
    world.run(160)
    message = world.table("nodes", "")["worker-1"]["status"]["conditions"][-1]["message"]
    assert message.startswith("[container runtime is down, PLEG is not healthy: pleg was last seen active 3m")
    world.component("start", "crio", "worker-1")
    world.run(20)
    assert world.node_ready("worker-1") == "True"
    assert world.ready() == 6


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(("stop", "kubelet", ""), "component: which machine's kubelet? node is missing", id="no machine"),
        pytest.param(("stop", "etcd", "worker-1"), 'etcd is not installed on machine "worker-1"', id="not there"),
        pytest.param(("stop", "etcd", "nobody"), 'machines "nobody" not found', id="no such machine"),
        pytest.param(("start", "etcd", ""), 'etcd on machine "control-plane-1" has not been stopped', id="not stopped"),
    ],
)
def test_refusals(command: tuple[str, str, str], message: str) -> None:
    world = World(replicas=0)
    assert world.component(*command) == message


def test_what_is_stopped_cannot_be_stopped_or_crashed() -> None:
    world = World(replicas=0)
    world.component("stop", "kube-scheduler")
    world.run(2)
    assert world.component("stop", "kube-scheduler") == f'kube-scheduler on machine "{CP}" is stopped already'
    assert world.component("crash", "kube-scheduler") == f'kube-scheduler on machine "{CP}" is not running'


def test_events_of_an_outage_are_told_when_it_is_over_with_their_own_times() -> None:
    world = World()
    world.component("stop", "kube-apiserver")
    world.run(20)
    world.component("start", "kube-apiserver")
    world.run(20)
    events = world.table("events", "kube-system").values()
    begun = [
        event
        for event in events
        if event["reason"] == "Started" and event["involvedObject"]["name"] == f"kube-scheduler-{CP}"
    ]
    told = begun[-1]
    assert told["lastTimestamp"] < told["metadata"]["creationTimestamp"]


def test_the_control_plane_machine_may_lose_its_power_too() -> None:
    world = World()
    assert world.node("power-off", CP) == ""
    world.run(1)
    assert world.scale(5) == "Unable to connect to the server: dial tcp 10.0.0.10:6443: i/o timeout"
    world.run(120)
    assert world.node("power-on", CP) == ""
    world.run(60)
    assert world.scale(5) == ""
    world.run(60)
    assert world.ready() == 5
    assert [world.node_ready(name) for name in (CP, "worker-1", "worker-2")] == ["True"] * 3


def test_a_rebooted_node_comes_back_before_its_pods_are_evicted() -> None:
    world = World()
    here = world.on("worker-1")
    world.node("reboot", "worker-1")
    world.run(90)
    assert set(here) <= set(world.pods)
    assert world.ready() == 3
    assert [world.pods[name]["status"]["containerStatuses"][0]["restartCount"] for name in here] == [1] * len(here)


@pytest.mark.parametrize("name", ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"])
@pytest.mark.parametrize("wait", [0.5, 15, 95])
def test_a_snapshot_in_the_middle_of_it_goes_on_alike(name: str, wait: float) -> None:
    world = World(workers=1)
    world.component("stop", name)
    world.run(wait)
    other = Cluster.restore(json.loads(json.dumps(world.cluster.snapshot())))
    for cluster in (world.cluster, other):
        cluster.execute({"op": "component", "verb": "start", "name": name})
        cluster.run_for(120_000)
    ours, theirs = world.cluster.trace.steps, other.trace.steps
    first = next((a for a, b in zip(ours, theirs, strict=False) if a[:11] != b[:11]), None)
    assert first is None
    assert len(ours) == len(theirs)
