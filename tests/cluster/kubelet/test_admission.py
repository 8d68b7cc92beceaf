"""What a kubelet says to a Pod that it does not want, and whom it pushes off the node for one that must run."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet.admission import Room, predicates, under_pressure, victims, wrong_system
from tests.cluster.kubelet.node_world import NodeWorld, condition

NODE = {"metadata": {"name": "worker-1", "labels": {"disk": "ssd"}}, "spec": {}}
AFFINITY = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"


@pytest.mark.parametrize(
    ("spec", "node", "expected"),
    [
        pytest.param({}, NODE, [], id="nothing speaks against it"),
        pytest.param({"nodeSelector": {"disk": "ssd"}}, NODE, [], id="a label that is there"),
        pytest.param({"nodeSelector": {"disk": "hdd"}}, NODE, [("NodeAffinity", AFFINITY)], id="a label that is not"),
        pytest.param(
            {"nodeName": "worker-2"},
            NODE,
            [("NodeName", "Predicate NodeName failed: node(s) didn't match the requested node name")],
            id="another node's",
        ),
        pytest.param(
            {},
            {**NODE, "spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}},
            [("TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate")],
            id="a taint that ends what it does not tolerate",
        ),
        pytest.param(
            {}, {**NODE, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}, [], id="the scheduler's business"
        ),
        pytest.param(
            {"containers": [{"name": "c", "ports": [{"hostPort": 80}]}]},
            NODE,
            [("NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports")],
            id="a port that is taken",
        ),
    ],
)
def test_predicates(spec: dict[str, Any], node: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    room = Room({"pods": (1, 110)}, frozenset({("0.0.0.0", "TCP", 80)}))
    found = predicates({"metadata": {}, "spec": {"containers": [], **spec}}, {"pods": 1}, node, room)
    assert [(one.reason, one.message) for one in found] == expected


@pytest.mark.parametrize(
    ("pod", "pressures", "expected"),
    [
        pytest.param({}, [], None, id="no pressure"),
        pytest.param({}, ["MemoryPressure"], "The node had condition: [MemoryPressure]. ", id="best effort"),
        pytest.param({"status": {"qosClass": "Burstable"}}, ["MemoryPressure"], None, id="it asks for memory"),
        pytest.param(
            {"status": {"qosClass": "Burstable"}},
            ["DiskPressure"],
            "The node had condition: [DiskPressure]. ",
            id="a full disk keeps everybody away",
        ),
        pytest.param({"spec": {"priority": 2_000_000_000, "containers": []}}, ["DiskPressure"], None, id="critical"),
        pytest.param(
            {
                "spec": {
                    "containers": [],
                    "tolerations": [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists"}],
                }
            },
            ["MemoryPressure"],
            None,
            id="it tolerates the pressure",
        ),
    ],
)
def test_pressure_keeps_pods_away(pod: dict[str, Any], pressures: list[str], expected: str | None) -> None:
    found = under_pressure({"metadata": {}, "spec": {"containers": []}, **pod}, pressures)
    assert (found.message if found else None) == expected


def test_another_operating_system() -> None:
    found = wrong_system({"metadata": {}, "spec": {"os": {"name": "windows"}}})
    assert found is not None
    assert found.reason == "PodOSNotSupported"


def victim(name: str, quality: str, cpu: int) -> tuple[dict[str, Any], dict[str, int]]:
    return {"metadata": {"name": name}, "spec": {}, "status": {"qosClass": quality}}, {"cpu": cpu}


@pytest.mark.parametrize(
    ("others", "missing", "expected"),
    [
        pytest.param([victim("a", "Burstable", 500)], 1_000, None, id="all of them would not do"),
        pytest.param(
            [victim("a", "Burstable", 500), victim("b", "Burstable", 1_000)], 900, ["b"], id="one instead of two"
        ),
        pytest.param(
            [victim("a", "Guaranteed", 1_000), victim("b", "Burstable", 1_000)], 900, ["b"], id="the guaranteed last"
        ),
        pytest.param(
            [victim("a", "Burstable", 1_000), victim("b", "Burstable", 2_000)], 900, ["a"], id="the smaller of two"
        ),
    ],
)
def test_whom_a_critical_pod_pushes_off(others: list[Any], missing: int, expected: list[str] | None) -> None:
    critical = {"metadata": {}, "spec": {"priority": 2_000_000_000}}
    found = victims(critical, others, {"cpu": missing})
    assert (None if found is None else [one["metadata"]["name"] for one in found]) == expected


def test_a_static_pod_finds_room() -> None:
    world = NodeWorld()
    world.pod(container={"resources": {"requests": {"cpu": "3"}}})
    world.run(20_000)
    world.kubelets[0].add_manifest(
        {
            "metadata": {"name": "etcd", "namespace": "kube-system"},
            "spec": {
                "hostNetwork": True,
                "containers": [{"name": "etcd", "image": "etcd:1", "resources": {"requests": {"cpu": "2"}}}],
            },
        }
    )
    world.run(30_000)
    status = world.status()
    assert (status["phase"], status["reason"]) == ("Failed", "Preempting")
    assert status["message"] == "Preempted in order to admit critical pod"
    assert condition(status, "DisruptionTarget")["message"] == (
        "Pod was preempted by Kubelet to accommodate a critical pod."
    )
    assert (world.get("etcd-worker-1", "kube-system") or {})["status"]["phase"] == "Running"


def test_a_node_that_shuts_down_ends_its_pods_and_takes_no_more() -> None:
    world = NodeWorld()
    world.pod(terminationGracePeriodSeconds=5)
    world.run(20_000)
    kubelet = world.kubelets[0]
    assert 0 < kubelet.shut_down(30) < 5_000
    world.pod(name="late")
    world.run(5_000)
    status = world.status()
    assert (status["phase"], status["reason"]) == ("Failed", "Terminated")
    assert status["message"] == "Pod was terminated in response to imminent node shutdown."
    assert world.status("late")["message"] == "Pod was rejected: Pod was rejected as the node is shutting down."
    ready = condition(world.apiserver.tables["nodes"]["worker-1"]["status"], "Ready")
    assert (ready["status"], ready["message"]) == ("False", "node is shutting down")
