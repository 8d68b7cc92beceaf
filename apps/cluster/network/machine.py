"""A network namespace: what its kernel holds; plain data, through which `walk` sends packets.

Models      ip-link(8), ip-address(8), ip-route(8), bridge-fdb(8), conntrack(8)
Leaves out  policy routing and tables but main; broadcast and multicast; ARP's time to answer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from apps.cluster.network.addresses import number, prefix
from apps.cluster.network.iptables.rule import Tables
from apps.cluster.network.ipvs import VirtualServer
from apps.cluster.network.nftables.table import Table

IPIP_BYTES = 20  # the outer header of IP-in-IP
VXLAN_BYTES = 50  # outer Ethernet, IP, UDP and VXLAN headers
VXLAN_PORT = 4789


class Interface(NamedTuple):
    """`kind`: ethernet, veth, loopback, dummy, ipip, vxlan. `addresses` with their length, `10.0.0.11/24`, the main one
    first.

    `peer`: of a veth, the other end as (namespace, interface); of an ethernet, ("", the segment it is plugged into).
    `remote`: of a vxlan, who has which address on the other side: gateway -> the node's address to send to.
    """

    name: str
    kind: str
    addresses: tuple[str, ...] = ()
    mtu: int = 1500
    peer: tuple[str, str] = ("", "")
    up: bool = True
    remote: Mapping[str, str] = {}
    proxy_arp: bool = False


class Route(NamedTuple):
    """One line of `ip route`. `kind`: unicast, blackhole, local. `by`: who programmed it, as the kernel knows it.

    `metric`: of several routes to the same network the one with the lowest is taken.
    """

    to: str
    device: str = ""
    via: str = ""
    kind: str = "unicast"
    by: str = "kernel"
    source: str = ""
    on_link: bool = False
    metric: int = 0

    def __str__(self) -> str:
        to = "default" if prefix(self.to).length == 0 else self.to.removesuffix("/32")
        words = [self.kind, to] if self.kind != "unicast" else [to]
        words += ["via", self.via] if self.via else []
        words += ["dev", self.device] if self.device else []
        words += ["proto", self.by]
        words += ["scope", "link"] if self.device and not self.via and self.kind == "unicast" else []
        words += ["src", self.source] if self.source else []
        words += ["metric", str(self.metric)] if self.metric else []
        words += ["onlink"] if self.on_link else []
        return " ".join(words)


class Tuple5(NamedTuple):
    """One direction of a connection."""

    protocol: str
    source: str
    source_port: int
    destination: str
    port: int


class Connection(NamedTuple):
    """An entry of conntrack: as it came, and as its answers come back."""

    original: Tuple5
    reply: Tuple5

    @property
    def dnat(self) -> bool:
        return (self.reply.source, self.reply.source_port) != (self.original.destination, self.original.port)

    @property
    def snat(self) -> bool:
        return (self.reply.destination, self.reply.port) != (self.original.source, self.original.source_port)


class Machine(NamedTuple):
    """A network namespace. `kind`: node, pod, client, balancer. `listens`: (protocol, port) of its own programs."""

    name: str
    kind: str
    interfaces: Mapping[str, Interface]
    routes: tuple[Route, ...] = ()
    tables: Tables = {}
    sets: Mapping[str, frozenset[str]] = {}
    recent: Mapping[str, frozenset[str]] = {}
    connections: tuple[Connection, ...] = ()
    listens: frozenset[tuple[str, int]] = frozenset()
    forwards: bool = False  # net.ipv4.ip_forward
    up: bool = True
    nft: tuple[Table, ...] = ()
    virtual: tuple[VirtualServer, ...] = ()  # IPVS

    def addresses(self) -> frozenset[str]:
        return frozenset(
            address.partition("/")[0] for interface in self.interfaces.values() for address in interface.addresses
        )

    def addresses_by_interface(self) -> dict[str, frozenset[str]]:
        return {
            name: frozenset(address.partition("/")[0] for address in interface.addresses)
            for name, interface in self.interfaces.items()
        }

    def route(self, destination: str) -> Route | None:
        """The route with the longest prefix that holds the destination; of equals that with the lowest metric, or
        the first."""
        value, family = number(destination)
        best: Route | None = None
        rank = (-1, 0)
        for route in self.routes:
            net = prefix(route.to)
            mine = (net.length, -route.metric)
            if net.family == family and mine > rank and value & net.mask == net.number:
                device = self.interfaces.get(route.device)
                if route.device and (device is None or not device.up):
                    continue
                best, rank = route, mine
        return best

    def source_for(self, route: Route) -> str:
        """The address that a packet which starts here, or is masqueraded, has on that way."""
        if route.source:
            return route.source
        device = self.interfaces[route.device]
        for address in device.addresses:
            return address.partition("/")[0]
        # An interface without an address of its own (cali…): the machine's first one that is no loopback's.
        for interface in self.interfaces.values():
            if interface.kind not in {"loopback", "dummy"} and interface.addresses:
                return interface.addresses[0].partition("/")[0]
        return ""


class World(NamedTuple):
    """All namespaces, by name, and the segments of Ethernet that join them: segment -> address -> (machine,
    interface)."""

    machines: Mapping[str, Machine]
    segments: Mapping[str, Mapping[str, tuple[str, str]]] = {}
    cut: frozenset[tuple[str, str]] = frozenset()  # pairs of machines between which nothing goes

    def reachable(self, one: str, other: str) -> bool:
        """Whether the cable between two machines is whole."""
        return (one, other) not in self.cut and (other, one) not in self.cut
