"""Addresses outside the cluster that lead into it: load balancers, MetalLB's announcements, external IPs.

Models      a cloud's network load balancer in front of node ports, with its health check (healthCheckNodePort for
            externalTrafficPolicy Local, kube-proxy's /healthz otherwise); MetalLB's L2 mode
Leaves out  what stands before a Service's status tells its address; health checks take no time
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apps.cluster.controllers.metallb.election import announcements
from apps.cluster.controllers.servicelb.pool import Backend, pool
from apps.cluster.dataplane.agents import CUT, PROXY, UP
from apps.cluster.dataplane.outside import Balanced

if TYPE_CHECKING:
    from apps.cluster.dataplane.dataplane import Dataplane

Obj = dict[str, Any]


def given(service: Obj) -> list[str]:
    """The addresses that a Service's balancer has."""
    ingress = (service.get("status") or {}).get("loadBalancer", {}).get("ingress") or ()
    return [one["ip"] for one in ingress if one.get("ip")]


def backends(plane: Dataplane, service: Obj) -> tuple[Backend, ...]:
    """The nodes behind a Service's balancer, and what its health check finds on each."""
    facts, past = plane.facts, plane.past

    def answers(node: str) -> bool:
        machine = facts.machines.get(node)
        on = machine is not None and machine.power == "on" and machine.network == "up"
        return on and past.state(node, PROXY) in (UP, CUT)

    return pool(facts.objects, service, answers)


def balanced(plane: Dataplane) -> Iterator[Balanced]:
    """What the cloud's balancer does: every port of every Service that has an address there."""
    facts = plane.facts
    for key, service in facts.table("services").items():
        if service["spec"].get("type") != "LoadBalancer":
            continue
        addresses = given(service)
        healthy = tuple(one.address for one in backends(plane, service) if one.healthy)
        for address in addresses:
            for port in service["spec"].get("ports") or ():
                if port.get("nodePort"):
                    protocol = port.get("protocol", "TCP").lower()
                    yield Balanced(key, address, protocol, int(port["port"]), int(port["nodePort"]), healthy)


def announced(plane: Dataplane) -> Iterator[tuple[str, str]]:
    """MetalLB in L2 mode: each address of a load balancer, and the one node that answers ARP for it."""
    facts = plane.facts
    for address, node in announcements(facts.objects).items():
        if node in facts.machines:
            yield address, node


def routed(plane: Dataplane) -> dict[str, str]:
    """External IPs, which the network's own routers send to a node: here to the first one that is there."""
    facts = plane.facts
    first = next((node for node in facts.nodes if facts.machines[node].power == "on"), "")
    return {
        address: facts.address(first)
        for service in facts.table("services").values()
        for address in service["spec"].get("externalIPs") or ()
        if first and ":" not in address
    }
