"""NetworkPolicy, Ingress, IngressClass, IPAddress, ServiceCIDR.

Models      pkg/apis/networking/validation/validation.go
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.schema.internal import written
from apps.cluster.api.validation.addresses import Range, canonical_cidr, canonical_ip, cidr, ip, sloppy, sloppy_range
from apps.cluster.api.validation.core import metadata_update
from apps.cluster.api.validation.fields import (
    IMMUTABLE,
    Errors,
    all_invalid,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    same,
    too_long,
)
from apps.cluster.api.validation.objectmeta import label_selector, object_meta, path_segment
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, port_or_name
from apps.cluster.api.validation.signers import prefixed_path
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

TRANSPORTS = ("TCP", "UDP", "SCTP")
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
BAD_ENDINGS = ("/..", "/.")
DIRECTIONS = (("ingress", "from"), ("egress", "to"))
SCOPES = ("Cluster", "Namespace")
LONGEST_CONTROLLER = 250
NOT_AN_IP = "must be a DNS name, not an IP address"
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


def _cidr(errors: Errors, at: str, value: str, known: set[str]) -> None:
    """A CIDR; one that stood in the old policy is not judged again."""
    if value not in known:
        cidr(errors, at, value)


def _block(errors: Errors, at: str, block: Obj, known: set[str]) -> None:
    whole = block.get("cidr", "")
    if not whole:
        required(errors, f"{at}.cidr")
        return
    _cidr(errors, f"{at}.cidr", whole, known)
    written_range = sloppy_range(whole)
    if written_range is None:
        return
    around = written_range.network()
    for index, text in enumerate(block.get("except") or ()):
        here = f"{at}.except[{index}]"
        _cidr(errors, here, text, known)
        hole = sloppy_range(text)
        if hole is None:
            continue
        inner = hole.network()
        same_kind = inner.address.version == around.address.version
        inside = same_kind and Range(inner.address, min(around.bits, inner.bits)).network() == around
        if not inside or around.bits >= inner.bits:
            invalid(errors, here, text, "must be a strict subset of `cidr`")


def _peer(errors: Errors, at: str, peer: Obj, known: set[str], any_value: bool) -> None:
    found = [name for name in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(name) is not None]
    for name in ("podSelector", "namespaceSelector"):
        label_selector(errors, f"{at}.{name}", peer.get(name), any_value=any_value)
    if "ipBlock" in found:
        _block(errors, f"{at}.ipBlock", peer["ipBlock"], known)
    if not found:
        required(errors, at, "must specify a peer")
    elif len(found) > 1 and "ipBlock" in found:
        forbidden(errors, at, "may not specify both ipBlock and another peer")


def _policy_spec(errors: Errors, spec: Obj, known: set[str], any_value: bool) -> None:
    label_selector(errors, "spec.podSelector", spec.get("podSelector"), any_value=any_value)
    for direction, peers in DIRECTIONS:
        for index, rule in enumerate(spec.get(direction) or ()):
            at = f"spec.{direction}[{index}]"
            for place, port in enumerate(rule.get("ports") or ()):
                _policy_port(errors, f"{at}.ports[{place}]", port)
            for place, peer in enumerate(rule.get(peers) or ()):
                _peer(errors, f"{at}.{peers}[{place}]", peer, known, any_value)
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
    _policy_spec(errors, obj.get("spec") or EMPTY, set(), False)
    return errors


def network_policy_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    before = old.get("spec") or EMPTY
    known: set[str] = set()
    for direction, peers in DIRECTIONS:
        for rule in before.get(direction) or ():
            for peer in rule.get(peers) or ():
                block = peer.get("ipBlock") or EMPTY
                known |= {block.get("cidr", ""), *(block.get("except") or ())}
    bad: Errors = []
    label_selector(bad, "", before.get("podSelector"))
    _policy_spec(errors, new.get("spec") or EMPTY, known, bool(bad))
    return errors


def _host(errors: Errors, at: str, host: str) -> None:
    rule = names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain
    all_invalid(errors, at, host, rule(host))


def _segment(errors: Errors, at: str, value: str) -> None:
    """A name that must be there and may stand in a path."""
    if not value:
        required(errors, at)
    else:
        all_invalid(errors, at, value, path_segment(value))


def _reference(errors: Errors, at: str, reference: Obj) -> None:
    if reference.get("apiGroup") is not None:
        dns_subdomain(errors, f"{at}.apiGroup", reference["apiGroup"])
    for field in ("kind", "name"):
        _segment(errors, f"{at}.{field}", reference.get(field, ""))


def _backend(errors: Errors, at: str, backend: Obj) -> None:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        invalid(errors, at, "", "cannot set both resource and service backends")
    elif resource is not None:
        _reference(errors, f"{at}.resource", resource)
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


def _rule(errors: Errors, at: str, rule: Obj) -> None:
    http = rule.get("http")
    if http is not None:
        if not http.get("paths"):
            required(errors, f"{at}.http.paths")
        for place, path in enumerate(http.get("paths") or ()):
            _path(errors, f"{at}.http.paths[{place}]", path)


def _ingress(errors: Errors, obj: Obj, old: Obj | None) -> None:
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    spec, before = obj.get("spec") or EMPTY, (old or EMPTY).get("spec") or EMPTY
    rules = spec.get("rules") or []
    if not rules and spec.get("defaultBackend") is None:
        invalid(errors, "spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend") is not None:
        _backend(errors, "spec.defaultBackend", spec["defaultBackend"])
    lax_rules = _had_broken_wildcard(before)
    for index, rule in enumerate(rules):
        at, host = f"spec.rules[{index}]", rule.get("host", "")
        if host:
            if sloppy(host) is not None:
                invalid(errors, f"{at}.host", host, NOT_AN_IP)
            _host(errors, f"{at}.host", host)
        if not (lax_rules and "*" in host):
            _rule(errors, at, rule)
    lax_secrets = any(names.dns1123_subdomain(tls.get("secretName") or "x") for tls in before.get("tls") or ())
    for index, tls in enumerate(spec.get("tls") or ()):
        for place, host in enumerate(tls.get("hosts") or ()):
            _host(errors, f"spec.tls[{index}].hosts[{place}]", host)
        name = tls.get("secretName", "")
        if name and not lax_secrets:
            dns_subdomain(errors, f"spec.tls[{index}].secretName", name)
    if spec.get("ingressClassName") is not None:
        dns_subdomain(errors, "spec.ingressClassName", spec["ingressClassName"])


def _had_broken_wildcard(spec: Obj) -> bool:
    errors: Errors = []
    for rule in spec.get("rules") or ():
        if "*" in rule.get("host", ""):
            _rule(errors, "", rule)
    return bool(errors)


def ingress(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    _ingress(errors, obj, None)
    annotated = (obj["metadata"].get("annotations") or EMPTY).get(CLASS)
    wanted = (obj.get("spec") or EMPTY).get("ingressClassName")
    if annotated is not None and wanted is not None and annotated != wanted:
        detail = "must match `ingressClassName` when both are specified"
        invalid(errors, f"annotations.{CLASS}", annotated, detail)
    return errors


def ingress_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    _ingress(errors, new, old)
    return errors


def _points(obj: Obj) -> list[Obj]:
    balancer = (obj.get("status") or EMPTY).get("loadBalancer") or EMPTY
    return list(balancer.get("ingress") or ())


def ingress_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    known = {point.get("ip") for point in _points(old)}
    for index, point in enumerate(_points(new)):
        at, address, host = f"status.loadBalancer.ingress[{index}]", point.get("ip"), point.get("hostname")
        if address and address not in known:
            ip(errors, f"{at}.ip", address)
        if host:
            dns_subdomain(errors, f"{at}.hostname", host)
            if sloppy(host) is not None:
                invalid(errors, f"{at}.hostname", host, NOT_AN_IP)
    return errors


def _class_parameters(errors: Errors, at: str, parameters: Obj) -> None:
    _reference(errors, at, parameters)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        required(errors, f"{at}.scope")
    elif scope not in SCOPES:
        not_supported(errors, f"{at}.scope", scope, SCOPES)
    elif scope == "Namespace":
        if namespace is None:
            required(errors, f"{at}.namespace", "`parameters.scope` is set to 'Namespace'")
        else:
            dns_label(errors, f"{at}.namespace", namespace)
    elif namespace is not None:
        forbidden(errors, f"{at}.namespace", "`parameters.scope` is set to 'Cluster'")


def ingress_class(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    spec = obj.get("spec") or EMPTY
    controller = spec.get("controller", "")
    if len(controller.encode()) > LONGEST_CONTROLLER:
        too_long(errors, "spec.controller", LONGEST_CONTROLLER)
    prefixed_path(errors, "spec.controller", controller)
    if spec.get("parameters") is not None:
        _class_parameters(errors, "spec.parameters", spec["parameters"])
    return errors


def ingress_class_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    after, before = ((one.get("spec") or EMPTY).get("controller", "") for one in (new, old))
    immutable(errors, "spec.controller", after, before)
    return errors + ingress_class(new)


def _address_name(name: str) -> tuple[str, ...]:
    found: Errors = []
    canonical_ip(found, "", name)
    return tuple(error.detail for error in found)


def ip_address(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, _address_name)
    parent, at = (obj.get("spec") or EMPTY).get("parentRef"), "spec.parentRef"
    if parent is None:
        required(errors, at)
        return errors
    if parent.get("group"):
        dns_subdomain(errors, f"{at}.group", parent["group"])
    for field in ("resource", "name"):
        _segment(errors, f"{at}.{field}", parent.get(field, ""))
    if parent.get("namespace"):
        all_invalid(errors, f"{at}.namespace", parent["namespace"], path_segment(parent["namespace"]))
    return errors


def ip_address_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    parent, before = ((one.get("spec") or EMPTY).get("parentRef") for one in (new, old))
    if not same(parent, before):
        invalid(errors, "spec.parentRef", written("ParentReference", parent, "networking"), IMMUTABLE)
    return errors


def _cidrs(errors: Errors, spec: Obj) -> None:
    cidrs, at = spec.get("cidrs") or [], "spec.cidrs"
    if not cidrs:
        required(errors, at, "at least one CIDR required")
        return
    if len(cidrs) > 2:
        invalid(errors, at, written("ServiceCIDRSpec", spec, "networking"), "may only hold up to 2 values")
        return
    for index, text in enumerate(cidrs):
        canonical_cidr(errors, f"{at}[{index}]", text)
    known = [sloppy_range(text) for text in cidrs]
    versions = [found.network().address.version for found in known if found is not None]
    if len(versions) == 2 and versions[0] == versions[1]:
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        invalid(errors, at, cidrs, detail)


def service_cidr(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], False, names.dns1123_subdomain)
    _cidrs(errors, obj.get("spec") or EMPTY)
    return errors


def service_cidr_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = metadata_update(new, old)
    spec = new.get("spec") or EMPTY
    after, before = spec.get("cidrs") or [], (old.get("spec") or EMPTY).get("cidrs") or []
    if len(after) == len(before):
        for index, (text, was) in enumerate(zip(after, before, strict=True)):
            immutable(errors, f"spec.cidrs[{index}]", text, was)
    elif len(before) == 1 and len(after) == 2:
        immutable(errors, "spec.cidrs[0]", after[0], before[0])
        _cidrs(errors, spec)
    else:
        invalid(errors, "spec.cidrs", after, IMMUTABLE)
    return errors
