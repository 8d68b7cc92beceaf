"""What holds of every network, whatever was done to it: no packet is lost without a reason that can be told."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster
from apps.cluster.dataplane import Ask
from tests.cluster.dataplane.clusters import apply, booted

ROUGH = (
    {"op": "component", "verb": "stop", "name": "kube-proxy"},
    {"op": "component", "verb": "stop", "name": "calico-node"},
    {"op": "component", "verb": "crash", "name": "calico-node"},
    {"op": "node", "verb": "power-off"},
    {"op": "node", "verb": "cut-network", "peer": ""},
    {"op": "node", "verb": "cut-network", "peer": "control-plane-1"},
    {"op": "node", "verb": "reboot"},
    {"op": "node", "verb": "drain"},
)
POLICIES = (
    "{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}",
    "{podSelector: {}, policyTypes: [Egress]}",
    "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}",
)


def asks(cluster: Cluster) -> list[Ask]:
    network = cluster.view().network
    sources = [*[f"pods/{key}" for key in network.facts.workloads][:6], "client", "nodes/worker-1", "nodes/worker-2"]
    targets = ["services/default/web", "services/kube-system/kube-dns", "services/default/kubernetes"]
    targets += [f"pods/{key}" for key in network.facts.workloads][:4]
    return [Ask(source, target, packet=packet) for source in sources for target in targets for packet in (0, 1)]


@pytest.mark.parametrize("seed", range(6))
def test_what_does_not_arrive_has_a_reason(seed):
    chance = random.Random(seed)
    encapsulation = chance.choice(("ipip", "vxlan", "none", "ipip-cross-subnet", "vxlan-cross-subnet"))
    cluster = booted(seed=seed + 1, encapsulation=encapsulation, subnets=chance.choice((1, 2)))
    for _act in range(3):
        if chance.random() < 0.3:
            policy = chance.choice(POLICIES)
            apply(
                cluster,
                f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: one}}, spec: {policy}}}",
            )
        else:
            act = dict(chance.choice(ROUGH))
            act["node" if act["op"] == "component" else "name"] = f"worker-{chance.randint(1, 3)}"
            with suppress(StatusError):
                cluster.execute(act)
        cluster.run_for(chance.choice((100, 5_000, 60_000, 300_000)))
        network = cluster.view().network
        for ask in asks(cluster):
            journey = network.send(ask)
            assert journey.arrived or journey.findings, (ask, journey.there and journey.there.hops[-1])


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_cluster_at_rest_reaches_everything(seed):
    chance = random.Random(seed)
    modes = ("ipip", "vxlan", "none", "ipip-cross-subnet")
    cluster = booted(seed=seed + 1, encapsulation=modes[seed], workers=chance.randint(2, 5))
    network = cluster.view().network
    ready = {key for key in network.facts.workloads if "web" in key}
    for ask in asks(cluster):
        outside = ask.source == "client" and ask.target != "services/default/web"  # a cluster IP means nothing there
        if ask.target.startswith("services/") and not outside and "coredns" not in ask.source:  # its own resolver
            assert network.send(ask).arrived, ask
    for source in ("pods/default/client", "client", "nodes/worker-1", "nodes/control-plane-1"):
        assert set(network.distribution(Ask(source, "services/default/web"), 200)) == ready


def test_a_look_at_the_past_is_what_was_seen_then():
    cluster = booted()
    seen = {}
    for replicas in (1, 4, 2):
        cluster.execute(
            {"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": replicas}
        )
        cluster.run_to_rest()
        network = cluster.view().network
        seen[cluster.revision] = (
            network.save("worker-1"),
            network.machine("worker-1").routes,
            network.distribution(Ask("client", "services/default/web"), 100),
        )
    for revision, (rules, routes, ends) in seen.items():
        network = cluster.view(revision).network
        assert (network.save("worker-1"), network.machine("worker-1").routes) == (rules, routes)
        assert network.distribution(Ask("client", "services/default/web"), 100) == ends
