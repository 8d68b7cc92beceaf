"""Routes of a node: to its own Pods, which the CNI plugin and Felix make, and to the blocks of other nodes.

Models      cni-plugin/internal/pkg/utils (SetupRoutes), felix/dataplane/linux (endpoint_mgr.go, vxlan_mgr.go,
            ipip_mgr.go, noencap_mgr.go), BIRD's kernel protocol with calico_kernel_programming (bird_ipam.cfg)
Leaves out  routes of a pool that needs no tunnel between subnets whose router knows nothing of Pods: they lead there,
            and end there
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from apps.cluster.cni.calico.bird.routes import Link
from apps.cluster.cni.calico.bird.routes import routes as bird_routes
from apps.cluster.dataplane.agents import LOST, STALE
from apps.cluster.dataplane.datastore import datastore_of, is_full_mesh
from apps.cluster.dataplane.facts import Facts, Pool
from apps.cluster.dataplane.past import Past
from apps.cluster.network.machine import Route

DEVICES = {"ipip": "tunl0", "vxlan": "vxlan.calico"}
FactsAt = Callable[[int], Facts]  # how many steps had happened -> the facts then
FELIX, BIRD = "80", "bird"  # how the kernel names who made a route: Felix' is protocol number 80
METRIC = 1024  # of Felix' routes to workloads, and of what BIRD has learnt (ipv4NormalRoutePriority)


def local(facts: Facts, node: str) -> list[Route]:
    """To the Pods that stand there: the kernel drops a route with its interface."""
    return [Route(f"{one.ip}/32", one.interface, by=FELIX, metric=METRIC) for one in facts.by_node.get(node, ())]


def own_blocks(facts: Facts, node: str) -> list[Route]:
    """What nobody has of the node's own blocks goes nowhere."""
    found = []
    for block in facts.blocks_of(node):
        pool = facts.pool_of(block.partition("/")[0])
        if pool is not None:
            found.append(Route(block, kind="blackhole", by=FELIX if facts.by_felix(pool) else BIRD))
    return found


class Remote:
    """Routes to other nodes' blocks. `facts_at(position)` are the facts of a moment."""

    def __init__(self, facts_at: FactsAt) -> None:
        self._facts_at = facts_at

    def of(self, node: str, past: Past) -> list[Route]:
        """`past`: when the node's own calico-node last programmed anything."""
        return list(self._routes(node, past))

    def _routes(self, node: str, past: Past) -> Iterator[Route]:
        now = self._facts_at(past.position)
        full_mesh = is_full_mesh(now)
        for other in now.nodes:
            if other == node:
                continue
            yield from self._felix(now, node, other)
            session = past.session(node, other)
            if session.state == LOST or not full_mesh:
                continue
            then = self._facts_at(session.since) if session.state == STALE and session.since else now
            yield from self._bird(then, node, other)
        if not full_mesh:
            yield from self._by_peers(now, node, past)

    def _by_peers(self, facts: Facts, node: str, past: Past) -> Iterator[Route]:
        """Where BGPPeers or a BGPConfiguration say who speaks to whom: BIRD's own decision, path by path."""
        found = bird_routes(
            datastore_of(facts),
            lambda one, other: past.session(one, other).state != LOST,
            links={node: Link("eth0", gateway(facts, node))},
            only=[node],
        )
        yield from (route for route in found.get(node, ()) if route.kind != "blackhole")

    def _felix(self, facts: Facts, node: str, other: str) -> Iterator[Route]:
        for block in facts.blocks_of(other):
            pool = facts.pool_of(block.partition("/")[0])
            if pool is not None and facts.by_felix(pool):
                yield route_to(facts, node, other, block, pool, FELIX)

    def _bird(self, facts: Facts, node: str, other: str) -> Iterator[Route]:
        for block in facts.blocks_of(other):
            pool = facts.pool_of(block.partition("/")[0])
            if pool is not None and not facts.by_felix(pool):
                yield route_to(facts, node, other, block, pool, BIRD)


def route_to(facts: Facts, node: str, other: str, block: str, pool: Pool, by: str) -> Route:
    """The way from a node to a block of another."""
    address, metric = facts.address(other), METRIC if by == BIRD else 0
    same = facts.same_subnet(node, other)
    mode = pool.ipip if pool.tunnel == "ipip" else pool.vxlan
    if pool.tunnel and (mode == "Always" or not same):
        via = address if pool.tunnel == "ipip" else facts.tunnel_address(other, "vxlan")
        return Route(block, DEVICES[pool.tunnel], via, by=by, on_link=True, metric=metric)
    if same:
        return Route(block, "eth0", address, by=by, metric=metric)
    return Route(block, "eth0", gateway(facts, node), by=by, metric=metric)


def gateway(facts: Facts, node: str) -> str:
    """The router of a node's network: its first address."""
    return gateway_of(facts.address(node), facts.length())


def gateway_of(address: str, length: int) -> str:
    first, second, third, _last = address.split(".")
    return f"{first}.{second}.{third}.1" if length == 24 else f"{first}.{second}.0.1"
