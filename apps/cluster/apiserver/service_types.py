"""What a Service loses when its type changes: fields that the new type does not know and nobody asked to keep.

Models      pkg/registry/core/service (strategy.go dropTypeDependentFields, storage.go normalizeClusterIPs)
Leaves out  the load balancer's status

Without it `kubectl patch svc web -p '{"spec":{"type":"ClusterIP"}}'` would be refused for a node port that only the
API server had chosen. A field that was changed in the same request is left to validation.
"""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def _has_cluster_ip(spec: Spec) -> bool:
    kind: str = spec.get("type", "ClusterIP")
    return kind != "ExternalName"


def _has_node_ports(spec: Spec) -> bool:
    kind: str = spec.get("type", "ClusterIP")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False)


def _is_external(spec: Spec) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer") or bool(spec.get("externalIPs"))


def _has_health_check(spec: Spec) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _node_ports(spec: Spec) -> list[int]:
    return [port.get("nodePort", 0) for port in spec.get("ports") or ()]


def without_unneeded(old: Spec, new: Spec) -> Spec:
    """The new spec without what its type has no use for; itself when that is nothing."""
    dropped: set[str] = set()
    if _has_cluster_ip(old) and not _has_cluster_ip(new):
        dropped |= {"ipFamilies", "ipFamilyPolicy"}
        if not new.get("clusterIP") or new.get("clusterIP") == old.get("clusterIP"):
            dropped |= {"clusterIP", "clusterIPs"}
    if _has_health_check(old) and not _has_health_check(new):
        dropped.add("healthCheckNodePort")
    if old.get("type") == "LoadBalancer" != new.get("type"):
        dropped |= {"allocateLoadBalancerNodePorts", "loadBalancerClass"}
    if _is_external(old) and not _is_external(new):
        dropped.add("externalTrafficPolicy")
    kept = {
        field: value
        for field, value in new.items()
        if field not in dropped or (value != old.get(field) and not field.startswith("clusterIP"))
    }
    if _has_node_ports(old) and not _has_node_ports(new) and _node_ports(old) == _node_ports(new):
        kept["ports"] = [{name: value for name, value in port.items() if name != "nodePort"} for port in new["ports"]]
    if kept.get("clusterIP", "") != old.get("clusterIP", "") and kept.get("clusterIPs") == old.get("clusterIPs"):
        # One address was changed and the list forgotten: the list follows, and validation sees one change.
        kept["clusterIPs"] = [kept["clusterIP"]] if kept.get("clusterIP") else []
    return kept if kept != new else new
