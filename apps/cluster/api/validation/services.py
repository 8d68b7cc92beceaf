"""Services and Endpoints.

Models      pkg/apis/core/validation/validation.go (validateService, ValidateServiceUpdate, ValidateEndpoints)
Leaves out  addresses and ports that the server gives out itself are not asked for
"""

from __future__ import annotations

import ipaddress

from apps.cluster.api.defaults.core import externally_accessible
from apps.cluster.api.validation.addresses import cidr, endpoint_ip, ip, without_leading_zeros
from apps.cluster.api.validation.fields import (
    Errors,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    same,
)
from apps.cluster.api.validation.objectmeta import labels, object_meta, object_meta_update
from apps.cluster.api.validation.paths import dns_label, dns_subdomain, port_or_name, qualified
from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import EMPTY, Obj
from apps.cluster.apimachinery.status import FieldError

PROTOCOLS = ("SCTP", "TCP", "UDP")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
FAMILIES = ("IPv4", "IPv6")
POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
FOR_BALANCER = "may only be used when `type` is 'LoadBalancer'"
MAX_AFFINITY = 86400


def cluster_ips(spec: Obj) -> list[str]:
    """clusterIPs, or what the server makes of clusterIP alone."""
    found: list[str] | None = spec.get("clusterIPs")
    if found is not None:
        return found
    return [spec["clusterIP"]] if spec.get("clusterIP") else []


def headless(spec: Obj) -> bool:
    return cluster_ips(spec) == ["None"]


def needs_health_check(spec: Obj) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _port(errors: Errors, at: str, port: Obj, need_name: bool, seen: set[str]) -> None:
    name = port.get("name", "")
    if need_name and not name:
        required(errors, f"{at}.name")
    elif name:
        dns_label(errors, f"{at}.name", name)
        if name in seen:
            duplicate(errors, f"{at}.name", name)
        seen.add(name)
    for problem in names.port_number(port.get("port", 0)):
        invalid(errors, f"{at}.port", port.get("port", 0), problem)
    protocol = port.get("protocol", "")
    if not protocol:
        required(errors, f"{at}.protocol")
    elif protocol not in PROTOCOLS:
        not_supported(errors, f"{at}.protocol", protocol, PROTOCOLS)
    port_or_name(errors, f"{at}.targetPort", port.get("targetPort"))
    if port.get("appProtocol") is not None:
        qualified(errors, f"{at}.appProtocol", port["appProtocol"])


def _external_name(errors: Errors, spec: Obj) -> None:
    for field, value in (
        ("clusterIPs", cluster_ips(spec)),
        ("ipFamilies", spec.get("ipFamilies")),
        ("ipFamilyPolicy", spec.get("ipFamilyPolicy")),
    ):
        if value:
            forbidden(errors, f"spec.{field}", "may not be set for ExternalName services")
    name = spec.get("externalName", "").removesuffix(".")
    if name:
        dns_subdomain(errors, "spec.externalName", name)
    else:
        required(errors, "spec.externalName")


def affinity(errors: Errors, spec: Obj) -> None:
    kind, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    if not kind:
        required(errors, "spec.sessionAffinity")
    elif kind not in ("ClientIP", "None"):
        not_supported(errors, "spec.sessionAffinity", kind, ("ClientIP", "None"))
    if kind == "None" and config is not None:
        forbidden(errors, "spec.sessionAffinityConfig", "must not be set when session affinity is None")
    if kind != "ClientIP":
        return
    at, when = "spec.sessionAffinityConfig", "when session affinity type is ClientIP"
    if config is None:
        required(errors, at, when)
    elif config.get("clientIP") is None:
        required(errors, f"{at}.clientIP", when)
    elif config["clientIP"].get("timeoutSeconds") is None:
        required(errors, f"{at}.clientIP.timeoutSeconds", when)
    elif not 0 < config["clientIP"]["timeoutSeconds"] <= MAX_AFFINITY:
        timeout = config["clientIP"]["timeoutSeconds"]
        detail = f"must be greater than 0 and less than {MAX_AFFINITY}"
        invalid(errors, f"{at}.clientIP.timeoutSeconds", timeout, detail)


def _version(address: str) -> int:
    try:
        return ipaddress.ip_address(without_leading_zeros(address)).version
    except ValueError:
        return 0


