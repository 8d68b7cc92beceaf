"""Which program ran when: the ledger tells of any revision what the control plane knew then."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controlplane.names import AGENTS, COMPONENTS, SERVICES, STATIC

PLANE = "control-plane-1"


@pytest.fixture(scope="module")
def cluster():
    return Cluster.boot(Config(workers=1))


def fresh(cluster: Cluster) -> Cluster:
    return Cluster.restore(cluster.snapshot())


def component(cluster: Cluster, verb: str, name: str, node: str = PLANE) -> None:
    cluster.execute({"op": "component", "verb": verb, "name": name, "node": node})


def state(cluster: Cluster, name: str, node: str = PLANE, revision: int | None = None) -> str:
    return cluster.view(revision).internals.program(node, name)


def test_after_boot_everything_runs(cluster):
    assert {name: state(cluster, name) for name in COMPONENTS} == {
        "etcd": "running",
        "kube-apiserver": "serving",
        "kube-controller-manager": "leading",
        "kube-scheduler": "leading",
        "kubelet": "running",
        "crio": "running",
        "kube-proxy": "running",
        "calico-node": "running",
    }


@pytest.mark.parametrize("name", (*STATIC, *SERVICES, *AGENTS))
def test_what_is_stopped_stays_stopped_until_it_is_started(cluster, name):
    cluster = fresh(cluster)
    before = state(cluster, name)
    component(cluster, "stop", name)
    cluster.run_for(5_000)
    assert state(cluster, name) == "stopped"
    cluster.run_for(20_000)
    assert state(cluster, name) == "stopped"
    component(cluster, "start", name)
    cluster.run_for(60_000)
    assert state(cluster, name) == before


@pytest.mark.parametrize(
    ("runtime", "name", "other"),
    [
        pytest.param("cri-o", "crio", "containerd", id="CRI-O"),
        pytest.param("containerd", "containerd", "cri-dockerd", id="containerd"),
        pytest.param("cri-dockerd", "cri-dockerd", "containerd", id="Docker"),
    ],
)
def test_the_runtime_is_called_what_the_machine_has(runtime, name, other):
    cluster = Cluster.boot(Config(workers=1, runtime=runtime))
    component(cluster, "stop", name)
    assert state(cluster, name) == "stopped"
    told = next(step for step in reversed(cluster.trace.steps) if step.message == "component.stop-service")
    assert told.params["component"] == name
    with pytest.raises(StatusError) as refused:
        component(cluster, "stop", name)
    assert refused.value.message == f'{name} on machine "{PLANE}" is stopped already'
    with pytest.raises(StatusError) as refused:
        component(cluster, "crash", other)
    assert (refused.value.code, refused.value.message) == (404, f'{other} is not installed on machine "{PLANE}"')
    component(cluster, "start", name)
    assert state(cluster, name) == "running"


@pytest.mark.parametrize("name", STATIC)
def test_what_crashes_is_down_and_comes_back(cluster, name):
    cluster = fresh(cluster)
    component(cluster, "crash", name)
    assert state(cluster, name) == "down"
    cluster.run_for(90_000)
    assert state(cluster, name) in {"running", "serving", "leading"}


def test_the_past_is_as_it_was(cluster):
    cluster = fresh(cluster)
    component(cluster, "stop", "kube-scheduler")
    cluster.run_for(30_000)
    away = cluster.revision
    component(cluster, "start", "kube-scheduler")
    cluster.run_for(60_000)
    assert state(cluster, "kube-scheduler") == "leading"
    assert state(cluster, "kube-scheduler", revision=away - 1) == "stopped"
    assert (
        state(cluster, "kube-scheduler", revision=away) == "down"
    )  # what wrote nothing belongs to what was written last
    assert state(cluster, "kube-scheduler", revision=cluster.base - 1) == "leading"
    again = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for revision in range(cluster.base, cluster.revision + 1):
        for name in COMPONENTS:
            assert state(again, name, revision=revision) == state(cluster, name, revision=revision)


def test_a_refused_command_leaves_nothing_in_it(cluster):
    cluster = fresh(cluster)
    before = cluster.host.ledger.save()
    with pytest.raises(StatusError):
        cluster.execute({"op": "node", "verb": "join", "name": "worker-1"})
    assert cluster.host.ledger.save() == before


def test_a_scheduler_that_is_away_has_empty_queues(cluster):
    cluster = fresh(cluster)
    component(cluster, "stop", "kube-scheduler")
    cluster.run_for(5_000)
    container = {"name": "c", "image": "nginx:1.27"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}}
    cluster.execute({"op": "apply", "objects": [pod]})
    cluster.run_for(5_000)
    scheduling = cluster.view().scheduling
    assert not scheduling.running
    assert not any(scheduling.queues().values())
    component(cluster, "start", "kube-scheduler")
    cluster.run_for(60_000)
    assert cluster.view().scheduling.running
    assert cluster.view().scheduling.decision("default/p").chosen == "worker-1"
