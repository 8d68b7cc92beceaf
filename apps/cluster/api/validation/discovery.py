"""EndpointSlice.

Models      pkg/apis/discovery/validation/validation.go
Leaves out  nothing
"""

from __future__ import annotations

from ipaddress import IPv6Address

from apps.cluster.api.validation.addresses import canonical_ip, endpoint_ip, ip, sloppy
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    immutable,
    invalid,
    not_supported,
    required,
    same,
    too_many,
)
from apps.cluster.api.validation.objectmeta import labels, object_meta
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, qualified
from apps.cluster.api.validation.signers import qualified_domain_name
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import FieldError

TRANSPORTS = ("SCTP", "TCP", "UDP")
KINDS = ("FQDN", "IPv4", "IPv6")
MOST_PORTS, MOST_ENDPOINTS, MOST_ADDRESSES, MOST_TOPOLOGY, MOST_HINTS = 20_000, 1_000, 100, 16, 8
ZONE = "topology.kubernetes.io/zone"


def _ports(errors: Errors, ports: list[Obj]) -> None:
    if len(ports) > MOST_PORTS:
        too_many(errors, "ports", len(ports), MOST_PORTS)
        return
    seen: set[str] = set()
    for index, port in enumerate(ports):
        name, protocol = port.get("name") or "", port.get("protocol")
        if name:
            dns_label(errors, f"ports[{index}].name", name)
        if name in seen:
            duplicate(errors, f"ports[{index}].name", name)
        seen.add(name)
        if protocol is None:
            required(errors, f"ports[{index}].protocol")
        elif protocol not in TRANSPORTS:
            not_supported(errors, f"ports[{index}].protocol", protocol, TRANSPORTS)
        if port.get("appProtocol") is not None:
            qualified(errors, f"ports[{index}].appProtocol", port["appProtocol"])


def _address(errors: Errors, at: str, index: int, address: str, kind: str) -> None:
    here, before = f"{at}[{index}]", len(errors)
    if kind == "FQDN":
        qualified_domain_name(errors, here, address)
        return
    if kind == "IPv4":
        ip(errors, here, address)
    else:
        canonical_ip(errors, here, address)
    if len(errors) > before:
        return
    if isinstance(sloppy(address), IPv6Address) is not (kind == "IPv6"):
        invalid(errors, at, address, f"must be an {kind} address")
    endpoint_ip(errors, here, address)


def _hints(errors: Errors, at: str, hints: Obj) -> None:
    for field, rule in (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain)):
        found = hints.get(field) or []
        if len(found) > MOST_HINTS:
            too_many(errors, f"{at}.{field}", len(found), MOST_HINTS)
            return
        seen: set[str] = set()
        for index, hint in enumerate(found):
            name, where = hint.get("name", ""), f"{at}.{field}[{index}].name"
            if name in seen:
                duplicate(errors, where, name)
            seen.add(name)
            all_invalid(errors, where, name, rule(name))


def _endpoint(errors: Errors, at: str, endpoint: Obj, kind: str) -> None:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        required(errors, f"{at}.addresses", "must contain at least 1 address")
    elif len(addresses) > MOST_ADDRESSES:
        too_many(errors, f"{at}.addresses", len(addresses), MOST_ADDRESSES)
    if kind in KINDS:
        for index, address in enumerate(addresses):
            _address(errors, f"{at}.addresses", index, address, kind)
    if endpoint.get("nodeName") is not None:
        dns_subdomain(errors, f"{at}.nodeName", endpoint["nodeName"])
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > MOST_TOPOLOGY:
        too_many(errors, f"{at}.deprecatedTopology", len(topology), MOST_TOPOLOGY)
    labels(errors, f"{at}.deprecatedTopology", topology)
    if ZONE in topology:
        detail = "reserved key was not removed in conversion"
        errors.append(FieldError("Internal error", f"{at}.deprecatedTopology[{ZONE}]", None, detail))
    if endpoint.get("hostname") is not None:
        dns_label(errors, f"{at}.hostname", endpoint["hostname"])
    if endpoint.get("hints") is not None:
        _hints(errors, f"{at}.hints", endpoint["hints"])


def _endpoints(errors: Errors, endpoints: list[Obj], kind: str) -> None:
    if len(endpoints) > MOST_ENDPOINTS:
        too_many(errors, "endpoints", len(endpoints), MOST_ENDPOINTS)
        return
    for index, endpoint in enumerate(endpoints):
        _endpoint(errors, f"endpoints[{index}]", endpoint, kind)


def _slice(obj: Obj, old: Obj | None) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    kind = obj.get("addressType", "")
    if not kind:
        required(errors, "addressType")
    elif kind not in KINDS:
        not_supported(errors, "addressType", kind, KINDS)
    _ports(errors, obj.get("ports") or [])
    # What was wrong with the endpoints before may stay.
    if old is None or not same(obj.get("endpoints"), old.get("endpoints")):
        _endpoints(errors, obj.get("endpoints") or [], kind)
    return errors


def endpoint_slice(obj: Obj) -> list[FieldError]:
    return _slice(obj, None)


def endpoint_slice_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _slice(new, old)
    immutable(errors, "addressType", new.get("addressType", ""), old.get("addressType", ""))
    return errors
