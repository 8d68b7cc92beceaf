"""An API server that does not answer: Pods run on, and what could not be said is said later."""

from __future__ import annotations

from apps.cluster.client import Problem
from tests.cluster.kubelet.node_world import NodeWorld, look

GONE = Problem(0, "ServiceUnavailable", "dial tcp 10.0.0.10:6443: connect: connection refused")


def outage(world: NodeWorld) -> None:
    world.kubelets[0].reach(GONE)


def test_pods_run_on_and_end_unheard() -> None:
    world = NodeWorld()
    world.pod(name="web")
    world.pod("busybox", name="job", restartPolicy="Never", container={"command": ["sleep", "20"]})
    world.run(15_000)
    outage(world)
    revision = world.engine.revision
    world.run(60_000)
    assert world.engine.revision == revision
    assert look(world.status("job")) == "Running/running/ready"
    world.kubelets[0].reach(None)
    world.run(5_000)
    assert world.status("job")["phase"] == "Succeeded"
    assert look(world.status("web")) == "Running/running/ready"


def test_a_crash_is_told_when_there_is_somebody_to_tell() -> None:
    world = NodeWorld()
    world.pod("crash:1")
    world.run(4_000)
    outage(world)
    world.run(120_000)
    world.kubelets[0].reach(None)
    world.run(3_000)
    assert world.status()["containerStatuses"][0]["restartCount"] >= 3


def test_a_pod_deleted_before_the_outage_goes_after_it() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    world.client.delete("pods", "default", "web")
    world.run(100)
    outage(world)
    world.run(60_000)
    assert world.get() is not None
    assert world.engine.at_rest
    world.kubelets[0].reach(None)
    world.run(5_000)
    assert world.get() is None
    assert world.kubelets[0].workers.workers == {}


def test_no_lease_is_renewed_meanwhile() -> None:
    world = NodeWorld()
    world.run(15_000)
    outage(world)
    before = world.apiserver.tables["leases"]["kube-node-lease/worker-1"]["spec"]["renewTime"]
    world.run(60_000)
    assert world.apiserver.tables["leases"]["kube-node-lease/worker-1"]["spec"]["renewTime"] == before
    world.kubelets[0].reach(None)
    world.run(5_000)
    assert world.apiserver.tables["leases"]["kube-node-lease/worker-1"]["spec"]["renewTime"] > before
