"""kube-proxy, Felix and BIRD as programs: what they have done, when they stop, when they come back."""

from __future__ import annotations

import itertools

import pytest

from apps.cluster.cluster import Cluster
from tests.cluster.dataplane.clusters import agent, apply, booted


@pytest.fixture(scope="module")
def base():
    return booted().snapshot()


@pytest.fixture
def cluster(base):
    return Cluster.restore(base)


def notes(cluster: Cluster, after: int, *components: str) -> list[str]:
    return [step.message for step in cluster.trace.steps[after:] if step.component in components]


def scale(cluster: Cluster, replicas: int) -> None:
    cluster.execute(
        {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": replicas}
    )


def test_a_change_of_endpoints_is_synced_by_all_nodes_at_once_and_told_once(cluster):
    before = len(cluster.trace.steps)
    scale(cluster, 4)
    cluster.run_to_rest()
    syncs = [step for step in cluster.trace.steps[before:] if step.message == "kube-proxy.sync"]
    assert syncs
    assert all(step.params["nodes"] == 4 and step.params["services"] == "default/web" for step in syncs)


def test_syncs_are_a_second_apart(cluster):
    before = len(cluster.trace.steps)
    scale(cluster, 8)
    cluster.run_to_rest()
    times = [step.time_ms for step in cluster.trace.steps[before:] if step.message == "kube-proxy.sync"]
    assert len(times) > 1
    assert all(later - earlier >= 1000 for earlier, later in itertools.pairwise(times))


def test_until_it_syncs_the_rules_are_the_old_ones(cluster):
    before, before_rules = len(cluster.trace.steps), cluster.view().network.save("worker-1")
    scale(cluster, 1)
    cluster.run_to_rest()
    sync = next(step for step in cluster.trace.steps[before:] if step.message == "kube-proxy.sync")
    after = cluster.trace.after(sync)
    old = cluster.view(sync.revision, after - 1).network
    new = cluster.view(sync.revision, after).network
    assert old.save("worker-1") == before_rules
    assert new.save("worker-1") != before_rules


def test_a_stopped_kube_proxy_keeps_its_rules_and_catches_up_when_it_starts(cluster):
    rules = cluster.view().network.ruleset("worker-1").tables()
    agent(cluster, "stop", "kube-proxy", "worker-1")
    cluster.run_for(5_000)
    scale(cluster, 1)
    cluster.run_for(60_000)
    network = cluster.view().network
    assert network.proxy("worker-1").state == "down"
    assert network.ruleset("worker-1").tables() == rules
    assert len(network.ruleset("worker-2").tables()["nat"]) < len(rules["nat"])
    agent(cluster, "start", "kube-proxy", "worker-1")
    cluster.run_to_rest()
    network = cluster.view().network
    assert network.proxy("worker-1").state == "up"
    assert len(network.ruleset("worker-1").tables()["nat"]) == len(network.ruleset("worker-2").tables()["nat"])


def test_a_node_cut_off_from_the_api_server_hears_of_nothing(cluster):
    cluster.execute({"op": "node", "verb": "cut-network", "name": "worker-1", "peer": "control-plane-1"})
    scale(cluster, 1)
    cluster.run_for(30_000)
    assert cluster.view().network.proxy("worker-1").state == "cut"
    assert cluster.view().network.proxy("worker-1").revision < cluster.view().network.proxy("worker-2").revision


def test_a_machine_that_was_switched_off_has_forgotten_everything(cluster):
    cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    cluster.run_for(1_000)
    machine = cluster.view().network.machine("worker-1")
    assert not machine.up
    assert not machine.tables
    cluster.execute({"op": "node", "verb": "power-on", "name": "worker-1"})
    cluster.run_for(60_000)
    assert cluster.view().network.machine("worker-1").tables


@pytest.mark.parametrize(
    ("what", "seconds", "ended"),
    [
        ({"op": "component", "verb": "stop", "name": "calico-node", "node": "worker-1"}, 120, "bird.ended"),
        ({"op": "node", "verb": "power-off", "name": "worker-1"}, 240, "bird.silent"),
        ({"op": "node", "verb": "cut-network", "name": "worker-1", "peer": ""}, 240, "bird.silent"),
    ],
    ids=["graceful restart", "hold timer, no power", "hold timer, no network"],
)
def test_routes_of_a_lost_node_are_kept_for_a_while(cluster, what, seconds, ended):
    before = len(cluster.trace.steps)
    block = next(block for block, node in cluster.view().network.blocks().items() if node == "worker-1")

    def known() -> bool:
        return any(route.to == block for route in cluster.view().network.machine("worker-2").routes)

    assert known()
    cluster.execute(what)
    cluster.run_for((seconds - 1) * 1000)
    assert known()
    cluster.run_for(2_000)
    assert not known()
    assert notes(cluster, before, "bird") == [ended, "bird.withdrawn"]


def test_bird_that_comes_back_in_time_withdraws_nothing(cluster):
    before = len(cluster.trace.steps)
    agent(cluster, "crash", "calico-node", "worker-1")
    cluster.run_for(300_000)
    assert notes(cluster, before, "bird") == ["bird.ended", "bird.established"]


def test_two_nodes_cut_off_from_each_other_lose_only_each_other(cluster):
    cluster.execute({"op": "node", "verb": "cut-network", "name": "worker-1", "peer": "worker-2"})
    cluster.run_for(250_000)
    lost = [(one.node, one.peer) for one in cluster.view().network.sessions() if one.state == "lost"]
    assert lost == [("worker-1", "worker-2")]


def test_felix_tells_of_each_pod(cluster):
    before = len(cluster.trace.steps)
    scale(cluster, 4)
    cluster.run_to_rest()
    assert notes(cluster, before, "felix") == ["felix.workload"]
    scale(cluster, 3)
    cluster.run_to_rest()
    assert notes(cluster, before, "felix") == ["felix.workload", "felix.workload-gone"]


def test_a_network_policy_is_programmed_by_every_felix(cluster):
    before = len(cluster.trace.steps)
    apply(
        cluster,
        """
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: deny}
        spec: {podSelector: {}, policyTypes: [Ingress]}
        """,
    )
    assert notes(cluster, before, "felix") == ["felix.policy-created"]


def test_a_broken_agent_is_in_crash_loop_until_it_is_mended(cluster):
    agent(cluster, "stop", "kube-proxy", "worker-1")
    cluster.run_for(60_000)
    pods = cluster.view().objects["pods"].values()
    pod = next(one for one in pods if one["metadata"]["name"].startswith("kube-proxy") and
               one["spec"]["nodeName"] == "worker-1")  # fmt: skip
    status = pod["status"]["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["restartCount"] > 1
    agent(cluster, "start", "kube-proxy", "worker-1")
    cluster.run_for(5_000)
    pod = cluster.view().objects["pods"][f"kube-system/{pod['metadata']['name']}"]
    assert "running" in pod["status"]["containerStatuses"][0]["state"]


def test_a_restored_cluster_goes_on_identically(cluster):
    agent(cluster, "stop", "calico-node", "worker-1")
    cluster.execute({"op": "node", "verb": "cut-network", "name": "worker-2", "peer": "worker-3"})
    cluster.run_for(30_000)
    other = Cluster.restore(cluster.snapshot())
    for one in (cluster, other):
        agent(one, "start", "calico-node", "worker-1")
        one.run_for(300_000)
    assert other.snapshot() == cluster.snapshot()


def test_of_a_machine_that_is_taken_away_only_confd_tells(cluster):
    before = len(cluster.trace.steps)
    cluster.execute({"op": "node", "verb": "remove", "name": "worker-1"})
    cluster.run_for(300_000)
    assert notes(cluster, before, "bird", "confd") == ["confd.peer-gone"]


def test_what_listened_in_the_past_still_did(cluster):
    then = cluster.revision, cluster.trace.after(cluster.trace.steps[-1])
    agent(cluster, "stop", "kubelet", "worker-1")
    cluster.run_for(60_000)
    kubelet = ("tcp", 10250)
    assert kubelet in cluster.view(*then).network.machine("worker-1").listens
    assert kubelet not in cluster.view().network.machine("worker-1").listens
