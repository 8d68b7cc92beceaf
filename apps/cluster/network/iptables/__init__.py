"""iptables: rules as their text, parsed; what they do to a packet; how iptables-save prints them."""

from apps.cluster.network.iptables.rule import Match, Rule, RuleError, parse_rule, parse_tables, restore_text

__all__ = ["Match", "Rule", "RuleError", "parse_rule", "parse_tables", "restore_text"]
