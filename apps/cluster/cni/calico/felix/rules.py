"""A policy's rules as iptables rules. One that iptables cannot say at once becomes several, which add up in marks.

Models      felix/rules/policy.go (ProtoRuleToIptablesRules, matchBlockBuilder), felix/iptables/match_builder.go
Leaves out  flow logs; limits of what a Log rule writes; the hash of each rule that Felix keeps in a comment
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apps.cluster.cni.calico.felix.names import set_name

PORTS_IN_ONE = 15  # a multiport match takes no more; a range counts twice
LOG_PREFIX = "calico-packet"
Ports = tuple[tuple[int, int], ...]


class Marks(NamedTuple):
    """Bits of a packet's mark that are Felix' own: what a policy decided, and two to reckon with."""

    accept: int = 0x10000
    passed: int = 0x20000
    drop: int = 0x40000
    matched: int = 0x80000  # all blocks of matches so far
    block: int = 0x100000  # this block
    endpoint: int = 0xFFE00000  # where kube-proxy uses IPVS: the bits of the workload that a packet came from
    other: int = 0x200000  # and of those that came from none


class ParsedRule(NamedTuple):
    """A rule in which selectors have become ipsets. Pairs are (source, destination)."""

    action: str = "Allow"
    ip_version: int = 0
    protocol: str = ""  # a name in lower case, or a number
    not_protocol: str = ""
    nets: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    not_nets: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    sets: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    not_sets: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    port_sets: tuple[str, ...] = ()  # addresses with ports, of Services
    ports: tuple[Ports, Ports] = ((), ())
    not_ports: tuple[Ports, Ports] = ((), ())
    named: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    not_named: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    icmp: str = ""  # a type, or type/code
    not_icmp: str = ""


SIDES = (("source", "src"), ("destination", "dst"))


def rendered(rules: Iterable[ParsedRule], family: int, marks: Marks, comment: str = "") -> list[str]:
    """The rules of one chain. What only returns at its end is left out, as that is what the end does."""
    found = [text for rule in rules for text in one(rule, family, marks)]
    while found and found[-1].endswith("--jump RETURN"):
        found.pop()
    if comment:
        found = found or [""]
        found[0] = f'-m comment --comment "{comment}" {found[0]}'.strip()
    return found


def one(rule: ParsedRule, family: int, marks: Marks) -> list[str]:
    fitting = _of_family(rule, family)
    if fitting is None:
        return []
    blocks = _Blocks(family, marks)
    fitting = blocks.take(fitting)
    match = _match(fitting, family)
    if blocks.rules:
        match.append(_has(marks.matched))
    return [*blocks.rules, *_decided(fitting.action, match, marks)]


def _of_family(rule: ParsedRule, family: int) -> ParsedRule | None:
    """The rule with the networks of one family; None if that leaves nothing of a match, or if it can match nothing."""
    if rule.ip_version not in (0, family):
        return None
    kept = []
    for name in ("nets", "not_nets"):
        sides = []
        for nets in getattr(rule, name):
            mine = tuple(net for net in nets if (":" in net) == (family == 6))
            if nets and not mine:
                return None
            if name == "not_nets" and ("0.0.0.0/0" in mine or "::/0" in mine):
                return None
            sides.append(mine)
        kept.append((sides[0], sides[1]))
    return rule._replace(nets=kept[0], not_nets=kept[1])


class _Blocks:
    """Matches of which one has to hold, each block a run of rules; the bit `matched` tells that all blocks did."""

    def __init__(self, family: int, marks: Marks) -> None:
        self.family, self.marks = family, marks
        self.rules: list[str] = []
        self._first = True

    def take(self, rule: ParsedRule) -> ParsedRule:
        """Build the blocks that a rule needs; returns what is left for the rule itself."""
        for side in (0, 1):
            splits = split_ports(rule.ports[side])
            if len(splits) + len(rule.named[side]) > 1:
                ports = [[*_protocol(rule.protocol), _ports(one, side)] for one in splits]
                named = [[f"-m set --match-set {set_name(id_, self.family)} {_both(side)}"] for id_ in rule.named[side]]
                self._positive([*ports, *named])
                rule = rule._replace(ports=_without(rule.ports, side), named=_without(rule.named, side))
        for side in (0, 1):
            if len(rule.nets[side]) > 1:
                self._positive([[f"--{SIDES[side][0]} {net}"] for net in rule.nets[side]])
                rule = rule._replace(nets=_without(rule.nets, side))
        for side in (0, 1):
            if len(rule.nets[side]) + len(rule.not_nets[side]) > 1:
                self._start(self.marks.matched)
                for net in rule.not_nets[side]:
                    self.rules.append(f"--{SIDES[side][0]} {net} {_clear(self.marks.matched)}")
                rule = rule._replace(not_nets=_without(rule.not_nets, side))
        return rule

    def _start(self, bits: int) -> None:
        if not self.rules:
            mask = self.marks.matched | self.marks.block
            self.rules.append(f"--jump MARK --set-mark {bits:#x}/{mask:#x}")

    def _positive(self, matches: Sequence[Sequence[str]]) -> None:
        self._start(0)
        bit = self.marks.matched if self._first else self.marks.block
        self.rules += [" ".join([*match, _set(bit)]) for match in matches]
        if not self._first:
            self.rules.append(f"-m mark --mark 0/{self.marks.block:#x} {_clear(self.marks.matched)}")
        self._first = False


def _without(pair: tuple[tuple, tuple], side: int) -> tuple[tuple, tuple]:  # type: ignore[type-arg]
    return ((), pair[1]) if side == 0 else (pair[0], ())


def split_ports(ports: Ports) -> list[Ports]:
    """Ports in as many pieces as multiport needs."""
    found: list[list[tuple[int, int]]] = []
    room = 0
    for first, last in ports:
        needed = 1 if first == last else 2
        if room < needed:
            found.append([])
            room = PORTS_IN_ONE
        found[-1].append((first, last))
        room -= needed
    return [tuple(one) for one in found]


def _decided(action: str, match: Sequence[str], marks: Marks) -> list[str]:
    """The rules that carry an action out: its bit set where everything matches, then what follows from the bit."""
    if action == "Log":
        return [" ".join([*match, f'--jump LOG --log-prefix "{LOG_PREFIX}: " --log-level 5'])]
    bit = {"Allow": marks.accept, "Pass": marks.passed, "Deny": marks.drop}[action]
    jump = "--jump DROP" if action == "Deny" else "--jump RETURN"
    return [" ".join([*match, _set(bit)]), f"{_has(bit)} {jump}"]


def _match(rule: ParsedRule, family: int) -> list[str]:
    found = _protocol(rule.protocol)
    for side in (0, 1):
        name, short = SIDES[side]
        found += [f"--{name} {net}" for net in rule.nets[side]]
        found += [f"-m set --match-set {set_name(id_, family)} {short}" for id_ in rule.sets[side]]
        if side == 1:
            found += [f"-m set --match-set {set_name(id_, family)} dst,dst" for id_ in rule.port_sets]
        found += [_ports(one, side) for one in split_ports(rule.ports[side])]
        found += [f"-m set --match-set {set_name(id_, family)} {_both(side)}" for id_ in rule.named[side]]
    found += _icmp(rule.icmp, family)
    if rule.not_protocol:
        found.append(f"! -p {rule.not_protocol}")
    for side in (0, 1):
        name, short = SIDES[side]
        found += [f"! --{name} {net}" for net in rule.not_nets[side]]
        found += [f"-m set ! --match-set {set_name(id_, family)} {short}" for id_ in rule.not_sets[side]]
        found += [_ports(one, side, "! ") for one in split_ports(rule.not_ports[side])]
        found += [f"-m set ! --match-set {set_name(id_, family)} {_both(side)}" for id_ in rule.not_named[side]]
    return found + _icmp(rule.not_icmp, family, "! ")


def _protocol(protocol: str) -> list[str]:
    return [f"-p {protocol}"] if protocol else []


def _ports(ports: Ports, side: int, negated: str = "") -> str:
    told = ",".join(str(first) if first == last else f"{first}:{last}" for first, last in ports)
    return f"-m multiport {negated}--{SIDES[side][0]}-ports {told}"


def _both(side: int) -> str:
    return f"{SIDES[side][1]},{SIDES[side][1]}"


def _icmp(type_: str, family: int, negated: str = "") -> list[str]:
    if not type_:
        return []
    return [f"-m icmp {negated}--icmp-type {type_}" if family == 4 else f"-m icmp6 {negated}--icmpv6-type {type_}"]


def _has(bit: int) -> str:
    return f"-m mark --mark {bit:#x}/{bit:#x}"


def _set(bit: int) -> str:
    return f"--jump MARK --set-mark {bit:#x}/{bit:#x}"


def _clear(bit: int) -> str:
    return f"--jump MARK --set-mark 0/{bit:#x}"
