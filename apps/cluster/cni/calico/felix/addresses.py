"""Addresses bit by bit, and the longest prefix of a set of networks that holds one.

Models      felix/ip/ip_addr.go, felix/calc/iplpm.go
Leaves out  networks of one namespace before those of all, in the search by prefix
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from apps.cluster.network.addresses import Prefix, number, prefix


def nth_bit(address: str, place: int) -> int:
    """The bits of an address, counted from 1 at its left.

    >>> nth_bit("192.168.0.2", 1), nth_bit("192.168.0.2", 32)
    (1, 0)
    """
    return int(ip_address(address)) >> (ip_address(address).max_prefixlen - place) & 1


def is_single(network: str) -> bool:
    """Whether a network is one address."""
    return ip_network(network, strict=False).num_addresses == 1


class PrefixMap:
    """Names under networks; an address finds the name under the longest that it lies in, of several the first."""

    def __init__(self) -> None:
        self._names: dict[int, dict[Prefix, list[str]]] = {}  # by length

    def insert(self, network: str, name: str) -> None:
        found = prefix(network)
        names = self._names.setdefault(found.length, {}).setdefault(found, [])
        if name not in names:
            names.append(name)
            names.sort()

    def delete(self, network: str, name: str) -> None:
        found = prefix(network)
        names = self._names.get(found.length, {}).get(found, [])
        if name in names:
            names.remove(name)
        if not names:
            self._names.get(found.length, {}).pop(found, None)

    def names(self, network: str) -> list[str]:
        found = prefix(network)
        return list(self._names.get(found.length, {}).get(found, ()))

    def longest(self, address: str) -> str | None:
        value, family = number(address)
        bits = 32 if family == 4 else 128
        for length in sorted(self._names, reverse=True):
            if length <= bits:
                mask = (1 << bits) - (1 << (bits - length))
                names = self._names[length].get(Prefix(value & mask, mask, length, family))
                if names:
                    return names[0]
        return None
