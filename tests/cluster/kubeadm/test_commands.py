"""kubeadm token, join by token, reset and upgrade, as stories."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.engine import Step

DAY_MS = 24 * 3600 * 1000


def started(cluster: Cluster, **command: Any) -> list[Step]:
    """The steps of a command and of the minutes after it."""
    before = len(cluster.trace.steps)
    cluster.execute(command)
    cluster.run_to_rest()
    return list(cluster.trace.steps[before:])


def said(steps: list[Step], component: str) -> list[str]:
    return [step.message for step in steps if step.component == component]


def node(cluster: Cluster, name: str) -> dict[str, Any]:
    return cluster.apiserver.tables["nodes"][name]


def ready(cluster: Cluster, name: str) -> str:
    return str(node(cluster, name)["status"]["conditions"][-1]["status"])


def test_a_kubelet_earns_its_certificate() -> None:
    cluster = Cluster.boot(Config(workers=1))
    steps = started(cluster, op="node", verb="join", name="worker-2")
    csr = [step for step in steps if step.ref.startswith("certificatesigningrequests/")]
    assert [(step.component, step.message) for step in csr] == [
        ("kubelet", "kubelet.request-certificate"),
        ("certificatesigningrequest-approving-controller", "csr.approve"),
        ("certificatesigningrequest-signing-controller", "csr.sign"),
    ]
    made = csr[0].after
    assert made is not None
    assert made["spec"]["username"] == "system:bootstrap:abcdef"
    assert "system:bootstrappers:kubeadm:default-node-token" in made["spec"]["groups"]
    registered = next(step for step in steps if step.ref == "nodes/worker-2" and step.verb == "create")
    assert registered.index > csr[2].index
    paths = [step.params.get("path") for step in steps if step.verb in ("write-file", "remove-file")]
    assert paths[-2:] == ["/etc/kubernetes/kubelet.conf", "/etc/kubernetes/bootstrap-kubelet.conf"]


def test_without_a_controller_manager_nobody_signs() -> None:
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "component", "verb": "stop", "name": "kube-controller-manager"})
    cluster.run_for(30_000)  # it is given time to end
    cluster.execute({"op": "node", "verb": "join", "name": "worker-2"})
    cluster.run_for(60_000)
    assert "worker-2" not in cluster.apiserver.tables["nodes"]
    cluster.execute({"op": "component", "verb": "start", "name": "kube-controller-manager"})
    cluster.run_for(60_000)
    assert ready(cluster, "worker-2") == "True"


def test_a_token_is_good_for_a_day_and_then_another_is_made() -> None:
    cluster = Cluster.boot(Config(workers=1))
    secret = cluster.apiserver.tables["secrets"]["kube-system/bootstrap-token-abcdef"]
    assert b64decode(secret["data"]["expiration"]).decode() == "2026-11-24T00:00:02Z"
    cluster.run_for(DAY_MS + 60_000)
    assert "kube-system/bootstrap-token-abcdef" not in cluster.apiserver.tables["secrets"], "the cleaner took it"
    steps = started(cluster, op="node", verb="join", name="worker-2")
    assert "kubeadm.token-create" in said(steps, "kubeadm")
    assert ready(cluster, "worker-2") == "True"


def test_tokens_come_and_go_by_command() -> None:
    cluster = Cluster.boot(Config(workers=1))
    steps = started(cluster, op="kubeadm", verb="token-create")
    made = next(step for step in steps if step.message == "kubeadm.token-create")
    info = cluster.apiserver.tables["configmaps"]["kube-public/cluster-info"]
    assert f"jws-kubeconfig-{made.params['token']}" in info["data"], "the signer vouches for it"
    started(cluster, op="kubeadm", verb="token-delete", name=made.params["token"])
    info = cluster.apiserver.tables["configmaps"]["kube-public/cluster-info"]
    assert f"jws-kubeconfig-{made.params['token']}" not in info["data"]


def test_a_machine_that_was_reset_is_a_node_without_a_kubelet_until_it_joins_again() -> None:
    cluster = Cluster.boot(Config(workers=2))
    steps = started(cluster, op="kubeadm", verb="reset", name="worker-2")
    assert said(steps, "kubeadm")[:3] == [
        "kubeadm.reset-preflight",
        "kubeadm.reset-remove-etcd-member",
        "kubeadm.reset-cleanup-node",
    ]
    cluster.run_for(60_000)
    assert ready(cluster, "worker-2") == "Unknown"
    started(cluster, op="node", verb="join", name="worker-2")
    cluster.run_for(60_000)
    assert ready(cluster, "worker-2") == "True"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param({"verb": "reset", "name": "worker-9"}, 'machines "worker-9" not found', id="no such machine"),
        pytest.param({"verb": "upgrade", "version": "v1.36.0"}, "is at v1.36.1", id="never back"),
        pytest.param({"verb": "upgrade", "version": "v1.37.0"}, "is not one of", id="what it does not know"),
        pytest.param({"verb": "upgrade-node", "name": "worker-1"}, "at v1.36.1 already", id="nothing to do"),
        pytest.param({"verb": "token-delete", "name": "zzzzzz"}, "not found", id="no such token"),
    ],
)
def test_what_is_refused_changes_nothing(command: dict[str, Any], message: str) -> None:
    cluster = Cluster.boot(Config(workers=1, version="v1.36.1"))
    before = cluster.revision
    with pytest.raises(StatusError, match=message):
        cluster.execute({"op": "kubeadm", **command})
    assert cluster.revision == before


def test_joining_under_the_name_of_a_node_that_is_ready() -> None:
    cluster = Cluster.boot(Config(workers=1))
    cluster.execute({"op": "kubeadm", "verb": "reset", "name": "worker-1"})
    with pytest.raises(StatusError, match='a Node with name "worker-1" and status "Ready" already exists'):
        cluster.execute({"op": "node", "verb": "join", "name": "worker-1"})


def test_an_upgrade_goes_through_the_control_plane_one_program_at_a_time() -> None:
    cluster = Cluster.boot(Config(workers=1, version="v1.36.1"))
    assert node(cluster, "worker-1")["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.1"
    steps = started(cluster, op="kubeadm", verb="upgrade", version="v1.36.2")
    manifests = [step.params["path"].rpartition("/")[2] for step in steps if step.verb == "write-file"]
    assert manifests == ["kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", "config.yaml"]
    pods = cluster.apiserver.tables["pods"]
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        pod = pods[f"kube-system/{name}-control-plane-1"]
        assert pod["spec"]["containers"][0]["image"].endswith(f"{name}:v1.36.2")
        assert pod["status"]["phase"] == "Running"
    assert [step.params["phase"] for step in steps if step.verb == "phase"] == [
        *("upgrade/preflight", "upgrade/control-plane", "upgrade/upload-config", "upgrade/kubeconfig"),
        *("upgrade/kubelet-config", "upgrade/bootstrap-token", "upgrade/addon", "upgrade/post-upgrade"),
    ]
    kept = cluster.apiserver.tables["configmaps"]["kube-system/kubeadm-config"]["data"]["ClusterConfiguration"]
    assert "kubernetesVersion: v1.36.2" in kept
    proxies = [pod for key, pod in pods.items() if "kube-proxy" in key]
    assert {pod["spec"]["containers"][0]["image"] for pod in proxies} == {"registry.k8s.io/kube-proxy:v1.36.2"}
    assert node(cluster, "worker-1")["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.1", "kubelets come later"


def test_a_kubelet_is_upgraded_under_running_pods() -> None:
    cluster = Cluster.boot(Config(workers=1, version="v1.36.1"))
    started(cluster, op="kubeadm", verb="upgrade", version="v1.36.2")
    before = {key: pod["status"]["containerStatuses"] for key, pod in cluster.apiserver.tables["pods"].items()}
    started(cluster, op="kubeadm", verb="upgrade-node", name="worker-1")
    cluster.run_for(400_000)
    assert node(cluster, "worker-1")["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.2"
    assert ready(cluster, "worker-1") == "True"
    after = cluster.apiserver.tables["pods"]
    here = [key for key, pod in after.items() if pod["spec"]["nodeName"] == "worker-1"]
    assert here
    assert all(after[key]["status"]["containerStatuses"] == before[key] for key in here)


def test_three_control_planes_share_certificates_and_are_upgraded_in_turn() -> None:
    cluster = Cluster.boot(Config(workers=1, control_planes=3, version="v1.36.1"))
    secrets = cluster.apiserver.tables["secrets"]
    owner = secrets["kube-system/kubeadm-certs"]["metadata"]["ownerReferences"][0]["name"]
    assert f"kube-system/{owner}" in secrets
    steps = started(cluster, op="kubeadm", verb="upgrade", version="v1.36.2")
    where = [step.node for step in steps if step.verb == "write-file" and "kube-apiserver" in step.params["path"]]
    assert where == ["control-plane-1", "control-plane-2", "control-plane-3"]
    assert all(ready(cluster, name) == "True" for name in where)
    told = {name: [s.params["phase"] for s in steps if s.verb == "phase" and s.node == name] for name in where}
    for name in where[1:]:
        assert told[name][-4:] == [
            *("upgrade-node/kubeconfig", "upgrade-node/kubelet-config", "upgrade-node/addon"),
            "upgrade-node/post-upgrade",
        ]
    waits = [(step.node, step.params["others"]) for step in steps if step.message == "kubeadm.addon-waits"]
    assert waits == [(where[0], "control-plane-2, control-plane-3"), (where[1], "control-plane-3")]
    proxy = next(step for step in steps if step.message == "kubeadm.upgrade-proxy")
    begun = next(s for s in steps if s.node == where[2] and s.params.get("phase") == "upgrade-node/addon")
    assert proxy.index > begun.index, "add-ons follow the last control plane"


def test_an_upgrade_restores_what_tokens_may_do() -> None:
    cluster = Cluster.boot(Config(workers=1, version="v1.36.1"))
    name = "kubeadm:kubelet-bootstrap"
    cluster.execute({"op": "delete", "resource": "clusterrolebindings", "namespace": "", "name": name})
    steps = started(cluster, op="kubeadm", verb="upgrade", version="v1.36.2")
    assert name in cluster.apiserver.tables["clusterrolebindings"]
    assert "kubeadm.restore-rule" not in said(steps, "kubeadm"), "what was there already is as it was"


def test_a_join_that_was_saved_half_way_goes_on_the_same() -> None:
    whole = Cluster.boot(Config(workers=1))
    whole.execute({"op": "node", "verb": "join", "name": "worker-2"})
    whole.run_for(450)
    again = Cluster.restore(whole.snapshot())
    for one in (whole, again):
        one.run_to_rest()
    assert ready(again, "worker-2") == "True"
    assert [step[:-2] for step in again.trace.steps] == [step[:-2] for step in whole.trace.steps]


def test_an_upgrade_passes_by_a_control_plane_that_was_reset() -> None:
    cluster = Cluster.boot(Config(workers=1, control_planes=3, version="v1.36.1"))
    cluster.execute({"op": "kubeadm", "verb": "reset", "name": "control-plane-1"})
    cluster.run_for(90_000)
    cluster.execute({"op": "delete", "resource": "nodes", "namespace": "", "name": "control-plane-1"})
    cluster.run_for(60_000)
    steps = started(cluster, op="kubeadm", verb="upgrade", version="v1.36.2")
    where = [step.node for step in steps if step.verb == "write-file" and "kube-apiserver" in step.params["path"]]
    assert where == ["control-plane-2", "control-plane-3"]
    assert [step.node for step in steps if step.params.get("phase") == "upgrade/post-upgrade"] == where[:1]
    assert "kubeadm.upgrade-proxy" in said(steps, "kubeadm")
