"""A Kubernetes Node as Calico sees it: what calico/node wrote in its annotations is the spec of a Calico Node.

Models      libcalico-go/lib/backend/k8s/resources/node.go (K8sNodeToCalico)
Leaves out  WireGuard's public keys; the list of a node's other addresses
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj

_BGP = {
    "projectcalico.org/IPv4Address": "ipv4Address",
    "projectcalico.org/IPv6Address": "ipv6Address",
    "projectcalico.org/ASNumber": "asNumber",
    "projectcalico.org/IPv4IPIPTunnelAddr": "ipv4IPIPTunnelAddr",
    "projectcalico.org/RouteReflectorClusterID": "routeReflectorClusterID",
}
_TUNNELS = {
    "projectcalico.org/IPv4VXLANTunnelAddr": "ipv4VXLANTunnelAddr",
    "projectcalico.org/IPv6VXLANTunnelAddr": "ipv6VXLANTunnelAddr",
    "projectcalico.org/VXLANTunnelMACAddr": "vxlanTunnelMACAddr",
    "projectcalico.org/VXLANTunnelMACAddrV6": "vxlanTunnelMACAddrV6",
}
_WIREGUARD = {
    "projectcalico.org/IPv4WireguardInterfaceAddr": "interfaceIPv4Address",
    "projectcalico.org/IPv6WireguardInterfaceAddr": "interfaceIPv6Address",
}
# An annotation -> where it stands in the spec of a Calico Node.
ANNOTATIONS = {
    **{name: ("bgp", field) for name, field in _BGP.items()},
    **{name: (field,) for name, field in _TUNNELS.items()},
    **{name: ("wireguard", field) for name, field in _WIREGUARD.items()},
}


def calico_node(node: Obj) -> Obj:
    annotations = node["metadata"].get("annotations") or {}
    spec: Obj = _taken(annotations, _TUNNELS)
    bgp, wireguard = _taken(annotations, _BGP), _taken(annotations, _WIREGUARD)
    if bgp:
        spec["bgp"] = bgp
    if wireguard:
        spec["wireguard"] = wireguard
    name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
    spec["orchRefs"] = [{"nodeName": name, "orchestrator": "k8s"}]
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def _taken(annotations: dict[str, str], fields: dict[str, str]) -> Obj:
    return {name: annotations[key] for key, name in fields.items() if annotations.get(key)}
