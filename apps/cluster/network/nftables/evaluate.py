"""A packet in a base chain of nftables: which rules it comes to, which one decides, what it looks like afterwards.

Models      nf_tables_core.c (nft_do_chain) and the statements of `rule.py`
Leaves out  the counters of rules; that an element which times out leaves its set
"""

from __future__ import annotations

from collections.abc import Iterator

from apps.cluster.network.addresses import family_of, within
from apps.cluster.network.iptables.evaluate import (
    DEPTH,
    MASK32,
    Chance,
    Host,
    Verdict,
    Visit,
    every_choice,
    split_endpoint,
)
from apps.cluster.network.nftables.rule import Statement, parse_rule
from apps.cluster.network.nftables.table import Table
from apps.cluster.network.packet import Packet

ENDS = {"drop": "DROP", "reject": "REJECT", "accept": "ACCEPT"}


def run(table: Table, chain: str, packet: Packet, host: Host, chance: Chance) -> Verdict:
    """Send a packet through a base chain, and all the chains it leads to. The verdict's target is said as iptables
    says it; what was put into affinity sets is in `remembered`, and `host.recent` holds who is in which."""
    return _Run(table, host, chance).run(chain, packet)


def every_way(table: Table, chain: str, packet: Packet, host: Host) -> Iterator[tuple[float, Verdict]]:
    """All ways a packet may go, with the probability of each, in the order of the rules."""
    return every_choice(lambda chance: run(table, chain, packet, host, chance))


class _Run:
    def __init__(self, table: Table, host: Host, chance: Chance) -> None:
        self.table, self.host, self.chance = table, host, chance
        self.visits: list[Visit] = []
        self.remembered: list[str] = []
        self.element = ""  # what the rule at hand found in a map
        self.packet: Packet

    def run(self, chain: str, packet: Packet) -> Verdict:
        self.packet = packet
        target = self._chain(chain, 0)
        return Verdict("" if target == "RETURN" else target, self.packet, tuple(self.visits), tuple(self.remembered))

    def _chain(self, chain: str, depth: int) -> str:
        """The verdict that ends the base chain; "" when this one was gone through, or left by `return`."""
        for number, text in enumerate(self.table.chains[chain].rules, 1):
            rule = parse_rule(text)
            at = len(self.visits)
            self.visits.append(Visit(str(self.table), chain, number, text, matched=False))
            act = self.element = ""
            held = True
            for one in rule.statements:
                held, act = self._statement(one)
                if not held or act:
                    break
            self.visits[at] = self.visits[at]._replace(matched=held, element=self.element)
            if not held or not act:
                continue
            kind, _space, name = act.partition(" ")
            if kind in {"jump", "goto"}:
                if depth >= DEPTH:
                    return "DROP"
                verdict = self._chain(name, depth + 1)
                if verdict or kind == "goto":
                    return verdict
            elif kind == "return":
                return ""
            else:
                return ENDS.get(kind, kind)
        return ""

    def _statement(self, one: Statement) -> tuple[bool, str]:
        """Whether it held, and what it decided: a verdict, or nothing yet."""
        packet = self.packet
        if one.kind == "vmap":
            key = self._key(one.fields)
            element = self.table.sets[one.name].elements.get(key)
            if element is None:
                return False, ""
            self.element = f"{one.name} {{ {key} : {element.verdict} }}"
            return True, element.verdict
        if one.kind == "numgen vmap":
            return True, self._one_of(one.values)
        if one.kind == "numgen dnat":
            address, _dot, port = self._one_of(one.values).partition(" . ")
            self.packet = packet._replace(destination=address, port=int(port), dnat=True)
            return True, "DNAT"
        if one.kind == "dnat":
            address, to_port = split_endpoint(one.name)
            self.packet = packet._replace(destination=address, port=to_port or packet.port, dnat=True)
            return True, "DNAT"
        if one.kind == "masquerade":
            return True, "MASQUERADE"
        if one.kind == "mark":
            bits = int(one.name, 0)
            mark = packet.mark | bits if one.fields[0] == "or" else packet.mark ^ bits
            self.packet = packet._replace(mark=mark & MASK32)
            return True, ""
        if one.kind == "update":
            self.remembered.append(one.name)
            return True, ""
        if one.kind in {"jump", "goto"}:
            return True, f"{one.kind} {one.name}"
        if one.kind in {"drop", "reject", "accept", "return"}:
            return True, one.kind
        return self._holds(one) != one.negated, ""

    def _holds(self, one: Statement) -> bool:
        packet = self.packet
        if one.kind == "is":
            key = self._key(one.fields)
            if one.name:
                return key in self.table.sets[one.name].elements or key in self.host.recent.get(one.name, ())
            return any(within(key, value) for value in one.values)
        if one.kind == "fib":
            return self._local(getattr(packet, {"saddr": "source", "daddr": "destination"}[one.fields[0]]))
        if one.kind == "ct":
            return packet.dnat if one.fields[0] == "status" else packet.state.lower() == one.name
        if one.kind == "marked":
            return bool(packet.mark & int(one.name, 0))
        assert one.kind == "protocol", one.kind
        return packet.protocol == one.name

    def _local(self, address: str) -> bool:
        loopback = within(address, "127.0.0.0/8") if family_of(address) == 4 else address == "::1"
        return loopback or address in self.host.addresses

    def _key(self, fields: tuple[str, ...]) -> str:
        packet = self.packet
        said = {"saddr": packet.source, "daddr": packet.destination, "l4proto": packet.protocol}
        return " . ".join(said.get(field) or str(packet.port) for field in fields)

    def _one_of(self, values: tuple[str, ...]) -> str:
        """Each with the same probability: the first with one in so many, of the rest the first with …"""
        left = len(values)
        for value in values[:-1]:
            if self.chance(1 / left):
                return value
            left -= 1
        return values[-1]
