"""Defaults of the core/v1 kinds other than Pod.

Models      pkg/apis/core/v1/defaults.go
Leaves out  nothing of these kinds
"""

from __future__ import annotations

from typing import Any

from apps.cluster.api.defaults.pod import mapped, template, volume_source, with_field
from apps.cluster.apimachinery.meta import Obj


def filled(obj: Obj, **defaults: Any) -> Obj:
    """Fields that are missing or empty text, set; the same object when there was none."""
    missing = {name: value for name, value in defaults.items() if obj.get(name) in (None, "")}
    return {**obj, **missing} if missing else obj


def with_status(obj: Obj, **defaults: Any) -> Obj:
    """Status fields that are missing, set."""
    status = obj.get("status")
    done = filled(status or {}, **defaults)
    return obj if done is status else {**obj, "status": done}


def _service_port(port: Obj) -> Obj:
    target = port.get("targetPort")
    if port.get("protocol") and target not in (None, 0, ""):
        return port
    return {
        **port,
        "protocol": port.get("protocol") or "TCP",
        "targetPort": port.get("port", 0) if target in (None, 0, "") else target,
    }


def externally_accessible(spec: Obj) -> bool:
    return spec.get("type") in ("LoadBalancer", "NodePort") or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def service(obj: Obj) -> Obj:
    old: Obj = obj.get("spec") or {}
    spec = filled(old, sessionAffinity="None", type="ClusterIP")
    affinity = spec.get("sessionAffinityConfig")
    if spec["sessionAffinity"] == "None" and affinity is not None:
        spec = {name: value for name, value in spec.items() if name != "sessionAffinityConfig"}
    elif (
        spec["sessionAffinity"] == "ClientIP" and ((affinity or {}).get("clientIP") or {}).get("timeoutSeconds") is None
    ):
        spec = {**spec, "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}
    if spec.get("ports"):
        spec = with_field(spec, "ports", mapped(spec["ports"], _service_port))
    if externally_accessible(spec):
        spec = filled(spec, externalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer", "ClusterIP"):
        spec = filled(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        spec = filled(spec, allocateLoadBalancerNodePorts=True)
        obj = _load_balancer_mode(obj)
    if spec is not old:
        obj = {**obj, "spec": spec}
    return obj if "status" in obj else {**obj, "status": {"loadBalancer": {}}}


def _load_balancer_mode(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    balancer = status.get("loadBalancer") or {}
    ingress = balancer.get("ingress")
    if not ingress:
        return obj
    done = mapped(ingress, lambda item: filled(item, ipMode="VIP") if item.get("ip") else item)
    if done is ingress:
        return obj
    return {**obj, "status": {**status, "loadBalancer": {**balancer, "ingress": done}}}


def namespace(obj: Obj) -> Obj:
    metadata = obj["metadata"]
    name = metadata.get("name")
    labels = metadata.get("labels") or {}
    if name and labels.get("kubernetes.io/metadata.name") != name:
        obj = {**obj, "metadata": {**metadata, "labels": {**labels, "kubernetes.io/metadata.name": name}}}
    if "spec" not in obj:
        obj = {**obj, "spec": {}}
    return with_status(obj, phase="Active")


def config_map(obj: Obj) -> Obj:
    return obj


def secret(obj: Obj) -> Obj:
    return filled(obj, type="Opaque")


def persistent_volume(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    done = volume_source(filled(spec, persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem"))
    if done is not spec:
        obj = {**obj, "spec": done}
    return with_status(obj, phase="Pending")


def claim(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    done = filled(spec, volumeMode="Filesystem")
    if "resources" not in done:
        done = {**done, "resources": {}}
    if done is not spec:
        obj = {**obj, "spec": done}
    return with_status(obj, phase="Pending")


def node(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    if status.get("allocatable") is None and status.get("capacity") is not None:
        return {**obj, "status": {**status, "allocatable": status["capacity"]}}
    return obj


def _protocols(subset: Obj) -> Obj:
    ports = subset.get("ports")
    if not ports:
        return subset
    return with_field(subset, "ports", mapped(ports, lambda port: filled(port, protocol="TCP")))


def endpoints(obj: Obj) -> Obj:
    subsets = obj.get("subsets")
    return with_field(obj, "subsets", mapped(subsets, _protocols)) if subsets else obj


def replication_controller(obj: Obj) -> Obj:
    old: Obj = obj.get("spec") or {}
    spec = filled(old, replicas=1)
    if spec.get("template"):
        spec = with_field(spec, "template", template(spec["template"]))
        labels = (spec["template"].get("metadata") or {}).get("labels")
        if labels:
            if not spec.get("selector"):
                spec = {**spec, "selector": labels}
            if not obj["metadata"].get("labels"):
                obj = {**obj, "metadata": {**obj["metadata"], "labels": labels}}
    if spec is not old:
        obj = {**obj, "spec": spec}
    return obj if "status" in obj else {**obj, "status": {"replicas": 0}}


def _limit(item: Obj) -> Obj:
    if item.get("type") != "Container":
        return item
    default = {**(item.get("max") or {}), **(item.get("default") or {})}
    request = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
    done = dict(item)
    for name, amounts in (("default", default), ("defaultRequest", request)):
        if amounts and amounts != item.get(name):
            done[name] = amounts
    return done if done != item else item


def limit_range(obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    limits = spec.get("limits")
    if not limits:
        return obj
    done = mapped(limits, _limit)
    return obj if done is limits else {**obj, "spec": {**spec, "limits": done}}


def pod_template(obj: Obj) -> Obj:
    return with_field(obj, "template", template(obj.get("template") or {}))
