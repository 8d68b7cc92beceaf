"""A node that is cut off from the network, and comes back."""

from __future__ import annotations

import json

from apps.cluster.cluster import Cluster
from tests.cluster.controlplane.world import CP, World, condition
from tests.cluster.stories import workload


def test_a_cut_node_runs_on_and_loses_its_pods_only_when_they_no_longer_tolerate_it() -> None:
    world = World()
    here = world.on("worker-1")
    assert here
    assert world.node("cut-network", "worker-1") == ""
    world.run(65)
    assert world.node_ready("worker-1") == "Unknown"
    keys = [(taint["key"], taint["effect"]) for taint in world.table("nodes", "")["worker-1"]["spec"]["taints"]]
    assert ("node.kubernetes.io/unreachable", "NoSchedule") in keys
    world.run(20)
    assert set(here) <= set(world.pods)
    world.run(280)
    assert world.ready() == 3, "replaced elsewhere"
    assert all("deletionTimestamp" in world.pods[name]["metadata"] for name in here), "nobody confirms their end"
    workers = world.cluster.kubelets["worker-1"].workers.workers
    assert all(workers[f"default/{name}"].containers[0].running for name in here)
    world.node("restore-network", "worker-1")
    world.run(40)
    assert world.node_ready("worker-1") == "True"
    assert not set(here) & set(world.pods), "the kubelet has ended what was deleted meanwhile"
    assert world.ready() == 3
    assert not world.table("nodes", "")["worker-1"]["spec"].get("taints")


def test_a_short_cut_costs_nothing() -> None:
    world = World()
    before = set(world.pods)
    world.node("cut-network", "worker-1")
    world.run(30)
    world.node("restore-network", "worker-1")
    world.run(60)
    assert set(world.pods) == before
    assert world.ready() == 3
    assert world.told("node-lifecycle.silent") == []


def test_what_ended_while_nobody_listened_is_told_later_and_not_run_again() -> None:
    world = World(replicas=0)
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "sum", "namespace": "default"},
        "spec": {
            "template": {
                "metadata": {"annotations": {"sim/seconds": "20"}},
                "spec": {
                    "restartPolicy": "Never",
                    "nodeName": "worker-1",
                    "containers": [{"name": "main", "image": "busybox:1.37"}],
                },
            }
        },
    }
    world.apply(job)
    world.run(10)
    world.node("cut-network", "worker-1")
    world.run(35)
    assert [pod["status"]["phase"] for pod in world.pods.values()] == ["Running"]
    world.node("restore-network", "worker-1")
    world.run(10)
    assert [pod["status"]["phase"] for pod in world.pods.values()] == ["Succeeded"]
    assert condition(world.table("jobs")["sum"], "Complete") == "True"
    assert len([s for s in world.cluster.trace.steps if s.verb == "StartContainer" and "sum" in s.ref]) == 1


def test_the_control_plane_cut_off_is_as_good_as_gone_for_the_nodes() -> None:
    world = World()
    world.node("cut-network", CP)
    world.run(120)
    assert world.scale(5) == "Unable to connect to the server: dial tcp 10.0.0.10:6443: i/o timeout"
    # Seen from where the controllers are, everybody else is silent: the one ready node is their own.
    world.node("restore-network", CP)
    world.run(60)
    assert [world.node_ready(name) for name in (CP, "worker-1", "worker-2")] == ["True"] * 3
    assert world.scale(5) == ""
    world.run(30)
    assert world.ready() == 5


def test_a_cut_between_two_machines_alone() -> None:
    world = World()
    assert world.node("cut-network", "worker-1", CP) == ""
    assert world.cluster.machines["worker-1"].cut == (CP,)
    world.run(70)
    assert [world.node_ready(name) for name in ("worker-1", "worker-2")] == ["Unknown", "True"]
    world.node("restore-network", CP, "worker-1")
    world.run(30)
    assert world.node_ready("worker-1") == "True"
    assert world.cluster.machines["worker-1"].cut == ()


def test_a_snapshot_of_a_cut_node_goes_on_alike() -> None:
    world = World()
    world.node("cut-network", "worker-1")
    world.run(100)
    world.do(op="delete", resource="pods", namespace="default", name=world.on("worker-1")[0], grace_period_seconds=0)
    world.apply(workload("Deployment", "web", 4, "nginx:1.27"))
    world.run(30)
    other = Cluster.restore(json.loads(json.dumps(world.cluster.snapshot())))
    for cluster in (world.cluster, other):
        cluster.execute({"op": "node", "verb": "restore-network", "name": "worker-1"})
        cluster.run_for(120_000)
    assert [a[:11] for a in world.cluster.trace.steps] == [tuple(b)[:11] for b in other.trace.steps]