def cluster_ip_fields(errors: Errors, spec: Obj, old: Obj) -> None:
    """clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy, as far as they tell of one another."""
    if spec.get("type") == "ExternalName":
        return
    at, single, found = "spec.clusterIPs", spec.get("clusterIP", ""), cluster_ips(spec)
    if single and found[0:1] != [single]:
        if found:
            invalid(errors, at, found, "first value must match `clusterIP`")
        else:
            required(errors, at)
    elif not single and found:
        invalid(errors, at, found, "must be empty when `clusterIP` is not specified")
    families: list[str] = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        if family not in FAMILIES:
            not_supported(errors, f"spec.ipFamilies[{index}]", family, FAMILIES)
        if family in families[:index]:
            duplicate(errors, f"spec.ipFamilies[{index}]", family)
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in POLICIES:
        not_supported(errors, "spec.ipFamilyPolicy", policy, POLICIES)
    bad = False
    known = cluster_ips(old)
    for index, address in enumerate(found):
        if index == 0 and address == "None":
            if len(found) > 1:
                bad = True
                invalid(errors, at, found, "'None' must be the first and only value")
            continue
        if address not in known:
            bad = not ip(errors, f"{at}[{index}]", address) or bad
    if len(found) > 2:
        invalid(errors, at, found, "may only hold up to 2 values")
    if bad:
        return
    versions = [_version(address) for address in found]
    if len(found) > 1 and set(versions) != {4, 6}:
        invalid(errors, at, found, "may specify no more than one IP for each IP family")
    if not headless(spec):
        for index, (version, family) in enumerate(zip(versions, families, strict=False)):
            if family in FAMILIES and f"IPv{version}" != family:
                detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                invalid(errors, f"{at}[{index}]", found[index], detail)


def _ports_together(errors: Errors, spec: Obj) -> None:
    ports: list[Obj] = spec.get("ports") or []
    if spec.get("type") == "ClusterIP":
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                detail = "may not be used when `type` is 'ClusterIP'"
                forbidden(errors, f"spec.ports[{index}].nodePort", detail)
    for field in ("nodePort", "port"):
        seen: set[tuple[str, int]] = set()
        for index, port in enumerate(ports):
            key = (port.get("protocol", ""), port.get(field, 0))
            if field == "nodePort" and not key[1]:
                continue
            if key in seen and field == "nodePort":
                duplicate(errors, f"spec.ports[{index}].nodePort", key[1])
            elif key in seen:
                shown = {
                    "Name": "",
                    "Protocol": key[0],
                    "AppProtocol": None,
                    "Port": key[1],
                    "TargetPort": 0,
                    "NodePort": 0,
                }
                duplicate(errors, f"spec.ports[{index}]", shown)
            seen.add(key)


def _source_ranges(errors: Errors, obj: Obj, spec: Obj, old_obj: Obj) -> None:
    old = old_obj.get("spec") or EMPTY
    found, balancer = spec.get("loadBalancerSourceRanges") or [], spec.get("type") == "LoadBalancer"
    if found:
        if not balancer:
            forbidden(errors, "spec.LoadBalancerSourceRanges", FOR_BALANCER)
        known = {one.strip() for one in old.get("loadBalancerSourceRanges") or ()}
        for index, one in enumerate(found):
            if one.strip() not in known:
                cidr(errors, f"spec.LoadBalancerSourceRanges[{index}]", one.strip())
        return
    text = (obj["metadata"].get("annotations") or EMPTY).get(RANGES)
    if text is None:
        return
    if not balancer:
        forbidden(errors, f"metadata.annotations[{RANGES}]", FOR_BALANCER)
    before = (old_obj["metadata"].get("annotations") or EMPTY).get(RANGES) if old_obj else None
    if text.strip() and text != before:
        for one in text.split(","):
            cidr(errors, f"metadata.annotations[{RANGES}]", one.strip())


def external_traffic(errors: Errors, spec: Obj) -> None:
    at, policy = "spec.externalTrafficPolicy", spec.get("externalTrafficPolicy", "")
    if not externally_accessible(spec):
        if policy:
            invalid(errors, at, policy, "may only be set for externally-accessible services")
    elif not policy:
        required(errors, at)
    elif policy not in ("Cluster", "Local"):
        not_supported(errors, at, policy, ("Cluster", "Local"))
    port = spec.get("healthCheckNodePort", 0)
    at = "spec.healthCheckNodePort"
    if not port:
        return
    if not needs_health_check(spec):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        invalid(errors, at, port, detail)
    else:
        for problem in names.port_number(port):
            invalid(errors, at, port, problem)


