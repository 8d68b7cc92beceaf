"""What Calico makes of Kubernetes' objects: policies of NetworkPolicies, profiles of namespaces, endpoints of Pods.

Models      libcalico-go/lib/backend/k8s/conversion (conversion.go, workload_endpoint_default.go)
Leaves out  the uids of what is made; floating addresses, allowed source prefixes and limits of traffic in annotations
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha1
from ipaddress import ip_network
from typing import Any

from apps.cluster.apimachinery.meta import Obj, labels_of
from apps.cluster.cni.calico.validation.ports import port_range

ORCHESTRATOR = "projectcalico.org/orchestrator"
NAMESPACE = "projectcalico.org/namespace"
SERVICE_ACCOUNT = "projectcalico.org/serviceaccount"
OF_NAMESPACE, OF_SERVICE_ACCOUNT = "pcns.", "pcsa."  # before the labels of a Pod's namespace and service account
ORDER = 1000
INTERFACE = "cali"


def pod_selector(selector: Obj | None) -> str:
    """
    >>> pod_selector({"matchLabels": {"app": "web"}})
    "projectcalico.org/orchestrator == 'k8s' && app == 'web'"
    """
    return " && ".join([f"{ORCHESTRATOR} == 'k8s'", *_terms(selector or {})])


def namespace_selector(selector: Obj | None) -> str:
    """Without one, "": the policy's own namespace; an empty one is every namespace."""
    if selector is None:
        return ""
    return " && ".join(_terms(selector)) or "all()"


def _terms(selector: Obj) -> Iterator[str]:
    for key, value in sorted((selector.get("matchLabels") or {}).items()):
        yield f"{key} == '{value}'"
    for one in selector.get("matchExpressions") or ():
        key, values = one["key"], "', '".join(one.get("values") or ())
        yield {
            "In": f"{key} in {{ '{values}' }}",
            "NotIn": f"{key} not in {{ '{values}' }}",
            "Exists": f"has({key})",
            "DoesNotExist": f"! has({key})",
        }[one["operator"]]


def network_policy(obj: Obj) -> Obj:
    """A Kubernetes NetworkPolicy as one of Calico's, in its default tier."""
    spec = obj.get("spec") or {}
    made: Obj = {"order": ORDER, "tier": "default", "selector": pod_selector(spec.get("podSelector"))}
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        rules = [made for rule in spec.get(direction) or () for made in _rules(rule, direction, peers)]
        if rules:
            made[direction] = rules
    given = spec.get("policyTypes") or ()
    made["types"] = [type_ for type_ in ("Ingress", "Egress") if type_ in given] or ["Ingress"]
    metadata = {"name": obj["metadata"]["name"], "namespace": obj["metadata"].get("namespace", "default")}
    return {"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": metadata, "spec": made}


def _rules(rule: Obj, direction: str, peers: str) -> Iterator[Obj]:
    """One for each protocol and peer. A port is where the packet goes to, whoever it comes from."""
    for protocol, ports in _protocols(rule.get("ports") or ()):
        for peer in rule.get(peers) or [None]:
            made: Obj = {"action": "Allow"}
            if protocol:
                made["protocol"] = protocol
            other, target = _peer(peer), {"ports": ports} if ports else {}
            if direction == "ingress":
                made |= {"source": other, "destination": target}
            else:
                made["destination"] = {**target, **other}
            yield {name: value for name, value in made.items() if value != {}}


def _protocols(given: Iterable[Obj]) -> list[tuple[str, list[Any]]]:
    """The ports of each protocol; none is all of them. Without any, one rule for whatever protocol."""
    found: dict[str, list[Any] | None] = {}
    for one in given:
        protocol = one.get("protocol") or "TCP"
        port = one.get("port")
        if port is None:
            found[protocol] = None
        elif protocol not in found or found[protocol] is not None:
            last = one.get("endPort")
            found[protocol] = [*(found.get(protocol) or ()), port if last is None else f"{port}:{last}"]
    if not found:
        return [("", [])]
    return [(protocol, simplified(found[protocol] or ())) for protocol in sorted(found)]


