"""What the fields of one object have to do with each other: policies' rules, ports, peers, filters.

Models      libcalico-go/lib/validator/v3/validator.go (the struct validators), the XValidation rules of the custom
            resource definitions (only whole resources are held against those: `whole`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_interface

from apps.cluster.apimachinery import names
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.validation.formats import PATTERNS, community, family, network_family, split_peer
from apps.cluster.cni.calico.validation.ports import all_named, named_protocol, supports_ports

GLOBAL_ONLY = "global() can only be used in an EntityRule namespaceSelector"
NEEDS_PROTOCOL = "rules with numeric port or port range must set protocol to TCP or UDP or SCTP"
NEEDS_PORTS = "rules that specify ports must set protocol to TCP or UDP or SCTP"

Rules = Callable[[Obj, bool], Iterator[str]]


def _uses_global(*texts: str | None) -> bool:
    return any("global(" in (text or "") for text in texts)


def rule(obj: Obj, whole: bool) -> Iterator[str]:
    source, destination = obj.get("source") or {}, obj.get("destination") or {}
    ports = [side.get(field) or [] for side in (source, destination) for field in ("ports", "notPorts")]
    protocol = obj.get("protocol")
    if protocol is None and not all(map(all_named, ports)):
        yield NEEDS_PROTOCOL
    if protocol is not None and any(ports) and not supports_ports(protocol):
        yield NEEDS_PORTS
    yield from _nets(obj, source, destination)
    if whole:
        yield from _whole_rule(obj, destination)


def _nets(obj: Obj, source: Obj, destination: Obj) -> Iterator[str]:
    seen: set[int] = set()
    for side, field in ((source, "nets"), (source, "notNets"), (destination, "nets"), (destination, "notNets")):
        found = {network_family(net) for net in side.get(field) or ()} - {0}
        if obj.get("ipVersion") is not None and found - {obj["ipVersion"]}:
            yield "rule IP version doesn't match CIDR version"
        if len(found | seen) > 1 and found:
            yield "rule contains both IPv4 and IPv6 CIDRs"
        seen |= found
        if field == "notNets" and any(_everything(net) for net in side.get(field) or ()):
            yield "catch-all CIDR in negation creates logical contradiction (matches no traffic)"


def _everything(net: str) -> bool:
    if net == "0.0.0.0/0":
        return True
    return network_family(net) == 6 and ip_interface(net).network.prefixlen == 0


def _whole_rule(obj: Obj, destination: Obj) -> Iterator[str]:
    protocol, version = named_protocol(obj.get("protocol")), obj.get("ipVersion")
    if obj.get("http") is not None:
        if protocol not in ("", "TCP"):
            yield "rules with HTTP match must have protocol TCP or unset"
        if obj.get("action") != "Allow":
            yield "HTTP match is only valid on Allow rules"
    if destination.get("services") is not None and (destination.get("ports") or destination.get("notPorts")):
        yield "ports and notPorts cannot be specified with services"
    if obj.get("icmp") is not None and protocol not in ("ICMP", "ICMPv6"):
        yield "ICMP fields require protocol to be ICMP or ICMPv6"
    for one in (protocol, named_protocol(obj.get("notProtocol"))):
        for name, wanted in (("ICMP", 4), ("ICMPv6", 6)):
            if one == name and version not in (None, wanted):
                yield f"protocol {name} requires ipVersion {wanted}"


def entity(obj: Obj, whole: bool) -> Iterator[str]:
    chosen = obj.get("namespaceSelector") or ""
    if "global(" in chosen and "".join(chosen.split()) != "global()":
        yield "global() cannot be combined with other selectors"
    if not whole:
        return
    if _uses_global(obj.get("selector")):
        yield GLOBAL_ONLY
    if obj.get("services") is None:
        return
    if chosen:
        yield "cannot specify NamespaceSelector and Services on the same rule"
    if obj.get("serviceAccounts") is not None:
        yield "cannot specify ServiceAccounts and Services on the same rule"
    if not obj["services"].get("name"):
        yield "services must specify a service name"
    if obj.get("selector") or obj.get("notSelector"):
        yield "cannot specify Selector/NotSelector and Services on the same rule"
    if obj.get("nets") or obj.get("notNets"):
        yield "cannot specify Nets/NotNets and Services on the same rule"


def icmp(obj: Obj, whole: bool) -> Iterator[str]:
    if whole and obj.get("code") is not None and obj.get("type") is None:
        yield "ICMP code specified without an ICMP type"


def http(obj: Obj, whole: bool) -> Iterator[str]:
    methods = obj.get("methods") or []
    if len(set(methods)) != len(methods):
        yield f"Invalid methods (duplicates): [{' '.join(methods)}]"
    for path in obj.get("paths") or ():
        exact, prefix = path.get("exact"), path.get("prefix")
        told = exact or prefix or ""
        if exact and prefix:
            yield "Invalid path match. Both 'exact' and 'prefix' are set"
        elif not told:
            yield "Invalid path match. Either 'exact' or 'prefix' must be set"
        elif not told.startswith("/") or set(told) & set("? #"):
            yield f"Invalid path {told}. (must start with `/` and not contain `?` or `#`"


def policy(obj: Obj, whole: bool) -> Iterator[str]:
    """The spec of any policy; of staged ones, what they would be enforced as."""
    if obj.get("stagedAction") == "Delete":
        if any(value for name, value in obj.items() if name not in ("stagedAction", "tier")):
            yield "Spec fields, except Tier, should all be zero-value if stagedAction is Delete"
        return
    types = obj.get("types") or []
    yield from (f"'{one}' type specified more than once" for one in sorted(set(types)) if types.count(one) > 1)
    for one in obj.get("egress") or ():
        if (one.get("source") or {}).get("services") is not None:
            yield "not allowed in egress rule source"
        if one.get("http") is not None:
            yield "not allowed in egress rule"
    for one in obj.get("ingress") or ():
        if (one.get("destination") or {}).get("services") is not None:
            yield "not allowed in ingress rule destination"
    if whole and _uses_global(obj.get("selector"), obj.get("serviceAccountSelector"), obj.get("namespaceSelector")):
        yield GLOBAL_ONLY


def global_policy(obj: Obj, whole: bool) -> Iterator[str]:
    yield from policy(obj, whole)
    if obj.get("stagedAction") != "Delete":
        for rules, side in (("egress", "destination"), ("ingress", "source")):
            for one in obj.get(rules) or ():
                services = (one.get(side) or {}).get("services")
                if services is not None and not services.get("namespace"):
                    yield "must specify a namespace"
    if not whole:
        return
    before_nat, untracked = obj.get("preDNAT"), obj.get("doNotTrack")
    if before_nat and untracked:
        yield "preDNAT and doNotTrack cannot both be true"
    if before_nat and obj.get("egress"):
        yield "preDNAT policy cannot have any egress rules"
    if before_nat and "Egress" in (obj.get("types") or ()):
        yield "preDNAT policy cannot have 'Egress' type"
    if (before_nat or untracked) and not obj.get("applyOnForward"):
        yield "applyOnForward must be true if either preDNAT or doNotTrack is true"


def host_endpoint(obj: Obj, whole: bool) -> Iterator[str]:
    if whole and not obj.get("interfaceName") and not obj.get("expectedIPs"):
        yield "at least one of interfaceName or expectedIPs must be specified"
    if whole and not obj.get("node"):
        yield "node must be specified"


def endpoint_port(obj: Obj, whole: bool) -> Iterator[str]:
    if not supports_ports(obj.get("protocol") or ""):
        yield "EndpointPort protocol does not support ports."


def bgp_configuration(obj: Obj, whole: bool) -> Iterator[str]:
    communities = obj.get("communities") or []
    for one in communities:
        if not community_value(one.get("value") or ""):
            yield "invalid community value or format used."
    named = {one.get("name") for one in communities}
    for prefix in obj.get("prefixAdvertisements") or ():
        if not network_family(prefix.get("cidr") or ""):
            yield "invalid CIDR value."
        for one in prefix.get("communities") or ():
            if not community_value(one) and one not in named:
                yield "community used is invalid or not defined."
    if not whole:
        return
    for field in ("nodeMeshPassword", "nodeMeshMaxRestartTime"):
        if obj.get(field) is not None and obj.get("nodeToNodeMeshEnabled") is False:
            yield f"{field} cannot be set when nodeToNodeMeshEnabled is false"
    if communities and not obj.get("prefixAdvertisements"):
        yield "communities are defined but not used in prefixAdvertisements"


def community_value(text: str) -> bool:
    """Here leading noughts pass."""
    if PATTERNS["community_value"].fullmatch(text) is None:
        return False
    return community(":".join(str(int(part)) for part in text.split(":")))


def bgp_peer(obj: Obj, whole: bool) -> Iterator[str]:
    peer = split_peer(obj.get("peerIP") or "")
    reachable = family(obj.get("reachableBy") or "")
    if reachable and peer is not None and family(peer[0]) != reachable:
        yield "ReachableBy and PeerIP address family mismatched"
    if not whole:
        return
    asn, workload = obj.get("asNumber"), obj.get("localWorkloadSelector")
    for wrong, reason in (
        (obj.get("node") and obj.get("nodeSelector"), "node and nodeSelector cannot both be set"),
        (obj.get("peerIP") and obj.get("peerSelector"), "peerIP and peerSelector cannot both be set"),
        (obj.get("peerSelector") and asn, "asNumber must be empty when peerSelector is set"),
        (workload and obj.get("peerIP"), "peerIP must be empty when localWorkloadSelector is set"),
        (workload and obj.get("peerSelector"), "peerSelector must be empty when localWorkloadSelector is set"),
        (workload and not asn, "asNumber is required when localWorkloadSelector is set"),
        (obj.get("reachableBy") and not obj.get("peerIP"), "reachableBy must be empty when peerIP is empty"),
        (
            obj.get("keepOriginalNextHop") and obj.get("nextHopMode") is not None,
            (
                "keepOriginalNextHop and nextHopMode cannot both be set; keepOriginalNextHop is deprecated, "
                "use nextHopMode instead"
            ),
        ),
    ):
        if wrong:
            yield reason


def filter_rule(obj: Obj, whole: bool) -> Iterator[str]:
    if not whole:
        return
    if bool(obj.get("cidr")) != bool(obj.get("matchOperator")):
        yield "cidr and matchOperator must both be set or both be empty"
    if obj.get("prefixLength") is not None and not obj.get("cidr"):
        yield "cidr is required when prefixLength is set"
    if obj.get("operations") and obj.get("action") != "Accept":
        yield "operations may only be used with action Accept"


def block_affinity(obj: Obj, whole: bool) -> Iterator[str]:
    if obj.get("deleted") in (True, "true"):
        yield 'spec.Deleted cannot be set to "true"'


def annotated(obj: Obj, whole: bool) -> Iterator[str]:
    return wrong_annotations(obj.get("annotations") or {})


def wrong_annotations(found: dict[str, str]) -> Iterator[str]:
    for key in found:
        yield from names.qualified_name(key.lower())
    size = sum(len(key.encode()) + len(value.encode()) for key, value in found.items())
    if size > 256 * 1024:
        yield f"total size of annotations is too large by {size - 256 * 1024} bytes"
