"""What is on one machine: processes, sandboxes, containers, images."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.cluster import Cluster, Config
from apps.cluster.kubelet.inside import look

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "nodeName": "worker-1",
        "containers": [{"name": "web", "image": "nginx:1.27"}, {"name": "log", "image": "redis:7"}],
    },
}


def story(runtime: str) -> Cluster:
    cluster = Cluster.boot(Config(workers=1, runtime=runtime))
    cluster.execute({"op": "create", "objects": [POD]})
    cluster.run_for(30_000)
    return cluster


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        pytest.param(
            "cri-o",
            ["  conmon", "    redis", "  conmon", "    nginx"],
            id="CRI-O: a conmon for each container, and no pause container",
        ),
        pytest.param(
            "containerd",
            ["  containerd-shim-runc-v2", "    pause", "    redis", "    nginx"],
            id="containerd: a shim for each Pod",
        ),
        pytest.param(
            "cri-dockerd",
            [
                "  containerd-shim-runc-v2",
                "    pause",
                "  containerd-shim-runc-v2",
                "    redis",
                "  containerd-shim-runc-v2",
                "    nginx",
            ],
            id="Docker Engine: a shim for each container",
        ),
    ],
)
def test_processes(runtime: str, expected: list[str]) -> None:
    inside = look(story(runtime).view(), "worker-1")
    assert inside.processes is not None
    lines = [("  " * depth + process.name, process.ref) for depth, process in inside.processes.walk()]
    assert [line for line, ref in lines if ref == "pods/default/web"] == expected
    daemons = [line.strip() for line, ref in lines if not ref]
    assert daemons[:2] == ["systemd", "kubelet"]
    assert daemons[2:] == list(inside.flavour.daemons)
    pids = [process.pid for _, process in inside.processes.walk()]
    assert len(set(pids)) == len(pids)


def test_sandboxes_containers_and_images() -> None:
    cluster = story("cri-o")
    inside = look(cluster.view(), "worker-1")
    (box,) = [box for box in inside.sandboxes if box.ref == "pods/default/web"]
    assert box.ready
    assert box.ip.startswith("192.168.")
    assert [(one.name, one.state, one.attempt) for one in box.containers] == [
        ("log", "CONTAINER_RUNNING", 0),
        ("web", "CONTAINER_RUNNING", 0),
    ]
    assert "docker.io/library/nginx:1.27" in [name for name, _ in inside.images]


def test_a_machine_that_is_off_runs_nothing() -> None:
    cluster = story("cri-o")
    before = cluster.revision - 1
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    cluster.run_for(60_000)
    assert look(cluster.view(), "worker-1").processes is None
    assert look(cluster.view(before), "worker-1").processes is not None