def simplified(ports: Iterable[Any]) -> list[Any]:
    """The fewest ranges that cover the ports, those with names first.

    >>> simplified([81, 80, "http", "82:90", 9090])
    ['http', '80:90', 9090]
    """
    given = list(ports)
    spans = sorted(span for span in map(port_range, given) if span is not None)
    if sum(last - first + 1 for first, last in spans) <= 1:
        return given
    merged: list[list[int]] = []
    for first, last in spans:
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    named = [port for port in given if port_range(port) is None]
    return [*named, *(first if first == last else f"{first}:{last}" for first, last in merged)]


def _peer(peer: Obj | None) -> Obj:
    if peer is None:
        return {}
    block = peer.get("ipBlock")
    if block is None:
        found = {
            "selector": pod_selector(peer.get("podSelector")),
            "namespaceSelector": namespace_selector(peer.get("namespaceSelector")),
        }
        return {name: value for name, value in found.items() if value}
    without = [str(ip_network(one, strict=False)) for one in block.get("except") or ()]
    nets = [str(ip_network(block["cidr"], strict=False))]
    return {"nets": nets, **({"notNets": without} if without else {})}


def namespace_profile(namespace: Obj) -> Obj:
    """The Profile that every Pod of a namespace has: its labels, and that all is allowed where no policy is."""
    name = namespace["metadata"]["name"]
    labels = {OF_NAMESPACE + key: value for key, value in sorted(labels_of(namespace).items())}
    spec = {
        "ingress": [{"action": "Allow"}],
        "egress": [{"action": "Allow"}],
        "labelsToApply": {**labels, f"{OF_NAMESPACE}projectcalico.org/name": name},
    }
    return _profile(f"kns.{name}", spec)


def service_account_profile(account: Obj) -> Obj:
    metadata = account["metadata"]
    labels = {OF_SERVICE_ACCOUNT + key: value for key, value in sorted(labels_of(account).items())}
    spec = {"labelsToApply": {**labels, f"{OF_SERVICE_ACCOUNT}projectcalico.org/name": metadata["name"]}}
    return _profile(f"ksa.{metadata.get('namespace', 'default')}.{metadata['name']}", spec)


def _profile(name: str, spec: Obj) -> Obj:
    return {"apiVersion": "projectcalico.org/v3", "kind": "Profile", "metadata": {"name": name}, "spec": spec}


def interface_name(namespace: str, pod: str) -> str:
    """The host's end of a Pod's veth pair.

    >>> interface_name("default", "web-0")
    'cali0d7763386da'
    """
    return INTERFACE + sha1(f"{namespace}.{pod}".encode(), usedforsecurity=False).hexdigest()[:11]


def workload_endpoint(pod: Obj) -> Obj:
    """What Felix knows of a Pod that has a node and an address."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    namespace = metadata.get("namespace", "default")
    account = spec.get("serviceAccountName")
    given = status.get("podIPs") or ([{"ip": status["podIP"]}] if status.get("podIP") else [])
    if status.get("phase") in ("Succeeded", "Failed"):
        given = []  # the address is someone else's by now
    labels = {**labels_of(pod), NAMESPACE: namespace, ORCHESTRATOR: "k8s"}
    profiles = [f"kns.{namespace}"]
    if account and len(account) < 63:
        labels[SERVICE_ACCOUNT] = account
    if account:
        profiles.append(f"ksa.{namespace}.{account}")
    ports = [
        {
            "name": port.get("name", ""),
            "protocol": port.get("protocol", "TCP"),
            "port": port["containerPort"],
            "hostPort": port.get("hostPort", 0),
            "hostIP": port.get("hostIP", ""),
        }
        for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        for port in container.get("ports") or ()
        if port.get("containerPort") and (port.get("name") or port.get("hostPort"))
    ]
    node = spec.get("nodeName", "")
    name = f"{_doubled(node)}-k8s-{_doubled(metadata['name'])}-eth0"
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "WorkloadEndpoint",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "orchestrator": "k8s",
            "node": node,
            "pod": metadata["name"],
            "endpoint": "eth0",
            **({"serviceAccountName": account} if account else {}),
            "interfaceName": interface_name(namespace, metadata["name"]),
            "profiles": profiles,
            "ipNetworks": [f"{one['ip']}/{128 if ':' in one['ip'] else 32}" for one in given],
            "ports": ports,
        },
    }


def _doubled(name: str) -> str:
    """Dashes within a part of a name are doubled, so that single ones part the parts."""
    return name.replace("-", "--")
