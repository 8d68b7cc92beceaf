"""Packets to an address that MetalLB announces: by the node that answers for it, lost until a dead one is missed."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.cluster import Cluster
from apps.cluster.controllers.metallb.election import order
from apps.cluster.dataplane import Ask
from tests.cluster.dataplane.clusters import apply, booted

ADDRESS = "10.0.250.1"
OUTSIDE = """
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: LoadBalancer, %s selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


@pytest.fixture(scope="module", params=["Cluster", "Local"])
def announced(request: Any) -> tuple[str, Any]:
    cluster = booted(load_balancer="metallb")
    apply(cluster, OUTSIDE % f"externalTrafficPolicy: {request.param},")
    return request.param, cluster.snapshot()


def first_node(cluster: Cluster) -> str:
    network = cluster.view().network
    walk = network.send(Ask("client", ADDRESS, 80)).there
    return next((hop.machine for hop in walk.hops if hop.machine in network.nodes), "")


def test_packets_come_in_at_the_node_that_answers(announced: tuple[str, Any]) -> None:
    policy, data = announced
    cluster = Cluster.restore(data)
    network = cluster.view().network
    assert first_node(cluster) == order(["worker-1", "worker-2", "worker-3"], ADDRESS)[0]
    journey = network.send(Ask("client", ADDRESS, 80))
    assert journey.arrived
    assert (journey.there.packet.source == "198.51.100.10") is (policy == "Local")
    assert network.send(Ask("client", "services/default/outside")).arrived


def test_while_a_dead_node_is_not_missed_its_address_answers_nobody(announced: tuple[str, Any]) -> None:
    cluster = Cluster.restore(announced[1])
    dead = first_node(cluster)
    cluster.execute({"op": "node", "verb": "power-off", "name": dead})
    cluster.run_for(2_000)
    journey = cluster.view().network.send(Ask("client", ADDRESS, 80))
    assert not journey.arrived
    assert "finding.machine-off" in [finding.message for finding in journey.findings]
    cluster.run_for(5_000)
    assert first_node(cluster) not in ("", dead)
