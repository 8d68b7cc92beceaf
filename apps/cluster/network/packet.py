"""A packet: what routing, iptables and conntrack look at of its header, and the mark that goes with it."""

from __future__ import annotations

from typing import NamedTuple


class Packet(NamedTuple):
    """One packet on one machine.

    `mark` is the kernel's (nfmark) and never leaves the machine; `state` is what conntrack says of it: NEW,
    ESTABLISHED, RELATED or INVALID; `dnat` and `snat` whether its connection has been translated. `source_port` 0
    stands for whatever the client's kernel chose.
    """

    source: str
    destination: str
    protocol: str = "tcp"  # tcp udp sctp icmp
    port: int = 0  # destination port
    source_port: int = 0
    mark: int = 0
    state: str = "NEW"
    in_interface: str = ""
    out_interface: str = ""
    dnat: bool = False
    snat: bool = False
    virtual: str = ""  # the IPVS virtual server that took it: "10.96.0.1 tcp 443"

    def __str__(self) -> str:
        source = f"{self.source}:{self.source_port}" if self.source_port else self.source
        target = f"{self.destination}:{self.port}" if self.port else self.destination
        return f"{self.protocol.upper()} {source} -> {target}"
