"""NetworkPolicy, Ingress, IngressClass, EndpointSlice.

Models      pkg/apis/networking/validation/validation.go, pkg/apis/discovery/validation/validation.go
Leaves out  resource backends' references beyond kind and name
"""

from __future__ import annotations

import ipaddress

from apps.cluster.api.validation.addresses import cidr, endpoint_ip, ip
from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    Errors,
    all_invalid,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_many,
)
from apps.cluster.api.validation.objectmeta import label_selector, object_meta
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, port_or_name, qualified
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

TRANSPORTS = ("TCP", "UDP", "SCTP")
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
BAD_ENDINGS = ("/..", "/.")
CLASS = "kubernetes.io/ingress.class"


def _policy_port(errors: Errors, at: str, port: Obj) -> None:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in TRANSPORTS:
        not_supported(errors, f"{at}.protocol", protocol, TRANSPORTS)
    if number is None:
        if end is not None:
            invalid(errors, f"{at}.endPort", end, "may not be specified when `port` is not specified")
    elif isinstance(number, int):
        all_invalid(errors, f"{at}.port", number, names.port_number(number))
        if end is not None:
            if end < number:
                invalid(errors, f"{at}.endPort", number, "must be greater than or equal to `port`")
            all_invalid(errors, f"{at}.endPort", end, names.port_number(end))
    else:
        if end is not None:
            invalid(errors, f"{at}.endPort", end, "may not be specified when `port` is non-numeric")
        all_invalid(errors, f"{at}.port", number, names.port_name(number))


def _block(errors: Errors, at: str, block: Obj) -> None:
    whole = block.get("cidr", "")
    if not whole:
        required(errors, f"{at}.cidr")
    cidr(errors, f"{at}.cidr", whole)
    try:
        network = ipaddress.ip_network(whole, strict=False)
    except ValueError:
        return
    for index, text in enumerate(block.get("except") or ()):
        here = f"{at}.except[{index}]"
        cidr(errors, here, text)
        try:
            hole = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        inside = hole.version == network.version and hole.network_address in network
        if not inside or network.prefixlen >= hole.prefixlen:
            invalid(errors, here, text, "must be a strict subset of `cidr`")


def _peer(errors: Errors, at: str, peer: Obj) -> None:
    found = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in ("podSelector", "namespaceSelector"):
        label_selector(errors, f"{at}.{name}", peer.get(name))
    if "ipBlock" in found:
        _block(errors, f"{at}.ipBlock", peer["ipBlock"])
    if not found:
        required(errors, at, "must specify a peer")
    elif len(found) > 1 and "ipBlock" in found:
        forbidden(errors, at, "may not specify both ipBlock and another peer")


