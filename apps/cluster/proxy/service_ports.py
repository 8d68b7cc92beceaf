"""Service ports: one entry for each of its ports, of one address family.

Models      pkg/proxy/serviceport.go (BaseServicePortInfo), pkg/proxy/servicechangetracker.go (which Services count),
            pkg/api/v1/service/util.go (traffic policies, health checks)
Leaves out  nothing
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.network.addresses import family_of, plain, prefix

Obj = dict[str, Any]

PROXY_NAME = "service.kubernetes.io/service-proxy-name"


class PortName(NamedTuple):
    """Names one port of one Service; printed as Kubernetes prints it, `default/web:http`."""

    namespace: str
    service: str
    port: str
    protocol: str

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.service}"
        return f"{name}:{self.port}" if self.port else name


class ServicePort(NamedTuple):
    cluster_ip: str
    port: int
    protocol: str  # TCP UDP SCTP
    node_port: int
    load_balancer_ips: tuple[str, ...]
    external_ips: tuple[str, ...]
    source_ranges: tuple[str, ...]
    affinity_seconds: int  # 0 where any endpoint may serve the next connection
    health_check_node_port: int
    external_local: bool
    internal_local: bool

    @property
    def externally_accessible(self) -> bool:
        return bool(self.node_port or self.load_balancer_ips or self.external_ips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Also where the external policy is Local: Pods that ask for an external address are served as inside."""
        return not self.internal_local or self.externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        return self.internal_local or (self.external_local and self.externally_accessible)


def service_ports(service: Obj | None, family: int) -> dict[PortName, ServicePort]:
    """A Service's ports, none for what kube-proxy leaves alone: headless ones, ExternalNames, another proxy's."""
    if service is None or PROXY_NAME in (service["metadata"].get("labels") or {}):
        return {}
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return {}
    cluster_ip = _cluster_ip(spec, family)
    if not cluster_ip:
        return {}
    exposed = spec.get("type") in {"NodePort", "LoadBalancer"} or (
        spec.get("type", "ClusterIP") == "ClusterIP" and bool(spec.get("externalIPs"))
    )
    external_local = exposed and spec.get("externalTrafficPolicy") == "Local"
    ranges = [plain(text.strip()) for text in spec.get("loadBalancerSourceRanges") or ()]
    ranges = [text for text in ranges if family_of(text.partition("/")[0]) == family]
    if any(prefix(text).length == 0 for text in ranges):
        ranges = []
    affinity = 0
    if spec.get("sessionAffinity") == "ClientIP":
        affinity = int(((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds") or 10800)
    health = spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    shared: dict[str, Any] = {
        "cluster_ip": cluster_ip,
        "load_balancer_ips": _of_family(
            [entry["ip"] for entry in ingress if entry.get("ip") and entry.get("ipMode", "VIP") == "VIP"], family
        ),
        "external_ips": _of_family(spec.get("externalIPs") or (), family),
        "source_ranges": tuple(ranges),
        "affinity_seconds": affinity,
        "health_check_node_port": int(spec.get("healthCheckNodePort") or 0) if health else 0,
        "external_local": external_local,
        "internal_local": spec.get("internalTrafficPolicy") == "Local",
    }
    metadata = service["metadata"]
    out = {}
    for port in spec.get("ports") or ():
        protocol = port.get("protocol") or "TCP"
        name = PortName(metadata["namespace"], metadata["name"], port.get("name") or "", protocol)
        out[name] = ServicePort(
            port=int(port["port"]), protocol=protocol, node_port=int(port.get("nodePort") or 0), **shared
        )
    return out


def _cluster_ip(spec: Obj, family: int) -> str:
    for address in spec.get("clusterIPs") or [spec.get("clusterIP") or ""]:
        if address and address != "None" and family_of(plain(address)) == family:
            return plain(address)
    return ""


def _of_family(addresses: Any, family: int) -> tuple[str, ...]:
    return tuple(address for address in map(plain, addresses) if family_of(address) == family)
