"""A Service as its figure sees it: which one, what CoreDNS answers for it, its endpoints in the EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from apps.cluster.apimachinery.meta import name_of, namespace_of
from apps.cluster.coredns.zone import Answer, Zone
from apps.cluster.dataplane.facts import Facts
from apps.cluster.proxy.endpoints import SERVICE_NAME
from apps.diagrams.places import SnapshotLike, natural

Obj = dict[str, Any]

SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "metallb-system")


class Entry(NamedTuple):
    """An address in an EndpointSlice. `ref`: the Pod that has it, "" when it says none."""

    address: str
    port: int
    ref: str
    node: str
    ready: bool
    serving: bool
    terminating: bool
    host: str  # its own name under the Service's, where it has one

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def chosen(snapshot: SnapshotLike, focus: str) -> str:
    """The Service that the figure is about: chosen, or that of the Pod or slice chosen, or the reader's first."""
    services: dict[str, Obj] = snapshot.objects.get("services", {})
    resource, _, key = focus.partition("/")
    if resource == "services" and key in services:
        return key
    slices = snapshot.objects.get("endpointslices", {})
    if resource == "endpointslices" and key in slices:
        owner = _owner(slices[key])
        if owner in services:
            return owner
    if resource == "pods":
        behind = {_owner(one) for one in slices.values() if any(ref == focus for ref in _targets(one))}
        found = sorted((one for one in behind if one in services), key=natural)
        if found:
            return found[0]
    return min(services, key=lambda one: (*_rank(one, services[one]), natural(one)), default="")


def _rank(key: str, service: Obj) -> tuple[bool, ...]:
    """The reader's own come first, those that lead to Pods before names for something outside."""
    elsewhere = service["spec"].get("type") == "ExternalName"
    return key.partition("/")[0] in SYSTEM, key == "default/kubernetes", elsewhere


def _owner(slice_: Obj) -> str:
    return f"{namespace_of(slice_)}/{(slice_['metadata'].get('labels') or {}).get(SERVICE_NAME, '')}"


def _targets(slice_: Obj) -> Iterable[str]:
    for entry in slice_.get("endpoints") or ():
        target = entry.get("targetRef") or {}
        if target.get("kind") == "Pod":
            yield f"pods/{target.get('namespace', namespace_of(slice_))}/{target.get('name', '')}"


def slices(facts: Facts, key: str) -> list[Obj]:
    """Those with IPv4 addresses, by name."""
    found = [one for one in facts.slices_of(key) if one.get("addressType", "IPv4") == "IPv4"]
    return sorted(found, key=lambda one: natural(name_of(one)))


def entries(facts: Facts, key: str, port_name: str) -> dict[str, Entry]:
    """Every address for one port, by `address:port`, in the order of kube-proxy's rules."""
    found: dict[str, Entry] = {}
    for slice_ in slices(facts, key):
        ports = [port for port in slice_.get("ports") or () if (port.get("name") or "") == port_name] or [{}]
        targets = list(_refs(slice_))
        for one, ref in zip(slice_.get("endpoints") or (), targets, strict=True):
            said = one.get("conditions") or {}
            for address in one.get("addresses") or ():
                entry = Entry(
                    address,
                    int(ports[0].get("port") or 0),
                    ref,
                    one.get("nodeName") or "",
                    said.get("ready") is not False,
                    said.get("serving") is not False,
                    bool(said.get("terminating")),
                    one.get("hostname") or "",
                )
                found[str(entry)] = entry
    return {text: found[text] for text in sorted(found)}


def _refs(slice_: Obj) -> Iterable[str]:
    for entry in slice_.get("endpoints") or ():
        target = entry.get("targetRef") or {}
        named = target.get("kind") == "Pod"
        yield f"pods/{target.get('namespace', namespace_of(slice_))}/{target.get('name', '')}" if named else ""


def zone(facts: Facts) -> Zone:
    return Zone(facts.table("services"), facts.table("endpointslices").values(), list(facts.table("namespaces")))


def answered(facts: Facts, key: str) -> tuple[str, Answer]:
    """The Service's whole name, and what CoreDNS answers when it is asked for it."""
    namespace, _, name = key.partition("/")
    known = zone(facts)
    asked = f"{name}.{namespace}.svc.{known.domain}"
    return asked, known.ask(asked)
