"""From Calico's rules to those that Felix renders: every selector, named port and Service in them is an ipset.

Models      felix/calc/rule_scanner.go, libcalico-go/lib/backend/syncersv1/updateprocessors (rules.go,
            networkpolicyprocessor.go)
Leaves out  rules about HTTP (they are Dikastes', not iptables')
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.conversion import NAMESPACE, OF_NAMESPACE, OF_SERVICE_ACCOUNT
from apps.cluster.cni.calico.felix.names import unique
from apps.cluster.cni.calico.felix.rules import ParsedRule, Ports
from apps.cluster.cni.calico.validation.ports import named_protocol, port_range


class SetData(NamedTuple):
    """What is in an ipset: the addresses of endpoints that a selector chooses, with one of their named ports if asked,
    or a Service's endpoints."""

    id: str
    selector: str = ""
    port: str = ""
    protocol: str = ""
    service: str = ""


def policy_selector(policy: Obj) -> str:
    """The endpoints that a policy is about."""
    spec, namespace = policy.get("spec") or {}, policy["metadata"].get("namespace")
    chosen = spec.get("selector") or ""
    if namespace:
        own = f"{NAMESPACE} == '{namespace}'"
        chosen = f"({chosen}) && {own}" if chosen else own
    for field, prefix in (("namespaceSelector", OF_NAMESPACE), ("serviceAccountSelector", OF_SERVICE_ACCOUNT)):
        if spec.get(field):
            more = str(selector.parse(spec[field]).prefixed(prefix))
            chosen = f"({chosen}) && {more}" if chosen else more
    return chosen or "all()"


def parsed(rule: Obj, namespace: str) -> tuple[ParsedRule, list[SetData]]:
    """A rule of a policy, and the ipsets that it needs."""
    sides = [rule.get("source") or {}, rule.get("destination") or {}]
    protocol = named_protocol(rule.get("protocol"))
    found: list[SetData] = []

    def ids(data: list[SetData]) -> tuple[str, ...]:
        found.extend(data)
        return tuple(one.id for one in data)

    named, not_named, sets, not_sets = [], [], [], []
    for side in sides:
        chosen, without = _combined(_endpoints(side, namespace), side.get("notSelector") or "")
        numbers, names = _ports(side.get("ports"))
        not_names = _ports(side.get("notPorts"))[1]
        named.append(ids([_named(chosen, name, protocol) for name in names]))
        not_named.append(ids([_named(chosen, name, protocol) for name in not_names]))
        # Where named ports stand alone, their sets hold the selector's endpoints only.
        sets.append(ids([_selected(chosen)] if chosen and (numbers or not names) else []))
        not_sets.append(ids([_selected(without)] if without else []))
    services = [_service(side, namespace) for side in sides]
    source_service = ids([SetData(unique("svcnoport", services[0]), service=services[0])] if services[0] else [])
    made = ParsedRule(
        action=rule["action"],
        ip_version=rule.get("ipVersion") or 0,
        protocol=_lower(rule.get("protocol")),
        not_protocol=_lower(rule.get("notProtocol")),
        nets=_pair(sides, "nets"),
        not_nets=_pair(sides, "notNets"),
        sets=(sets[0] + source_service, sets[1]),
        not_sets=(not_sets[0], not_sets[1]),
        port_sets=ids([SetData(unique("svc", services[1]), service=services[1])] if services[1] else []),
        ports=(_ports(sides[0].get("ports"))[0], _ports(sides[1].get("ports"))[0]),
        not_ports=(_ports(sides[0].get("notPorts"))[0], _ports(sides[1].get("notPorts"))[0]),
        named=(named[0], named[1]),
        not_named=(not_named[0], not_named[1]),
        icmp=_icmp(rule.get("icmp")),
        not_icmp=_icmp(rule.get("notICMP")),
    )
    return made, found


def _pair(sides: list[Obj], field: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(sides[0].get(field) or ()), tuple(sides[1].get(field) or ())


def _endpoints(side: Obj, namespace: str) -> str:
    """The endpoints of one side, with the namespaces that they are of."""
    given, within = side.get("selector") or "", ""
    account = _account(side.get("serviceAccounts") or {})
    if side.get("namespaceSelector"):
        within = str(selector.parse(side["namespaceSelector"]).prefixed(OF_NAMESPACE))
        within = within.replace("all()", f"has({NAMESPACE})").replace("global()", f"!has({NAMESPACE})")
    elif namespace:
        within = f"{NAMESPACE} == '{namespace}'"
    chosen = f"({account}) && ({given})" if account and given else account or given
    if within and (chosen or side.get("notSelector") or side.get("namespaceSelector")):
        return f"({within}) && ({chosen})" if chosen else within
    return chosen


def _account(match: Obj) -> str:
    names = match.get("names") or []
    terms = []
    if match.get("selector"):
        terms.append(str(selector.parse(match["selector"]).prefixed(OF_SERVICE_ACCOUNT)))
    if names:
        listed = "', '".join(names)
        terms.append(f"{OF_SERVICE_ACCOUNT}projectcalico.org/name in {{ '{listed}' }}")
    return terms[0] if len(terms) == 1 else " && ".join(f"({one})" for one in terms)


def _combined(chosen: str, without: str) -> tuple[str, str]:
    """Where endpoints are chosen, those that are not meant are taken out of the same set."""
    return (f"({chosen}) && (!({without}))", "") if chosen and without else (chosen, without)


def _selected(text: str) -> SetData:
    told = str(selector.parse(text))
    return SetData(unique("s", told), told)


def _named(text: str, port: str, protocol: str) -> SetData:
    told = str(selector.parse(text or "all()"))
    kind = protocol.lower() if protocol else "any"
    return SetData(unique("n", f"{unique('s', told)},{kind},{port}"), told, port, kind)


def _service(side: Obj, namespace: str) -> str:
    given = side.get("services")
    return f"{given.get('namespace') or namespace}/{given['name']}" if given else ""


def _ports(given: Any) -> tuple[Ports, tuple[str, ...]]:
    spans = [(port, port_range(port)) for port in given or ()]
    return tuple(span for _, span in spans if span is not None), tuple(port for port, span in spans if span is None)


def _lower(protocol: Any) -> str:
    return "" if protocol is None else str(protocol).lower()


def _icmp(given: Obj | None) -> str:
    if not given or given.get("type") is None:
        return ""
    return str(given["type"]) if given.get("code") is None else f"{given['type']}/{given['code']}"
