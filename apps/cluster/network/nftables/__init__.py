"""nftables: a table as plain data, its rules parsed, what they do to a packet, how `nft list` prints them."""

from apps.cluster.network.nftables.rule import RuleError, Statement, parse_rule
from apps.cluster.network.nftables.table import Chain, Element, Map, Set, Table

__all__ = ["Chain", "Element", "Map", "RuleError", "Set", "Statement", "Table", "parse_rule"]