def _policy_spec(errors: Errors, spec: Obj) -> None:
    label_selector(errors, "spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for place, port in enumerate(rule.get("ports") or ()):
                _policy_port(errors, f"{at}.ports[{place}]", port)
            for place, peer in enumerate(rule.get(peers) or ()):
                _peer(errors, f"{at}.{peers}[{place}]", peer)
    types = spec.get("policyTypes") or []
    if len(types) > 2:
        invalid(errors, "spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, kind in enumerate(types):
        if kind not in ("Ingress", "Egress"):
            not_supported(errors, f"spec.policyTypes[{index}]", kind, ("Ingress", "Egress"))


def network_policy(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    _policy_spec(errors, obj.get("spec") or EMPTY)
    return errors


def network_policy_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    _policy_spec(errors, new.get("spec") or EMPTY)
    return errors


def _host(errors: Errors, at: str, host: str) -> None:
    rule = names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain
    all_invalid(errors, at, host, rule(host))


def _backend(errors: Errors, at: str, backend: Obj) -> None:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        invalid(errors, at, "", "cannot set both resource and service backends")
    elif resource is not None:
        for field in ("kind", "name"):
            if not resource.get(field):
                required(errors, f"{at}.resource.{field}", f"{field} is required")
    elif service is None:
        invalid(errors, at, "", "resource or service backend is required")
    else:
        name = service.get("name", "")
        if not name:
            required(errors, f"{at}.service.name")
        else:
            dns_label(errors, f"{at}.service.name", name)
        port = service.get("port") or EMPTY
        if port.get("name") and port.get("number"):
            invalid(errors, at, "", "cannot set both port name & port number")
        elif port.get("name"):
            all_invalid(errors, f"{at}.service.port.name", port["name"], names.port_name(port["name"]))
        elif port.get("number"):
            port_or_name(errors, f"{at}.service.port.number", port["number"])
        else:
            required(errors, at, "port name or number is required")


def _path(errors: Errors, at: str, found: Obj) -> None:
    kind, path = found.get("pathType"), found.get("path", "")
    if kind is None:
        required(errors, f"{at}.pathType", "pathType must be specified")
        return
    if kind in ("Exact", "Prefix"):
        if not path.startswith("/"):
            invalid(errors, f"{at}.path", path, "must be an absolute path")
        for sequence in BAD_SEQUENCES if path else ():
            if sequence in path:
                invalid(errors, f"{at}.path", path, f"must not contain '{sequence}'")
        for ending in BAD_ENDINGS if path else ():
            if path.endswith(ending):
                invalid(errors, f"{at}.path", path, f"cannot end with '{ending}'")
    elif kind == "ImplementationSpecific":
        if path and not path.startswith("/"):
            invalid(errors, f"{at}.path", path, "must be an absolute path")
    else:
        not_supported(errors, f"{at}.pathType", kind, PATH_TYPES)
    _backend(errors, f"{at}.backend", found.get("backend") or EMPTY)


def _ingress_spec(errors: Errors, spec: Obj) -> None:
    rules = spec.get("rules") or []
    if not rules and spec.get("defaultBackend") is None:
        invalid(errors, "spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend") is not None:
        _backend(errors, "spec.defaultBackend", spec["defaultBackend"])
    for index, rule in enumerate(rules):
        at, host = f"spec.rules[{index}]", rule.get("host", "")
        if host:
            if names.is_ip(host):
                invalid(errors, f"{at}.host", host, "must be a DNS name, not an IP address")
            _host(errors, f"{at}.host", host)
        http = rule.get("http")
        if http is not None:
            if not http.get("paths"):
                required(errors, f"{at}.http.paths")
            for place, path in enumerate(http.get("paths") or ()):
                _path(errors, f"{at}.http.paths[{place}]", path)
    for index, tls in enumerate(spec.get("tls") or ()):
        for place, host in enumerate(tls.get("hosts") or ()):
            _host(errors, f"spec.tls[{index}].hosts[{place}]", host)
        name = tls.get("secretName", "")
        if name:
            dns_subdomain(errors, f"spec.tls[{index}].secretName", name)
    if spec.get("ingressClassName") is not None:
        dns_subdomain(errors, "spec.ingressClassName", spec["ingressClassName"])


def ingress(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    spec = obj.get("spec") or EMPTY
    _ingress_spec(errors, spec)
    annotated = (obj["metadata"].get("annotations") or EMPTY).get(CLASS)
    wanted = spec.get("ingressClassName")
    if annotated is not None and wanted is not None and annotated != wanted:
        detail = "must match `ingressClassName` when both are specified"
        invalid(errors, f"annotations.{CLASS}", annotated, detail)
    return errors


def ingress_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    _ingress_spec(errors, new.get("spec") or EMPTY)
    return errors


def ingress_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    spec = obj.get("spec") or EMPTY
    controller = spec.get("controller", "")
    if len(controller) > 250:
        errors.append(FieldError("Too long", "spec.controller", "", "may not be more than 250 bytes"))
    host, slash, path = controller.partition("/")
    if not controller:
        required(errors, "spec.controller")
    elif not slash or not host or not path:
        detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
        invalid(errors, "spec.controller", controller, detail)
    else:
        all_invalid(errors, "spec.controller", host, names.dns1123_subdomain(host))
    return errors


def ingress_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    after, before = ((one.get("spec") or EMPTY).get("controller", "") for one in (new, old))
    immutable(errors, "spec.controller", after, before)
    return errors


def _slice_ports(errors: Errors, ports: list[Obj]) -> None:
    if len(ports) > 20000:
        too_many(errors, "ports", len(ports), 20000)
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
            not_supported(errors, f"ports[{index}].protocol", protocol, sorted(TRANSPORTS))
        if port.get("appProtocol") is not None:
            qualified(errors, f"ports[{index}].appProtocol", port["appProtocol"])


def _slice_endpoint(errors: Errors, at: str, endpoint: Obj, kind: str) -> None:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        required(errors, f"{at}.addresses", "must contain at least 1 address")
    elif len(addresses) > 100:
        too_many(errors, f"{at}.addresses", len(addresses), 100)
    for index, address in enumerate(addresses):
        here = f"{at}.addresses[{index}]"
        if kind in ("IPv4", "IPv6"):
            if ip(errors, here, address):
                if f"IPv{ipaddress.ip_address(address).version}" != kind:
                    invalid(errors, f"{at}.addresses", address, f"must be an {kind} address")
                endpoint_ip(errors, here, address)
        elif kind == "FQDN":
            name = address.removesuffix(".")
            if not address:
                required(errors, here)
            elif names.dns1123_subdomain(name):
                invalid(errors, here, name, ",".join(names.dns1123_subdomain(name)))
            elif "." not in name:
                invalid(errors, here, name, "should be a domain with at least two segments separated by dots")
    if endpoint.get("nodeName") is not None:
        dns_subdomain(errors, f"{at}.nodeName", endpoint["nodeName"])
    if endpoint.get("hostname") is not None:
        dns_label(errors, f"{at}.hostname", endpoint["hostname"])
    hints = endpoint.get("hints") or EMPTY
    for field, rule in (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain)):
        found = hints.get(field) or []
        if len(found) > 8:
            too_many(errors, f"{at}.hints.{field}", len(found), 8)
            return
        seen: set[str] = set()
        for index, hint in enumerate(found):
            name, where = hint.get("name", ""), f"{at}.hints.{field}[{index}].name"
            if name in seen:
                duplicate(errors, where, name)
            seen.add(name)
            all_invalid(errors, where, name, rule(name))


def endpoint_slice(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    kind, valid = obj.get("addressType", ""), ("FQDN", "IPv4", "IPv6")
    if not kind:
        required(errors, "addressType")
    elif kind not in valid:
        not_supported(errors, "addressType", kind, valid)
    _slice_ports(errors, obj.get("ports") or [])
    endpoints = obj.get("endpoints") or []
    if len(endpoints) > 1000:
        too_many(errors, "endpoints", len(endpoints), 1000)
        return errors
    for index, endpoint in enumerate(endpoints):
        _slice_endpoint(errors, f"endpoints[{index}]", endpoint, kind)
    return errors


def endpoint_slice_update(new: Obj, old: Obj) -> list[FieldError]:
    if new.get("endpoints") is old.get("endpoints") and new.get("ports") is old.get("ports"):
        return metadata_update(new, old)
    errors = endpoint_slice(new)
    immutable(errors, "addressType", new.get("addressType", ""), old.get("addressType", ""))
    return errors
