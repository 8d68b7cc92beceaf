"""Calico's confd: what it writes for a node's BIRD, file by file. Blank lines do not count, as in its own tests."""

from __future__ import annotations

from typing import Any

from apps.cluster.cni.calico.bird import configuration, datastore
from tests.fidelity.tables.registry import Row, adaptor, same

Obj = dict[str, Any]

NODE = "kube-master"
# The blocks that its tests give the node, and the states of their affinities.
BLOCKS = {
    "10.0.0.0/30": "",
    "10.1.0.0/24": "",
    "10.2.0.1/32": "",
    "192.168.221.192/26": "",
    "192.168.221.64/26": "confirmed",
    "192.168.221.0/26": "pending",
}
ROUTER_IDS = {"mesh_static-routes-no-ipv4-address": "10.10.10.10"}
# What those tests create besides: Services with one endpoint, here or on another node.
SERVICES = {
    "mesh_static-routes-no-ipv4-address": (("10.101.0.101", NODE), ("10.101.0.102", "kube-node-1")),
    "mesh_static-routes-exclude-node": (("10.101.0.101", NODE), ("10.101.0.102", "kube-node-1"), ("fd00:96::28", NODE)),
}
ON_NODE_ONE = ("sourceaddr_",)  # these run as node1, which has no blocks


def affinity(cidr: str, state: str) -> Obj:
    return {
        "kind": "BlockAffinity",
        "metadata": {"name": f"{NODE}-{cidr}"},
        "spec": {"node": NODE, "cidr": cidr, "state": state},
    }


def service(address: str, node: str) -> list[Obj]:
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "clusterIP": address}
    return [
        {"kind": "Service", "metadata": {"name": address}, "spec": spec},
        {
            "kind": "EndpointSlice",
            "metadata": {"name": address, "labels": {"kubernetes.io/service-name": address}},
            "addressType": "IPv6" if ":" in address else "IPv4",
            "endpoints": [{"addresses": ["192.168.2.1"], "nodeName": node}],
        },
    ]


def check(row: Row) -> None:
    case = row.table.removeprefix("calico-bird__calico__confd__")
    objects = list(row["resources"])
    node = "node1" if case.startswith(ON_NODE_ONE) else NODE
    if node == NODE:
        objects += [affinity(cidr, state) for cidr, state in BLOCKS.items()]
    for address, where in SERVICES.get(case, ()):
        objects += service(address, where)
    family = 6 if row.title.startswith("bird6") else 4
    ours = configuration(datastore(objects), node, family, router_id=ROUTER_IDS.get(case, ""))[row.title]
    same(lines(ours), lines(row["text"]), row.title)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


adaptor(
    *(
        f"calico-bird__calico__confd__{case}"
        for case in (
            "bgpfilter_as_path_and_priority",
            "bgpfilter_export_only_explicit_peer",
            "bgpfilter_match_interface",
            "bgpfilter_single_filter_global_peer",
            "bgpfilter_v4_only_global_peer",
            "explicit_peering_global-ipv6",
            "explicit_peering_keepnexthop-global",
            "explicit_peering_local-as-global",
            "explicit_peering_route_reflector",
            "explicit_peering_route_reflector_v6_by_ip",
            "explicit_peering_selectors",
            "felix_cluster_routing",
            "ignored_interfaces",
            "mesh_ipip-always",
            "mesh_ipip-off",
            "mesh_static-routes-exclude-node",
            "mesh_static-routes-no-ipv4-address",
            "reverse_peering_auto",
            "reverse_peering_manual",
            "sourceaddr_gracefulrestart_step1",
            "ttl_security_explicit_node",
            "ttl_security_global",
        )
    )
)(check)
