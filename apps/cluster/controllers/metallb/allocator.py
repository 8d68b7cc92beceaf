"""Which address a Service is given: what MetalLB's controller decides, and what it says of it.

Models      metallb controller/service.go (convergeBalancer, allocateIPs), internal/allocator (allocator.go, k8salloc)
Leaves out  second addresses of a Service that prefers two families

Pure: the Service, the pools and what others have go in; a decision comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, key_of
from apps.cluster.controllers.metallb.pools import Pool, pool_of

PREFIX, OLD_PREFIX = "metallb.io", "metallb.universe.tf"
FROM_POOL = f"{PREFIX}/ip-allocated-from-pool"
ADDRESS_POOL, IPS, SHARED = "address-pool", "loadBalancerIPs", "allow-shared-ip"
Told = tuple[str, str, str]  # an Event: type, reason, message


class Refused(Exception):
    """No address for this Service."""


class Holder(NamedTuple):
    """A Service and what it has."""

    key: str
    ips: tuple[str, ...]
    ports: frozenset[tuple[str, int]]
    sharing: str
    backend: str


class Decision(NamedTuple):
    """The addresses a Service is to have, of which pool, and what there is to tell. `keep`: leave it as it is."""

    ips: tuple[str, ...] = ()
    pool: str = ""
    events: tuple[Told, ...] = ()
    keep: bool = False


def annotation(service: Obj, name: str) -> str:
    """By its name of today, or by the one before."""
    found = annotations_of(service)
    return str(found.get(f"{PREFIX}/{name}", found.get(f"{OLD_PREFIX}/{name}", "")))


def addresses_of(service: Obj) -> tuple[str, ...]:
    balancer = (service.get("status") or EMPTY).get("loadBalancer") or EMPTY
    return tuple(one["ip"] for one in balancer.get("ingress") or () if one.get("ip"))


def holder(service: Obj, ips: Sequence[str] | None = None) -> Holder:
    """What a Service has, or would have. With local traffic only Services with the same Pods may share an address."""
    spec = service["spec"]
    ports = frozenset((port.get("protocol", "TCP"), port["port"]) for port in spec.get("ports") or ())
    local = spec.get("externalTrafficPolicy") == "Local"
    chosen = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items())) if local else ""
    found = addresses_of(service) if ips is None else tuple(ips)
    return Holder(key_of(service), found, ports, annotation(service, SHARED), chosen)


def _quoted(ips: Iterable[str]) -> str:
    return "[" + " ".join(f'"{ip}"' for ip in ips) + "]"


def _in_use(ip: str, new: Holder, others: Iterable[Holder]) -> str:
    """Why a Service may not have an address that others have; "" when it may."""
    there = [other for other in others if ip in other.ips and other.key != new.key]
    if not there:
        return ""
    first = there[0]
    alike = bool(first.sharing) and (first.sharing, first.backend) == (new.sharing, new.backend)
    if not alike:
        names = ",".join(other.key for other in there)
        return f'can\'t change sharing key for "{ip}", address also in use by {names}'
    for protocol, port in sorted(new.ports):
        if any((protocol, port) in other.ports for other in there):
            return f'port {protocol}/{port} is already in use on "{ip}"'
    return ""


def assigned(service: Obj, ips: Sequence[str], pools: Sequence[Pool], others: Sequence[Holder]) -> Pool:
    """The pool from which a Service has these addresses.

    Raises:
        Refused: it may not have them.
    """
    pool = pool_of(pools, ips)
    if pool is None:
        raise Refused(f"{_quoted(ips)} is not allowed in config")
    if not pool.suits(service):
        raise Refused(f"pool {pool.name} not compatible for ip assignment")
    if len(ips) > 2:
        raise Refused(f"more than two addresses {_quoted(ips)}")
    if len(ips) == 2:
        raise Refused(f'"{ips[0]}" "{ips[1]}" has the same family')
    for ip in ips:
        problem = _in_use(ip, holder(service, ips), others)
        if problem:
            raise Refused(problem)
    return pool


def desired(service: Obj) -> tuple[str, ...]:
    """The addresses that a Service asks for.

    Raises:
        Refused: they are none.
    """
    listed, single = annotation(service, IPS), service["spec"].get("loadBalancerIP", "")
    if listed and single:
        raise Refused(f"service can not have both {PREFIX}/{IPS} and svc.Spec.LoadBalancerIP")
    if single:
        if not _is_ip(single):
            raise Refused(f'invalid spec.loadBalancerIP "{single}"')
        return (single,)
    found = tuple(part.strip() for part in listed.split(",")) if listed else ()
    if not all(_is_ip(ip) for ip in found):
        raise Refused(f'invalid {PREFIX}/{IPS}: "{listed}"')
    return found


def _is_ip(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _free(pool: Pool, service: Obj, others: Sequence[Holder]) -> str:
    return next((ip for ip in pool.addresses() if not _in_use(ip, holder(service, (ip,)), others)), "")


def allocated(service: Obj, pools: Sequence[Pool], others: Sequence[Holder]) -> tuple[tuple[str, ...], Pool]:
    """Addresses for a Service that has none, and their pool.

    Raises:
        Refused: there are none.
    """
    wanted, named = desired(service), annotation(service, ADDRESS_POOL)
    if wanted:
        pool = assigned(service, wanted, pools, others)
        if named and pool.name != named:
            told = (
                f"requested loadBalancer IP(s) {_quoted(wanted)} is not compatible with requested address pool {named}"
            )
            raise Refused(told)
        return wanted, pool
    if named:
        found = next((pool for pool in pools if pool.name == named), None)
        if found is None:
            raise Refused(f'unknown pool "{named}"')
        ip = _free(found, service, others)
        if not ip:
            raise Refused(f"no available IPs in pool {named}")
        return (ip,), assigned(service, (ip,), [found], others)
    pinned = [pool for pool in pools if pool.auto_assign and pool.allocate_to is not None and pool.suits(service)]
    pinned.sort(key=Pool.priority)
    for pool in (*pinned, *(pool for pool in pools if pool.auto_assign and pool.allocate_to is None)):
        ip = _free(pool, service, others)
        if ip:
            return (ip,), pool
    raise Refused("no available IPs")


def decide(service: Obj, pools: Sequence[Pool], others: Sequence[Holder]) -> Decision:
    """What becomes of a Service's address."""
    spec = service["spec"]
    if spec.get("type") != "LoadBalancer" or not pools or not spec.get("clusterIPs"):
        return Decision()
    key, ips, events = key_of(service), addresses_of(service), list[Told]()
    pool: Pool | None = None
    if ips:
        try:
            pool = assigned(service, ips, pools, others)
        except Refused as refused:
            told = f'current IP for "{key}" not allowed by config, will attempt for new IP assignment: {refused}'
            events.append(("Normal", "ClearAssignment", told))
            ips = ()
        named = annotation(service, ADDRESS_POOL)
        if ips and pool is not None and named not in ("", pool.name):
            ips = ()
        try:
            wanted = desired(service)
        except Refused as refused:
            events.append(("Warning", "LoadBalancerFailed", f"invalid requested loadbalancer IPs: {refused}"))
            return Decision(events=tuple(events), keep=True)
        if wanted and sorted(wanted) != sorted(ips):
            ips = ()
    if not ips:
        try:
            ips, pool = allocated(service, pools, others)
        except Refused as refused:
            told = f'Failed to allocate IP for "{key}": {refused}'
            return Decision(events=(*events, ("Warning", "AllocationFailed", told)))
        events.append(("Normal", "IPAllocated", f"Assigned IP {_quoted(ips)}"))
    assert pool is not None
    return Decision(ips, pool.name, tuple(events))
