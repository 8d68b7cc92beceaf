"""A packet in a table: which rules it passes, which one decides, what it looks like afterwards.

Models      ip_tables.c (ipt_do_table) and the matches and targets of `rule.py`
Leaves out  the counters of rules; --ctorigdst and --ctorigdstport, which see the packet as it came; reverse path
            filtering (every packet here came in where its answer will go out); ICMP but for echo and its reply
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from apps.cluster.network.addresses import Prefix, family_of, prefix, within
from apps.cluster.network.addresses import number as number_of
from apps.cluster.network.iptables.rule import Match, Rule, Tables, parse_rule
from apps.cluster.network.packet import Packet

FINAL = frozenset({"ACCEPT", "DROP", "REJECT", "DNAT", "SNAT", "MASQUERADE"})
MASK32 = 0xFFFFFFFF
# Protocols by number, as Felix writes them, and by the kernel's other names; a packet has the name on the right.
PROTOCOLS = {"1": "icmp", "4": "ipip", "ipencap": "ipip", "6": "tcp", "17": "udp", "58": "icmpv6", "132": "sctp"}
DEPTH = 64  # chains inside one another; the kernel refuses loops when rules are loaded
Chance = Callable[[float], bool]  # given a probability, whether it happens this time


@lru_cache(maxsize=65536)
def _prepared(text: str) -> tuple[Rule, Prefix | None]:
    """A rule, and the destinations it is about: what most rules are told from at a glance."""
    rule = parse_rule(text)
    to = next((match.value for match in rule.matches if match.option == "-d" and not match.negated), "")
    return rule, prefix(to) if to else None


@dataclass
class Host:
    """What the rules of a machine can ask of it besides the packet."""

    addresses: frozenset[str] = frozenset()  # its own, loopback's network apart
    sets: Mapping[str, frozenset[str]] = field(default_factory=dict)  # ipsets: members as ipset prints them
    recent: Mapping[str, frozenset[str]] = field(default_factory=dict)  # xt_recent: list -> sources in it now
    interfaces: Mapping[str, frozenset[str]] = field(default_factory=dict)  # interface -> addresses it has


class Visit(NamedTuple):
    """One rule that a packet came to."""

    table: str
    chain: str
    number: int  # from 1, as iptables --line-numbers counts
    text: str
    matched: bool
    element: str = ""  # what an nftables map had under the packet's key


class Verdict(NamedTuple):
    """How a packet left a table. `target` is "" when no rule decided, and the policy of the chain holds."""

    target: str
    packet: Packet
    visits: tuple[Visit, ...]
    remembered: tuple[str, ...] = ()  # xt_recent lists that took its source

    @property
    def decided(self) -> Visit | None:
        """The rule that decided."""
        return self.visits[-1] if self.target and self.visits else None


def run(tables: Tables, table: str, chain: str, packet: Packet, host: Host, chance: Chance) -> Verdict:
    """Send a packet through a chain of a table, and all the chains it leads to."""
    return _Run(tables.get(table, {}), table, host, chance).run(chain, packet)


def every_way(tables: Tables, table: str, chain: str, packet: Packet, host: Host) -> Iterator[tuple[float, Verdict]]:
    """All ways a packet may go, with the probability of each, in the order of the rules."""
    return every_choice(lambda chance: run(tables, table, chain, packet, host, chance))


def every_choice(go: Callable[[Chance], Verdict]) -> Iterator[tuple[float, Verdict]]:
    """All that chance may make of it, with the probability of each."""
    taken: list[bool] = []
    while True:
        at = 0
        weight = 1.0

        def chance(probability: float) -> bool:
            nonlocal at, weight
            if at == len(taken):
                taken.append(True)
            happens = taken[at]
            at += 1
            weight *= probability if happens else 1 - probability
            return happens

        verdict = go(chance)
        yield weight, verdict
        while taken and not taken[-1]:
            taken.pop()
        if not taken:
            return
        taken[-1] = False


class _Run:
    def __init__(self, chains: Mapping[str, tuple[str, ...]], table: str, host: Host, chance: Chance) -> None:
        self.chains, self.table, self.host, self.chance = chains, table, host, chance
        self.visits: list[Visit] = []
        self.remembered: list[str] = []

    def run(self, chain: str, packet: Packet) -> Verdict:
        target, packet = self._chain(chain, packet, 0)
        return Verdict(target, packet, tuple(self.visits), tuple(self.remembered))

    def _chain(self, chain: str, packet: Packet, depth: int) -> tuple[str, Packet]:
        address, family = number_of(packet.destination)
        for number, text in enumerate(self.chains.get(chain, ()), 1):
            rule, to = _prepared(text)
            elsewhere = to is not None and (to.family != family or address & to.mask != to.number)
            matched = not elsewhere and self._all_match(rule, packet) and self._recent(rule, packet)
            self.visits.append(Visit(self.table, chain, number, text, matched))
            if not matched:
                continue
            target = rule.target
            if target == "RETURN":
                return "", packet
            if target in FINAL:
                return target, _translated(rule, packet)
            if target in {"", "CT", "CONNMARK", "NFLOG", "LOG"}:
                continue
            if target == "MARK":
                packet = packet._replace(mark=_marked(rule, packet.mark))
                continue
            if depth >= DEPTH:
                return "DROP", packet
            verdict, packet = self._chain(target, packet, depth + 1)
            if verdict or rule.goto:
                return verdict, packet
        return "", packet

    def _all_match(self, rule: Rule, packet: Packet) -> bool:
        for at, match in enumerate(rule.matches):
            limit = rule.matches[at + 1].option if at + 1 < len(rule.matches) else ""
            if self._holds(match, packet, limit) == match.negated:
                return False
        return True

    def _holds(self, match: Match, packet: Packet, following: str) -> bool:
        """`following` is the option after it, which may limit what an addrtype match means."""
        option, value = match.option, match.value
        if option == "-s":
            return within(packet.source, value)
        if option == "-d":
            return within(packet.destination, value)
        if option == "-p":
            return value == "all" or PROTOCOLS.get(value, value) == packet.protocol
        if option in {"-i", "-o"}:
            name = packet.in_interface if option == "-i" else packet.out_interface
            return name.startswith(value[:-1]) if value.endswith("+") else name == value
        if option in {"--dport", "--destination-ports", "--dports"}:
            return packet.protocol == _protocol(match, packet) and _in_ports(packet.port, value)
        if option in {"--sport", "--source-ports", "--sports"}:
            return packet.protocol == _protocol(match, packet) and _in_ports(packet.source_port, value)
        if option == "--mark":
            wanted, _slash, mask = value.partition("/")
            return packet.mark & (int(mask, 0) if mask else MASK32) == int(wanted, 0)
        if option == "--ctstate":
            states = set(value.split(","))
            return packet.state in states or ("DNAT" in states and packet.dnat) or ("SNAT" in states and packet.snat)
        if option in {"--dst-type", "--src-type"}:
            through = {"--limit-iface-out": packet.out_interface, "--limit-iface-in": packet.in_interface}
            address = packet.destination if option == "--dst-type" else packet.source
            return self._type(address, through.get(following)) == value
        if option in {"--vaddr", "--vproto", "--vport"}:
            return value in packet.virtual.split()
        if option == "--physdev-is-in":
            return False  # no machine here has a bridge
        if option == "--probability":
            return self.chance(float(value))
        if option in {"--icmp-type", "--icmpv6-type"}:
            return packet.protocol in {"icmp", "icmpv6"} and value.partition("/")[0] == str(_icmp_type(packet))
        if option == "--match-set":
            return self._in_set(value, packet)
        return True  # what only goes with another option: of `recent`, `statistic`

    def _recent(self, rule: Rule, packet: Packet) -> bool:
        """`-m recent --rcheck`: whether the source is in the list; `--set` puts it there, and always holds."""
        asked = {match.option: match.value for match in rule.matches if match.module == "recent"}
        if "--set" in asked:
            self.remembered.append(asked["--name"])
        return "--rcheck" not in asked or packet.source in self.host.recent.get(asked["--name"], frozenset())

    def _type(self, address: str, interface: str | None) -> str:
        """What an address is to this machine, or to one interface of it."""
        if interface is not None:
            return "LOCAL" if address in self.host.interfaces.get(interface, frozenset()) else "UNICAST"
        loopback = within(address, "127.0.0.0/8") if family_of(address) == 4 else address == "::1"
        return "LOCAL" if loopback or address in self.host.addresses else "UNICAST"

    def _in_set(self, value: str, packet: Packet) -> bool:
        name, _space, fields = value.partition(" ")
        members = self.host.sets.get(name, frozenset())
        parts = fields.split(",")
        address = _field(packet, parts[0])
        if len(parts) == 1:  # an address, a network that it is in, or a port of bitmap:port
            if str(packet.port if fields == "dst" else packet.source_port) in members:
                return True
            return address in members or any(within(address, member) for member in networks_of(members))
        # The second is the port of hash:ip,port, and the address of hash:net,net.
        port = packet.port if parts[1] == "dst" else packet.source_port
        if len(parts) == 3:  # hash:ip,port,ip and hash:ip,port,net
            front, third = f"{address},{packet.protocol}:{port},", _field(packet, parts[2])
            if front + third in members:
                return True
            nets = networks_of(members)
            return any(member.startswith(front) and within(third, member[len(front) :]) for member in nets)
        named = f"{address},{packet.protocol}:{port}", f"{address},{_field(packet, parts[1])}"
        return any(member in members for member in named)


@lru_cache(maxsize=1024)
def networks_of(members: frozenset[str]) -> tuple[str, ...]:
    """Those of an ipset's members that are networks, or end with one: a large set has few, and is asked often."""
    return tuple(sorted(member for member in members if "/" in member))


