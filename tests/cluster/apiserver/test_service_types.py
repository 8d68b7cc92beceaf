"""A Service that changes: what it was given it keeps, and its type takes away what only the old type needed.

Rows of TestNormalizeClusterIPs and TestPatchAllocatedValues (pkg/registry/core/service/storage/storage_test.go), and
changes of type.
"""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apiserver.service_types import normalized, with_allocated, without_unneeded

Spec = dict[str, Any]
CLUSTER_IP: Spec = {
    "type": "ClusterIP",
    "clusterIP": "10.96.0.50",
    "clusterIPs": ["10.96.0.50"],
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
    "internalTrafficPolicy": "Cluster",
    "ports": [{"port": 80}],
}
NODE_PORT = CLUSTER_IP | {
    "type": "NodePort",
    "externalTrafficPolicy": "Cluster",
    "ports": [{"port": 80, "nodePort": 30080}],
}
LOAD_BALANCER = NODE_PORT | {
    "type": "LoadBalancer",
    "allocateLoadBalancerNodePorts": True,
    "externalTrafficPolicy": "Local",
    "healthCheckNodePort": 31000,
}
# A recorded 1.36 server stores the policy on, and its watch tells it.
EXTERNAL_NAME: Spec = {
    "type": "ExternalName",
    "externalName": "a.b",
    "internalTrafficPolicy": "Cluster",
    "ports": [{"port": 80}],
}


@pytest.mark.parametrize(
    ("old", "change", "expected"),
    [
        pytest.param(NODE_PORT, {"type": "ClusterIP"}, CLUSTER_IP, id="its node ports and external policy"),
        pytest.param(
            LOAD_BALANCER, {"type": "ClusterIP"}, CLUSTER_IP, id="all that a load balancer has beyond a cluster IP"
        ),
        pytest.param(
            LOAD_BALANCER | {"loadBalancerClass": "example.com/one"},
            {"type": "NodePort"},
            NODE_PORT | {"externalTrafficPolicy": "Local"},
            id="its class and its health check, but not its policy",
        ),
        pytest.param(
            NODE_PORT,
            {"type": "ExternalName", "externalName": "a.b", "clusterIP": None},
            EXTERNAL_NAME,
            id="its addresses, when it becomes a name",
        ),
        pytest.param(
            NODE_PORT, {"type": "ExternalName", "externalName": "a.b"}, EXTERNAL_NAME, id="them unasked as well"
        ),
        pytest.param(CLUSTER_IP, {"type": "NodePort"}, CLUSTER_IP | {"type": "NodePort"}, id="nothing, going outward"),
        pytest.param(
            CLUSTER_IP | {"externalIPs": ["1.2.3.4"], "externalTrafficPolicy": "Cluster"},
            {"externalIPs": None},
            CLUSTER_IP,
            id="its policy with its last external IP",
        ),
        pytest.param(
            NODE_PORT,
            {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": 30081}]},
            CLUSTER_IP | {"ports": [{"port": 80, "nodePort": 30081}]},
            id="not a node port that was asked for just now: validation refuses that",
        ),
    ],
)
def test_a_new_type_drops(old, change, expected):
    new = {field: value for field, value in (old | change).items() if value is not None}
    kept = without_unneeded(old, normalized(old, with_allocated(old, new)))
    assert {field: value for field, value in kept.items() if value not in ("", [])} == expected


ONE, TWO = ["10.0.0.10"], ["10.0.0.10", "2000::1"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(None, ("10.0.0.10", []), ONE, id="new: one address makes the list"),
        pytest.param(None, ("", ONE), ONE, id="new: a list alone is left to validation"),
        pytest.param(None, ("10.0.0.10", ONE), ONE, id="new: both"),
        pytest.param(("10.0.0.10", ONE), ("10.0.0.10", ONE), ONE, id="no change"),
        pytest.param(("10.0.0.10", ONE), ("10.0.0.11", ["10.0.0.11"]), ["10.0.0.11"], id="both changed"),
        pytest.param(("10.0.0.10", ONE), ("10.0.0.10", TWO), TWO, id="a second one"),
        pytest.param(("10.0.0.10", TWO), ("10.0.0.10", ONE), ONE, id="the second gone"),
        pytest.param(("10.0.0.10", ONE), ("", ONE), [], id="the address cleared clears the list"),
        pytest.param(("10.0.0.10", ONE), ("10.0.0.10", []), ONE, id="a client that knows no list"),
        pytest.param(("10.0.0.10", ONE), ("", []), [], id="both cleared"),
        pytest.param(("10.0.0.10", ONE), ("", ["10.0.0.11"]), ["10.0.0.11"], id="cleared and changed"),
        pytest.param(("10.0.0.10", TWO), ("10.0.0.11", []), [], id="changed and cleared"),
        pytest.param(("None", ["None"]), ("10.0.0.10", ["None"]), ONE, id="from headless to an address"),
        pytest.param(("10.0.0.10", ONE), ("None", ONE), ["None"], id="from an address to headless"),
        pytest.param(
            ("10.0.0.10", TWO), ("None", ["10.0.0.11", "2000::1"]), ["10.0.0.11", "2000::1"], id="a mistake stays one"
        ),
    ],
)
def test_cluster_ip_and_cluster_ips_keep_step(old, new, expected):
    before = None if old is None else {"clusterIP": old[0], "clusterIPs": old[1]}
    after = normalized(before, {"clusterIP": new[0], "clusterIPs": new[1]})
    assert (after["clusterIP"], after.get("clusterIPs", [])) == (new[0], expected)


