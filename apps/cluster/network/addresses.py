"""Addresses and networks as numbers, parsed once: a packet's way asks "is it in there?" hundreds of times.

Models  inet_pton and the prefix match of a routing table or of iptables' -s and -d; both families
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple


class Prefix(NamedTuple):
    """A network: `number` with all host bits zero, `mask`, its length and family (4 or 6)."""

    number: int
    mask: int
    length: int
    family: int


@lru_cache(maxsize=65536)
def number(address: str) -> tuple[int, int]:
    """An address as (number, family). Raises: ValueError."""
    parsed = ip_address(address)
    return int(parsed), parsed.version


@lru_cache(maxsize=65536)
def prefix(text: str) -> Prefix:
    """`10.0.0.0/8`, or an address alone, which is a network of one. Raises: ValueError."""
    parsed = ip_network(text, strict=False)
    return Prefix(int(parsed.network_address), int(parsed.netmask), parsed.prefixlen, parsed.version)


def within(address: str, network: str) -> bool:
    """Whether an address lies in a network; never across families."""
    value, family = number(address)
    net = prefix(network)
    return family == net.family and value & net.mask == net.number


def canonical(text: str) -> str:
    """A network as iptables-save prints it: always with its length, host bits zero."""
    return str(ip_network(text, strict=False))


def plain(text: str) -> str:
    """An address or network whose parts may have zeros in front, as very old objects have them.

    >>> plain("172.30.0.041"), plain("203.0.113.000/025"), plain("fd00::1")
    ('172.30.0.41', '203.0.113.0/25', 'fd00::1')
    """
    if ":" in text:
        return text
    address, slash, length = text.partition("/")
    return ".".join(str(int(part)) for part in address.split(".")) + (f"/{int(length)}" if slash else "")


def is_loopback(address: str) -> bool:
    return bool(ip_address(address).is_loopback)


def family_of(address: str) -> int:
    """4 or 6. Raises: ValueError for what is neither."""
    return number(address)[1]
