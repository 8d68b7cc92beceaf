"""The node itself: its object, its lease, its network, its power, static Pods."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.kubelet import node_status
from apps.cluster.machines import Machine
from tests.cluster.kubelet.node_world import NodeWorld, condition, look

NO_NETWORK = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin "
    "returns error: No CNI configuration file in /etc/cni/net.d/. Has your network provider started?"
)
CALICO = {"meta": {"namespace": "kube-system", "labels": {"k8s-app": "calico-node"}}, "hostNetwork": True}
MANIFEST = {
    "metadata": {"name": "etcd", "namespace": "kube-system", "labels": {"component": "etcd"}},
    "spec": {"hostNetwork": True, "containers": [{"name": "etcd", "image": "registry.k8s.io/etcd:3.6.8-0"}]},
}


def node(world: NodeWorld, name: str = "worker-1") -> dict[str, Any]:
    return world.apiserver.tables["nodes"][name]


def test_registration() -> None:
    world = NodeWorld(network=False)
    made = node(world)
    assert made["metadata"]["labels"]["kubernetes.io/hostname"] == "worker-1"
    assert made["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    status = made["status"]
    assert status["capacity"]["memory"] == "8Gi"
    assert status["allocatable"]["memory"] == "8092Mi"
    assert status["addresses"][0] == {"type": "InternalIP", "address": "10.0.0.11"}
    assert status["nodeInfo"]["containerRuntimeVersion"].startswith("cri-o://1.36")
    ready = condition(status, "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "KubeletNotReady", NO_NETWORK)
    assert world.events("worker-1")[:2] == [
        "Starting: Starting kubelet.",
        "NodeHasSufficientMemory: Node worker-1 status is now: NodeHasSufficientMemory",
    ]


def test_the_lease_is_renewed_every_ten_seconds() -> None:
    world = NodeWorld()
    world.run(31_000)
    lease = world.apiserver.tables["leases"]["kube-node-lease/worker-1"]
    assert lease["spec"]["renewTime"] == "2026-11-23T00:00:30.000000Z"
    assert lease["spec"]["leaseDurationSeconds"] == 40
    assert world.engine.at_rest
    ranks = {step.rank for step in world.engine.trace.steps if step.ref.startswith("leases/")}
    assert ranks == {"heartbeat"}


def test_the_status_is_told_every_five_minutes_and_when_images_have_come() -> None:
    world = NodeWorld()
    world.pod()
    world.run(11_000)
    assert [image["names"][1] for image in node(world)["status"]["images"]] == ["docker.io/library/nginx:1.27"]
    before = node(world)["metadata"]["resourceVersion"]
    world.run(290_000)
    assert node(world)["metadata"]["resourceVersion"] == before
    world.run(20_000)
    assert condition(node(world)["status"], "Ready")["lastHeartbeatTime"] == "2026-11-23T00:05:10Z"


def test_a_node_without_network_becomes_ready_with_calico() -> None:
    world = NodeWorld(network=False)
    world.pod(name="early")
    world.run(5_000)
    assert look(world.status("early")) == "Pending/ContainerCreating"
    assert world.events("early")[0].startswith("NetworkNotReady: network is not ready: container runtime network")
    world.pod("quay.io/calico/node:v3.31.3", name="calico-node-x", **CALICO)
    world.run(30_000)
    assert condition(node(world)["status"], "Ready")["status"] == "True"
    assert "NodeReady: Node worker-1 status is now: NodeReady" in world.events("worker-1")
    assert look(world.status("early")) == "Running/running/ready"
    assert world.host == [("started", "worker-1", "calico-node")]


def test_a_power_cut_writes_nothing() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    revision = world.engine.revision
    world.kubelets[0].stop()
    world.run(60_000)
    assert world.engine.revision == revision
    assert look(world.status()) == "Running/running/ready"


def test_power_comes_back() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    address = world.status()["podIP"]
    world.kubelets[0].stop()
    world.run(60_000)
    world.kubelets[0].start()
    world.run(100)
    status = world.status()
    assert look(status) == "Running/ContainerCreating"
    assert condition(status, "Ready")["status"] == "False"
    lost = status["containerStatuses"][0]["lastState"]["terminated"]
    assert (lost["reason"], lost["exitCode"]) == ("ContainerStatusUnknown", 137)
    world.run(20_000)
    status = world.status()
    assert look(status) == "Running/running/ready"
    assert status["containerStatuses"][0]["restartCount"] == 1
    assert status["podIP"] != address
    assert any(
        event.startswith("Rebooted: Node worker-1 has been rebooted, boot id: ") for event in world.events("worker-1")
    )
    # The image had been pulled before, and disks keep what is on them.
    assert [event for event in world.events() if event.startswith("Pulled")][-1].startswith("Pulled: Container image")


def test_a_pod_deleted_while_the_power_was_off_goes_when_it_is_back() -> None:
    world = NodeWorld()
    world.pod()
    world.run(20_000)
    world.kubelets[0].stop()
    world.client.delete("pods", "default", "web")
    world.run(60_000)
    assert world.get() is not None
    world.kubelets[0].start()
    world.run(100)
    assert world.get() is None


def test_heartbeats_of_an_earlier_life_are_not_heard() -> None:
    world = NodeWorld()
    world.run(5_000)
    world.kubelets[0].stop()
    world.kubelets[0].start()
    world.run(60_000)
    renewed = [step for step in world.engine.trace.steps if step.ref.startswith("leases/") and step.verb == "update"]
    assert [step.time_ms for step in renewed] == [5_000, 15_000, 25_000, 35_000, 45_000, 55_000, 65_000]


def test_a_static_pod_and_its_mirror() -> None:
    world = NodeWorld()
    key = world.kubelets[0].add_manifest(MANIFEST)
    world.run(30_000)
    assert key == "kube-system/etcd-worker-1"
    mirror = world.get("etcd-worker-1", "kube-system")
    assert mirror is not None
    annotations = mirror["metadata"]["annotations"]
    assert annotations["kubernetes.io/config.source"] == "file"
    assert annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"]
    assert mirror["metadata"]["ownerReferences"][0]["kind"] == "Node"
    assert mirror["spec"]["tolerations"][0] == {"effect": "NoExecute", "operator": "Exists"}
    assert look(mirror["status"]) == "Running/running/ready"
    assert mirror["status"]["podIP"] == "10.0.0.11"
    assert world.host == [("started", "worker-1", "etcd")]


def test_a_deleted_mirror_comes_back_and_the_static_pod_never_stopped() -> None:
    world = NodeWorld()
    world.kubelets[0].add_manifest(MANIFEST)
    world.run(30_000)
    before = world.get("etcd-worker-1", "kube-system")
    world.client.delete("pods", "kube-system", "etcd-worker-1", grace_period_seconds=0)
    world.run(1_000)
    after = world.get("etcd-worker-1", "kube-system")
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert after["status"]["containerStatuses"] == before["status"]["containerStatuses"]
    assert len(world.host) == 1


def test_removing_a_manifest_stops_its_pod() -> None:
    world = NodeWorld()
    key = world.kubelets[0].add_manifest(MANIFEST)
    world.run(30_000)
    world.kubelets[0].remove_manifest(key)
    world.run(1_000)
    assert world.get("etcd-worker-1", "kube-system") is None
    assert world.host[-1] == ("stopped", "worker-1", "etcd")


@pytest.mark.parametrize(
    ("memory", "allocatable"),
    [
        pytest.param("8Gi", "8092Mi", id="a round number"),
        pytest.param("1Gi", "924Mi", id="a small machine"),
        pytest.param("4G", "3803850Ki", id="decimal"),
    ],
)
def test_what_is_left_for_pods(memory: str, allocatable: str) -> None:
    assert node_status.allocatable(Machine("n", memory=memory))["memory"] == allocatable


def test_a_cluster_whose_node_has_just_fallen_silent_is_not_at_rest() -> None:
    world = NodeWorld()
    world.run(5_000)
    assert world.engine.at_rest
    world.kubelets[0].stop()
    assert not world.engine.at_rest
    world.run(25_000)
    assert world.engine.at_rest


def test_a_changed_manifest_is_another_pod() -> None:
    world = NodeWorld()
    key = world.kubelets[0].add_manifest(MANIFEST)
    world.run(30_000)
    before = world.get("etcd-worker-1", "kube-system")
    changed = {**MANIFEST, "spec": {**MANIFEST["spec"], "containers": [{"name": "etcd", "image": "etcd:other"}]}}
    assert world.kubelets[0].add_manifest(changed) == key
    world.run(30_000)
    after = world.get("etcd-worker-1", "kube-system")
    assert before is not None
    assert after is not None
    assert after["spec"]["containers"][0]["image"] == "etcd:other"
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert look(after["status"]) == "Running/running/ready"
    assert world.host == [
        ("started", "worker-1", "etcd"),
        ("stopped", "worker-1", "etcd"),
        ("started", "worker-1", "etcd"),
    ]
