"""Addresses of Services that a node announces: whole ranges from every node, single ones from where an endpoint is.

Models      confd/pkg/backends/calico/routes.go, client.go (onExternalIPsUpdate,
            onClusterIPsUpdate, onLoadBalancerIPsUpdate)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.bird.datastore import Datastore

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
SERVICE_NAME = "kubernetes.io/service-name"


class ServiceRoutes(NamedTuple):
    """`announced`: static routes told to peers; `unlearnt`: ranges of which learnt routes stay out of the kernel."""

    announced: list[str]
    unlearnt: list[str]


def ranges(store: Datastore, name: str) -> list[str]:
    """The CIDRs of serviceClusterIPs, serviceExternalIPs or serviceLoadBalancerIPs."""
    return [entry["cidr"] for entry in store.defaults.get(name) or () if entry.get("cidr")]


def service_routes(store: Datastore, node: str, family: int) -> ServiceRoutes:
    if "default" not in store.configurations:
        return ServiceRoutes([], [])
    aggregated = store.defaults.get("serviceLoadBalancerAggregation") != "Disabled"
    wide = [*_wide(ranges(store, "serviceExternalIPs")), *ranges(store, "serviceClusterIPs")]
    wide += _wide(ranges(store, "serviceLoadBalancerIPs")) if aggregated else []
    excluded = store.nodes[node].labels.get(EXCLUDED) == "true"
    single = [] if excluded else [route for service in store.services for route in _single(store, node, service)]
    announced = single if excluded else [*wide, *single]
    return ServiceRoutes(_of(announced, family), _of(wide, family))


def _of(routes: Iterable[str], family: int) -> list[str]:
    """Each once, in the order in which confd lists its keys: a dash stands there for the slash."""
    return sorted({route for route in routes if (":" in route) == (family == 6)}, key=lambda one: one.replace("/", "-"))


def _wide(cidrs: list[str]) -> list[str]:
    return [cidr for cidr in cidrs if not cidr.endswith("/128" if ":" in cidr else "/32")]


def _single(store: Datastore, node: str, service: Obj) -> Iterator[str]:
    """The routes of one Service, if this node is to announce it."""
    spec = service.get("spec") or {}
    if not _announces(store, node, service):
        return
    addresses: list[str] = []
    if ranges(store, "serviceClusterIPs"):
        addresses += spec.get("clusterIPs") or [spec["clusterIP"]]
    allowed = ranges(store, "serviceExternalIPs")
    addresses += [address for address in spec.get("externalIPs") or () if _within(address, allowed)]
    allowed = ranges(store, "serviceLoadBalancerIPs")
    addresses += [address for address in _ingress(service) if _within(address, allowed)]
    yield from (f"{address}/{128 if ':' in address else 32}" for address in addresses)


def _ingress(service: Obj) -> list[str]:
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    return [entry["ip"] for entry in balancer.get("ingress") or () if entry.get("ip")]


def _within(address: str, cidrs: Iterable[str], *, single: bool = False) -> bool:
    try:
        asked = ip_address(address)
    except ValueError:
        return False
    networks = (ip_network(cidr, strict=False) for cidr in cidrs)
    return any(asked in one and (not single or one.num_addresses == 1) for one in networks)


def _announces(store: Datastore, node: str, service: Obj) -> bool:
    spec = service.get("spec") or {}
    kind, policy = spec.get("type", "ClusterIP"), spec.get("externalTrafficPolicy")
    if kind not in ("ClusterIP", "NodePort", "LoadBalancer") or spec.get("clusterIP") in (None, "", "None"):
        return False
    slices = [one for one in store.slices if _about(one, service)]
    if not slices:
        return False
    if policy == "Cluster":
        balanced = [address for address in (spec.get("loadBalancerIP"), *_ingress(service)) if address]
        singles = ranges(store, "serviceLoadBalancerIPs")
        if kind == "LoadBalancer" and any(_within(address, singles, single=True) for address in balanced):
            return True
        singles = ranges(store, "serviceExternalIPs")
        if any(_within(address, singles, single=True) for address in spec.get("externalIPs") or ()):
            return True
    if policy != "Local" and store.defaults.get("serviceLoadBalancerAggregation") != "Disabled":
        return False
    families = spec.get("ipFamilies") or ["IPv6" if ":" in spec["clusterIP"] else "IPv4"]
    return any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        and (policy != "Local" or endpoint.get("nodeName") == node)
        for one in slices
        if one.get("addressType") in families
        for endpoint in one.get("endpoints") or ()
    )


def _about(slice_: Obj, service: Obj) -> bool:
    ours, theirs = slice_["metadata"], service["metadata"]
    named: bool = (ours.get("labels") or {}).get(SERVICE_NAME) == theirs["name"]
    return named and ours.get("namespace", "default") == theirs.get("namespace", "default")
