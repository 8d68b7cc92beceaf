"""Endpoints as kube-proxy reads them from EndpointSlices, and which of them a node may use.

Models      pkg/proxy/endpointslicecache.go (one list of addresses out of all slices), pkg/proxy/topology.go
            (CategorizeEndpoints: traffic policies, hints for zones and nodes, terminating endpoints as the last resort)
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apps.cluster.network.addresses import plain
from apps.cluster.proxy.service_ports import PortName, ServicePort

Obj = dict[str, Any]

SERVICE_NAME = "kubernetes.io/service-name"
ZONE = "topology.kubernetes.io/zone"
SAME_NODE, SAME_ZONE = "PreferSameNode", "PreferSameZone"


class Endpoint(NamedTuple):
    address: str
    port: int
    local: bool
    ready: bool
    serving: bool
    terminating: bool
    zones: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    node: str = ""

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def leaving(self) -> bool:
        """On its way out, and still answering."""
        return self.serving and self.terminating


class Usable(NamedTuple):
    """What CategorizeEndpoints tells of one port on one node."""

    cluster: list[Endpoint]  # for traffic under the Cluster policy
    local: list[Endpoint]  # for traffic under the Local policy
    reachable: list[Endpoint]  # both together
    any: bool  # whether there is a usable endpoint anywhere


def service_of(slice_: Obj) -> tuple[str, str] | None:
    """The namespace and name of the Service that an EndpointSlice belongs to."""
    metadata = slice_["metadata"]
    name = (metadata.get("labels") or {}).get(SERVICE_NAME)
    return (metadata["namespace"], name) if name else None


def endpoints_of(slices: Iterable[Obj], node: str, family: int = 4) -> dict[PortName, list[Endpoint]]:
    """The endpoints of the Service whose slices these are, by port, sorted as kube-proxy sorts them: by their text."""
    found: dict[PortName, dict[str, Endpoint]] = {}
    for slice_ in slices:
        if slice_.get("addressType", "IPv4") != f"IPv{family}":
            continue
        service = service_of(slice_)
        if service is None:
            continue
        for port in slice_.get("ports") or ():
            if port.get("name") is None or not port.get("port"):
                continue
            name = PortName(*service, port["name"], port.get("protocol") or "TCP")
            into = found.setdefault(name, {})
            for entry in slice_.get("endpoints") or ():
                endpoint = _endpoint(entry, int(port["port"]), node)
                # One address may stand in two slices for a moment: a living Pod's entry wins over a leaving one's.
                if endpoint is not None and (str(endpoint) not in into or not endpoint.terminating):
                    into[str(endpoint)] = endpoint
    return {name: [by_text[text] for text in sorted(by_text)] for name, by_text in found.items() if by_text}


def _endpoint(entry: Obj, port: int, node: str) -> Endpoint | None:
    addresses = entry.get("addresses") or ()
    if not addresses:
        return None
    conditions = entry.get("conditions") or {}
    hints = entry.get("hints") or {}

    def told(condition: str, default: bool) -> bool:
        value = conditions.get(condition)
        return default if value is None else bool(value)

    where = entry.get("nodeName") or ""
    return Endpoint(
        plain(addresses[0]),
        port,
        bool(node) and where == node,
        told("ready", True),
        told("serving", True),
        told("terminating", False),
        frozenset(zone["name"] for zone in hints.get("forZones") or ()),
        frozenset(hinted["name"] for hinted in hints.get("forNodes") or ()),
        where,
    )


def categorize(endpoints: list[Endpoint], port: ServicePort, node: str, labels: Mapping[str, str]) -> Usable:
    """Which endpoints a node may send a port's traffic to."""
    if not endpoints:
        return Usable([], [], [], False)
    cluster: list[Endpoint] = []
    mode = ""
    if port.uses_cluster_endpoints:
        zone = labels.get(ZONE, "")
        mode = topology_mode(endpoints, node, zone)
        cluster = [ep for ep in endpoints if ep.ready and _near(ep, mode, node, zone)]
        cluster = cluster or [ep for ep in endpoints if ep.leaving]
    if not port.uses_local_endpoints:
        return Usable(cluster, [], cluster, bool(cluster))
    anywhere = bool(cluster) or any(ep.ready or ep.leaving for ep in endpoints)
    local = [ep for ep in endpoints if ep.local and ep.ready]
    leaving = not local
    local = local or [ep for ep in endpoints if ep.local and ep.leaving]
    if not port.uses_cluster_endpoints:
        return Usable([], local, local, anywhere)
    if not mode and not (leaving and local):
        return Usable(cluster, local, cluster, anywhere)
    both = {str(ep): ep for ep in (*cluster, *local)}
    return Usable(cluster, local, [both[text] for text in sorted(both)], anywhere)


def topology_mode(endpoints: list[Endpoint], node: str, zone: str) -> str:
    """How far the hints are followed: they count only where every ready endpoint has one, and one is for us."""
    ready = [ep for ep in endpoints if ep.ready]
    if not ready:
        return ""
    if all(ep.nodes for ep in ready) and any(node in ep.nodes for ep in ready):
        return SAME_NODE
    if all(ep.zones for ep in ready) and any(zone in ep.zones for ep in ready):
        return SAME_ZONE
    return ""


def _near(endpoint: Endpoint, mode: str, node: str, zone: str) -> bool:
    if mode == SAME_NODE:
        return node in endpoint.nodes
    return mode != SAME_ZONE or zone in endpoint.zones
