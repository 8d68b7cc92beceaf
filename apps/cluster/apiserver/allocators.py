"""Cluster IPs: no two Services get the same one; and what a Service is given before it is stored.

Models      pkg/registry/core/service/ipallocator (ipallocator.go, cidrallocator.go), storage/{storage.go,alloc.go}
            (beginCreate, beginUpdate, allocateCreate, allocateUpdate)
Leaves out  IPv6 ranges; an address that a refused request had for a moment

Every cluster IP is an IPAddress object, written before its Service and deleted after it: what has an object is taken.
The upper band of a range is for those who do not say which address they want. All this comes before the strategy of the
kind, so that validation sees a Service with its addresses and ports.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, ip_address
from typing import Any

from apps.cluster.apimachinery import conditions
from apps.cluster.apimachinery.status import FieldError, internal_error, invalid
from apps.cluster.apiserver import ipallocator, node_ports, service_families, service_types
from apps.cluster.engine import Randomness

Obj = dict[str, Any]
Spec = dict[str, Any]
Tables = Mapping[str, Mapping[str, Obj]]

SERVICE_CIDR = "10.96.0.0/12"
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


def ranges(tables: Tables) -> list[IPv4Network]:
    """The ranges that give addresses now: of ServiceCIDRs that nobody called unready.

    An API server in which nobody has written any (no kubeadm, no bootstrap) gives from kubeadm's range.
    """
    found: dict[IPv4Network, None] = {}
    cidrs = tables.get("servicecidrs")
    if not cidrs:
        return [IPv4Network(SERVICE_CIDR)]
    for cidr in cidrs.values():
        ready = conditions.find((cidr.get("status") or NOTHING).get("conditions"), "Ready")
        if (ready is None or ready["status"] == "True") and "deletionTimestamp" not in cidr["metadata"]:
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


def allocate(service: Obj, tables: Tables, random: Randomness, *, dry_run: bool = False) -> Obj:
    """A new Service with its families, addresses and ports filled in.

    Raises:
        StatusError: 422, an address or port asked for is taken or out of range; 500, none is left.
    """
    spec = service_types.normalized(None, service["spec"])
    if spec.get("type") == "ExternalName":
        if spec.get("internalTrafficPolicy") is None:
            return service if spec is service["spec"] else {**service, "spec": spec}
        return {**service, "spec": {name: value for name, value in spec.items() if name != "internalTrafficPolicy"}}
    service = service_families.filled({**service, "spec": spec})
    name, spec = service["metadata"]["name"], dict(service["spec"])
    _give_address(name, spec, tables, random, dry_run)
    _give_ports(name, spec, None, tables, random, dry_run)
    return {**service, "spec": spec}


def reallocate(new: Obj, old: Obj, tables: Tables, random: Randomness, *, dry_run: bool = False) -> Obj:
    """A changed Service: what it had it keeps, what its new type needs it is given.

    Raises:
        StatusError: as of `allocate`.
    """
    before: Spec = old["spec"]
    spec = service_types.normalized(before, service_types.with_allocated(before, new["spec"]))
    new = service_families.filled(new if spec is new["spec"] else {**new, "spec": spec}, before)
    name, spec = new["metadata"]["name"], dict(new["spec"])
    if not service_types.has_cluster_ip(before) and service_types.has_cluster_ip(spec):
        _give_address(name, spec, tables, random, dry_run)
    _give_ports(name, spec, old, tables, random, dry_run)
    return new if spec == new["spec"] else {**new, "spec": spec}


def _give_ports(name: str, spec: Spec, old: Obj | None, tables: Tables, random: Randomness, dry_run: bool) -> None:
    """Adds to `spec`, which is the caller's own."""

    def taken() -> set[int]:
        return node_ports.used_ports(tables.get("services", NOTHING).values())

    before: Spec = old["spec"] if old is not None else NOTHING
    operation = node_ports.Operation(taken, random, dry_run=dry_run)
    if service_types.may_have_node_ports(spec):
        if old is None:
            ports = node_ports.created(name, spec, operation)
        else:
            ports = node_ports.changed(name, before, spec, operation)
        if ports:
            spec["ports"] = ports
    if service_types.has_health_check(spec) and not service_types.has_health_check(before):
        spec["healthCheckNodePort"] = node_ports.health_check(spec.get("healthCheckNodePort", 0), operation)


def _give_address(name: str, spec: Spec, tables: Tables, random: Randomness, dry_run: bool) -> None:
    """Adds to `spec`, which is the caller's own."""
    there: list[str] = spec.get("clusterIPs") or []
    if there[:1] == ["None"]:
        return
    wanted, networks = there[0] if there else "", ranges(tables)
    taken = tables.get("ipaddresses", NOTHING)
    problem = ""
    if dry_run and not networks:
        problem = "failed to allocate IP" + (f" {wanted}" if wanted else "") + ": allocator not ready"
    elif dry_run and not wanted:
        wanted = str(networks[0].network_address)  # nobody looks for a free one
    elif not wanted:
        wanted = next(_free_ips(networks, taken, random), "")
        if not wanted:
            raise internal_error(f'failed to allocate a serviceIP for Service "{name}": range is full')
    else:
        problem = _problem(wanted, networks, taken, dry_run)
        problem = problem and f"failed to allocate IP {wanted}: {problem}"
    if problem:
        raise invalid("Service", "", name, [FieldError("Invalid value", "spec.clusterIPs", there or [""], problem)])
    spec["clusterIP"] = wanted
    spec["clusterIPs"] = [wanted, *there[1:]]


def _problem(wanted: str, networks: list[IPv4Network], taken: Container[str], dry_run: bool) -> str:
    if dry_run:
        first = networks[0]
        told = f"the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {first}"
        return "" if gives(first, wanted) else told
    if not any(gives(network, wanted) for network in networks):
        return "the provided network does not match the current range"
    return "provided IP is already allocated" if wanted in taken else ""


def gives(network: IPv4Network, address: str) -> bool:
    """Whether an address lies in a range: its first and last are nobody's."""
    ip = ip_address(address)
    return ip in network and ip not in (network.network_address, network.broadcast_address)


def _free_ips(networks: Iterable[IPv4Network], taken: Container[str], random: Randomness) -> Iterator[str]:
    """Range by range, of several in any order: from a random address on, in the upper band first."""
    several = list(networks)
    for network in random.shuffle(several) if len(several) > 1 else several:
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
