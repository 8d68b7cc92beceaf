"""What holds of IP pools, Nodes, endpoints, Felix' configuration and tiers beyond their single fields, and of metadata.

Models      libcalico-go/lib/validator/v3/validator.go (the struct validators), the XValidation rules of the custom
            resource definitions
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network

from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.validation.formats import LABEL, SUBDOMAIN, family, network_family
from apps.cluster.cni.calico.validation.ports import port_range, supports_ports
from apps.cluster.cni.calico.validation.rules import wrong_annotations

LINK_LOCAL = {4: ("IPv4", "169.254.0.0/16"), 6: ("IPv6", "fe80::/10")}
NO_MODE = ("", "Never")
MOST_TABLES, HIGHEST_TABLE = 0xFFFF, 0xFFFFFFFF
_TIMEOUT_NAME = re.compile("[a-zA-Z0-9_ -]+")


def ip_pool(obj: Obj, whole: bool) -> Iterator[str]:
    cidr = obj.get("cidr") or ""
    if not cidr:
        yield "IPPool CIDR must be specified"
    if not network_family(cidr):
        yield "IPPool CIDR must be a valid subnet"
        return
    try:
        ip_network(cidr)
    except ValueError:
        yield "IP pool CIDR is not strictly masked"
    uses = obj.get("allowedUses") or []
    yield from (f"unknown use: {use}" for use in uses if use not in ("Workload", "Tunnel", "LoadBalancer"))
    if whole:
        yield from _whole_pool(obj, uses)


def _whole_pool(obj: Obj, uses: list[str]) -> Iterator[str]:
    network = ip_interface(obj["cidr"]).network
    ipip, vxlan = obj.get("ipipMode") or "", obj.get("vxlanMode") or ""
    size, default = obj.get("blockSize") or 0, 26 if network.version == 4 else 122
    least, most = (20, 32) if network.version == 4 else (116, 128)
    balancer = "LoadBalancer" in uses
    name, local = LINK_LOCAL[network.version]
    for wrong, reason in (
        (ipip not in NO_MODE and vxlan not in NO_MODE, "ipipMode and vxlanMode cannot both be enabled"),
        (
            balancer and (ipip not in NO_MODE or vxlan not in NO_MODE),
            "LoadBalancer IP pool cannot have IPIP or VXLAN enabled",
        ),
        (balancer and len(set(uses)) > 1, "LoadBalancer cannot be combined with Workload or Tunnel allowed uses"),
        (network.version == 6 and ipip not in NO_MODE, "IPIP is not supported on IPv6 pools"),
        (balancer and obj.get("disableBGPExport"), "LoadBalancer IP pools cannot disable BGP export"),
        (
            balancer and (obj.get("nodeSelector") or "all()") != "all()",
            "IP Pool with AllowedUse LoadBalancer must have nodeSelector set to all()",
        ),
        (
            "Tunnel" in uses and obj.get("namespaceSelector"),
            "IP Pool with AllowedUse Tunnel cannot have namespaceSelector",
        ),
        *(
            ("global(" in (obj.get(field) or ""), f"global() selector is not valid for IPPool {field}")
            for field in ("nodeSelector", "namespaceSelector")
        ),
        (network.overlaps(ip_network(local)), f"IPPool CIDR overlaps with {name} link local range {local}"),
        (
            size and not least <= size <= most,
            "blockSize must be between 20 and 32 for IPv4 pools, and between 116 and 128 for IPv6 pools",
        ),
        (
            not obj.get("disabled") and network.prefixlen > (size or default),
            "IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.",
        ),
    ):
        if wrong:
            yield reason


def node_spec(obj: Obj, whole: bool) -> Iterator[str]:
    if obj.get("bgp") is not None and not any(obj["bgp"].values()):
        yield "Spec.BGP should not be empty"


def workload_endpoint(obj: Obj, whole: bool) -> Iterator[str]:
    nets = obj.get("ipNetworks") or []
    for net in nets:
        if not network_family(net):
            yield "invalid CIDR"
        elif ip_interface(net).network.num_addresses > 1:
            yield "IP network contains multiple addresses"
    for wanted in (4, 6):
        gateway = obj.get(f"ipv{wanted}Gateway") or ""
        if gateway and network_family(gateway) != wanted:
            yield f"invalid IPv{wanted} gateway address specified"
    held = {ip_interface(net).ip for net in nets if network_family(net)}
    for nat in obj.get("ipNATs") or ():
        inside = nat.get("internalIP") or ""
        if network_family(inside) and ip_interface(inside).ip not in held:
            yield "NAT is not in the endpoint networks"


def nat(obj: Obj, whole: bool) -> Iterator[str]:
    inside, outside = network_family(obj.get("internalIP") or ""), network_family(obj.get("externalIP") or "")
    if not inside or not outside:
        yield "invalid IP address"
    elif inside != outside:
        yield "mismatched IP versions"


def workload_port(obj: Obj, whole: bool) -> Iterator[str]:
    if not supports_ports(obj.get("protocol") or ""):
        yield "WorkloadEndpointPort protocol does not support ports."
    if not obj.get("name") and not obj.get("hostPort"):
        yield "WorkloadEndpointPort name must not be empty if no HostPort is specified"


def proto_port(obj: Obj, whole: bool) -> Iterator[str]:
    if obj.get("protocol") not in ("TCP", "UDP", "SCTP"):
        yield "protocol must be 'TCP' or 'UDP' or 'SCTP'."


def felix(obj: Obj, whole: bool) -> Iterator[str]:
    ranges = obj.get("kubeNodePortRanges") or []
    if len(ranges) > 7:
        yield "node port ranges list is too long (max 7)"
    if any(port_range(one) is None for one in ranges):
        yield "node port ranges should not contain named ports"
    for cidr in obj.get("externalNodesList") or ():
        if network_family(cidr) != 4:
            yield "has invalid IPv6 CIDR" if network_family(cidr) else "has invalid CIDR(s)"
    region = obj.get("openstackRegion") or ""
    if len(region) > 63 - len("openstack-region-"):
        yield "is too long"
    elif region and re.fullmatch(LABEL, region) is None:
        yield "must be a valid DNS label"
    for field, wanted in (
        ("natOutgoingAddress", 4),
        ("deviceRouteSourceAddress", 4),
        ("deviceRouteSourceAddressIPv6", 6),
    ):
        given = obj.get(field) or ""
        if given and not family(given):
            yield "is not a valid IP address"
        elif given and whole and family(given) != wanted:
            yield f"{field} must be a valid IPv{wanted} address"
    tables = obj.get("routeTableRanges") or []
    if sum(one.get("max", 0) - one.get("min", 0) + 1 for one in tables) > MOST_TABLES:
        yield "targets too many tables"
    if whole and obj.get("routeTableRange") is not None and obj.get("routeTableRanges") is not None:
        yield "routeTableRange and routeTableRanges cannot both be set"


def table_range(obj: Obj, whole: bool) -> Iterator[str]:
    if not 1 <= obj.get("min", 0) <= obj.get("max", 0) <= 250:
        yield "must be a range of route table indices within 1..250"


def table_ids(obj: Obj, whole: bool) -> Iterator[str]:
    if obj.get("min", 0) > obj.get("max", 0):
        yield "min value cannot be greater than max value"
    if obj.get("min", 0) <= 0:
        yield "cannot target indices < 1"
    if obj.get("max", 0) > HIGHEST_TABLE:
        yield "max index too high"


def health_timeout(obj: Obj, whole: bool) -> Iterator[str]:
    if _TIMEOUT_NAME.fullmatch(obj.get("name") or "") is None:
        yield f"name should match regex ^{_TIMEOUT_NAME.pattern}$"
    if (obj.get("timeout") or "").startswith("-"):
        yield "Timeout should not be negative"


def ipam_configuration(obj: Obj, whole: bool) -> Iterator[str]:
    if (obj.get("maxBlocksPerHost") or 0) < 0:
        yield "must be greater than or equal to 0"


# -- of whole resources

_POLICY_NAME = re.compile(rf"{LABEL}(\.{LABEL})?|(knp|ossg)\.default\.{SUBDOMAIN}")
_GLOBAL_NAME = re.compile(rf"({LABEL}\.)?{LABEL}")
_NAMES = {
    "NetworkPolicy": (_POLICY_NAME, 253),
    "StagedNetworkPolicy": (_POLICY_NAME, 253),
    "GlobalNetworkPolicy": (_GLOBAL_NAME, 253),
    "StagedGlobalNetworkPolicy": (_GLOBAL_NAME, 253),
    "Tier": (re.compile(LABEL), 63),
}
_SUBDOMAIN = re.compile(SUBDOMAIN)
# Tiers that are always there: the action and the order that they have to have.
FIXED_TIERS = {
    "default": ("Deny", 1_000_000),
    "kube-admin": ("Pass", 1_000),
    "kube-baseline": ("Pass", 10_000_000),
}


def metadata(kind: str, obj: Obj) -> Iterator[str]:
    found = obj.get("metadata") or {}
    name = found.get("name") or ""
    for pattern, longest in {(_SUBDOMAIN, 253), _NAMES.get(kind, (_SUBDOMAIN, 253))}:
        if len(name) > longest:
            yield f"name is too long by {len(name) - longest} bytes"
        if pattern.fullmatch(name) is None:
            yield f"name must consist of lower case alphanumeric characters or '-' (regex: {LABEL})"
    yield from wrong_annotations(found.get("annotations") or {})
    for key, value in (found.get("labels") or {}).items():
        yield from names.qualified_name(key)
        yield from names.label_value(value)
        if kind in ("NetworkSet", "GlobalNetworkSet") and key == "projectcalico.org/namespace":
            yield "projectcalico.org/namespace is not a valid label name"


def resource(kind: str, obj: Obj) -> Iterator[str]:
    """What a resource's name has to do with its spec."""
    name, spec = (obj.get("metadata") or {}).get("name") or "", obj.get("spec") or {}
    if kind == "Tier" and name in FIXED_TIERS:
        action, order = FIXED_TIERS[name]
        if (spec.get("defaultAction") or "Deny") != action:
            yield f"The '{name}' tier must have default action '{action}'"
        if spec.get("order") != order:
            yield f"{name} tier order must be {order}"
    of_some = name == "default" or name.startswith("node.")
    if kind == "FelixConfiguration" and of_some and spec.get("nodeSelector") is not None:
        yield "nodeSelector must not be set on the 'default' or per-node ('node.*') FelixConfiguration"
