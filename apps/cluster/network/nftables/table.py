"""A table of nftables as plain data: its sets, its maps, its chains.

Models      nft(8): tables, base chains and their hooks, sets and verdict maps
Leaves out  objects that kube-proxy has none of: counters, quotas, flowtables, a chain's policy that is not to accept
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# Named priorities, and the ones that a base chain's priority is told apart from (NF_IP_PRI_* of the kernel).
CONNTRACK, DNAT, FILTER, SNAT = -200, -100, 0, 100


class Element(NamedTuple):
    """What stands under a key: "" in a set, a verdict in a map."""

    verdict: str = ""
    comment: str = ""


class Set(NamedTuple):
    """`elements`: key -> element, the key's parts joined by " . " as nft writes them. `timeout` in seconds."""

    type: str
    comment: str = ""
    elements: Mapping[str, Element] = {}
    flags: tuple[str, ...] = ()
    timeout: int = 0


class Map(NamedTuple):
    """A verdict map; `type` is that of its keys."""

    type: str
    comment: str = ""
    elements: Mapping[str, Element] = {}


class Chain(NamedTuple):
    """Rules as their text. A base chain has a `kind` (filter, nat), a `hook` (prerouting …) and a `priority`."""

    rules: tuple[str, ...] = ()
    kind: str = ""
    hook: str = ""
    priority: int = 0
    comment: str = ""


class Table(NamedTuple):
    """`family`: ip or ip6. `sets` holds sets and maps, which share their names, in the order they were made in."""

    family: str
    name: str
    comment: str = ""
    sets: Mapping[str, Set | Map] = {}
    chains: Mapping[str, Chain] = {}

    def __str__(self) -> str:
        return f"{self.family} {self.name}"

    def bases(self, kind: str, hook: str) -> list[str]:
        """The chains of one kind that a hook calls, in the order in which it does."""
        found = [name for name, chain in self.chains.items() if (chain.kind, chain.hook) == (kind, hook)]
        return sorted(found, key=lambda name: self.chains[name].priority)
