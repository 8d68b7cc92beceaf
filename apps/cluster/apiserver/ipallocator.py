"""Which address comes next in a range of cluster IPs.

Models      pkg/registry/core/service/ipallocator/ipallocator.go (ipIterator, hostsPerNetwork, addOffsetAddress, Free)
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
MAX_UINT64 = (1 << 64) - 1
MAX_INT = (1 << 63) - 1


def hosts_per_network(network: IPv4Network | IPv6Network) -> int:
    """Addresses that may be given out: not the network's own, nor IPv4's broadcast; at most what 64 bits count."""
    bits = network.max_prefixlen - network.prefixlen
    if bits >= 64:
        return MAX_UINT64
    return max(0, (1 << bits) - (2 if network.version == 4 else 1))


def add_offset(address: Address, offset: int) -> Address | None:
    """The address so many further on; None beyond the last one there is."""
    number = int(address) + offset
    if number >= 1 << address.max_prefixlen:
        return None
    return type(address)(number)


def walk(first: Address, last: Address, offset: int) -> Iterator[Address]:
    """Every address from `first` to `last` once, beginning `offset` further on and going round.

    >>> [str(a) for a in walk(IPv4Address("10.0.0.1"), IPv4Address("10.0.0.3"), 1)]
    ['10.0.0.2', '10.0.0.3', '10.0.0.1']
    """
    start = add_offset(first, offset)
    if start is None:
        return
    if int(start) > int(last):
        start = first
    kind = type(first)
    for number in range(int(start), int(last) + 1):
        yield kind(number)
    for number in range(int(first), int(start)):
        yield kind(number)


def free(size: int, used: int) -> int:
    """How many addresses are left, as an int of Go can say it."""
    return MAX_INT - used if size > MAX_INT else max(0, size - used)
