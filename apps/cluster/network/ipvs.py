"""IPVS: virtual servers of a kernel, the real ones behind each, and the sets of addresses and ports beside them.

Models      ipvsadm(8) as it prints the kernel's table (-Ln, -Sn), ip_vs_rr.c; ipset(8) save
Leaves out  every scheduler but rr; weights but 0 and 1; counts of connections, which are all 0; a set's seed
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from apps.cluster.network.addresses import number

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
OPTIONS = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}
HASH, RANGE = "family {family} hashsize 1024 maxelem 65536", "range 0-65535"


class RealServer(NamedTuple):
    """Where packets are sent to, translated (masq). `weight` 0: only those of connections that it has."""

    address: str
    port: int
    weight: int = 1

    def __str__(self) -> str:
        return _at(self.address, self.port)


class VirtualServer(NamedTuple):
    """`persistent`: for so many seconds a client stays with its real server; 0: it does not."""

    protocol: str  # tcp udp sctp
    address: str
    port: int
    servers: tuple[RealServer, ...] = ()
    persistent: int = 0
    scheduler: str = "rr"

    def __str__(self) -> str:
        return f"{self.protocol.upper()} {_at(self.address, self.port)}"

    def turn(self, count: int) -> RealServer | None:
        """Round robin: whose turn it is at the packet of that number; None where nobody may take it."""
        able = self.able
        return able[count % len(able)] if able else None

    @property
    def able(self) -> list[RealServer]:
        """Those that take new connections."""
        return [one for one in self.servers if one.weight]


class IPSet(NamedTuple):
    """A set of ipset, with members as it prints them."""

    type: str  # hash:ip,port, bitmap:port …
    members: frozenset[str] = frozenset()
    family: int = 4


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _sorted(servers: Iterable[VirtualServer]) -> list[VirtualServer]:
    return sorted(servers, key=lambda one: (PROTOCOLS[one.protocol], number(one.address), one.port))


def _real(one: VirtualServer) -> list[RealServer]:
    return sorted(one.servers, key=lambda real: (number(real.address), real.port))


def listed(servers: Iterable[VirtualServer]) -> str:
    """`ipvsadm -Ln`."""
    lines = [
        "IP Virtual Server version 1.2.1 (size=4096)",
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    ]
    for one in _sorted(servers):
        kept = f" persistent {one.persistent}" if one.persistent else ""
        lines.append(f"{one.protocol.upper():<4} {_at(one.address, one.port)} {one.scheduler}{kept}")
        lines += [f"  -> {real!s:<28} {'Masq':<7} {real.weight:<6} {0:<10} {0:<10}" for real in _real(one)]
    return "\n".join(lines) + "\n"


def saved(servers: Iterable[VirtualServer]) -> str:
    """`ipvsadm -Sn`, which `ipvsadm -R` takes."""
    lines = []
    for one in _sorted(servers):
        at = f"{OPTIONS[one.protocol]} {_at(one.address, one.port)}"
        kept = f" -p {one.persistent}" if one.persistent else ""
        lines.append(f"-A {at} -s {one.scheduler}{kept}")
        lines += [f"-a {at} -r {real} -m -w {real.weight}" for real in _real(one)]
    return "".join(f"{line}\n" for line in lines)


def saved_sets(sets: Iterable[tuple[str, IPSet]]) -> str:
    """`ipset save`, which `ipset restore` takes."""
    lines = []
    for name, one in sets:
        more = RANGE if one.type.startswith("bitmap") else HASH.format(family="inet" if one.family == 4 else "inet6")
        lines.append(f"create {name} {one.type} {more}")
        lines += [f"add {name} {member}" for member in sorted(one.members)]
    return "".join(f"{line}\n" for line in lines)
