"""kubeadm: what a cluster looks like after init and join, and the order in which it came about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apps.cluster import kubeadm
from apps.cluster.cluster import Cluster, Config

BOOTSTRAP = json.loads((Path(__file__).parents[2] / "testdata" / "kubeadm" / "bootstrap.json").read_text())
NODES = ["control-plane-1", "worker-1", "worker-2", "worker-3"]
PHASES = [
    "preflight",
    "certs",
    "kubeconfig",
    "etcd",
    "control-plane",
    "kubelet-start",
    "wait-control-plane",
    "upload-config",
    "mark-control-plane",
    "bootstrap-token",
    "kubelet-finalize",
    "addon/coredns",
    "addon/kube-proxy",
    "show-join-command",
]


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """A cluster of one control-plane node and three workers, just booted. Tests only look at it."""
    return Cluster.boot()


def table(cluster: Cluster, resource: str) -> dict[str, Any]:
    return dict(cluster.apiserver.tables.get(resource, {}))


def names(cluster: Cluster, resource: str, namespace: str = "") -> list[str]:
    found = table(cluster, resource).values()
    return [one["metadata"]["name"] for one in found if one["metadata"].get("namespace", "") == namespace]


def test_every_node_is_ready(cluster: Cluster) -> None:
    nodes = table(cluster, "nodes")
    assert list(nodes) == NODES
    for node in nodes.values():
        ready = node["status"]["conditions"][-1]
        assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "True", "KubeletReady")


def test_the_control_plane_is_marked(cluster: Cluster) -> None:
    node = table(cluster, "nodes")["control-plane-1"]
    assert node["spec"]["taints"] == [{"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"}]
    labels = node["metadata"]["labels"]
    assert labels["node-role.kubernetes.io/control-plane"] == ""
    assert labels["node.kubernetes.io/exclude-from-external-load-balancers"] == ""
    assert not table(cluster, "nodes")["worker-1"]["spec"].get("taints")


def test_a_node_looks_as_a_real_one_does(cluster: Cluster) -> None:
    real = BOOTSTRAP["node"]
    node = table(cluster, "nodes")["worker-1"]
    assert sorted(node["metadata"]["labels"]) == real["labels"]
    facts = [{key: one[key] for key in ("type", "status", "reason", "message")} for one in node["status"]["conditions"]]
    network = {"type": "NetworkUnavailable", "status": "False", "reason": "CalicoIsUp"}  # the recording has no network
    assert facts[0] == {**network, "message": "Calico is running on this node"}
    assert facts[1:] == real["conditions"]
    assert node["status"]["nodeInfo"]["kubeletVersion"] == real["kubeletVersion"]


def test_system_pods(cluster: Cluster) -> None:
    pods = table(cluster, "pods").values()
    assert all(pod["metadata"]["namespace"] == "kube-system" for pod in pods)
    where: dict[str, list[str]] = {}
    for pod in pods:
        labels = pod["metadata"]["labels"]
        where.setdefault(labels.get("component") or labels["k8s-app"], []).append(pod["spec"]["nodeName"])
        ready = [one["status"] for one in pod["status"]["conditions"] if one["type"] == "Ready"]
        assert ready == ["True"], pod["metadata"]["name"]
    assert where.pop("kube-proxy") == NODES
    assert where.pop("calico-node") == NODES
    assert len(where.pop("kube-dns")) == 2
    assert len(where.pop("calico-kube-controllers")) == 1
    assert where == {
        name: ["control-plane-1"] for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    }


def test_static_pods_are_mirrored_under_their_nodes_name(cluster: Cluster) -> None:
    pod = table(cluster, "pods")["kube-system/etcd-control-plane-1"]
    assert pod["metadata"]["annotations"]["kubernetes.io/config.source"] == "file"
    assert pod["spec"]["priorityClassName"] == "system-node-critical"
    assert pod["status"]["podIP"] == "10.0.0.10"


def test_what_the_api_server_writes_itself(cluster: Cluster) -> None:
    assert sorted(names(cluster, "namespaces")) == BOOTSTRAP["namespaces"]
    assert sorted(names(cluster, "priorityclasses")) == BOOTSTRAP["priorityclasses"]
    assert table(cluster, "servicecidrs")["kubernetes"]["spec"] == BOOTSTRAP["servicecidr"]
    ours = {
        name for name in names(cluster, "clusterroles") if not name.startswith(("kubeadm:", "calico", "system:coredns"))
    }
    assert ours <= set(BOOTSTRAP["clusterroles"])
    for namespace, wanted in BOOTSTRAP["configmaps"].items():
        assert set(wanted) <= set(names(cluster, "configmaps", namespace))


def test_the_kubernetes_service(cluster: Cluster) -> None:
    service = table(cluster, "services")["default/kubernetes"]
    real = BOOTSTRAP["service"]
    assert service["metadata"]["labels"] == real["metadata"]["labels"]
    wanted = {**real["spec"], "ports": [{**real["spec"]["ports"][0], "targetPort": 6443}]}
    assert {field: service["spec"][field] for field in wanted} == wanted
    found = table(cluster, "endpointslices")["default/kubernetes"]
    assert found["metadata"]["labels"] == BOOTSTRAP["endpointslice"]["metadata"]["labels"]
    assert found["endpoints"] == [{"addresses": ["10.0.0.10"], "conditions": {"ready": True}}]


def test_what_kubeadm_writes(cluster: Cluster) -> None:
    assert {"kubeadm-config", "kubelet-config", "coredns", "kube-proxy", "calico-config"} <= set(
        names(cluster, "configmaps", "kube-system")
    )
    assert "cluster-info" in names(cluster, "configmaps", "kube-public")
    assert {"default", "coredns", "kube-proxy", "calico-node"} <= set(names(cluster, "serviceaccounts", "kube-system"))
    assert table(cluster, "services")["kube-system/kube-dns"]["spec"]["clusterIP"] == "10.96.0.10"
    assert names(cluster, "storageclasses") == ["standard"]


def test_phases_of_init_in_order(cluster: Cluster) -> None:
    notes = [step for step in cluster.trace.steps if step.component == "kubeadm" and step.verb == "phase"]
    assert [step.params["phase"] for step in notes if step.node == "control-plane-1"] == PHASES
    assert [step.params["phase"] for step in notes if step.node == "worker-2"] == [
        "preflight",
        "kubelet-start",
        "kubelet-wait-bootstrap",
    ]


def test_nothing_is_written_before_the_api_server_runs(cluster: Cluster) -> None:
    steps = cluster.trace.steps
    first = next(step for step in steps if step.rank == "change")
    assert (first.component, first.ref) == ("kube-apiserver", "namespaces/default")
    started = next(
        step
        for step in steps
        if step.verb == "StartContainer" and step.ref == "pods/kube-system/kube-apiserver-control-plane-1"
    )
    assert started.time_ms < first.time_ms


def test_controllers_act_after_their_static_pod_runs(cluster: Cluster) -> None:
    steps = cluster.trace.steps
    running = {
        step.ref.removeprefix("pods/kube-system/"): step.time_ms for step in steps if step.verb == "StartContainer"
    }
    first = next(step for step in steps if step.component == "serviceaccount-controller")
    assert first.time_ms > running["kube-controller-manager-control-plane-1"]
    bound = next(step for step in steps if step.verb == "bind")
    assert bound.time_ms > running["kube-scheduler-control-plane-1"]


def test_a_node_is_not_ready_before_its_network_is(cluster: Cluster) -> None:
    calico = table(cluster, "pods")
    for name in NODES:
        became = next(
            step for step in cluster.trace.steps if step.ref == f"nodes/{name}" and step.message == "kubelet.node-ready"
        )
        pod = next(pod for key, pod in calico.items() if "calico-node" in key and pod["spec"]["nodeName"] == name)
        started = next(
            step
            for step in cluster.trace.steps
            if step.verb == "StartContainer"
            and step.ref == f"pods/kube-system/{pod['metadata']['name']}"
            and step.params["container"] == "calico-node"
        )
        assert became.time_ms == started.time_ms


def test_the_cluster_is_at_rest_and_was_quick_about_it(cluster: Cluster) -> None:
    assert cluster.at_rest
    assert cluster.base == cluster.revision
    assert cluster.now_ms < 60_000


def test_the_same_seed_tells_the_same_story() -> None:
    one, two = Cluster.boot(Config(workers=2)), Cluster.boot(Config(workers=2))
    assert one.trace.steps == two.trace.steps


def test_another_seed_has_other_names() -> None:
    one, two = Cluster.boot(Config(workers=1)), Cluster.boot(Config(workers=1, seed=2))
    assert names(one, "pods", "kube-system") != names(two, "pods", "kube-system")


def test_a_machine_joins_later() -> None:
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "node", "verb": "join", "name": "worker-2"})
    assert cluster.run_to_rest()
    cluster.run_for(10_000)
    node = table(cluster, "nodes")["worker-2"]
    assert node["status"]["conditions"][-1]["status"] == "True"
    assert not node["spec"].get("taints")
    here = [pod for pod in table(cluster, "pods").values() if pod["spec"]["nodeName"] == "worker-2"]
    assert len(here) == 2


def test_a_machine_that_was_removed_may_join_again() -> None:
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "node", "verb": "remove", "name": "worker-2"})
    cluster.run_to_rest()
    assert "worker-2" not in table(cluster, "nodes")
    cluster.execute({"op": "node", "verb": "join", "name": "worker-2"})
    cluster.run_to_rest()
    assert table(cluster, "nodes")["worker-2"]["status"]["conditions"][-1]["status"] == "True"


def test_a_boot_that_was_saved_half_way_goes_on_the_same() -> None:
    whole = Cluster.boot(Config(workers=1))
    half = Cluster(Config(workers=1, boot="empty"))
    for machine in half._first_machines():
        half._set_machine(machine)
    kubeadm.boot(half)
    half.run_until(4_321)
    restored = Cluster.restore(json.loads(json.dumps(half.snapshot())))
    restored.engine.run_until(whole.now_ms)
    assert [step[:11] for step in restored.trace.steps] == [step[:11] for step in whole.trace.steps]
    for resource in ("nodes", "pods", "leases", "daemonsets", "deployments"):
        assert table(restored, resource) == table(whole, resource)


def test_a_running_cluster_that_was_saved_goes_on_the_same() -> None:
    cluster = Cluster.boot(Config(workers=1))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "c", "image": "crash:1"}]},
    }
    cluster.execute({"op": "create", "objects": [pod]})
    cluster.run_for(9_000)
    restored = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    cluster.run_for(100_000)
    restored.run_for(100_000)
    assert restored.apiserver.tables == cluster.apiserver.tables


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        pytest.param("worker-4", True, id="as they are usually called"),
        pytest.param("node.example.com", True, id="a host's full name"),
        pytest.param("Worker-4", False, id="capitals"),
        pytest.param("worker_4", False, id="an underscore"),
        pytest.param("-worker", False, id="a hyphen in front"),
        pytest.param("", False, id="nothing"),
        pytest.param("a" * 254, False, id="too long"),
    ],
)
def test_node_names(name: str, valid: bool) -> None:
    assert (kubeadm.invalid_node_name(name) == "") is valid


@pytest.mark.parametrize("after_ms", [pytest.param(100, id="before its kubelet runs"), pytest.param(500, id="after")])
def test_a_machine_switched_off_while_it_joins_joins_when_it_is_on_again(after_ms: int) -> None:
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "node", "verb": "join", "name": "worker-2"})
    cluster.run_for(after_ms)
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-2"})
    cluster.run_for(30_000)
    assert "worker-2" not in table(cluster, "nodes")
    cluster.execute({"op": "node", "verb": "power-on", "name": "worker-2"})
    cluster.run_for(30_000)
    assert table(cluster, "nodes")["worker-2"]["status"]["conditions"][-1]["status"] == "True"


def test_a_machine_that_joins_again_begins_without_a_network() -> None:
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "node", "verb": "remove", "name": "worker-2"})
    cluster.run_for(30_000)
    cluster.execute({"op": "node", "verb": "join", "name": "worker-2"})
    cluster.run_for(800)
    assert table(cluster, "nodes")["worker-2"]["status"]["conditions"][-1]["reason"] == "KubeletNotReady"


@pytest.mark.parametrize("mode", ["iptables", "nftables", "ipvs"])
def test_kube_proxy_is_told_its_mode(mode):
    cluster = Cluster.boot(Config(workers=1, proxy_mode=mode))
    config = cluster.view().objects["configmaps"]["kube-system/kube-proxy"]["data"]["config.conf"]
    assert f"\nmode: {mode}\n" in config