def _field(packet: Packet, direction: str) -> str:
    return packet.source if direction == "src" else packet.destination


def _icmp_type(packet: Packet) -> int:
    """Of an echo request or, where the connection is known, its reply."""
    request, reply = (8, 0) if packet.protocol == "icmp" else (128, 129)
    return request if packet.state == "NEW" else reply


def _protocol(match: Match, packet: Packet) -> str:
    return packet.protocol if match.module == "multiport" else match.module


def _in_ports(port: int, text: str) -> bool:
    for piece in text.split(","):
        low, colon, high = piece.partition(":")
        if port == int(low) if not colon else int(low or 0) <= port <= int(high or 65535):
            return True
    return False


def _marked(rule: Rule, mark: int) -> int:
    for option, value in rule.options:
        number, _slash, mask = value.partition("/")
        bits = int(number, 0)
        if option == "--or-mark":
            return (mark | bits) & MASK32
        if option == "--xor-mark":
            return (mark ^ bits) & MASK32
        if option == "--and-mark":
            return mark & bits
        if option == "--set-xmark":
            return ((mark & ~(int(mask, 0) if mask else MASK32)) ^ bits) & MASK32
        if option == "--set-mark":
            return ((mark & ~(int(mask, 0) if mask else MASK32)) | bits) & MASK32
    return mark


def _translated(rule: Rule, packet: Packet) -> Packet:
    """The packet with its destination changed; who the source becomes is known only when the way out is."""
    if rule.target != "DNAT":
        return packet
    address, port = split_endpoint(rule.option("--to-destination") or "")
    return packet._replace(destination=address, port=port or packet.port, dnat=True)


def split_endpoint(text: str) -> tuple[str, int]:
    """`10.0.0.1:80` or `[fd00::1]:80`, the port 0 where none is given."""
    if text.startswith("["):
        address, _bracket, port = text[1:].partition("]")
        return address, int(port[1:] or 0) if port else 0
    address, _colon, port = text.partition(":")
    return address, int(port or 0)
