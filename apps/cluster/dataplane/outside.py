"""What is outside the cluster: the router of the nodes' networks, a client, the internet, the cloud's load balancer.

Models      a router between the nodes' subnets and the outside; a load balancer of layer 4 that stands there and sends
            connections on to node ports of the nodes that pass its health check; MetalLB's speaker in L2 mode
Leaves out  that the router masquerades nobody, and knows no routes to Pods; proxies of layer 7; the machines of a
            balancer (one stands for them); top-level domains but some
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from apps.cluster.dataplane import routes
from apps.cluster.dataplane.facts import MTU, Facts
from apps.cluster.dataplane.nodes import LOOPBACK, segment
from apps.cluster.network.machine import Interface, Machine, Route

Obj = dict[str, Any]

CLIENT, ROUTER, BALANCER, INTERNET = "client", "router", "balancer", "internet"
OUTSIDE = "outside"  # the segment
TOP_LEVEL = frozenset(
    ["com", "org", "net", "edu", "gov", "io", "dev", "app", "cloud", "kr", "jp", "de", "fr", "uk", "example"]
)
CLIENT_IP, GATEWAY_IP, INTERNET_IP = "198.51.100.10", "198.51.100.1", "198.51.100.200"


def address_of(name: str) -> str:
    """What the resolvers outside say of a name: all that are under a well-known top-level domain have one address.

    >>> address_of("example.com"), address_of("web.default")
    ('198.51.100.200', '')
    """
    return INTERNET_IP if "." in name and name.rstrip(".").rpartition(".")[2].lower() in TOP_LEVEL else ""


class Everything(frozenset):  # type: ignore[type-arg]
    """Listens on every port."""

    def __contains__(self, _item: object) -> bool:
        return True


class Balanced(NamedTuple):
    """One port of a Service at its balancer. `backends`: addresses of the nodes that pass the health check."""

    service: str
    address: str
    protocol: str
    port: int
    node_port: int
    backends: tuple[str, ...]

    def rules(self) -> list[str]:
        """Which of the nodes gets a connection; in the table nat."""
        rules = []
        for place, backend in enumerate(self.backends):
            left = len(self.backends) - place
            chance = f" -m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
            rules.append(f"{self._match}{chance} -j DNAT --to-destination {backend}:{self.node_port}")
        return rules

    def drops(self) -> list[str]:
        """Where there is no node; in the table raw, as nat is no place to drop."""
        words = f'-m comment --comment "{self.service} has no healthy node"'
        return [] if self.backends else [f"{self._match} {words} -j DROP"]

    @property
    def _match(self) -> str:
        return f"-d {self.address}/32 -p {self.protocol} -m {self.protocol} --dport {self.port}"


def client() -> Machine:
    eth0 = Interface("eth0", "ethernet", (f"{CLIENT_IP}/24",), MTU, ("", OUTSIDE))
    ways = (Route("0.0.0.0/0", "eth0", GATEWAY_IP), Route("198.51.100.0/24", "eth0", source=CLIENT_IP))
    return Machine(CLIENT, "client", {"lo": LOOPBACK, "eth0": eth0}, ways)


def internet() -> Machine:
    eth0 = Interface("eth0", "ethernet", (f"{INTERNET_IP}/24",), MTU, ("", OUTSIDE))
    ways = (Route("0.0.0.0/0", "eth0", GATEWAY_IP), Route("198.51.100.0/24", "eth0", source=INTERNET_IP))
    return Machine(INTERNET, "client", {"lo": LOOPBACK, "eth0": eth0}, ways, listens=Everything())


def router(
    name: str, facts: Facts, balanced: Iterable[Balanced], routed: Mapping[str, str], announced: Iterable[str]
) -> Machine:
    """Between the outside and the nodes' networks. `routed`: external address -> the node's address it is sent to;
    `announced`: addresses that some node says are its own, on the nodes' network."""
    lans = {segment(facts, node): routes.gateway(facts, node) for node in facts.nodes}
    found = {"lo": LOOPBACK, "eth0": Interface("eth0", "ethernet", (f"{GATEWAY_IP}/24",), MTU, ("", OUTSIDE))}
    ways = [Route("198.51.100.0/24", "eth0", source=GATEWAY_IP)]
    device = ""
    for number, (lan, address) in enumerate(sorted(lans.items()), 1):
        device = f"eth{number}"
        found[device] = Interface(device, "ethernet", (f"{address}/{facts.length()}",), MTU, ("", lan))
        ways.append(Route(f"{address.rpartition('.')[0]}.0/{facts.length()}", device, source=address))
    for address, node_address in sorted(routed.items()):
        ways.append(Route(f"{address}/32", _device(found, node_address, facts.length(), device), node_address))
    ways += [Route(f"{address}/32", device) for address in sorted(announced)]
    balanced = list(balanced)
    virtual = tuple(f"{address}/32" for address in dict.fromkeys(one.address for one in balanced))
    found["eth0"] = found["eth0"]._replace(addresses=(*found["eth0"].addresses, *virtual))
    those = list(balanced)
    rules = {
        "raw": tuple(rule for one in those for rule in one.drops()),
        "nat": tuple(rule for one in those for rule in one.rules()),
    }
    tables = {table: {"PREROUTING": mine, "OUTPUT": mine} for table, mine in rules.items() if mine}
    return Machine(name, "balancer" if name == BALANCER else "router", found, tuple(ways), tables, forwards=True)


def _device(interfaces: Mapping[str, Interface], address: str, length: int, otherwise: str) -> str:
    for name, interface in interfaces.items():
        for own in interface.addresses:
            if name != "eth0" and routes.gateway_of(address, length) == own.partition("/")[0]:
                return name
    return otherwise
