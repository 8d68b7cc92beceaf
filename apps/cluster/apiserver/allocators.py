"""Cluster IPs and node ports: no two Services get the same one.

Models      pkg/registry/core/service/ipallocator and portallocator (the upper band of a range is for dynamic use)
Leaves out  IPAddress and ServiceCIDR objects; IPv6 ranges
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from apps.cluster.apimachinery.status import FieldError, StatusError, invalid
from apps.cluster.apiserver import ipallocator
from apps.cluster.engine import Randomness

Obj = dict[str, Any]

SERVICE_CIDR = "10.96.0.0/12"
NODE_PORTS = range(30000, 32768)
STATIC_PORT_BAND = 86  # calculateRangeOffset for 2,768 ports: the first ports are left for those who ask by number
_NETWORK = ip_network(SERVICE_CIDR)
_STATIC_IP_BAND = 256  # likewise for a /12: min(max(16, size / 16), 256)


def used_ips(services: Iterable[Obj]) -> set[str]:
    """Every cluster IP in use."""
    return {ip for service in services for ip in service["spec"].get("clusterIPs") or () if ip and ip != "None"}


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


def allocate(service: Obj, others: Mapping[str, Obj], random: Randomness) -> Obj:
    """The Service with its addresses and ports filled in.

    Raises:
        StatusError: 422, an address or port asked for is taken or out of range.
    """
    spec = dict(service["spec"])
    type_ = spec.get("type", "ClusterIP")
    name = service["metadata"]["name"]
    if type_ == "ExternalName":
        return service
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4"]
    if not spec.get("ipFamilyPolicy"):
        spec["ipFamilyPolicy"] = "SingleStack"
    wanted = spec.get("clusterIP", "")
    if not wanted:
        wanted = _free_ip(used_ips(others.values()), random)
        if not wanted:
            raise StatusError(500, "InternalError", "failed to allocate a serviceIP: range is full")
    elif wanted != "None":
        error = ""
        if ip_address(wanted) not in _NETWORK:
            error = f"failed to allocate IP {wanted}: the provided network does not match the current range"
        elif wanted in used_ips(others.values()):
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


def _free_ip(taken: set[str], random: Randomness) -> str:
    """From a random address on, in the upper band first; nothing when the range is full."""
    first, last = _NETWORK.network_address + 1, _NETWORK.broadcast_address - 1
    middle = _NETWORK.network_address + _STATIC_IP_BAND
    upper = ipallocator.walk(middle, last, random.below(_NETWORK.num_addresses - _STATIC_IP_BAND - 2))
    for address in upper:
        if str(address) not in taken:
            return str(address)
    for address in ipallocator.walk(first, middle - 1, random.below(_STATIC_IP_BAND)):
        if str(address) not in taken:
            return str(address)
    return ""


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
