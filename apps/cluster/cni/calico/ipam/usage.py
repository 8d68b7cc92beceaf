"""How full pools are: what `calicoctl ipam show` tells.

Models      libcalico-go/lib/ipam/ipam.go (GetUtilization)
Leaves out  blocks whose pool is gone
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from apps.cluster.cni.calico.ipam.allocator import IPAM
from apps.cluster.cni.calico.ipam.pools import Network, overlap


class BlockUse(NamedTuple):
    cidr: str
    capacity: int
    in_use: int
    reserved: int
    available: int


class Utilization(NamedTuple):
    name: str
    cidr: str
    capacity: int
    in_use: int
    reserved: int
    available: int
    blocks: tuple[BlockUse, ...]


def utilization(ipam: IPAM, *names: str) -> list[Utilization]:
    """Of all pools, or those named; addresses that are reserved count as neither used nor available."""
    found = []
    for pool in ipam.pools:
        if names and pool.name not in names and pool.cidr not in names:
            continue
        inside = [block for block in ipam.blocks() if overlap(block.network, pool.network)]
        reserved = [one for one in ipam.reserved.networks if overlap(one, pool.network)]
        taken = _count(pool.network, [*reserved, *(block.network for block in inside)])
        available = sum(block.available(ipam.reserved) for block in inside)
        found.append(
            Utilization(
                pool.name,
                str(pool.network),
                pool.network.num_addresses,
                sum(len(block.used) for block in inside),
                _count(pool.network, reserved),
                available + pool.network.num_addresses - taken,
                tuple(
                    BlockUse(
                        block.cidr,
                        block.network.num_addresses,
                        len(block.used),
                        _count(block.network, (one for one in reserved if overlap(one, block.network))),
                        block.available(ipam.reserved),
                    )
                    for block in inside
                ),
            )
        )
    return found


def _count(inside: Network, networks: Iterable[Network]) -> int:
    """How many addresses of a network others cover, overlaps counted once."""
    low, high = int(inside.network_address), int(inside.broadcast_address)
    spans = sorted((int(one.network_address), int(one.broadcast_address)) for one in networks)
    total, reached = 0, low
    for first, last in spans:
        first, last = max(first, reached), min(last, high)
        if last >= first:
            total += last - first + 1
            reached = last + 1
    return total
