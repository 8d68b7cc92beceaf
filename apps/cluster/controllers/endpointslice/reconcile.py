"""Which EndpointSlices of a Service to create, update and delete.

Models      staging/src/k8s.io/endpointslice/{reconciler.go,trafficdist/trafficdist.go}
Leaves out  nothing that shows

Pure. Endpoints with the same ports share slices of at most 100. An endpoint stays in the slice it is in; new ones fill
slices that change anyway, then the fullest slice that has room for all, then new slices. A Service
without endpoints keeps one empty slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from apps.cluster.apimachinery.meta import (
    EMPTY,
    Obj,
    controller_ref,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from apps.cluster.controllers.endpointslice import topology
from apps.cluster.controllers.endpointslice.endpoints import (
    HEADLESS_LABEL,
    ZONE_LABEL,
    addresses,
    belongs,
    endpoint_key,
    endpoint_of,
    is_headless,
    port_key,
    ports_of,
)

MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
SERVICE_LABEL = "kubernetes.io/service-name"
MANAGER = "endpointslice-controller.k8s.io"
MAX_ENDPOINTS = 100
_RESERVED = (MANAGED_BY_LABEL, SERVICE_LABEL, HEADLESS_LABEL)
_CLOSE = ("PreferClose", "PreferSameZone", "PreferSameNode")


@dataclass(slots=True)
class Slices:
    """Slices to write. Those to create have no name yet."""

    create: list[Obj] = field(default_factory=list)
    update: list[Obj] = field(default_factory=list)
    delete: list[Obj] = field(default_factory=list)
    nodeless: list[tuple[str, str]] = field(default_factory=list)  # Pods left out, since their node is not known
    events: list[topology.Told] = field(default_factory=list)  # about hints by zone


NodeLookup = Callable[[str], Obj | None]


class Part(NamedTuple):
    """What one Pod contributes, and what that was worked out from."""

    pod: Obj
    zone: str | None  # of its node; None when the node is not known
    group: object  # key of its ports
    ports: list[Obj]
    key: object  # key of its endpoint
    endpoint: Obj | None  # None: nothing


Memo = dict[str, dict[str, Part]]  # address type -> Pod uid -> Part


def reconcile(
    service: Obj,
    pods: Sequence[Obj],
    slices: Sequence[Obj],
    node: NodeLookup,
    memo: Memo | None = None,
    zones: topology.TopologyCache | None = None,
) -> Slices:
    """Compare the endpoints there should be with the slices there are.

    `zones` keeps the hints that Services ask for by annotation; without it they get none.
    `memo` is a caller's, for the same Service spec: Pods that are still the same objects are not looked at again.
    """
    out = Slices()
    types = address_types(service)
    memo = {} if memo is None else memo
    for address_type in types:
        there = [one for one in slices if one["addressType"] == address_type]
        known = memo.get(address_type, {})
        memo[address_type] = _reconcile_type(out, service, pods, there, node, address_type, known, zones)
    out.delete.extend(one for one in slices if one["addressType"] not in types)
    _reuse(out, service)
    if "deletionTimestamp" in service["metadata"]:
        out.create.clear()  # the garbage collector is about to delete them all
    return out


def address_types(service: Obj) -> list[str]:
    """The address families of a Service, in its order."""
    return list(service["spec"].get("ipFamilies") or ("IPv4",))


def labels_for(service: Obj) -> dict[str, str]:
    """The labels of the Service's slices: its own, and the reserved ones."""
    labels = {key: value for key, value in labels_of(service).items() if key not in _RESERVED}
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    labels[SERVICE_LABEL] = name_of(service)
    labels[MANAGED_BY_LABEL] = MANAGER
    return labels


