"""What a change of a Service leaves out or takes along: addresses and ports that only the API server had chosen.

Models      pkg/registry/core/service (strategy.go dropTypeDependentFields; storage/storage.go normalizeClusterIPs,
            patchAllocatedValues)
Leaves out  that reading an ExternalName Service hides the internal traffic policy which is stored on

Without it `kubectl patch svc web -p '{"spec":{"type":"ClusterIP"}}'` would be refused for a node port that nobody had
asked for, and a manifest without addresses could be sent only once. A field that was changed in the same request is
left to validation.
"""

from __future__ import annotations

from typing import Any

Obj = dict[str, Any]
Spec = dict[str, Any]


def has_cluster_ip(spec: Spec) -> bool:
    return spec.get("type") != "ExternalName"


def may_have_node_ports(spec: Spec) -> bool:
    """Types whose Services are reached through a port of every node, if anybody gives them one."""
    return spec.get("type") in ("NodePort", "LoadBalancer")


def gets_node_ports(spec: Spec) -> bool:
    """Whether the API server chooses node ports for it."""
    balancer = spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort" or balancer


def has_health_check(spec: Spec) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _is_external(spec: Spec) -> bool:
    kind = spec.get("type")
    return kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def node_ports(spec: Spec) -> list[int]:
    return [port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")]


def _without(spec: Spec, *fields: str) -> Spec:
    return {name: value for name, value in spec.items() if name not in fields}


def with_allocated(old: Spec, new: Spec) -> Spec:
    """The new spec with what was given to the old one, where it says nothing; itself when it says everything."""
    spec = dict(new)
    if has_cluster_ip(old) and has_cluster_ip(new):
        for field in ("clusterIP", "clusterIPs"):
            if not spec.get(field) and old.get(field):
                spec[field] = old[field]
    if gets_node_ports(old) and gets_node_ports(new):
        used = set(node_ports(old)) & set(node_ports(new))
        known = {port.get("name", ""): port.get("nodePort", 0) for port in old.get("ports") or ()}
        ports = []
        for port in new.get("ports") or ():
            given = 0 if port.get("nodePort") else known.get(port.get("name", ""), 0)
            ports.append({**port, "nodePort": given} if given and given not in used else port)
        if ports:
            spec["ports"] = ports
    if has_health_check(old) and has_health_check(new) and not new.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = old.get("healthCheckNodePort", 0)
    return new if spec == new else spec


def normalized(old: Spec | None, new: Spec) -> Spec:
    """clusterIP and clusterIPs in step, for clients that know of one of them; itself when they are."""
    one, several = new.get("clusterIP", ""), new.get("clusterIPs") or []
    if old is None:
        return {**new, "clusterIPs": [one]} if one and not several else new
    before, were = old.get("clusterIP", ""), old.get("clusterIPs") or []
    if were and not several and one == before:
        return {**new, "clusterIPs": were}
    if one != before and several == were:
        if before and not one:
            return _without(new, "clusterIPs") if several else new
        return {**new, "clusterIPs": [one]}
    return new


def without_unneeded(old: Spec, new: Spec) -> Spec:
    """The new spec without what its type has no use for; itself when that is nothing."""
    dropped: list[str] = []

    def unless_changed(*fields: str) -> None:
        if all((old.get(field) or None) == (new.get(field) or None) for field in fields):
            dropped.extend(fields)

    if has_cluster_ip(old) and not has_cluster_ip(new):
        unless_changed("clusterIP", "clusterIPs")
        unless_changed("ipFamilies")
        unless_changed("ipFamilyPolicy")
    if has_health_check(old) and not has_health_check(new):
        unless_changed("healthCheckNodePort")
    if old.get("type") == "LoadBalancer" != new.get("type"):
        if old.get("allocateLoadBalancerNodePorts") is new.get("allocateLoadBalancerNodePorts"):
            dropped.append("allocateLoadBalancerNodePorts")
        unless_changed("loadBalancerClass")
    if _is_external(old) and not _is_external(new):
        unless_changed("externalTrafficPolicy")
    kept = _without(new, *dropped) if any(field in new for field in dropped) else new
    if may_have_node_ports(old) and not may_have_node_ports(new):
        ports = new.get("ports") or ()
        if any("nodePort" in port for port in ports) and set(node_ports(new)) <= set(node_ports(old)):
            kept = {**kept, "ports": [_without(port, "nodePort") for port in ports]}
    return kept
