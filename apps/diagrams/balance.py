"""What one node's kube-proxy has made of a Service's port: whom it sends new connections to, and who it left out.

Read off what that kube-proxy had seen when it last wrote its rules, which may be older than what there is now.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from apps.cluster.dataplane.agents import PROXY, UP
from apps.cluster.dataplane.dataplane import Dataplane
from apps.cluster.dataplane.facts import Facts
from apps.cluster.proxy.endpoints import Endpoint, categorize, endpoints_of
from apps.cluster.proxy.service_ports import PortName, ServicePort, service_ports

Obj = dict[str, Any]


class Balance(NamedTuple):
    """Of one node. `written`: whether kube-proxy has written anything there; `port` None: nothing for this Service."""

    node: str
    state: str  # of kube-proxy
    revision: int  # what it had seen
    written: bool = False
    name: PortName | None = None
    port: ServicePort | None = None
    cluster: tuple[Endpoint, ...] = ()
    local: tuple[Endpoint, ...] = ()
    any: bool = False  # whether there is an endpoint anywhere
    late: bool = False  # it would write something else by what there is now

    @property
    def inside(self) -> tuple[Endpoint, ...]:
        """For connections to the cluster IP."""
        return self.local if self.port is not None and self.port.internal_local else self.cluster

    @property
    def outside(self) -> tuple[Endpoint, ...]:
        """For connections to node ports, and to external addresses."""
        return self.local if self.port is not None and self.port.external_local else self.cluster

    @property
    def reached(self) -> dict[str, Endpoint]:
        """Everybody that it may send something to, in the order of the rules."""
        both = {str(one): one for one in (*self.cluster, *self.local)}
        return {text: both[text] for text in sorted(both)}


def of_node(plane: Dataplane, node: str, key: str, number: int = 0) -> Balance:
    """`number`: which of the Service's ports."""
    seen = plane.past.seen(node, PROXY)
    if seen.position is None:
        return Balance(node, seen.state, 0)
    revision = plane.revision_at(seen.position)
    then = _made(plane, plane.facts_at(seen.position), node, key, number)
    now = _made(plane, plane.facts, node, key, number)
    made = Balance(node, seen.state, revision, True, **then)
    return made._replace(late=seen.state == UP and made[4:9] != Balance(node, "", 0, True, **now)[4:9])


def _made(plane: Dataplane, facts: Facts, node: str, key: str, number: int) -> dict[str, Any]:
    ports = service_ports(facts.table("services").get(key), 4)
    if not ports:
        return {}
    name = list(ports)[min(number, len(ports) - 1)]
    port = ports[name]
    labels = facts.table("nodes").get(node, {}).get("metadata", {}).get("labels") or {}
    found = endpoints_of(facts.slices_of(key), node).get(name, [])
    usable = categorize(found, port, node, labels)
    cluster = usable.cluster if port.uses_cluster_endpoints else []
    return {
        "name": name,
        "port": port,
        "cluster": tuple(cluster),
        "local": tuple(usable.local),
        "any": usable.any,
    }