def _service(errors: Errors, obj: Obj, old: Obj) -> None:
    spec = obj.get("spec") or EMPTY
    before = old.get("spec") or EMPTY
    found = obj["metadata"].get("annotations") or EMPTY
    if HINTS in found and MODE in found and found[HINTS] != found[MODE]:
        detail = f"must match annotations[{HINTS}] when both are specified"
        invalid(errors, f"metadata.annotations[{MODE}]", found[MODE], detail)
    kind, ports = spec.get("type", ""), spec.get("ports") or []
    if not ports and not headless(spec) and kind != "ExternalName":
        required(errors, "spec.ports")
    if kind in ("LoadBalancer", "NodePort") and headless(spec):
        invalid(errors, "spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        _external_name(errors, spec)
    seen: set[str] = set()
    for index, port in enumerate(ports):
        _port(errors, f"spec.ports[{index}]", port, len(ports) > 1, seen)
    labels(errors, "spec.selector", spec.get("selector"))
    affinity(errors, spec)
    cluster_ip_fields(errors, spec, before)
    known = before.get("externalIPs") or []
    for index, address in enumerate(spec.get("externalIPs") or ()):
        if address in known or ip(errors, f"spec.externalIPs[{index}]", address):
            endpoint_ip(errors, f"spec.externalIPs[{index}]", address)
    if not kind:
        required(errors, "spec.type")
    elif kind not in TYPES:
        not_supported(errors, "spec.type", kind, TYPES)
    _ports_together(errors, spec)
    _source_ranges(errors, obj, spec, old)
    if spec.get("allocateLoadBalancerNodePorts") is not None and kind != "LoadBalancer":
        forbidden(errors, "spec.allocateLoadBalancerNodePorts", FOR_BALANCER)
    if spec.get("allocateLoadBalancerNodePorts") is None and kind == "LoadBalancer":
        required(errors, "allocateLoadBalancerNodePorts")
    _balancer_class(errors, spec)
    external_traffic(errors, spec)
    internal = spec.get("internalTrafficPolicy")
    if internal is None:
        if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
            required(errors, "spec.internalTrafficPolicy")
    elif internal not in ("Cluster", "Local"):
        not_supported(errors, "spec.internalTrafficPolicy", internal, ("Cluster", "Local"))
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in DISTRIBUTIONS:
        not_supported(errors, "spec.trafficDistribution", distribution, DISTRIBUTIONS)


def _balancer_class(errors: Errors, spec: Obj) -> None:
    balancer = spec.get("loadBalancerClass")
    if balancer is not None and spec.get("type") == "LoadBalancer":
        qualified(errors, "spec.loadBalancerClass", balancer)
    elif balancer is not None:
        forbidden(errors, "spec.loadBalancerClass", FOR_BALANCER)


def service(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_label)
    _service(errors, obj, EMPTY)
    return errors


def _kept(errors: Errors, field: str, new: list[str], old: list[str], what: str) -> None:
    """A first address or family stays as it is; the second may come, and go with SingleStack."""
    at = f"spec.{field}"
    if len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            if one != other:
                place = index if field == "clusterIPs" else 0
                invalid(errors, f"{at}[{place}]", new, "may not change once set")
    elif old and not new:
        invalid(errors, f"{at}[0]", new, f"primary {what} can not be unset")
    elif old and new and old[0] != new[0]:
        invalid(errors, f"{at}[0]", new, "may not change once set")


def service_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    spec, before = new.get("spec") or EMPTY, old.get("spec") or EMPTY
    if spec is before:
        return errors
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        if not (headless(spec) and headless(before)):
            _kept(errors, "clusterIPs", cluster_ips(spec), cluster_ips(before), "clusterIP")
        if not headless(spec) and not headless(before):
            _kept(errors, "ipFamilies", spec.get("ipFamilies") or [], before.get("ipFamilies") or [], "ipFamily")
        for field, what in (("clusterIPs", "clusterIP"), ("ipFamilies", "ipFamily")):
            after, was = spec.get(field) or [], before.get(field) or []
            if len(was) > len(after) == 1 and spec.get("ipFamilyPolicy") != "SingleStack" and not headless(spec):
                detail = f"must be set to 'SingleStack' when releasing the secondary {what}"
                invalid(errors, "spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail)
    balancer, was = spec.get("loadBalancerClass"), before.get("loadBalancerClass")
    if spec.get("type") == before.get("type") == "LoadBalancer" and balancer != was:
        invalid(errors, "spec.loadBalancerClass", balancer, "may not change once set")
    _balancer_class(errors, spec)
    checked = needs_health_check(spec) and needs_health_check(before)
    if checked and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        forbidden(errors, "spec.healthCheckNodePort", "field is immutable")
    _service(errors, new, old)
    return errors


def load_balancer_status(errors: Errors, at: str, status: Obj, old: Obj, kind: str) -> None:
    ingress = status.get("ingress") or []
    if kind != "LoadBalancer" and ingress:
        forbidden(errors, f"{at}.ingress", "may only be used when `spec.type` is 'LoadBalancer'")
        return
    known = {one.get("ip") for one in old.get("ingress") or ()}
    for index, one in enumerate(ingress):
        here, address, mode = f"{at}.ingress[{index}]", one.get("ip", ""), one.get("ipMode")
        if address and address not in known:
            ip(errors, f"{here}.ip", address)
        if mode is None:
            if address:
                required(errors, f"{here}.ipMode", "must be specified when `ip` is set")
        elif not address:
            forbidden(errors, f"{here}.ipMode", "may not be specified when `ip` is not set")
        elif mode not in ("Proxy", "VIP"):
            not_supported(errors, f"{here}.ipMode", mode, ("Proxy", "VIP"))
        host = one.get("hostname", "")
        if host:
            dns_subdomain(errors, f"{here}.hostname", host)
            if names.is_ip(host):
                invalid(errors, f"{here}.hostname", host, "must be a DNS name, not an IP address")


def service_status_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    status = (new.get("status") or EMPTY).get("loadBalancer") or EMPTY
    before = (old.get("status") or EMPTY).get("loadBalancer") or EMPTY
    load_balancer_status(errors, "status.loadBalancer", status, before, (new.get("spec") or EMPTY).get("type", ""))
    return errors


def _endpoint_address(errors: Errors, at: str, address: Obj) -> None:
    ip(errors, f"{at}.ip", address.get("ip", ""))
    if address.get("hostname"):
        dns_label(errors, f"{at}.hostname", address["hostname"])
    if address.get("nodeName") is not None:
        dns_subdomain(errors, f"{at}.nodeName", address["nodeName"])
    endpoint_ip(errors, f"{at}.ip", address.get("ip", ""))


def endpoints(obj: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta(errors, obj["metadata"], True, names.dns1123_subdomain)
    for index, subset in enumerate(obj.get("subsets") or ()):
        at = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            required(errors, at, "must specify `addresses` or `notReadyAddresses`")
        for kind in ("addresses", "notReadyAddresses"):
            for place, address in enumerate(subset.get(kind) or ()):
                _endpoint_address(errors, f"{at}.{kind}[{place}]", address)
        ports = subset.get("ports") or []
        for place, port in enumerate(ports):
            endpoint_port(errors, f"{at}.ports[{place}]", port, len(ports) > 1)
    return errors


def endpoint_port(errors: Errors, at: str, port: Obj, need_name: bool) -> None:
    name = port.get("name", "")
    if need_name and not name:
        required(errors, f"{at}.name")
    elif name:
        dns_label(errors, f"{at}.name", name)
    for problem in names.port_number(port.get("port", 0)):
        invalid(errors, f"{at}.port", port.get("port", 0), problem)
    protocol = port.get("protocol", "")
    if not protocol:
        required(errors, f"{at}.protocol")
    elif protocol not in PROTOCOLS:
        not_supported(errors, f"{at}.protocol", protocol, PROTOCOLS)
    if port.get("appProtocol") is not None:
        qualified(errors, f"{at}.appProtocol", port["appProtocol"])


def endpoints_update(new: Obj, old: Obj) -> list[FieldError]:
    errors: Errors = []
    object_meta_update(errors, new["metadata"], old["metadata"])
    if not same(new.get("subsets"), old.get("subsets")):
        errors += endpoints(new)
    return errors
