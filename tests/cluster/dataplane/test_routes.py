"""Routes to other nodes' Pods: the full mesh's short cut equals BIRD's own decisions; who programs them; reflectors."""

from __future__ import annotations

import pytest

from apps.cluster.cluster import Cluster
from apps.cluster.cni.calico.bird.routes import Link
from apps.cluster.cni.calico.bird.routes import routes as bird_routes
from apps.cluster.dataplane import Ask
from apps.cluster.dataplane.datastore import datastore_of
from apps.cluster.dataplane.routes import gateway
from tests.cluster.dataplane.clusters import apply, booted

NO_MESH = """
apiVersion: crd.projectcalico.org/v1
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeToNodeMeshEnabled: false, asNumber: 64512}
"""
REFLECTED = """
apiVersion: crd.projectcalico.org/v1
kind: BGPPeer
metadata: {name: to-reflector}
spec: {nodeSelector: "!has(route-reflector)", peerSelector: has(route-reflector)}
"""


def by(network, node: str, who: str) -> list[str]:
    return sorted(str(route) for route in network.machine(node).routes if route.by == who)


@pytest.mark.parametrize(
    ("encapsulation", "subnets"), [("ipip", 1), ("none", 1), ("ipip-cross-subnet", 1), ("ipip-cross-subnet", 2)]
)
def test_the_full_mesh_is_what_bird_decides(encapsulation, subnets):
    network = booted(encapsulation=encapsulation, subnets=subnets).view().network
    links = {node: Link("eth0", gateway(network.facts, node)) for node in network.nodes}
    decided = bird_routes(datastore_of(network.facts), lambda _one, _other: True, links=links)
    for node in network.nodes:
        assert by(network, node, "bird") == sorted(map(str, decided[node]))


@pytest.mark.parametrize("encapsulation", ["ipip", "none"])
def test_felix_programs_the_same_ways_when_it_is_told_to(encapsulation):
    ways = {}
    for who in ("bird", "felix"):
        network = booted(encapsulation=encapsulation, cluster_routes=who).view().network
        kernel = "80" if who == "felix" else "bird"
        ways[who] = {
            node: [
                way.replace(f"proto {kernel}", "").replace("metric 1024", "").split()  # Felix gives those none
                for way in by(network, node, kernel)
                if "dev cali" not in way
            ]
            for node in network.nodes
        }
    assert ways["bird"] == ways["felix"]
    assert all(ways["bird"].values())


@pytest.fixture
def reflected() -> Cluster:
    cluster = booted()
    cluster.execute(
        {
            "op": "patch",
            "resource": "nodes",
            "namespace": "",
            "name": "worker-1",
            "type": "merge",
            "body": {
                "metadata": {
                    "labels": {"route-reflector": "true"},
                    "annotations": {"projectcalico.org/RouteReflectorClusterID": "244.0.0.1"},
                }
            },
        }
    )
    apply(cluster, NO_MESH)
    return cluster


def test_without_the_mesh_nobody_tells_anybody(reflected):
    network = reflected.view().network
    assert network.sessions() == []
    assert not [way for way in by(network, "worker-2", "bird") if "tunl0" in way]


def test_what_calico_is_told_is_taken_up_by_felix_and_confd():
    cluster = booted()
    before = len(cluster.trace.steps)
    body = {"spec": {"ipipMode": "CrossSubnet"}}
    pool = {"resource": "ippools.crd.projectcalico.org", "namespace": "", "name": "default-ipv4-ippool"}
    cluster.execute({"op": "patch", **pool, "type": "merge", "body": body})
    cluster.run_to_rest()
    told = [step.message for step in cluster.trace.steps[before:] if step.component in ("felix", "confd")]
    assert sorted(told) == ["confd.resource", "felix.resource"]
    ways = by(cluster.view().network, "worker-1", "bird")
    assert ways
    assert not [way for way in ways if "tunl0" in way]


def test_a_route_reflector_hands_routes_on(reflected):
    apply(reflected, REFLECTED)
    network = reflected.view().network
    pairs = {(one.node, one.peer): one.reflector for one in network.sessions()}
    assert pairs == {
        ("control-plane-1", "worker-1"): "worker-1",
        ("worker-1", "worker-2"): "worker-1",
        ("worker-1", "worker-3"): "worker-1",
    }
    assert len([way for way in by(network, "worker-2", "bird") if "tunl0" in way]) == 3
    assert network.send(Ask("pods/default/client", "services/default/web")).arrived


def test_when_the_reflector_is_gone_routes_are_withdrawn_everywhere(reflected):
    apply(reflected, REFLECTED)
    reflected.execute({"op": "component", "verb": "stop", "name": "calico-node", "node": "worker-1"})
    reflected.run_for(130_000)
    network = reflected.view().network
    assert not [way for way in by(network, "worker-2", "bird") if "tunl0" in way]
