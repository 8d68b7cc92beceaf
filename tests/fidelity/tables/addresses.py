"""Cluster IPs: how many there are in a range, and which comes next."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from itertools import islice
from typing import Any

from apps.cluster.apiserver import ipallocator
from tests.fidelity.tables.registry import Row, adaptor, same

MOST = 1 << 20  # of the addresses of a range that a row asks to be counted, counted one by one


def address(dumped: Any) -> IPv4Address | IPv6Address | None:
    """A dumped netip.Addr: two halves of 64 bits, an IPv4 address in the lower one behind ffff."""
    number = (dumped["addr"]["hi"] << 64) | dumped["addr"]["lo"]
    family = dumped.get("z")
    if not family:
        return None
    return IPv6Address(number) if family["value"]["isV6"] else IPv4Address(number & 0xFFFFFFFF)


@adaptor("svc-alloc__ipallocator__TestFreeWithOverflowProtection")
def free(row: Row) -> None:
    same(ipallocator.free(row["simulateSize"], row["simulateUsed"]), row["expectedFree"])


@adaptor("svc-alloc__ipallocator__Test_addOffsetAddress")
def add_offset(row: Row) -> None:
    found = ipallocator.add_offset(address(row["address"]), row["offset"])  # type: ignore[arg-type]
    same(str(found), str(address(row["want"])))


@adaptor("svc-alloc__ipallocator__Test_hostsPerNetwork")
def hosts_per_network(row: Row) -> None:
    same(ipallocator.hosts_per_network(ip_network(row["cidr"], strict=False)), row["addrs"])


@adaptor("svc-alloc__ipallocator__Test_ipIterator", "svc-alloc__ipallocator__Test_ipIterator_Number")
def walk(row: Row) -> None:
    found = ipallocator.walk(address(row["first"]), address(row["last"]), row["offset"])  # type: ignore[arg-type]
    if isinstance(row["want"], list):
        same([str(one) for one in found], row["want"])
    else:
        same(sum(1 for _ in islice(found, MOST)), row["want"], "addresses")
