"""Changing a Service's type takes away what only the old type needed."""

import pytest

from apps.cluster.apiserver.service_types import without_unneeded

CLUSTER_IP = {
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
EXTERNAL_NAME = {
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
            NODE_PORT,
            {"type": "ExternalName", "externalName": "a.b", "clusterIP": None},
            EXTERNAL_NAME,
            id="its addresses, when it becomes a name",
        ),
        pytest.param(CLUSTER_IP, {"type": "NodePort"}, CLUSTER_IP | {"type": "NodePort"}, id="nothing, going outward"),
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
    assert without_unneeded(old, new) == expected
