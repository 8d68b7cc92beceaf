"""Which node answers for an address of a load balancer: every speaker works it out by itself, and all agree.

Models      metallb speaker/layer2_controller.go (ShouldAnnounce, sortL2Candidates, speakersForAds),
            internal/k8s/{nodes/nodes.go,epslices/endpoint_slices.go}
Leaves out  interfaces; how speakers find one another (memberlist): who is alive is told

Pure: objects in, a node out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of, name_of, namespace_of
from apps.cluster.controllers.metallb.allocator import SHARED, addresses_of, annotation
from apps.cluster.controllers.metallb.pools import POOLS, pool_of, read
from apps.cluster.controllers.servicelb.nodes import included

ADVERTISEMENTS, STATUSES = "l2advertisements.metallb.io", "servicel2statuses.metallb.io"
NODE_LABEL, NAME_LABEL, NAMESPACE_LABEL = "metallb.io/node", "metallb.io/service-name", "metallb.io/service-namespace"
NAMESPACE, COMPONENT = "metallb-system", "component"
CONTROLLER, SPEAKER = "controller", "speaker"  # the label "component" of MetalLB's Pods
SERVICE_LABEL = "kubernetes.io/service-name"

Objects = Mapping[str, Mapping[str, Obj]]
Alive = Callable[[str], bool]


def order(candidates: Iterable[str], ip: str, scores: Mapping[str, int] = EMPTY) -> list[str]:
    """Nodes in the order in which they would answer for an address: each address has an order of its own.

    >>> order(["node-a", "node-b", "node-c"], "10.0.0.1"), order(["node-c", "node-b", "node-a"], "10.0.0.2")
    (['node-b', 'node-a', 'node-c'], ['node-b', 'node-c', 'node-a'])
    """
    return sorted(candidates, key=lambda node: (-scores.get(node, 0), sha256(f"{node}#{ip}".encode()).digest()))


def runs(pod: Obj) -> bool:
    """Whether a Pod's program is running, whatever is known of its node."""
    status = pod.get("status") or EMPTY
    containers = status.get("containerStatuses") or ()
    return status.get("phase") == "Running" and all("running" in (one.get("state") or EMPTY) for one in containers)


def pods_of(objects: Objects, component: str) -> list[Obj]:
    """MetalLB's own Pods of one sort."""
    return [
        pod
        for pod in objects.get("pods", EMPTY).values()
        if namespace_of(pod) == NAMESPACE and labels_of(pod).get(COMPONENT) == component
    ]


def speakers(objects: Objects, alive: Alive | None = None) -> list[str]:
    """Nodes whose speakers know of one another."""
    nodes = objects.get("nodes", EMPTY)
    alive = alive or (lambda name: is_true((nodes[name].get("status") or EMPTY).get("conditions"), "Ready"))
    found = [pod["spec"].get("nodeName", "") for pod in pods_of(objects, SPEAKER) if runs(pod)]
    return [name for name in found if name in nodes and alive(name)]


def serving(objects: Objects, service: Obj) -> list[str]:
    """The node of every endpoint that can serve: ready, or on its way out and still answering; "" for no node."""
    out = []
    for part in objects.get("endpointslices", EMPTY).values():
        if labels_of(part).get(SERVICE_LABEL) != name_of(service) or namespace_of(part) != namespace_of(service):
            continue
        for endpoint in part.get("endpoints") or ():
            conditions = endpoint.get("conditions") or EMPTY
            if conditions.get("ready") is not False or conditions.get("serving"):
                out.append(endpoint.get("nodeName", ""))
    return out


def _chosen(wanted: Iterable[Obj], labels: Mapping[str, str]) -> bool:
    return any(selectors.from_label_selector(one).matches(dict(labels)) for one in wanted)


def _advertisements(objects: Objects, pool: str, service: Obj) -> list[Obj]:
    """The specs of L2Advertisements that tell of a pool and a Service."""
    about = next((one for one in objects.get(POOLS, EMPTY).values() if name_of(one) == pool), EMPTY)
    out = []
    for obj in objects.get(ADVERTISEMENTS, EMPTY).values():
        spec = obj.get("spec") or EMPTY
        names, sorts = spec.get("ipAddressPools") or (), spec.get("ipAddressPoolSelectors") or ()
        if (names or sorts) and pool not in names and not _chosen(sorts, labels_of(about) if about else EMPTY):
            continue
        wanted = spec.get("serviceSelectors") or ()
        if not wanted or _chosen(wanted, labels_of(service)):
            out.append(spec)
    return out


def _matches(specs: Iterable[Obj], node: Obj) -> bool:
    wanted = [spec.get("nodeSelectors") or () for spec in specs]
    return any(not one or _chosen(one, labels_of(node)) for one in wanted)


def _score(specs: Iterable[Obj], node: Obj) -> int:
    """How much the advertisements would rather have this node."""
    wishes = [wish for spec in specs for wish in spec.get("preferredNodeSelectors") or ()]
    return sum(int(wish["weight"]) for wish in wishes if _chosen((wish.get("preference") or {},), labels_of(node)))


def candidates(objects: Objects, service: Obj, alive: Alive | None = None) -> list[str]:
    """The nodes that could answer for a Service's address, the one that does first; none while nobody may."""
    ips = addresses_of(service)
    if service["spec"].get("type") != "LoadBalancer" or not ips:
        return []
    pool = pool_of(read(objects.get(POOLS, EMPTY).values()), ips)
    endpoints = serving(objects, service)
    if pool is None or not endpoints:
        return []
    specs = _advertisements(objects, pool.name, service)
    if annotation(service, SHARED) and any(spec.get("serviceSelectors") for spec in specs):
        return []
    nodes = objects.get("nodes", EMPTY)
    found = [
        name
        for name in speakers(objects, alive)
        if included(nodes[name])
        and not is_true((nodes[name].get("status") or EMPTY).get("conditions"), "NetworkUnavailable")
        and _matches(specs, nodes[name])
    ]
    if service["spec"].get("externalTrafficPolicy") == "Local":
        found = [name for name in found if name in endpoints]
    return order(found, ips[0], {name: _score(specs, nodes[name]) for name in found})


def announcer(objects: Objects, service: Obj, alive: Alive | None = None) -> str:
    """The node that answers ARP for a Service's address; "" when none does.

    `alive`: whether a machine is there for the others; without it, a Ready node is taken to be.
    """
    return next(iter(candidates(objects, service, alive)), "")


def announcements(objects: Objects) -> dict[str, str]:
    """Every address that is answered for, and the node: as the speakers themselves have written it down.

    A node that has just died is still the one, until the others miss it.
    """
    services = objects.get("services", EMPTY)
    found: dict[str, str] = {}
    for status in objects.get(STATUSES, EMPTY).values():
        labels = labels_of(status)
        service = services.get(f"{labels.get(NAMESPACE_LABEL)}/{labels.get(NAME_LABEL)}")
        for ip in addresses_of(service) if service is not None else ():
            found[ip] = labels.get(NODE_LABEL, "")
    return found
