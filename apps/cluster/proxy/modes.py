"""The modes of kube-proxy behind one face: what each hears is the same, what it gives to the kernel is not.

Models      cmd/kube-proxy/app/server_linux.go: createProxier
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from apps.cluster.network.ipvs import IPSet, VirtualServer
from apps.cluster.network.nftables.table import Table
from apps.cluster.proxy import iptables, ipvs, nftables
from apps.cluster.proxy.config import ProxyConfig

IPTABLES, NFTABLES, IPVS = MODES = ("iptables", "nftables", "ipvs")
Rules = tuple[str, ...]
Ruleset = iptables.Ruleset | nftables.Ruleset | ipvs.Ruleset


class InKernel(NamedTuple):
    """What one kube-proxy has given to its node's kernel; what its mode has no use for is empty."""

    tables: Mapping[str, Mapping[str, Rules]] = {}  # iptables: table -> chain of its own -> rules
    jumps: Mapping[str, Mapping[str, Rules]] = {}  # table -> built-in chain -> rules in front of it
    nft: tuple[Table, ...] = ()
    sets: Mapping[str, IPSet] = {}  # ipsets
    virtual: tuple[VirtualServer, ...] = ()
    addresses: tuple[str, ...] = ()  # of the interface kube-ipvs0


def ruleset_for(mode: str, config: ProxyConfig) -> Ruleset:
    """A kube-proxy of that mode, which has heard nothing yet. Raises: KeyError, there is no such mode."""
    made: Mapping[str, type[Ruleset]] = {
        IPTABLES: iptables.Ruleset,
        NFTABLES: nftables.Ruleset,
        IPVS: ipvs.Ruleset,
    }
    return made[mode](config)


def in_kernel(rules: Ruleset) -> InKernel:
    """All that it has written, as of its last sync."""
    if isinstance(rules, nftables.Ruleset):
        return InKernel(nft=(rules.table(),))
    if isinstance(rules, ipvs.Ruleset):
        return InKernel(
            rules.tables(), rules.jumps(), sets=rules.sets(), virtual=rules.servers(), addresses=rules.addresses()
        )
    return InKernel(rules.tables(), rules.jumps())