def new_slice(service: Obj, address_type: str, ports: list[Obj], endpoints: list[Obj]) -> Obj:
    """A slice of the Service, to be created."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": name_of(service) + "-",
            "namespace": namespace_of(service),
            "labels": labels_for(service),
            "ownerReferences": [controller_ref(service)],
        },
        "addressType": address_type,
        "endpoints": endpoints,
        "ports": ports,
    }


def is_owned(endpoint_slice: Obj, service: Obj) -> bool:
    uid = uid_of(service)
    return any(
        reference["uid"] == uid and reference["kind"] == "Service"
        for reference in endpoint_slice["metadata"].get("ownerReferences") or ()
    )


def same_placeholder(a: Obj | None, b: Obj | None) -> bool:
    """Whether two empty slices do the same service: owners, labels, family, ports, endpoints; whatever their names."""
    if a is None or b is None:
        return a is b
    before, after = a.get("metadata") or EMPTY, b.get("metadata") or EMPTY
    if (before.get("namespace") or "") != (after.get("namespace") or ""):
        return False
    if (before.get("labels") or EMPTY) != (after.get("labels") or EMPTY):
        return False
    return all((a.get(name) or []) == (b.get(name) or []) for name in ("addressType", "endpoints", "ports"))


def _part(service: Obj, pod: Obj, known: Obj | None, address_type: str) -> Part:
    zone = None if known is None else labels_of(known).get(ZONE_LABEL, "")
    if not belongs(pod, include_terminating=True) or not addresses(pod, address_type):
        return Part(pod, zone, None, [], None, None)
    ports = ports_of(service, pod)
    endpoint = endpoint_of(pod, known, service, address_type)
    return Part(pod, zone, port_key(ports), ports, endpoint_key(endpoint), endpoint)


def _reconcile_type(
    out: Slices,
    service: Obj,
    pods: Sequence[Obj],
    slices: Sequence[Obj],
    node: NodeLookup,
    address_type: str,
    memo: dict[str, Part],
    cache: topology.TopologyCache | None,
) -> dict[str, Part]:
    """Adds to `out`; gives the parts of the Pods, for the next time."""
    create: list[Obj] = []
    update: list[Obj] = []
    delete: list[Obj] = []
    by_ports: dict[object, list[Obj]] = {}
    for one in slices:
        if is_owned(one, service):
            by_ports.setdefault(port_key(one.get("ports")), []).append(one)
        else:
            delete.append(one)
    desired: dict[object, tuple[list[Obj], dict[object, Obj]]] = {}
    parts: dict[str, Part] = {}
    published = service["spec"].get("publishNotReadyAddresses")
    zones: dict[str, tuple[Obj | None, str | None]] = {}
    for pod in pods:
        uid = pod["metadata"]["uid"]
        name = pod["spec"].get("nodeName") or ""
        where = zones.get(name)
        if where is None:
            known = node(name)
            where = zones[name] = known, None if known is None else labels_of(known).get(ZONE_LABEL, "")
        part = memo.get(uid)
        if part is None or part.pod is not pod or part.zone != where[1]:
            part = _part(service, pod, where[0], address_type)
        parts[uid] = part
        if part.endpoint is None:
            continue
        group = desired.get(part.group)
        if group is None:
            group = desired[part.group] = (part.ports, {})
        if where[0] is None and not published:
            out.nodeless.append((name_of(pod), name))
        else:
            group[1][part.key] = part.endpoint
    for key, (ports, endpoints) in desired.items():
        made = _reconcile_ports(service, by_ports.get(key, []), endpoints, ports, address_type)
        create += made[0]
        update += made[1]
        delete += made[2]
    for key, existing in by_ports.items():
        if key not in desired:
            delete += existing
    if len(delete) == len(slices) and not create:
        placeholder = new_slice(service, address_type, [], [])
        if len(delete) == 1 and is_owned(delete[0], service) and same_placeholder(delete[0], placeholder):
            delete.clear()
        else:
            create.append(placeholder)
    changed = {name_of(one) for one in (*update, *delete)}
    untouched = [one for one in slices if name_of(one) not in changed]
    key_of_service, by_annotation = key_of(service), topology.enabled(service)
    if cache is not None and not by_annotation:
        out.events += cache.drop(key_of_service, address_type)
    if by_annotation:
        plan = topology.Plan(create, update, untouched)
        add = cache.add_hints(key_of_service, address_type, plan) if cache is not None else topology.without_hints(plan)
        create, update = add.create, add.update
        out.events += add.events
    else:
        create, update = with_hints(service, create, update, untouched)
    out.create += create
    out.update += update
    out.delete += delete
    return parts


def _reconcile_ports(
    service: Obj, existing: Sequence[Obj], desired: dict[object, Obj], ports: list[Obj], address_type: str
) -> tuple[list[Obj], list[Obj], list[Obj]]:
    """The slices of one set of ports: (to create, to update, to delete)."""
    labels = labels_for(service)
    desired = dict(desired)
    changed: dict[str, Obj] = {}
    unchanged: dict[str, Obj] = {}
    delete: list[Obj] = []
    for one in existing:
        kept: list[Obj] = []
        differs = False
        before = one.get("endpoints") or []
        for endpoint in before:
            wanted = desired.pop(endpoint_key(endpoint), None)
            if wanted is not None:
                kept.append(wanted)
                differs = differs or not _same(wanted, endpoint)
        if differs or len(kept) != len(before):
            if kept:
                changed[name_of(one)] = _with(one, labels, kept)
            else:
                delete.append(one)
        elif labels_of(one) != labels:
            changed[name_of(one)] = _with(one, labels, before)
        else:
            unchanged[name_of(one)] = one
    left = list(desired.values())
    for one in sorted(changed.values(), key=lambda filled: -len(filled["endpoints"])):
        room = MAX_ENDPOINTS - len(one["endpoints"])
        if left and room > 0:
            changed[name_of(one)] = {**one, "endpoints": one["endpoints"] + left[:room]}
            left = left[room:]
    create: list[Obj] = []
    while left:
        fullest = _fullest_with_room(unchanged.values(), len(left)) if len(left) < MAX_ENDPOINTS else None
        if fullest is not None:
            del unchanged[name_of(fullest)]
            changed[name_of(fullest)] = {**fullest, "endpoints": (fullest.get("endpoints") or []) + left}
            break
        create.append(new_slice(service, address_type, ports, left[:MAX_ENDPOINTS]))
        left = left[MAX_ENDPOINTS:]
    return create, list(changed.values()), delete


def _with(endpoint_slice: Obj, labels: dict[str, str], endpoints: list[Obj]) -> Obj:
    metadata = {**endpoint_slice["metadata"], "labels": labels}
    return {**endpoint_slice, "metadata": metadata, "endpoints": endpoints}


def _same(wanted: Obj, there: Obj) -> bool:
    """EndpointsEqualBeyondHash: everything but hints."""
    if wanted is there:
        return True
    if any(wanted.get(name) != there.get(name) for name in ("nodeName", "zone", "conditions")):
        return False
    return bool(wanted["targetRef"]["uid"] == (there.get("targetRef") or EMPTY).get("uid"))


def _fullest_with_room(slices: Iterable[Obj], count: int) -> Obj | None:
    best: Obj | None = None
    least = MAX_ENDPOINTS
    for one in slices:
        room = MAX_ENDPOINTS - count - len(one.get("endpoints") or ())
        if 0 <= room < least:
            least, best = room, one
    return best


def _reuse(out: Slices, service: Obj) -> None:
    """A slice to delete and one to create of the same family become one to update."""
    position = 0
    while position < len(out.delete) and out.create:
        old, new = out.delete[position], out.create[-1]
        if old["addressType"] == new["addressType"] and is_owned(old, service):
            out.create.pop()
            del out.delete[position]
            metadata = {**old["metadata"], "labels": new["metadata"]["labels"]}
            metadata["ownerReferences"] = new["metadata"]["ownerReferences"]
            out.update.append({**new, "metadata": metadata})
        else:
            position += 1


def with_hints(service: Obj, create: list[Obj], update: list[Obj], untouched: list[Obj]) -> tuple[list[Obj], list[Obj]]:
    """(to create, to update) with the hints that `spec.trafficDistribution` asks for, and without others."""
    wanted = service["spec"].get("trafficDistribution")
    close, by_node = wanted in _CLOSE, wanted == "PreferSameNode"
    stale = [one for one in untouched if _hinted(one, close, by_node) is not one]
    return (
        [_hinted(one, close, by_node) for one in create],
        [_hinted(one, close, by_node) for one in (*update, *stale)],
    )


def _hinted(endpoint_slice: Obj, close: bool, by_node: bool) -> Obj:
    """The slice with right hints; the same object when it has them already."""
    endpoints = endpoint_slice.get("endpoints") or []
    out = [_hint(endpoint, close, by_node) for endpoint in endpoints]
    if all(new is old for new, old in zip(out, endpoints, strict=True)):
        return endpoint_slice
    return {**endpoint_slice, "endpoints": out}


def _hint(endpoint: Obj, close: bool, by_node: bool) -> Obj:
    if close and not endpoint["conditions"].get("ready"):
        return endpoint
    hints: Obj = {}
    if close and endpoint.get("zone"):
        hints["forZones"] = [{"name": endpoint["zone"]}]
    if by_node and endpoint.get("nodeName"):
        hints["forNodes"] = [{"name": endpoint["nodeName"]}]
    if hints == (endpoint.get("hints") or EMPTY):
        return endpoint
    rest = {name: value for name, value in endpoint.items() if name != "hints"}
    return {**rest, "hints": hints} if hints else rest
