"""An iptables rule, parsed from the text that iptables-restore takes.

Models      iptables(8), iptables-extensions(8): what kube-proxy, the kubelet and Calico's Felix write
Leaves out  everything else those two pages know; a rule that needs it is refused, never half understood
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

Tables = Mapping[str, Mapping[str, tuple[str, ...]]]  # table -> chain -> its rules, each the text after "-A chain "


class RuleError(ValueError):
    """A rule with a match or a target that is not known here."""


class Match(NamedTuple):
    """One test: `-m MODULE [!] --option value`. `module` is "" for what needs none (-s, -d, -p, -i, -o).

    `place`: which of the rule's modules it belongs to, as one may be named twice.
    """

    module: str
    option: str
    value: str
    negated: bool = False
    place: int = -1


class Rule(NamedTuple):
    matches: tuple[Match, ...]
    target: str  # "" only counts
    options: tuple[tuple[str, str], ...]  # of the target
    comment: str
    goto: bool = False
    modules: tuple[str, ...] = ()  # those named by -m, in order; a protocol's own where its options are used

    def option(self, name: str) -> str | None:
        """An option of the target, None where it is not given."""
        return next((value for option, value in self.options if option == name), None)


# Long names are kept as the short ones that iptables-save prints.
PLAIN = {
    "-s": "-s", "--source": "-s", "--src": "-s",
    "-d": "-d", "--destination": "-d", "--dst": "-d",
    "-p": "-p", "--protocol": "-p",
    "-i": "-i", "--in-interface": "-i",
    "-o": "-o", "--out-interface": "-o",
}  # fmt: skip
# Options of each match module, and whether a value follows.
MODULES: dict[str, dict[str, bool]] = {
    "comment": {"--comment": True},
    "tcp": {"--dport": True, "--sport": True, "--tcp-flags": True, "--syn": False},
    "udp": {"--dport": True, "--sport": True},
    "sctp": {"--dport": True, "--sport": True},
    "icmp": {"--icmp-type": True},
    "icmp6": {"--icmpv6-type": True},
    "multiport": {"--dports": True, "--sports": True, "--destination-ports": True, "--source-ports": True},
    "mark": {"--mark": True},
    "conntrack": {"--ctstate": True, "--ctorigdstport": True, "--ctorigdst": True},
    "addrtype": {"--dst-type": True, "--src-type": True, "--limit-iface-out": False, "--limit-iface-in": False},
    "statistic": {"--mode": True, "--probability": True},
    "recent": {"--name": True, "--set": False, "--rcheck": False, "--seconds": True, "--reap": False, "--mask": True,
               "--rsource": False},
    "set": {"--match-set": True},
    "ipvs": {"--vaddr": True, "--vproto": True, "--vport": True},
    "physdev": {"--physdev-is-in": False},
    "nfacct": {"--nfacct-name": True},
    "rpfilter": {"--invert": False, "--validmark": False},
}  # fmt: skip
# Options of the targets; every other target is a chain's name, or takes none.
TARGETS: dict[str, dict[str, bool]] = {
    "DNAT": {"--to-destination": True, "--random": False, "--persistent": False},
    "SNAT": {"--to-source": True, "--random-fully": False},
    "MASQUERADE": {"--random-fully": False, "--to-ports": True},
    "MARK": {
        "--or-mark": True,
        "--xor-mark": True,
        "--and-mark": True,
        "--set-mark": True,
        "--set-xmark": True,
    },
    "CONNMARK": {"--save-mark": False, "--restore-mark": False, "--mask": True},
    "REJECT": {"--reject-with": True},
    "CT": {"--notrack": False},
    "NFLOG": {"--nflog-group": True, "--nflog-prefix": True},
    "LOG": {"--log-prefix": True, "--log-level": True},
}
TWO_WORDS = frozenset({"--match-set", "--tcp-flags"})


@lru_cache(maxsize=65536)
def parse_rule(text: str) -> Rule:
    """A rule's text without its `-A CHAIN`.

    Raises:
        RuleError
    """
    words = shlex.split(text)
    matches: list[Match] = []
    options: list[tuple[str, str]] = []
    modules: list[str] = []
    target = comment = ""
    implied = ""
    goto = negated = False
    at = 0

    def value() -> str:
        nonlocal at
        at += 1
        if at >= len(words):
            raise RuleError(f"{text}: {words[-1]} needs a value")
        return words[at]

    while at < len(words):
        word = words[at]
        if word == "!":
            negated = True
        elif word in {"-m", "--match"}:
            modules.append(value())
            if modules[-1] not in MODULES:
                raise RuleError(f"{text}: unknown match {modules[-1]}")
            if modules[-1] == "rpfilter":
                matches.append(Match("rpfilter", "", "", place=len(modules) - 1))
        elif word in {"-j", "--jump", "-g", "--goto"}:
            target, goto = value(), word in {"-g", "--goto"}
        elif target and word in TARGETS.get(target, {}):
            options.append((word, value() if TARGETS[target][word] else ""))
        elif word in PLAIN:
            matches.append(Match("", PLAIN[word], value(), negated))
            negated = False
            if PLAIN[word] == "-p" and matches[-1].value not in modules:  # its options are known without -m
                implied = matches[-1].value
        else:
            if implied and word in MODULES.get(implied, {}) and implied not in modules:
                modules.append(implied)
            place = next((i for i in range(len(modules) - 1, -1, -1) if word in MODULES[modules[i]]), -1)
            if place < 0:
                raise RuleError(f"{text}: unknown option {word}")
            module = modules[place]
            given = value() if MODULES[module][word] else ""
            if word in TWO_WORDS:
                given = f"{given} {value()}"
            if module == "comment":
                comment = given
            else:
                matches.append(Match(module, word, given, negated, place))
            negated = False
        at += 1
    return Rule(tuple(matches), target, tuple(options), comment, goto, tuple(modules))


def parse_tables(text: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """The tables of a text for iptables-restore, or from iptables-save.

    Raises:
        RuleError
    """
    tables: dict[str, dict[str, list[str]]] = {}
    table: dict[str, list[str]] = {}
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#") or line == "COMMIT":
            continue
        if line.startswith("*"):
            table = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            table.setdefault(line[1:].split()[0], [])
        elif line.startswith("-A "):
            chain, _space, rule = line[3:].partition(" ")
            table.setdefault(chain, []).append(rule)
        elif line.startswith("-X "):
            table.pop(line[3:].strip(), None)
        else:
            raise RuleError(line)
    return {name: {chain: tuple(rules) for chain, rules in chains.items()} for name, chains in tables.items()}


BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}


def restore_text(tables: Tables, order: Iterable[str] = ("raw", "mangle", "filter", "nat")) -> str:
    """What iptables-restore takes to make these tables, whole."""
    lines: list[str] = []
    for table in order:
        if table not in tables:
            continue
        chains = tables[table]
        lines.append(f"*{table}")
        for chain in BUILT_IN[table]:
            lines.append(f":{chain} ACCEPT [0:0]")
        lines.extend(f":{chain} - [0:0]" for chain in chains if chain not in BUILT_IN[table])
        for chain, rules in chains.items():
            lines.extend(f"-A {chain} {rule}" for rule in rules)
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"
