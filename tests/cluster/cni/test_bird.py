"""What BIRD is told of a node: the rules that Calico's own recorded files do not show."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.bird import LocalPeer, configuration, datastore
from apps.cluster.cni.calico.bird.datastore import seconds
from apps.cluster.cni.calico.bird.filters import function_name
from apps.cluster.cni.calico.bird.nodes import calico_node

Obj = dict[str, Any]


def of(kind: str, name: str, /, **spec: Any) -> Obj:
    return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec}


def node(name: str, address: str, labels: dict[str, str] | None = None, **bgp: Any) -> Obj:
    made = of("Node", name, bgp={"ipv4Address": address, **bgp})
    return {**made, "metadata": {"name": name, "labels": labels or {}}}


ONE, TWO, THREE = node("one", "10.0.0.1/24"), node("two", "10.0.0.2/24"), node("three", "10.0.1.3/24")


def files(*objects: Obj, name: str = "one", **options: Any) -> dict[str, str]:
    peers = options.pop("local_peers", ())
    return configuration(datastore(objects, peers), name, **options)


def block(text: str, protocol: str) -> list[str]:
    """The lines of one `protocol bgp`."""
    lines = text.split(f"protocol bgp {protocol} ")[1].splitlines()
    return [line.strip() for line in lines[1 : lines.index("}")]]


def names(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines() if line.startswith("protocol bgp ")]


def test_without_any_configuration_all_nodes_peer_with_each_other():
    assert names(files(ONE, TWO, THREE)["bird.cfg"]) == ["Mesh_10_0_0_2", "Mesh_10_0_1_3"]


def test_of_two_nodes_exactly_one_waits_to_be_called():
    waits = [
        "passive on;" in block(files(ONE, TWO, name=name)["bird.cfg"], f"Mesh_{other}")
        for name, other in (("one", "10_0_0_2"), ("two", "10_0_0_1"))
    ]
    assert waits == [True, False]


def test_a_route_reflector_is_in_no_mesh():
    reflector = node("three", "10.0.1.3/24", routeReflectorClusterID="1.0.0.1")
    assert names(files(ONE, TWO, reflector)["bird.cfg"]) == ["Mesh_10_0_0_2"]
    assert names(files(ONE, TWO, reflector, name="three")["bird.cfg"]) == []


def test_a_node_without_an_address_of_the_family_has_it_disabled():
    assert "# IPv6 disabled on this node." in files(ONE, TWO, family=6)["bird6.cfg"]


def test_a_password_of_the_mesh_is_written_once_its_secret_is_there():
    config = of("BGPConfiguration", "default", nodeMeshPassword={"secretKeyRef": {"name": "bgp", "key": "mesh"}})
    secret = {
        "kind": "Secret",
        "metadata": {"name": "bgp", "namespace": "kube-system"},
        "data": {"mesh": "c2VjcmV0"},
    }
    assert 'password "secret";' not in files(ONE, TWO, config)["bird.cfg"]
    assert 'password "secret";' in files(ONE, TWO, config, secret)["bird.cfg"]


def test_a_pod_that_speaks_bgp_is_waited_for():
    peer = of("BGPPeer", "pods", localWorkloadSelector="has(bgp)", asNumber=64516, localASNumber=65002)
    local = LocalPeer("pods", ("192.168.1.1", ""))
    found = block(files(ONE, peer, local_peers=[local])["bird.cfg"], "Local_Workload_192_168_1_1")
    assert (found[0], found[1], found[-1]) == ("local as 65002;", "neighbor 192.168.1.1 as 64516;", "passive on;")


def test_a_peer_named_at_one_node_finds_the_way_back_at_the_other():
    mesh = of("BGPConfiguration", "default", nodeToNodeMeshEnabled=False)
    peer = of("BGPPeer", "up", node="one", peerIP="10.0.0.2", asNumber=64512)
    assert names(files(ONE, TWO, THREE, mesh, peer, name="two")["bird.cfg"]) == ["Node_10_0_0_1"]
    assert names(files(ONE, TWO, THREE, mesh, peer, name="three")["bird.cfg"]) == []
    manual = of("BGPPeer", "up", node="one", peerIP="10.0.0.2", asNumber=64512, reversePeering="Manual")
    assert names(files(ONE, TWO, mesh, manual, name="two")["bird.cfg"]) == []


def test_a_peer_of_all_nodes_stands_before_the_same_of_one():
    mesh = of("BGPConfiguration", "default", nodeToNodeMeshEnabled=False)
    peers = [of("BGPPeer", "a", node="one", peerIP="10.9.9.9"), of("BGPPeer", "b", peerIP="10.9.9.9")]
    assert names(files(ONE, mesh, *peers)["bird.cfg"]) == ["Global_10_9_9_9"]


def test_a_reflector_takes_as_clients_those_who_are_in_another_cluster():
    mesh = of("BGPConfiguration", "default", nodeToNodeMeshEnabled=False)
    rr = {"labels": {"rr": "yes"}, "routeReflectorClusterID": "1.0.0.1"}
    reflectors = [node("one", "10.0.0.1/24", **rr), node("two", "10.0.0.2/24", **rr)]
    peer = of("BGPPeer", "to-reflectors", nodeSelector="all()", peerSelector="has(rr)")
    text = files(*reflectors, THREE, mesh, peer)["bird.cfg"]
    assert "rr client;" in block(text, "Node_10_0_1_3")
    assert "rr client;" not in block(text, "Node_10_0_0_2")


@pytest.mark.parametrize(
    ("pool", "policy", "expected"),
    [
        pytest.param({"ipipMode": "Always"}, "Enabled", 'krt_tunnel="tunl0"; accept;', id="through the tunnel always"),
        pytest.param(
            {"ipipMode": "CrossSubnet"},
            "Enabled",
            'if (defined(bgp_next_hop)&&(bgp_next_hop ~ 10.0.0.0/24)) then krt_tunnel=""; '
            'else krt_tunnel="tunl0"; accept;',
            id="through the tunnel to other subnets",
        ),
        pytest.param({"ipipMode": "Always"}, None, "reject;", id="by Felix, unless BIRD is told to"),
        pytest.param({}, None, "accept;", id="without a tunnel"),
        pytest.param({}, "Disabled", "reject;", id="Felix programs all"),
        pytest.param({"vxlanMode": "Always"}, "Enabled", "reject;", id="VXLAN is Felix' always"),
    ],
)
def test_the_kernel_gets_a_pools_routes(pool, policy, expected):
    config = of("BGPConfiguration", "default", programClusterRoutes=policy)
    text = files(ONE, config, of("IPPool", "pool", cidr="192.168.0.0/16", **pool))["bird_ipam.cfg"]
    kernel = text.split("filter calico_kernel_programming")[1]
    assert f"  if (net ~ 192.168.0.0/16) then {{ {expected} }}" in kernel


def test_a_node_of_its_own_name_hash_has_a_router_id():
    text = files(node("kube-master", "10.0.0.1/24"), name="kube-master", router_id="hash")["bird.cfg"]
    assert "router id 25.79.212.8;" in text


def test_a_service_that_is_local_is_announced_where_its_endpoint_is():
    config = of("BGPConfiguration", "default", serviceClusterIPs=[{"cidr": "10.96.0.0/12"}])
    service = {
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"type": "NodePort", "clusterIP": "10.96.1.1", "externalTrafficPolicy": "Local"},
    }
    slice_ = {
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"nodeName": "two", "conditions": {"ready": True}}],
    }
    announced = {
        name: "route 10.96.1.1/32 blackhole" in files(ONE, TWO, config, service, slice_, name=name)["bird_aggr.cfg"]
        for name in ("one", "two")
    }
    assert announced == {"one": False, "two": True}


def test_a_long_filter_name_is_cut_and_hashed_to_what_bird_takes():
    name = function_name("f" * 60, "import", 4)
    assert len(name.strip("'")) == 64
    assert name.startswith("'bgp_" + "f" * 28 + "_")


def test_a_kubernetes_node_is_read_by_its_annotations():
    annotations = {"projectcalico.org/IPv4Address": "10.0.0.9/24", "projectcalico.org/ASNumber": "65001"}
    plain = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "nine", "annotations": annotations}}
    assert calico_node(plain)["spec"]["bgp"] == {"ipv4Address": "10.0.0.9/24", "asNumber": "65001"}
    assert "neighbor 10.0.0.9 as 65001;" in files(ONE, plain)["bird.cfg"]


@pytest.mark.parametrize(("text", "expected"), [("10s", "10"), ("1m30s", "90"), ("1500ms", "2"), ("1h", "3600")])
def test_a_duration_is_rounded_to_seconds(text, expected):
    assert seconds(text) == expected


LABELS = {"role": "db", "zone": "east-1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("all()", True),
        ("role == 'db'", True),
        ("role != 'db'", False),
        ("other != 'db'", True),
        ("role in {'db', 'web'}", True),
        ("role notin {'db'}", False),
        ("other not in {'db'}", True),
        ("has(zone) && !has(other)", True),
        ("zone starts with 'east' && zone ends with '-1' && zone contains 'st'", True),
        ("role == 'web' || (zone == \"east-1\" && !!has(role))", True),
    ],
)
def test_a_selector_chooses_by_labels(text, expected):
    assert selector.parse(text).matches(LABELS) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("role = 'db'", "expected =="),
        ("role == db", "expected string"),
        ("role == 'db", "unterminated string"),
        ("has(role", "no closing ')' after has("),
        ("(all()", "expected )"),
        ("role in 'db'", "expected set literal"),
        ("role in {'db'", "expected }"),
        ("role contain 'x'", 'expected operator after label "role"'),
        ("all() all()", "unexpected content at end of selector"),
        ("&& all()", "unexpected token"),
        ("#", "expected identifier"),
    ],
)
def test_what_is_no_selector_says_why(text, message):
    with pytest.raises(selector.InvalidSelector, match=message.replace("(", r"\(").replace(")", r"\)")):
        selector.parse(text)
