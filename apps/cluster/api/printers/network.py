"""Tables of Services, Endpoints, EndpointSlices, Ingresses, NetworkPolicies and address ranges.

Models      pkg/printers/internalversion/printers.go (printService, printIngress, formatEndpoints, …)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.printers.words import (
    NONE,
    UNKNOWN,
    Cells,
    Look,
    cut,
    format_labels,
    format_selector,
    name_of,
    spec_of,
    status_of,
)
from apps.cluster.apimachinery.meta import EMPTY, Obj

BALANCER_WIDTH = 16
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def _balancer(obj: Obj, wide: bool) -> str:
    """Addresses that a load balancer gave."""
    ingress = (status_of(obj).get("loadBalancer") or EMPTY).get("ingress") or ()
    found = ",".join(sorted({one.get("ip") or one.get("hostname") or "" for one in ingress} - {""}))
    return found[: BALANCER_WIDTH - 3] + "..." if not wide and len(found) > BALANCER_WIDTH else found


def _external(obj: Obj, wide: bool) -> str:
    spec = spec_of(obj)
    kind, given = spec.get("type", ""), spec.get("externalIPs") or []
    if kind in ("ClusterIP", "NodePort"):
        return ",".join(given) or NONE
    if kind == "LoadBalancer":
        balanced = _balancer(obj, wide)
        return ",".join([*([balanced] if balanced else []), *given]) or "<pending>"
    return spec.get("externalName", "") if kind == "ExternalName" else UNKNOWN


def _port(port: Obj) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort", 0) > 0 else ""
    return f"{port.get('port', 0)}{node}/{port.get('protocol', '')}"


def service(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    addresses = spec.get("clusterIPs") or [NONE]
    ports = ",".join(map(_port, spec.get("ports") or ())) or NONE
    cells: Cells = [name_of(obj), spec.get("type", ""), addresses[0], _external(obj, look.wide), ports, look.age(obj)]
    return [*cells, format_labels(spec.get("selector"))] if look.wide else cells


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def endpoints(obj: Obj, look: Look) -> Cells:
    found = []
    for subset in obj.get("subsets") or ():
        addresses = [one.get("ip", "") for one in subset.get("addresses") or ()]
        if not subset.get("ports"):
            found += addresses
        for port in subset.get("ports") or ():
            found += [_joined(address, port.get("port", 0)) for address in addresses]
    shown = cut(found, empty="") if obj.get("subsets") else NONE
    return [name_of(obj), shown, look.age(obj)]


def endpoint_slice(obj: Obj, look: Look) -> Cells:
    ports = [
        str(port["port"]) if port.get("port") is not None else port["name"] if port.get("name") is not None else "*"
        for port in obj.get("ports") or ()
    ]
    addresses = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    return [name_of(obj), obj.get("addressType", ""), cut(ports), cut(addresses), look.age(obj)]


def _hosts(rules: list[Obj]) -> str:
    found: list[str] = []
    more = False
    for rule in rules:
        more = more or len(found) == 3
        if not more and rule.get("host"):
            found.append(rule["host"])
    if not found:
        return "*"
    return ",".join(found) + (f" + {len(rules) - 3} more..." if more else "")


def ingress(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    kind = spec.get("ingressClassName")
    ports = "80, 443" if spec.get("tls") else "80"
    cells: Cells = [name_of(obj), NONE if kind is None else kind, _hosts(spec.get("rules") or [])]
    return [*cells, _balancer(obj, look.wide), ports, look.age(obj)]


def ingress_class(obj: Obj, look: Look) -> Cells:
    spec = spec_of(obj)
    default = (obj["metadata"].get("annotations") or EMPTY).get(DEFAULT_CLASS) == "true"
    found, parameters = spec.get("parameters"), NONE
    if found is not None:
        group = f".{found['apiGroup']}" if found.get("apiGroup") is not None else ""
        parameters = f"{found.get('kind', '')}{group}/{found.get('name', '')}"
    name = name_of(obj) + (" (default)" if default else "")
    return [name, spec.get("controller", ""), parameters, look.age(obj)]


def network_policy(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), format_selector(spec_of(obj).get("podSelector") or {}), look.age(obj)]


def service_cidr(obj: Obj, look: Look) -> Cells:
    return [name_of(obj), ",".join(spec_of(obj).get("cidrs") or ()), look.age(obj)]


def ip_address(obj: Obj, look: Look) -> Cells:
    parent, shown = spec_of(obj).get("parentRef"), NONE
    if parent is not None:
        group, namespace = parent.get("group", ""), parent.get("namespace", "")
        shown = parent.get("resource", "").lower() + (f".{group.lower()}" if group else "")
        shown += (f"/{namespace}" if namespace else "") + f"/{parent.get('name', '')}"
    return [name_of(obj), shown, look.age(obj)]
