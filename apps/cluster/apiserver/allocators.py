"""Cluster IPs and node ports: no two Services get the same one.

Models      pkg/registry/core/service/ipallocator (ipallocator.go, cidrallocator.go) and portallocator
Leaves out  IPv6 ranges; of several ServiceCIDRs the oldest gives, where a real server takes any; an address that a
            refused request had for a moment

Every cluster IP is an IPAddress object, written before its Service and deleted after it: what has an object is taken.
The upper band of a range is for those who do not say which address they want.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, ip_address
from typing import Any

from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.status import FieldError, internal_error, invalid
from apps.cluster.apiserver import ipallocator, service_families
from apps.cluster.engine import Randomness

Obj = dict[str, Any]

SERVICE_CIDR = "10.96.0.0/12"
NODE_PORTS = range(30000, 32768)
STATIC_PORT_BAND = 86  # calculateRangeOffset for 2,768 ports: the first ports are left for those who ask by number
MANAGED_BY, FAMILY = "ipaddress.kubernetes.io/managed-by", "ipaddress.kubernetes.io/ip-family"
MANAGER = "ipallocator.k8s.io"
NOTHING: dict[str, Any] = {}


def cluster_ips(service: Obj) -> list[str]:
    """The addresses that a Service has from a range."""
    return [ip for ip in service["spec"].get("clusterIPs") or () if ip and ip != "None"]


def address_object(ip: str, service: Obj) -> Obj:
    """The IPAddress that says whose a cluster IP is."""
    metadata = service["metadata"]
    parent = {"resource": "services", "namespace": metadata["namespace"], "name": metadata["name"]}
    labels = {FAMILY: "IPv6" if ":" in ip else "IPv4", MANAGED_BY: MANAGER}
    return {"metadata": {"name": ip, "labels": labels}, "spec": {"parentRef": parent}}


def ranges(tables: Mapping[str, Mapping[str, Obj]]) -> list[IPv4Network]:
    """The ranges that give addresses now: of ServiceCIDRs that are ready, the oldest first.

    An API server in which nobody has written any (no kubeadm, no bootstrap) gives from kubeadm's range.
    """
    found: dict[IPv4Network, None] = {}
    cidrs = tables.get("servicecidrs")
    if not cidrs:
        return [IPv4Network(SERVICE_CIDR)]
    for cidr in cidrs.values():
        ready = is_true((cidr.get("status") or NOTHING).get("conditions"), "Ready")
        if ready and "deletionTimestamp" not in cidr["metadata"]:
            for text in cidr["spec"].get("cidrs") or ():
                if ":" not in text:
                    found[IPv4Network(text)] = None
    return list(found)


def static_band(network: IPv4Network) -> int:
    """How many of its first addresses are left for those who ask by name (calculateRangeOffset).

    >>> [static_band(IPv4Network(text)) for text in ("10.96.0.0/12", "10.0.0.0/24", "10.0.0.0/28")]
    [256, 16, 0]
    """
    size = network.num_addresses
    return 0 if size <= 16 else min(max(16, size // 16), 256)


def used_ports(services: Iterable[Obj]) -> set[int]:
    """Every node port in use, the health check's included."""
    ports = set()
    for service in services:
        spec = service["spec"]
        for port in spec.get("ports") or ():
            if port.get("nodePort"):
                ports.add(port["nodePort"])
        if spec.get("healthCheckNodePort"):
            ports.add(spec["healthCheckNodePort"])
    return ports


def allocate(
    service: Obj, others: Mapping[str, Obj], tables: Mapping[str, Mapping[str, Obj]], random: Randomness, own: str = ""
) -> Obj:
    """The Service with its addresses and ports filled in. `own`: the address that it has already.

    Raises:
        StatusError: 422, an address or port asked for is taken or out of range.
    """
    type_ = service["spec"].get("type", "ClusterIP")
    name = service["metadata"]["name"]
    if type_ == "ExternalName":
        return service
    spec = dict(service_families.filled(service)["spec"])
    wanted = spec.get("clusterIP", "")
    taken = tables.get("ipaddresses", NOTHING)
    if not wanted:
        wanted = next(_free_ips(ranges(tables), taken, random), "")
        if not wanted:
            raise internal_error(f'failed to allocate a serviceIP for Service "{name}": range is full')
    elif wanted not in ("None", own):
        error = ""
        if not any(gives(network, wanted) for network in ranges(tables)):
            error = f"failed to allocate IP {wanted}: the provided network does not match the current range"
        elif wanted in taken:
            error = f"failed to allocate IP {wanted}: provided IP is already allocated"
        if error:
            raise invalid("Service", "", name, [FieldError("Invalid value", "spec.clusterIPs", [wanted], error)])
    spec["clusterIP"] = wanted
    spec["clusterIPs"] = [wanted]
    if type_ in ("NodePort", "LoadBalancer") and spec.get("allocateLoadBalancerNodePorts") is not False:
        spec["ports"] = _ports(name, spec.get("ports") or (), others, random)
    if type_ == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local" and not spec.get("healthCheckNodePort"):
        taken_ports = used_ports(others.values()) | {port.get("nodePort", 0) for port in spec.get("ports") or ()}
        spec["healthCheckNodePort"] = _free_port(taken_ports, random)
    return {**service, "spec": spec}


def gives(network: IPv4Network, address: str) -> bool:
    """Whether an address lies in a range: its first and last are nobody's."""
    ip = ip_address(address)
    return ip in network and ip not in (network.network_address, network.broadcast_address)


def _free_ips(networks: Iterable[IPv4Network], taken: Container[str], random: Randomness) -> Iterator[str]:
    """Range by range: from a random address on, in the upper band first."""
    for network in networks:
        first, last = network.network_address + 1, network.broadcast_address - 1
        band = static_band(network)
        size = ipallocator.hosts_per_network(network) - band
        if size <= 0:
            continue
        for address in ipallocator.walk(first + band, last, random.below(size)):
            if str(address) not in taken:
                yield str(address)
        if band:
            for address in ipallocator.walk(first, first + band - 1, random.below(band)):
                if str(address) not in taken:
                    yield str(address)


def _ports(name: str, ports: Iterable[Obj], others: Mapping[str, Obj], random: Randomness) -> list[Obj]:
    taken = used_ports(others.values())
    out: list[Obj] = []
    mine: dict[int, set[str]] = {}
    for index, port in enumerate(ports):
        number = port.get("nodePort", 0)
        protocol = port.get("protocol", "TCP")
        field = f"spec.ports[{index}].nodePort"
        if number:
            if number not in NODE_PORTS:
                detail = "provided port is not in the valid range. The range of valid ports is 30000-32767"
                raise invalid("Service", "", name, [FieldError("Invalid value", field, number, detail)])
            if number in taken or protocol in mine.get(number, ()):
                raise invalid(
                    "Service",
                    "",
                    name,
                    [FieldError("Invalid value", field, number, "provided port is already allocated")],
                )
        else:
            # The same port over TCP and UDP shares its node port, as DNS Services want it.
            shared = next(
                (there["nodePort"] for there in out if there["port"] == port["port"] and there["protocol"] != protocol),
                0,
            )
            number = shared if shared and protocol not in mine[shared] else _free_port(taken | set(mine), random)
        mine.setdefault(number, set()).add(protocol)
        out.append({**port, "nodePort": number})
    return out


def _free_port(taken: set[int], random: Randomness) -> int:
    size = len(NODE_PORTS) - STATIC_PORT_BAND
    assert len(taken) < size, "no free node port"
    while True:
        port = NODE_PORTS.start + STATIC_PORT_BAND + random.below(size)
        if port not in taken:
            return port
