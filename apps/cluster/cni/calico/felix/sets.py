"""What is in Felix' ipsets: addresses of the endpoints that a selector chooses, with a named port where one is asked.

Models      felix/labelindex (SelectorAndNamedPortIndex), felix/serviceindex, felix/ipsets
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector
from apps.cluster.cni.calico.conversion import NAMESPACE
from apps.cluster.cni.calico.felix.scanner import SetData


class Endpoint(NamedTuple):
    """A workload: its labels with those that its profiles hand down, its addresses, and its ports that have a name.

    So is a NetworkSet, with networks for addresses and no ports.
    """

    labels: Mapping[str, str]
    addresses: tuple[str, ...]
    ports: tuple[tuple[str, str, int], ...] = ()  # name, protocol in lower case, number


def endpoint_of(workload: Obj, profiles: Mapping[str, Obj]) -> Endpoint:
    """A WorkloadEndpoint with what its profiles, by name, add to it."""
    labels: dict[str, str] = {}
    for name in workload["spec"].get("profiles") or ():
        labels |= (profiles.get(name, {}).get("spec") or {}).get("labelsToApply") or {}
    ports = workload["spec"].get("ports") or ()
    return Endpoint(
        {**labels, **(workload["metadata"].get("labels") or {})},
        tuple(net.partition("/")[0] for net in workload["spec"].get("ipNetworks") or ()),
        tuple((port["name"], str(port["protocol"]).lower(), port["port"]) for port in ports if port.get("name")),
    )


def network_set(obj: Obj, profiles: Mapping[str, Obj]) -> Endpoint:
    """A NetworkSet or a GlobalNetworkSet: networks that have labels."""
    metadata = obj["metadata"]
    labels = dict(metadata.get("labels") or {})
    if metadata.get("namespace"):
        profile = profiles.get(f"kns.{metadata['namespace']}", {}).get("spec") or {}
        labels = {**(profile.get("labelsToApply") or {}), **labels, NAMESPACE: metadata["namespace"]}
    return Endpoint(labels, tuple((obj.get("spec") or {}).get("nets") or ()))


def service_members(data: SetData, slices: Iterable[Obj], family: int) -> frozenset[str]:
    """The endpoints of a Service, with their ports if the set is about a destination."""
    namespace, _slash, name = data.service.partition("/")
    found: set[str] = set()
    for one in slices:
        metadata = one["metadata"]
        named = (metadata.get("labels") or {}).get("kubernetes.io/service-name") == name
        if not named or metadata.get("namespace") != namespace or one["addressType"] != f"IPv{family}":
            continue
        addresses = [address for endpoint in one.get("endpoints") or () for address in endpoint.get("addresses") or ()]
        if data.id.startswith("svcnoport:"):
            found.update(addresses)
            continue
        for port in one.get("ports") or ():
            if port.get("port"):
                found.update(f"{address},{port.get('protocol', 'TCP').lower()}:{port['port']}" for address in addresses)
    return frozenset(found)


def has_ports(id_: str) -> bool:
    """Whether a set is of addresses with ports (`hash:ip,port`); the others are `hash:net`."""
    return id_.startswith(("n:", "svc:"))


def members(data: SetData, endpoints: Iterable[Endpoint], family: int) -> frozenset[str]:
    """As ipset prints them: `192.168.1.2`, `192.168.1.2,tcp:80`."""
    chosen = selector.parse(data.selector)
    found: set[str] = set()
    for endpoint in endpoints if not data.service else ():
        if not chosen.matches(endpoint.labels):
            continue
        mine = [address for address in endpoint.addresses if (":" in address) == (family == 6)]
        if not data.port:
            found.update(mine)
            continue
        for name, protocol, number in endpoint.ports:
            if name == data.port and data.protocol in ("any", protocol):
                found.update(f"{address},{protocol}:{number}" for address in mine)
    return frozenset(found)