def spec(type_: str, ports: list[int], **fields: Any) -> Spec:
    made = {"type": type_, "ports": [{"name": "", "port": 93 + i, "nodePort": port} for i, port in enumerate(ports)]}
    return {**made, **fields}


GIVEN = {"clusterIP": "10.0.0.93", "clusterIPs": ["10.0.0.93", "2000::76"], "healthCheckNodePort": 31234}
IPS = {"clusterIP": "10.0.0.93", "clusterIPs": ["10.0.0.93", "2000::76"]}
LOCAL = {"externalTrafficPolicy": "Local"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            spec("LoadBalancer", [30093], **GIVEN, **LOCAL),
            spec("LoadBalancer", [0], **LOCAL),
            (IPS, [30093], 31234),
            id="everything",
        ),
        pytest.param(spec("ClusterIP", [30093], **GIVEN), spec("ClusterIP", [0]), (IPS, [0], None), id="addresses"),
        pytest.param(
            spec("NodePort", [30093], **GIVEN), spec("NodePort", [0], **IPS), (IPS, [30093], None), id="node ports"
        ),
        pytest.param(
            spec("LoadBalancer", [30093], **GIVEN, **LOCAL),
            spec("LoadBalancer", [30093], **IPS, **LOCAL),
            (IPS, [30093], 31234),
            id="the health check's port",
        ),
        pytest.param(
            spec("ExternalName", [30093], **GIVEN, **LOCAL),
            spec("ExternalName", [0], **LOCAL),
            ({}, [0], None),
            id="nothing of a name",
        ),
        pytest.param(
            spec("LoadBalancer", [30093], allocateLoadBalancerNodePorts=False, **GIVEN),
            spec("LoadBalancer", [0], allocateLoadBalancerNodePorts=False, **IPS),
            (IPS, [0], None),
            id="no node port that may be given up",
        ),
        pytest.param(
            spec("LoadBalancer", [30093, 30094], allocateLoadBalancerNodePorts=False, **GIVEN),
            spec("LoadBalancer", [30093, 0], allocateLoadBalancerNodePorts=False, **IPS),
            (IPS, [30093, 0], None),
            id="nor one of them",
        ),
        pytest.param(
            spec("LoadBalancer", [30093], allocateLoadBalancerNodePorts=True, **GIVEN),
            spec("LoadBalancer", [0], allocateLoadBalancerNodePorts=True, **IPS),
            (IPS, [30093], None),
            id="a node port that has to be",
        ),
    ],
)
def test_what_was_given_is_kept(old, new, expected):
    after = with_allocated(old, new)
    addresses = {field: after[field] for field in ("clusterIP", "clusterIPs") if field in after}
    ports = [port.get("nodePort", 0) for port in after["ports"]]
    assert (addresses, ports, after.get("healthCheckNodePort")) == expected
