"""What a reader does to machines and images: fill, shut down, push. Through the façade."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"nodeName": "worker-1", "containers": [{"name": "c", "image": "web:1", "imagePullPolicy": "Always"}]},
}


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return Cluster.boot(Config(workers=1)).snapshot()


@pytest.fixture
def cluster(base: dict[str, Any]) -> Cluster:
    return Cluster.restore(base)


def pod(cluster: Cluster) -> dict[str, Any]:
    return cluster.apiserver.tables["pods"]["default/web"]["status"]


def test_an_image_is_pushed_and_the_next_start_has_it(cluster: Cluster) -> None:
    cluster.execute({"op": "create", "objects": [POD]})
    cluster.run_for(20_000)
    assert pod(cluster)["phase"] == "Running"
    cluster.execute({"op": "image", "name": "web:1", "missing": True})
    cluster.execute({"op": "delete", "resource": "pods", "name": "web"})
    cluster.run_for(5_000)
    cluster.execute({"op": "create", "objects": [POD]})
    cluster.run_for(10_000)
    waiting = pod(cluster)["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] in ("ErrImagePull", "ImagePullBackOff")


def test_purged_images_have_to_be_pulled_again(cluster: Cluster) -> None:
    kubelet = cluster.kubelets["worker-1"]
    cluster.execute({"op": "create", "objects": [POD]})
    cluster.run_for(20_000)
    assert "docker.io/library/web:1" in kubelet.runtime.images
    cluster.execute({"op": "image", "name": "web:1", "exit_after": 1, "purge": True})
    assert "docker.io/library/web:1" not in kubelet.runtime.images


def test_a_disk_is_filled_and_freed(cluster: Cluster) -> None:
    cluster.execute({"op": "node", "verb": "fill-disk", "name": "worker-1", "mib": 90_000})
    cluster.run_for(20_000)
    node = cluster.apiserver.tables["nodes"]["worker-1"]
    assert ("DiskPressure", "True") in [(one["type"], one["status"]) for one in node["status"]["conditions"]]
    cluster.run_for(5_000)
    taints = [taint["key"] for taint in cluster.apiserver.tables["nodes"]["worker-1"]["spec"].get("taints") or ()]
    assert taints == ["node.kubernetes.io/disk-pressure"]
    cluster.execute({"op": "node", "verb": "free-disk", "name": "worker-1", "mib": 90_000})
    cluster.run_for(330_000)
    node = cluster.apiserver.tables["nodes"]["worker-1"]
    assert ("DiskPressure", "False") in [(one["type"], one["status"]) for one in node["status"]["conditions"]]
    assert not node["spec"].get("taints")


def test_a_machine_that_is_asked_to_goes_off_when_its_pods_are_gone(cluster: Cluster) -> None:
    cluster.execute({"op": "create", "objects": [POD]})
    cluster.run_for(20_000)
    cluster.execute({"op": "node", "verb": "shut-down", "name": "worker-1", "seconds": 20})
    assert cluster.machines["worker-1"].power == "on"
    cluster.run_for(21_000)
    assert cluster.machines["worker-1"].power == "off"
    assert pod(cluster)["reason"] == "Terminated"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param({"op": "node", "verb": "fill-disk", "name": "worker-9", "mib": 1}, 404, id="no such machine"),
        pytest.param({"op": "node", "verb": "fill-disk", "name": "worker-1", "mib": 0}, 400, id="nothing at all"),
        pytest.param({"op": "node", "verb": "use-memory", "name": "worker-1"}, 400, id="no amount"),
        pytest.param({"op": "image", "name": "web:1", "exit_code": 999}, 400, id="no exit code"),
    ],
)
def test_what_is_refused_changes_nothing(cluster: Cluster, command: dict[str, Any], code: int) -> None:
    before = json.dumps(cluster.snapshot(), default=str)
    with pytest.raises(StatusError) as caught:
        cluster.execute(command)
    assert caught.value.code == code
    assert json.dumps(cluster.snapshot(), default=str) == before


def test_a_strained_cluster_that_was_saved_goes_on_the_same(cluster: Cluster) -> None:
    leak = {**POD, "spec": {**POD["spec"], "containers": [{"name": "c", "image": "leak:1"}]}}
    cluster.execute({"op": "create", "objects": [leak]})
    cluster.execute({"op": "image", "name": "other:1", "leak_mib": 3, "never_ready": True})
    cluster.execute({"op": "node", "verb": "use-memory", "name": "worker-1", "mib": 7_000})
    cluster.run_for(15_000)
    twin = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for one in (cluster, twin):
        one.run_for(200_000)
    assert twin.apiserver.tables == cluster.apiserver.tables
    assert pod(cluster)["reason"] == "Evicted"
