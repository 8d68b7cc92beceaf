"""A packet's way from where it starts to where it ends, hop by hop, by nothing but what each kernel on the way holds.

Models      the Netfilter hooks in the order in which Linux calls them (raw, conntrack, mangle, nat, filter; iptables
            and nftables may both have something at each), the routing decision, the translation of what belongs to a
            connection, IPVS between INPUT and a program, IP-in-IP and VXLAN devices, every MTU
Leaves out  fragments (every packet has "don't fragment" set, as TCP's have); TTL; ICMP errors on their way back
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import lcm
from typing import NamedTuple

from apps.cluster.network.addresses import family_of, within
from apps.cluster.network.iptables.evaluate import Chance, Host, Verdict, Visit, run
from apps.cluster.network.ipvs import RealServer, VirtualServer
from apps.cluster.network.machine import (
    IPIP_BYTES,
    VXLAN_BYTES,
    VXLAN_PORT,
    Connection,
    Interface,
    Machine,
    Route,
    Tuple5,
    World,
)
from apps.cluster.network.nftables import evaluate
from apps.cluster.network.nftables.table import CONNTRACK, DNAT, Table
from apps.cluster.network.packet import Packet

MOST_HOPS = 64  # after that it goes round in circles
HEADERS = 40  # of IP and TCP
EPHEMERAL = 32_768


class Outer(NamedTuple):
    """The header around a packet inside a tunnel."""

    source: str
    destination: str
    kind: str  # ipip vxlan


class Hop(NamedTuple):
    """One thing that happened to the packet on one machine. `what` is a message id of `network.*`, `params` go with it.

    `before` and `after` are its inner header, `outer` what is around it afterwards. `visits` are the rules it came to,
    `route` the one that was chosen, `connection` the conntrack entry that was made or used.
    """

    machine: str
    what: str
    interface: str
    before: Packet
    after: Packet
    outer: Outer | None = None
    visits: tuple[Visit, ...] = ()
    route: Route | None = None
    connection: Connection | None = None
    params: Mapping[str, str | int] = {}


class Walk(NamedTuple):
    """The whole way. `end`: delivered refused dropped unreachable lost; `why` the message id of its last hop."""

    hops: tuple[Hop, ...]
    end: str
    machine: str  # where it ended
    packet: Packet  # as it arrived
    connections: Mapping[str, tuple[Connection, ...]]  # machine -> entries there now
    recent: Mapping[str, Mapping[str, frozenset[str]]]
    turns: int = 1  # after so many packets IPVS sends one the same way again

    @property
    def why(self) -> str:
        return self.hops[-1].what if self.hops else ""


class _Ended(Exception):
    def __init__(self, end: str) -> None:
        super().__init__(end)
        self.end = end


def send(world: World, start: str, packet: Packet, chance: Chance, *, size: int = HEADERS, turn: int = 0) -> Walk:
    """Send a packet from a machine's own program. `size` in bytes, headers included; `turn`: how many connections
    IPVS has given away before, for whose turn it is.

    Raises:
        KeyError: there is no such machine.
    """
    return _Walker(world, chance, size, turn).send(start, packet)


def answer(world: World, walk: Walk, chance: Chance, *, size: int = HEADERS) -> Walk:
    """The answer of whoever got the packet: the same connection, the other way round."""
    came = walk.packet
    packet = Packet(came.destination, came.source, came.protocol, came.source_port, came.port, state="ESTABLISHED")
    known = {name: world.machines[name]._replace(connections=entries) for name, entries in walk.connections.items()}
    machines = ChainMap(known, world.machines)  # type: ignore[arg-type]
    return _Walker(world._replace(machines=machines), chance, size).send(walk.machine, packet)


class _Walker:
    def __init__(self, world: World, chance: Chance, size: int, turn: int = 0) -> None:
        self.world, self.chance, self.size, self.turn = world, chance, size, turn
        self.turns = 1
        self.hops: list[Hop] = []
        self.connections: dict[str, list[Connection]] = {}
        self.recent: dict[str, dict[str, frozenset[str]]] = {}
        self.hosts: dict[str, Host] = {}
        self.outer: Outer | None = None
        self.machine = ""
        self.packet: Packet

    def send(self, start: str, packet: Packet) -> Walk:
        self.packet = packet
        try:
            self._start(self.world.machines[start])
        except _Ended as ended:
            end = ended.end
        connections = {name: tuple(entries) for name, entries in self.connections.items()}
        return Walk(tuple(self.hops), end, self.machine, self.packet, connections, self.recent, self.turns)

    # ---- telling -------------------------------------------------------------------------------

    def _tell(self, what: str, interface: str, before: Packet, **more: object) -> None:
        params = more.pop("params", {})
        self.hops.append(
            Hop(self.machine, what, interface, before, self.packet, self.outer, params=params, **more)  # type: ignore[arg-type]
        )
        if len(self.hops) > MOST_HOPS:
            raise _Ended("lost")

    def _end(self, end: str, what: str, interface: str = "", **more: object) -> None:
        self._tell(what, interface, self.packet, **more)
        raise _Ended(end)

    # ---- one machine ---------------------------------------------------------------------------

    def _host(self, machine: Machine) -> Host:
        lists = {**machine.recent, **self.recent.get(machine.name, {})}
        known = self.hosts.get(machine.name)
        if known is None:
            known = Host(machine.addresses(), machine.sets, lists, machine.addresses_by_interface())
            self.hosts[machine.name] = known
        return known if lists == known.recent else replace(known, recent=lists)

    def _start(self, machine: Machine) -> None:
        """A program of this machine sends it."""
        self.machine = machine.name
        if not machine.up:
            self._end("lost", "network.machine-down")
        packet = self.packet
        route = self._local(machine, packet.destination) or machine.route(packet.destination)
        if route is None or route.kind == "blackhole":
            self._end("unreachable", "network.no-route", route=route)
            return
        source = packet.source or (packet.destination if route.kind == "local" else machine.source_for(route))
        port = packet.source_port or (EPHEMERAL if packet.protocol != "icmp" else 0)
        self.packet = packet._replace(source=source, source_port=port, out_interface=route.device)
        self._tell("network.sent", route.device, packet, route=route)
        self._filter(machine, ("raw",), "OUTPUT")
        connection = self._track(machine)
        self._filter(machine, ("mangle",), "OUTPUT")
        self._translate_destination(machine, "OUTPUT", connection)
        route = self._route(machine)
        if route.kind == "local":
            self._to_real_server(machine)
        self._filter(machine, ("filter",), "OUTPUT")
        if route.kind == "local":
            self.packet = self.packet._replace(in_interface="lo", out_interface="")
            self._filter(machine, ("mangle", "filter"), "INPUT")
            self._source_of_local(machine)
            self._delivered(machine)
        self._leave(machine, route)

    def _arrive(self, machine: Machine, interface: Interface) -> None:
        """It comes in from outside."""
        self.machine = machine.name
        if not machine.up:
            self._end("lost", "network.machine-down")
        if not interface.up:
            self._end("lost", "network.interface-down", interface.name)
        self.packet = self.packet._replace(mark=0, in_interface=interface.name, out_interface="", virtual="")
        if self.outer is not None:
            self._decapsulate(machine, interface)
            return
        before = self.packet
        self._tell("network.arrived", interface.name, before)
        self._filter(machine, ("raw",), "PREROUTING")
        connection = self._track(machine)
        self._filter(machine, ("mangle",), "PREROUTING")
        self._translate_destination(machine, "PREROUTING", connection)
        route = self._route(machine)
        if route.kind == "local":
            self._filter(machine, ("mangle", "filter"), "INPUT")
            self._to_real_server(machine)
            self._source_of_local(machine)
            self._delivered(machine)
        if not machine.forwards:
            self._end("dropped", "network.not-forwarding", interface.name)
        self._filter(machine, ("mangle", "filter"), "FORWARD")
        self._leave(machine, route)

    def _local(self, machine: Machine, destination: str) -> Route | None:
        loopback = family_of(destination) == 4 and within(destination, "127.0.0.0/8")
        if loopback or destination in machine.addresses():
            return Route(destination, "lo", kind="local")
        return None

    def _route(self, machine: Machine) -> Route:
        """Where to, now that the destination is known."""
        packet = self.packet
        route = self._local(machine, packet.destination) or machine.route(packet.destination)
        if route is None:
            self._end("unreachable", "network.no-route", packet.in_interface)
            raise AssertionError
        if route.kind == "blackhole":
            self._end("dropped", "network.blackhole", packet.in_interface, route=route)
        if route.kind != "local":
            self.packet = packet._replace(out_interface=route.device)
        self._tell("network.routed", route.device, packet, route=route)
        return route

    def _filter(self, machine: Machine, tables: tuple[str, ...], chain: str) -> None:
        """The tables of one hook that translate nothing: those of iptables, and chains of nftables beside them."""
        for table in tables:
            if machine.tables.get(table, {}).get(chain):
                before = self.packet
                self._judged(
                    before, run(machine.tables, table, chain, before, self._host(machine), self.chance), table, chain
                )
            for nft, base in self._bases(machine, "filter", chain):
                if _beside(nft.chains[base].priority) == table:
                    before = self.packet
                    verdict = evaluate.run(nft, base, before, self._host(machine), self.chance)
                    self._judged(before, verdict, str(nft), base)

    def _judged(self, before: Packet, verdict: Verdict, table: str, chain: str) -> None:
        self.packet = verdict.packet
        params = {"table": table, "chain": chain}
        if verdict.target in {"DROP", "REJECT"}:
            what = "network.dropped" if verdict.target == "DROP" else "network.rejected"
            end = "dropped" if verdict.target == "DROP" else "refused"
            self._end(end, what, before.in_interface, visits=verdict.visits, params=params)
        self._tell("network.filtered", before.in_interface, before, visits=verdict.visits, params=params)

    def _bases(self, machine: Machine, kind: str, chain: str) -> list[tuple[Table, str]]:
        """The chains of nftables that a hook calls, in the order of their priorities."""
        found = [(table, base) for table in machine.nft for base in table.bases(kind, chain.lower())]
        return sorted(found, key=lambda one: one[0].chains[one[1]].priority)

    def _nat(self, machine: Machine, chain: str) -> Iterator[tuple[Verdict, str, str]]:
        """Everything that may translate at a hook: iptables' nat table, then nftables' chains; as far as is asked."""
        if machine.tables.get("nat", {}).get(chain):
            yield run(machine.tables, "nat", chain, self.packet, self._host(machine), self.chance), "nat", chain
        for table, base in self._bases(machine, "nat", chain):
            yield evaluate.run(table, base, self.packet, self._host(machine), self.chance), str(table), base

    # ---- conntrack and translation -------------------------------------------------------------

    def _entries(self, machine: Machine) -> list[Connection]:
        return self.connections.setdefault(machine.name, list(machine.connections))

    def _tuple(self) -> Tuple5:
        packet = self.packet
        return Tuple5(packet.protocol, packet.source, packet.source_port, packet.destination, packet.port)

    def _track(self, machine: Machine) -> Connection | None:
        """The connection that the packet belongs to, if this kernel has seen it before."""
        mine = self._tuple()
        for entry in self._entries(machine):
            if mine in (entry.original, entry.reply):
                state = "ESTABLISHED"
                self.packet = self.packet._replace(state=state, dnat=entry.dnat, snat=entry.snat)
                return entry
        if self.packet.state == "NEW":
            self._entries(machine).append(Connection(mine, _back(mine)))
            self.packet = self.packet._replace(dnat=False, snat=False)
        else:  # the answer to what this kernel has not seen
            self.packet = self.packet._replace(dnat=False, snat=False, state="INVALID")
        return None

    def _translate_destination(self, machine: Machine, chain: str, known: Connection | None) -> None:
        before = self.packet
        if known is not None:
            if before.source == known.reply.source and self._tuple() == known.reply:
                target, port = known.original.source, known.original.source_port
            else:
                target, port = known.reply.source, known.reply.source_port
            if (target, port) != (before.destination, before.port):
                self.packet = before._replace(destination=target, port=port)
                self._tell("network.translated-known", before.in_interface, before, connection=known)
            return
        if before.state != "NEW":
            return
        for verdict, table, base in self._nat(machine, chain):
            before, self.packet = self.packet, verdict.packet
            self._remember(machine, verdict, before)
            params = {"table": table, "chain": base}
            if verdict.target == "DNAT":
                to = verdict.packet.destination, verdict.packet.port
                made = self._amend(machine, Tuple5(*_of(before)), source=to)
                self._tell(
                    "network.dnat", before.in_interface, before, visits=verdict.visits, connection=made, params=params
                )
                return  # translated once, and nobody is asked any more
            if verdict.target == "DROP":
                self._end("dropped", "network.dropped", before.in_interface, visits=verdict.visits, params=params)
            self._tell("network.not-translated", before.in_interface, before, visits=verdict.visits, params=params)

    def _remember(self, machine: Machine, verdict: Verdict, packet: Packet) -> None:
        """Session affinity: the lists of xt_recent, and the sets of nftables, that take the source."""
        if verdict.remembered:
            lists = self.recent.setdefault(machine.name, {})
            for name in verdict.remembered:
                lists[name] = lists.get(name, machine.recent.get(name, frozenset())) | {packet.source}

    def _amend(
        self,
        machine: Machine,
        original: Tuple5,
        *,
        source: tuple[str, int] | None = None,
        destination: tuple[str, int] | None = None,
    ) -> Connection:
        """Write into the newest entry how answers will come: from whom, and to whom."""
        entries = self._entries(machine)
        at = next(i for i in range(len(entries) - 1, -1, -1) if entries[i].original == original)
        reply = entries[at].reply
        if source is not None:
            reply = reply._replace(source=source[0], source_port=source[1])
        if destination is not None:
            reply = reply._replace(destination=destination[0], port=destination[1])
        entries[at] = entries[at]._replace(reply=reply)
        return entries[at]

    def _translate_source(self, machine: Machine, route: Route) -> None:
        """nat POSTROUTING, for the first packet of a connection; what it decided, for the others."""
        before = self.packet
        entry = self._entry_of(machine)
        if before.state != "NEW":
            if entry is None:
                return
            answered = (before.destination, before.port) == (entry.original.source, entry.original.source_port)
            source, port = (
                (entry.original.destination, entry.original.port)
                if answered
                else (entry.reply.destination, entry.reply.port)
            )
            if (source, port) != (before.source, before.source_port):
                self.packet = before._replace(source=source, source_port=port)
                self._tell("network.translated-known", route.device, before, connection=entry)
            return
        for verdict, table, base in self._nat(machine, "POSTROUTING"):
            before, self.packet = self.packet, verdict.packet
            params = {"table": table, "chain": base}
            if verdict.target in {"MASQUERADE", "SNAT"} and entry is not None:
                source = machine.source_for(route)
                if verdict.target == "SNAT" and verdict.decided is not None:
                    source = verdict.decided.text.rpartition("--to-source ")[2].split()[0]
                self.packet = verdict.packet._replace(source=source, snat=True)
                made = self._amend(machine, entry.original, destination=(source, before.source_port))
                self._tell("network.snat", route.device, before, visits=verdict.visits, connection=made, params=params)
                return
            self._tell("network.not-masqueraded", route.device, before, visits=verdict.visits, params=params)

    def _entry_of(self, machine: Machine) -> Connection | None:
        """The connection of the packet, whose destination has been translated already."""
        packet = self.packet
        for entry in reversed(self._entries(machine)):
            there = (entry.reply.source, entry.reply.source_port) == (packet.destination, packet.port)
            if there and (entry.original.source, entry.original.source_port) == (packet.source, packet.source_port):
                return entry
            back = (entry.original.source, entry.original.source_port) == (packet.destination, packet.port)
            if back and (entry.reply.source, entry.reply.source_port) == (packet.source, packet.source_port):
                return entry
        return None

    def _source_of_local(self, machine: Machine) -> None:
        """An answer that ends on this machine: it comes from whom the program had asked."""
        entry = self._entry_of(machine)
        if self.packet.state == "NEW" or entry is None:
            return
        before = self.packet
        if (before.destination, before.port) == (entry.original.source, entry.original.source_port):
            source = entry.original.destination, entry.original.port
            if source != (before.source, before.source_port):
                self.packet = before._replace(source=source[0], source_port=source[1])
                self._tell("network.translated-known", before.in_interface, before, connection=entry)

    # ---- IPVS ----------------------------------------------------------------------------------

    def _to_real_server(self, machine: Machine) -> None:
        """What was for this machine is for a virtual server of it: then it goes out again, to a real one."""
        before = self.packet
        asked = (before.protocol, before.destination, before.port)
        server = next((one for one in machine.virtual if (one.protocol, one.address, one.port) == asked), None)
        if server is None or before.state != "NEW":
            return
        told: dict[str, str | int] = {"server": str(server), "scheduler": server.scheduler}
        real = self._kept(machine, server, before.source) or server.turn(self.turn)
        if real is None:
            self._end("refused", "network.no-real-server", before.in_interface, params=told)
            return
        self.turns = lcm(self.turns, len(server.able))
        if server.persistent:
            lists = self.recent.setdefault(machine.name, {})
            name = _persistent(server, real)
            lists[name] = lists.get(name, machine.recent.get(name, frozenset())) | {before.source}
        self.packet = before._replace(
            destination=real.address,
            port=real.port,
            dnat=True,
            in_interface="",
            virtual=f"{server.address} {server.protocol} {server.port}",
        )
        made = self._amend(machine, Tuple5(*_of(before)), source=(real.address, real.port))
        told["chosen"] = str(real)
        self._tell("network.virtual-server", before.in_interface, before, connection=made, params=told)
        route = self._route(machine)
        if route.kind != "local":  # its own again: it passes OUTPUT as if a program here had sent it
            self._filter(machine, ("mangle", "filter"), "OUTPUT")
            self._leave(machine, route)

    def _kept(self, machine: Machine, server: VirtualServer, source: str) -> RealServer | None:
        """Persistence: the real server that this client had before."""
        if not server.persistent:
            return None
        lists = {**machine.recent, **self.recent.get(machine.name, {})}
        return next(
            (one for one in server.servers if one.weight and source in lists.get(_persistent(server, one), ())), None
        )

    # ---- leaving -------------------------------------------------------------------------------

    def _leave(self, machine: Machine, route: Route) -> None:
        self._filter(machine, ("mangle",), "POSTROUTING")
        self._translate_source(machine, route)
        device = machine.interfaces[route.device]
        if self.size > device.mtu:
            self._end("dropped", "network.too-big", device.name, params={"size": self.size, "mtu": device.mtu})
        if device.kind in {"ipip", "vxlan"}:
            self._encapsulate(machine, device, route)
        elif device.kind == "veth":
            self._tell("network.left", device.name, self.packet, route=route)
            self._cross(machine, *device.peer)
        else:
            self._tell("network.left", device.name, self.packet, route=route)
            self._wire(machine, device, route.via or self.packet.destination)

    def _cross(self, machine: Machine, name: str, interface: str) -> None:
        there = self.world.machines.get(name)
        if there is None or interface not in there.interfaces:
            self._end("lost", "network.nobody")
            return
        self._arrive(there, there.interfaces[interface])

    def _wire(self, machine: Machine, device: Interface, next_hop: str) -> None:
        """Over a cable: whoever has the next hop's address on this segment takes it."""
        found = self.world.segments.get(device.peer[1], {}).get(next_hop)
        if found is None:
            self._end("unreachable", "network.no-neighbour", device.name, params={"address": next_hop})
            return
        if not self.world.reachable(machine.name, found[0]):
            self._end("lost", "network.cable-cut", device.name, params={"machine": found[0]})
        self._cross(machine, *found)

    def _encapsulate(self, machine: Machine, device: Interface, route: Route) -> None:
        gateway = route.via or self.packet.destination
        remote = gateway if device.kind == "ipip" else device.remote.get(gateway, "")
        if not remote:
            self._end("unreachable", "network.no-neighbour", device.name, params={"address": gateway})
        under = self._local(machine, remote) or machine.route(remote)
        if under is None or under.kind != "unicast":
            self._end("unreachable", "network.no-route", device.name, route=under)
            return
        before = self.packet
        added = IPIP_BYTES if device.kind == "ipip" else VXLAN_BYTES
        self.outer = Outer(machine.source_for(under), remote, device.kind)
        self._tell("network.encapsulated", device.name, before, route=under, params={"bytes": added})
        # The packet around it is one of this machine's own: it passes OUTPUT and POSTROUTING as such.
        inner, self.packet = self.packet, self._carrier(self.outer, under.device)
        self._filter(machine, ("raw", "mangle", "filter"), "OUTPUT")
        self.packet = inner
        out = machine.interfaces[under.device]
        if self.size + added > out.mtu:
            self._end("dropped", "network.too-big", out.name, params={"size": self.size + added, "mtu": out.mtu})
        self._tell("network.left", out.name, self.packet, route=under)
        self._wire(machine, out, under.via or remote)

    def _decapsulate(self, machine: Machine, interface: Interface) -> None:
        outer = self.outer
        assert outer is not None
        inner, self.packet = self.packet, self._carrier(outer, "")._replace(in_interface=interface.name)
        self._filter(machine, ("raw", "mangle"), "PREROUTING")
        if outer.destination not in machine.addresses():
            self._pass_on(machine, interface, outer, inner)
            return
        self._filter(machine, ("mangle", "filter"), "INPUT")
        self.packet = inner
        tunnel = next((one for one in machine.interfaces.values() if one.kind == outer.kind and one.up), None)
        if tunnel is None:
            self._end("dropped", "network.no-tunnel", interface.name, params={"kind": outer.kind})
            return
        self.outer = None
        self._tell("network.decapsulated", tunnel.name, inner)
        self._arrive(machine, tunnel)

    def _pass_on(self, machine: Machine, interface: Interface, outer: Outer, inner: Packet) -> None:
        """A router between two nodes: it sees the outer header only."""
        if not machine.forwards:
            self._end("lost", "network.nobody", interface.name)
        route = machine.route(outer.destination)
        if route is None or route.kind != "unicast":
            self._end("unreachable", "network.no-route", interface.name, route=route)
            return
        self._filter(machine, ("mangle", "filter"), "FORWARD")
        self.packet = inner
        device = machine.interfaces[route.device]
        if self.size + (IPIP_BYTES if outer.kind == "ipip" else VXLAN_BYTES) > device.mtu:
            self._end("dropped", "network.too-big", device.name, params={"size": self.size, "mtu": device.mtu})
        self._tell("network.left", device.name, self.packet, route=route)
        self._wire(machine, device, route.via or outer.destination)

    def _carrier(self, outer: Outer, device: str) -> Packet:
        """The packet around another, as rules see it."""
        if outer.kind == "vxlan":
            return Packet(outer.source, outer.destination, "udp", VXLAN_PORT, out_interface=device)
        return Packet(outer.source, outer.destination, "ipip", out_interface=device)

    def _delivered(self, machine: Machine) -> None:
        packet = self.packet
        open_ = packet.state != "NEW" or packet.protocol == "icmp" or (packet.protocol, packet.port) in machine.listens
        if open_:
            self._end("delivered", "network.delivered", packet.in_interface)
        self._end("refused", "network.nobody-listens", packet.in_interface)


def _persistent(server: VirtualServer, real: RealServer) -> str:
    return f"ipvs {server} -> {real}"


def _beside(priority: int) -> str:
    """The table of iptables at whose turn a filtering chain of nftables is called."""
    return "raw" if priority < CONNTRACK else "mangle" if priority < DNAT else "filter"


def _back(one: Tuple5) -> Tuple5:
    return Tuple5(one.protocol, one.destination, one.port, one.source, one.source_port)


def _of(packet: Packet) -> tuple[str, str, int, str, int]:
    return (packet.protocol, packet.source, packet.source_port, packet.destination, packet.port)
