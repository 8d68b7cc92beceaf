"""Packets through running clusters: where they end, and what is found out about it."""

from __future__ import annotations

from collections import Counter

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster
from apps.cluster.dataplane import Ask
from tests.cluster.dataplane.clusters import agent, apply, booted

CLIENT, WEB = "pods/default/client", "services/default/web"


@pytest.fixture(scope="module", params=["ipip", "vxlan", "none", "nftables", "ipvs"])
def network(request):
    if request.param in {"nftables", "ipvs"}:
        return booted(proxy_mode=request.param).view().network
    return booted(encapsulation=request.param).view().network


@pytest.fixture(scope="module", params=["iptables", "nftables", "ipvs"])
def base(request):
    return booted(proxy_mode=request.param).snapshot()


@pytest.fixture
def cluster(base):
    return Cluster.restore(base)


def messages(cluster: Cluster, ask: Ask) -> set[str]:
    return {finding.message.removeprefix("finding.") for finding in cluster.view().network.send(ask).findings}


@pytest.mark.parametrize(
    ("source", "target", "port"),
    [
        (CLIENT, WEB, 0),
        (CLIENT, "web", 80),
        (CLIENT, "web.default.svc.cluster.local", 80),
        ("nodes/worker-1", WEB, 0),
        ("client", WEB, 0),
        ("client", "nodes/control-plane-1", 30080),
        ("nodes/worker-2", "nodes/worker-1", 10250),
    ],
)
def test_it_arrives_and_the_answer_comes_back(network, source, target, port):
    journey = network.send(Ask(source, target, port))
    assert journey.arrived, journey.findings


def test_every_pod_reaches_every_pod(network):
    keys = list(network.facts.workloads)
    for source in keys:
        for target in keys:
            ports = {port for protocol, port in network.machine(target).listens if protocol == "tcp"}
            if ports:
                journey = network.send(Ask(f"pods/{source}", f"pods/{target}", min(ports)))
                assert journey.arrived, (source, target, journey.findings)


def test_only_between_nodes_is_a_packet_wrapped_up(network):
    tunnels = Counter()
    for packet in range(20):
        walk = network.send(Ask(CLIENT, WEB, packet=packet)).there
        near = network.facts.workloads["default/client"].node == network.facts.workloads[walk.machine].node
        wrapped = any(hop.what == "network.encapsulated" for hop in walk.hops)
        assert wrapped is (bool(network.facts.tunnels) and not near)
        tunnels[wrapped] += 1
    assert tunnels


def test_chance_is_the_seeds_and_every_endpoint_gets_its_share(network):
    ask = Ask(CLIENT, WEB)
    ends = network.distribution(ask, 900)
    assert len(ends) == 3
    assert all(240 < count < 360 for count in ends.values())
    assert ends == network.distribution(ask, 900)
    assert Counter(network.send(ask._replace(packet=packet)).there.machine for packet in range(30)) == Counter(
        network.distribution(ask, 30)
    )


def test_the_searched_names_are_asked_one_after_another(network):
    journey = network.send(Ask(CLIENT, "kube-dns.kube-system", 53, "udp"))
    assert [question.name for question in journey.lookup.questions] == [
        "kube-dns.kube-system.default.svc.cluster.local",
        "kube-dns.kube-system.svc.cluster.local",
    ]
    assert journey.there.end == "delivered"


BACKENDS = """
apiVersion: v1
kind: Service
metadata: {name: other}
spec: %s
"""


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("{selector: {app: nothing}, ports: [{port: 80}]}", {"no-endpoints", "selects-nothing"}),
        ("{selector: {app: web}, ports: [{port: 80, targetPort: 9999}]}", {"wrong-target-port"}),
        ("{ports: [{port: 80}]}", {"no-endpoints", "no-selector"}),
        ("{clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: http}]}", {"headless-port"}),
        ("{clusterIP: None, selector: {app: nothing}, ports: [{port: 80}]}", {"selects-nothing", "no-such-name"}),
        ("{type: ExternalName, externalName: example.com}", set()),
    ],
    ids=["matches nothing", "wrong target port", "no selector", "headless", "headless, nobody", "external name"],
)
def test_what_is_wrong_with_a_service(cluster, spec, found):
    apply(cluster, BACKENDS % spec)
    assert messages(cluster, Ask(CLIENT, "services/default/other")) >= found


@pytest.mark.parametrize(
    ("command", "ask", "found"),
    [
        (
            {"op": "component", "verb": "stop", "name": "kube-proxy", "node": "worker-1"},
            Ask("nodes/worker-1", WEB),
            {"proxy-down"},
        ),
        ({"op": "node", "verb": "power-off", "name": "worker-1"}, Ask("client", "nodes/worker-1", 30080),
         {"machine-off", "not-noticed"}),
        ({"op": "node", "verb": "cut-network", "name": "worker-1", "peer": "worker-2"},
         Ask("nodes/worker-1", "nodes/worker-2", 10250), {"cable-cut"}),
    ],
    ids=["kube-proxy stopped", "no power", "cut"],
)  # fmt: skip
def test_what_is_wrong_with_a_node(cluster, command, ask, found):
    cluster.execute(command)
    cluster.run_for(5_000)
    assert messages(cluster, ask) >= found


