"""Addresses of Pods: what happens when none is left, and that no two Pods ever have the same."""

from __future__ import annotations

import json

import pytest

from apps.cluster.apiserver import APIServer
from apps.cluster.engine import Engine, Randomness
from apps.cluster.etcd import Store
from apps.cluster.kubelet.cri import NetworkError
from apps.cluster.kubelet.cri.flavours import CONTAINERD, CRI_DOCKERD, CRIO, Flavour
from tests.cluster.kubelet.node_world import NodeWorld, condition, network_of

SMALL = "192.168.0.0/26"  # one block
ROOM = 64
NONE_LEFT = (
    'plugin type="calico" failed (add): failed to request IPv4 addresses: '
    "Assigned 0 out of 1 requested IPv4 addresses; No IPs available in pools: [192.168.0.0/26]"
)


def _full(flavour: Flavour = CRIO, others: int = ROOM) -> NodeWorld:
    world = NodeWorld(pool=SMALL, flavour=flavour, pods=200, cpu="64", memory="256Gi")
    for number in range(others):
        world.pod(name=f"web-{number}", terminationGracePeriodSeconds=1)
    world.run(20_000)
    world.pod(name="late")
    return world


@pytest.mark.parametrize(
    ("flavour", "expected"),
    [
        pytest.param(
            CRIO,
            "failed to create pod network sandbox k8s_late_default_{uid}_0({id}): "
            'error adding pod default_late to CNI network "k8s-pod-network": ',
            id="CRI-O",
        ),
        pytest.param(CONTAINERD, 'failed to setup network for sandbox "{id}": ', id="containerd"),
        pytest.param(
            CRI_DOCKERD,
            'failed to set up sandbox container "{id}" network for pod "late": '
            'networkPlugin cni failed to set up pod "late_default" network: ',
            id="cri-dockerd",
        ),
    ],
)
def test_a_pod_without_an_address_is_told_of_in_the_words_of_its_runtime(flavour: Flavour, expected: str) -> None:
    world = _full(flavour).run(2_000)
    found = world.events("late")
    assert len(found) == 1
    message = found[0]
    pod = world.get("late")
    assert pod is not None
    sandbox = next(part for part in message.replace("(", '"').replace(")", '"').split('"') if len(part) == 64)
    before = "FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = "
    assert message == before + expected.format(uid=pod["metadata"]["uid"], id=sandbox) + NONE_LEFT


def test_a_pod_without_an_address_waits_and_starts_once_one_is_given_back() -> None:
    world = _full().run(40_000)
    assert world.status("late")["phase"] == "Pending"
    assert "podIP" not in world.status("late")
    assert world.status("late")["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert condition(world.status("late"), "PodReadyToStartContainers")["status"] == "False"
    tries = world.calls("late").count("RunPodSandbox")
    assert 3 <= tries <= 4, "every ten to fifteen seconds"
    assert len(set(world.events("late"))) == tries, "each sandbox has an id of its own"

    freed = world.status("web-7")["podIP"]
    world.client.delete("pods", "default", "web-7")
    world.run(20_000)
    assert world.status("late")["podIP"] == freed
    assert condition(world.status("late"), "Ready")["status"] == "True"


def test_only_docker_leaves_something_of_the_failed_sandbox() -> None:
    for flavour, told in ((CRIO, False), (CONTAINERD, False), (CRI_DOCKERD, True)):
        events = _full(flavour).run(20_000).events("late")
        assert any(event.startswith("SandboxChanged") for event in events) is told, flavour.name


def test_a_pod_that_never_got_an_address_can_be_deleted() -> None:
    world = _full().run(5_000)
    world.client.delete("pods", "default", "late")
    world.run(5_000)
    assert world.get("late") is None


def test_the_host_has_an_address_of_its_own() -> None:
    world = _full()
    world.pod(name="beside", hostNetwork=True)
    assert condition(world.run(5_000).status("beside"), "Ready")["status"] == "True"


def test_a_cluster_saved_while_a_pod_waits_goes_on_identically() -> None:
    world = _full().run(15_000)
    kubelet = world.kubelets[0]
    saved = json.loads(json.dumps([kubelet.save(), world.network.save()]))
    kubelet.load(saved[0])
    world.network.load(saved[1])
    assert json.loads(json.dumps([kubelet.save(), world.network.save()])) == saved
    assert kubelet.workers.workers["default/late"].sandboxes == 2


@pytest.mark.parametrize("seed", range(20))
def test_no_address_is_given_twice(seed: int) -> None:
    """… and one is refused only when every address is taken."""
    draw = Randomness(seed)
    engine = Engine(1)
    network = network_of(engine, APIServer(engine, Store()), "192.168.0.0/25")
    held: dict[tuple[str, str], str] = {}
    refused = 0
    for number in range(1_500):
        if held and draw.below(5) < 2:
            node, uid = draw.choice(sorted(held))
            network.delete(node, {"metadata": {"uid": uid}})
            del held[node, uid]
            continue
        node, uid = f"node-{draw.below(4)}", str(number)
        if draw.below(300) == 0:
            network.wiped(node)
            held = {who: address for who, address in held.items() if who[0] != node}
        try:
            address = network.add(node, {"metadata": {"uid": uid}})
        except NetworkError:
            refused += 1
            assert len(held) == 128
        else:
            assert address not in held.values(), f"seed {seed}: {address}"
            held[node, uid] = address
        network.load(network.save())
    assert refused
