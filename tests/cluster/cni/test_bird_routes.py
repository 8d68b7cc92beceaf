"""The sessions that a cluster's resources ask for, and the routes that BIRD makes of them in each node's kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from apps.cluster.cni.calico.bird import datastore
from apps.cluster.cni.calico.bird.routes import Link, routes
from apps.cluster.cni.calico.bird.sessions import sessions
from tests.cluster.cni.test_bird import node, of

Obj = dict[str, Any]
BLOCKS = {"one": "192.168.1.0/26", "two": "192.168.2.0/26", "far": "192.168.3.0/26"}
NODES = {"one": "10.0.0.1/24", "two": "10.0.0.2/24", "far": "10.0.1.3/24"}
ADDRESS = {name: at.partition("/")[0] for name, at in NODES.items()}


def a_cluster(*more: Obj, pool: Obj | None = None, nodes: Obj | None = None, **config: Any) -> list[Obj]:
    made = [node(name, at, **(nodes or {}).get(name, {})) for name, at in NODES.items()]
    made += [of("BlockAffinity", name, node=name, cidr=cidr, state="confirmed") for name, cidr in BLOCKS.items()]
    made.append(of("IPPool", "pool", cidr="192.168.0.0/16", **(pool or {"ipipMode": "Always"})))
    made.append(of("BGPConfiguration", "default", **{"programClusterRoutes": "Enabled", **config}))
    return [*made, *more]


def told(objects: Iterable[Obj], cut: Iterable[set[str]] = (), **options: Any) -> dict[str, list[str]]:
    broken = list(cut)
    found = routes(datastore(objects), lambda one, other: {one, other} not in broken, **options)
    return {name: [str(route) for route in those] for name, those in found.items()}


def learnt(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if not line.startswith("blackhole")]


THROUGH: dict[str, tuple[Obj, list[str]]] = {
    "through the tunnel, always": (
        {"ipipMode": "Always"},
        [
            "192.168.2.0/26 via 10.0.0.2 dev tunl0 proto bird metric 1024 onlink",
            "192.168.3.0/26 via 10.0.1.3 dev tunl0 proto bird metric 1024 onlink",
        ],
    ),
    "through the tunnel to another subnet": (
        {"ipipMode": "CrossSubnet"},
        [
            "192.168.2.0/26 via 10.0.0.2 dev eth0 proto bird metric 1024",
            "192.168.3.0/26 via 10.0.1.3 dev tunl0 proto bird metric 1024 onlink",
        ],
    ),
    "without a tunnel, over the router to another subnet": (
        {"ipipMode": "Never"},
        [
            "192.168.2.0/26 via 10.0.0.2 dev eth0 proto bird metric 1024",
            "192.168.3.0/26 via 10.0.0.254 dev eth0 proto bird metric 1024",
        ],
    ),
    "VXLAN is Felix' own": ({"vxlanMode": "Always"}, []),
    "a pool that is not told of": ({"ipipMode": "Always", "disableBGPExport": True}, []),
}


@pytest.mark.parametrize(("pool", "expected"), THROUGH.values(), ids=THROUGH.keys())
def test_a_node_has_a_route_to_each_block_of_the_others(pool, expected):
    found = told(a_cluster(pool=pool), links={"one": Link("eth0", "10.0.0.254")})
    assert learnt(found["one"]) == expected


def test_a_block_of_the_node_itself_leads_nowhere_unless_felix_says_so():
    assert told(a_cluster())["one"][0] == "blackhole 192.168.1.0/26 proto bird"
    assert told(a_cluster(pool={"vxlanMode": "Always"}))["one"] == []
    assert told(a_cluster(programClusterRoutes="Disabled"))["one"] == []


def test_addresses_outside_the_nodes_blocks_are_told_one_by_one():
    found = told(a_cluster(), workloads={"one": ["192.168.1.7", "192.168.2.9"]})
    assert "192.168.2.9 via 10.0.0.1 dev tunl0 proto bird metric 1024 onlink" in found["two"]
    assert "192.168.2.9 via 10.0.0.1 dev tunl0 proto bird metric 1024 onlink" in found["far"]
    assert not [line for lines in found.values() for line in lines if "192.168.1.7" in line]
    assert not [line for line in found["one"] if "192.168.2.9" in line]


def test_without_a_session_nothing_is_learnt_of_each_other_and_nobody_hands_it_on():
    found = told(a_cluster(), cut=[{"one", "two"}])
    assert learnt(found["one"]) == ["192.168.3.0/26 via 10.0.1.3 dev tunl0 proto bird metric 1024 onlink"]
    assert learnt(found["two"]) == ["192.168.3.0/26 via 10.0.1.3 dev tunl0 proto bird metric 1024 onlink"]
    assert len(learnt(found["far"])) == 2


REFLECTOR = {"far": {"routeReflectorClusterID": "1.0.0.1"}}
TO_REFLECTOR = of("BGPPeer", "rr", nodeSelector="all()", peerSelector="has(rr)")


def reflected(*more: Obj, **config: Any) -> list[Obj]:
    objects = a_cluster(TO_REFLECTOR, *more, nodes=REFLECTOR, nodeToNodeMeshEnabled=False, **config)
    return [
        {**one, "metadata": {**one["metadata"], "labels": {"rr": ""}}} if one["metadata"]["name"] == "far" else one
        for one in objects
    ]


def test_a_route_reflector_hands_on_and_leaves_the_next_hop_as_it_is():
    found = sessions(datastore(reflected()))
    assert [(one.node, one.peer, one.kind, one.client) for one in found] == [
        ("far", "one", "node", True),
        ("far", "two", "node", True),
        ("one", "far", "node", False),
        ("two", "far", "node", False),
    ]
    assert learnt(told(reflected())["one"]) == THROUGH["through the tunnel, always"][1]


def test_of_what_a_reflector_says_nothing_is_left_without_its_session():
    found = told(reflected(), cut=[{"two", "far"}])
    assert learnt(found["one"]) == ["192.168.3.0/26 via 10.0.1.3 dev tunl0 proto bird metric 1024 onlink"]
    assert learnt(found["two"]) == []


def test_between_two_systems_each_hop_puts_itself_in_the_way():
    """one - far - two, each an AS of its own: what goes on is told with the address of who tells it."""
    peers = [
        of("BGPPeer", "a", node="one", peerIP=ADDRESS["far"], asNumber=65003),
        of("BGPPeer", "b", node="two", peerIP=ADDRESS["far"], asNumber=65003),
    ]
    systems = {"one": {"asNumber": 65001}, "two": {"asNumber": 65002}, "far": {"asNumber": 65003}}
    objects = a_cluster(*peers, nodes=systems, nodeToNodeMeshEnabled=False)
    assert learnt(told(objects)["one"]) == [
        "192.168.2.0/26 via 10.0.1.3 dev tunl0 proto bird metric 2147483547 onlink",
        "192.168.3.0/26 via 10.0.1.3 dev tunl0 proto bird metric 2147483547 onlink",
    ]
    kept = [{**peer, "spec": {**peer["spec"], "nextHopMode": "Keep"}} for peer in peers]
    objects = a_cluster(*kept, nodes=systems, nodeToNodeMeshEnabled=False)
    assert (
        learnt(told(objects)["one"])[0] == "192.168.2.0/26 via 10.0.0.2 dev tunl0 proto bird metric 2147483547 onlink"
    )


PROBLEMS: dict[str, tuple[Obj, Obj, str]] = {
    "nobody answers": ({"node": "one", "peerIP": ADDRESS["two"], "reversePeering": "Manual"}, {}, "one-sided"),
    "another AS than it says": ({"node": "one", "peerIP": ADDRESS["two"], "asNumber": 65009}, {}, "one-sided"),
    "all well": ({"node": "one", "peerIP": ADDRESS["two"], "asNumber": 64512}, {}, ""),
}


@pytest.mark.parametrize(("spec", "nodes", "expected"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_session_comes_up_only_when_both_sides_want_the_same(spec, nodes, expected):
    objects = a_cluster(of("BGPPeer", "p", **spec), nodes=nodes, nodeToNodeMeshEnabled=False)
    assert [one.problem for one in sessions(datastore(objects)) if one.node == "one"] == [expected]


def test_nodes_of_two_systems_in_one_mesh_do_not_agree_who_is_who():
    """confd gives a node without an AS number of its own that of whoever reads about it."""
    found = {
        (one.node, one.peer): one.problem for one in sessions(datastore(a_cluster(nodes={"one": {"asNumber": 65001}})))
    }
    assert found["one", "two"] == found["two", "one"] == "as"
    assert found["two", "far"] == ""


RULES: dict[str, tuple[Obj, list[str]]] = {
    "one block is kept back": (
        {"exportV4": [{"action": "Reject", "matchOperator": "Equal", "cidr": "192.168.2.0/26"}]},
        ["192.168.3.0/26"],
    ),
    "only blocks within": (
        {"importV4": [{"action": "Reject", "matchOperator": "NotIn", "cidr": "192.168.2.0/23"}]},
        ["192.168.2.0/26", "192.168.3.0/26"],
    ),
    "by length": (
        {
            "importV4": [
                {
                    "action": "Reject",
                    "matchOperator": "In",
                    "cidr": "192.168.2.0/24",
                    "prefixLength": {"min": 25, "max": 27},
                }
            ]
        },
        ["192.168.3.0/26"],
    ),
    "of other systems only": (
        {"importV4": [{"action": "Reject", "peerType": "eBGP"}]},
        ["192.168.2.0/26", "192.168.3.0/26"],
    ),
    "by a mark that the sender made": (
        {
            "exportV4": [
                {
                    "action": "Accept",
                    "matchOperator": "Equal",
                    "cidr": "192.168.3.0/26",
                    "operations": [{"addCommunity": {"value": "65000:1"}}],
                }
            ],
            "importV4": [{"action": "Reject", "communities": {"values": ["65000:1"]}}],
        },
        ["192.168.2.0/26"],
    ),
}


@pytest.mark.parametrize(("rules", "expected"), RULES.values(), ids=RULES.keys())
def test_a_filter_decides_what_a_peer_is_told(rules, expected):
    peer = of("BGPPeer", "mesh", nodeSelector="all()", peerSelector="all()", filters=["mine"])
    objects = a_cluster(peer, of("BGPFilter", "mine", **rules), nodeToNodeMeshEnabled=False)
    found = told(objects)["one"]
    assert [line.split()[0] for line in learnt(found)] == expected


def service(address: str, *nodes: str, policy: str = "Local") -> list[Obj]:
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": policy, "clusterIP": "10.96.0.1", "externalIPs": [address]}
    endpoints = [{"addresses": ["192.168.1.1"], "nodeName": name} for name in nodes]
    labels = {"kubernetes.io/service-name": "web"}
    return [
        {"kind": "Service", "metadata": {"name": "web"}, "spec": spec},
        {
            "kind": "EndpointSlice",
            "metadata": {"name": "w", "labels": labels},
            "addressType": "IPv4",
            "endpoints": endpoints,
        },
    ]


def test_a_service_told_of_by_two_nodes_is_one_route_with_two_ways():
    objects = a_cluster(*service("198.51.100.7", "one", "two"), serviceExternalIPs=[{"cidr": "198.51.100.7/32"}])
    found = told(objects, links={"far": Link("eth0", "10.0.1.254")})
    assert [line for line in found["one"] if "198.51" in line] == ["blackhole 198.51.100.7 proto bird"]
    assert [line for line in found["far"] if "198.51" in line] == [
        "198.51.100.7 via 10.0.1.254 dev eth0 proto bird metric 1024"
    ]
    objects = a_cluster(*service("198.51.100.7", "two", "far"), serviceExternalIPs=[{"cidr": "198.51.100.7/32"}])
    found = told(objects, links={"one": Link("eth0", "10.0.0.254")})
    assert [line for line in found["one"] if "198.51" in line] == [
        "198.51.100.7 via 10.0.0.2 dev eth0 proto bird metric 1024",
        "198.51.100.7 via 10.0.0.254 dev eth0 proto bird metric 1024",
    ]


def test_a_range_of_services_is_told_to_peers_but_stays_out_of_kernels():
    found = told(a_cluster(serviceClusterIPs=[{"cidr": "10.96.0.0/12"}]))
    assert not [line for lines in found.values() for line in lines if "10.96" in line]