@pytest.mark.parametrize(
    ("ask", "found"),
    [
        (Ask("client", "10.96.0.10", 53, "udp"), {"cluster-ip-outside"}),
        (Ask(CLIENT, "nothing.default"), {"no-such-name"}),
        (Ask("client", "web.default.svc.cluster.local"), {"outside-resolver"}),
        (Ask(CLIENT, WEB, 81), {"no-rules-for-port"}),
        (Ask(CLIENT, WEB, size=1490), {"too-big"}),
        (Ask("nodes/worker-1", "nodes/worker-2", 81), {"nothing-on-port"}),
        (Ask(CLIENT, "10.77.0.1"), {"no-route"}),
        (Ask(CLIENT, WEB, protocol="icmp"), {"no-rules-for-port"}),
    ],
)
def test_why_it_does_not_arrive(cluster, ask, found):
    if "no-rules-for-port" in found and cluster.config.proxy_mode == "ipvs":
        found = {"no-virtual-server"}  # its address is the node's own there
    assert messages(cluster, ask) >= found


def test_ipvs_gives_each_endpoint_its_turn():
    network = booted(proxy_mode="ipvs").view().network
    ends = network.distribution(Ask(CLIENT, WEB), 300)
    assert sum(ends.values()) == 300
    assert set(ends.values()) == {300 // len(ends)}
    assert len(ends) > 1
    node = network.machine("worker-1")
    assert {str(one) for one in node.virtual} >= {"TCP 10.96.0.1:443", "UDP 10.96.0.10:53"}
    assert (
        f"{network.facts.table('services')['default/web']['spec']['clusterIP']}/32"
        in node.interfaces["kube-ipvs0"].addresses
    )


BALANCED = """
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: LoadBalancer, %s selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


@pytest.fixture(scope="module", params=["Cluster", "Local"])
def balanced(request):
    cluster = booted(load_balancer="cloud")
    apply(cluster, BALANCED % f"externalTrafficPolicy: {request.param},")
    return request.param, cluster.snapshot()


@pytest.mark.parametrize("source", ["client", "balancer"])
def test_a_load_balancer_sends_to_every_pod(balanced, source):
    policy, data = balanced
    network = Cluster.restore(data).view().network
    ends = network.distribution(Ask(source, "services/default/outside"), 300)
    assert set(ends) == {key for key in network.facts.workloads if "web" in key}
    journey = network.send(Ask(source, "services/default/outside"))
    assert journey.arrived
    if source == "client":  # whoever answers sees the client only where nothing hid it
        assert (journey.there.packet.source == "198.51.100.10") is (policy == "Local")


def test_a_balancer_leaves_out_a_node_whose_kube_proxy_does_not_answer(balanced):
    cluster = Cluster.restore(balanced[1])
    agent(cluster, "stop", "kube-proxy", "worker-1")
    cluster.run_for(1_000)
    network = cluster.view().network
    first = [
        next(hop.machine for hop in network.send(Ask("client", "services/default/outside", packet=packet)).there.hops
             if hop.machine in network.nodes)
        for packet in range(40)
    ]  # fmt: skip
    assert "worker-1" not in first


def test_affinity_holds_a_client_to_one_pod(cluster):
    apply(
        cluster, BACKENDS % "{selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80, targetPort: http}]}"
    )
    ends = cluster.view().network.distribution(Ask(CLIENT, "services/default/other"), 200)
    assert list(ends.values()) == [200]


POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: rule}
spec: %s
"""
ALLOWED = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: %s}}}]}]}"


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}", {"policy-ingress"}),
        ("{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]}", {"policy-egress", "dns-unreachable"}),
        (ALLOWED % "somebody", {"policy-ingress"}),
        (ALLOWED % "client", set()),
    ],
    ids=["nothing in", "nothing out", "somebody else", "the client"],
)
def test_what_a_network_policy_does(cluster, spec, found):
    apply(cluster, POLICY % spec)
    ask = Ask(CLIENT, WEB)
    assert messages(cluster, ask) >= found
    assert cluster.view().network.send(ask).arrived is (not found)


def test_without_felix_a_new_pod_speaks_to_nobody(cluster):
    agent(cluster, "stop", "calico-node", "worker-1")
    cluster.run_for(2_000)
    apply(
        cluster,
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: late, labels: {app: client}}
        spec: {nodeName: worker-1, containers: [{name: c, image: "busybox:1.36", command: ["sleep", "infinity"]}]}
        """,
    )
    assert cluster.view().objects["pods"]["default/late"]["status"]["podIP"]
    assert messages(cluster, Ask("pods/default/late", "10.96.0.1", 443)) >= {"felix-unknown", "calico-down"}


def test_pods_leave_the_cluster_with_their_nodes_address(cluster):
    journey = cluster.view().network.send(Ask(CLIENT, "example.com", 443))
    assert journey.arrived
    node = cluster.view().network.facts.workloads["default/client"].node
    assert journey.there.packet.source == cluster.view().network.facts.address(node)


def test_a_withdrawn_route_is_found_out(cluster):
    agent(cluster, "stop", "calico-node", "worker-1")
    cluster.run_for(130_000)
    network = cluster.view().network
    far = next(key for key, one in network.facts.workloads.items() if one.node == "worker-1" and "web" in key)
    assert messages(cluster, Ask("nodes/worker-2", f"pods/{far}")) >= {"calico-not-running", "bgp-lost"}


@pytest.mark.parametrize(
    "ask",
    [
        Ask("pods/default/nobody", WEB),
        Ask("nodes/nowhere", WEB),
        Ask("balancer", WEB),
        Ask("somebody", WEB),
        Ask(CLIENT, "services/default/nothing"),
        Ask(CLIENT, "two words"),
        Ask(CLIENT, "fe80::1"),
        Ask(CLIENT, ""),
        Ask(CLIENT, WEB, 70000),
        Ask(CLIENT, WEB, protocol="quic"),
        Ask(CLIENT, WEB, size=7),
        Ask(CLIENT, WEB, packet=-1),
    ],
)
def test_what_cannot_be_asked_is_refused(cluster, ask):
    with pytest.raises(StatusError):
        cluster.view().network.send(ask)
