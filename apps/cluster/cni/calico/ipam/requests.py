"""What a request to IPAM gets, and why it does not get more.

Models      libcalico-go/lib/ipam (IPAMAssignments, IPAMConfig, the errors)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from apps.cluster.cni.calico.ipam.pools import IPAMError


class NotAssigned(IPAMError):
    """Nobody has the address, or nothing is there under the handle."""


class Config(NamedTuple):
    """An IPAMConfig."""

    strict_affinity: bool = False
    auto_allocate: bool = True
    max_blocks: int = 0


@dataclass
class Assignments:
    """What a request got, each address with the length of its block, and why it did not get more."""

    family: int
    requested: int
    addresses: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raises: IPAMError, it got less than it asked for."""
        if len(self.addresses) < self.requested:
            got = f"Assigned {len(self.addresses)} out of {self.requested} requested IPv{self.family} addresses"
            raise IPAMError("; ".join([got, *self.messages]))

    def say(self, message: str) -> None:
        if message not in self.messages:
            self.messages.append(message)


class BlockLimit(IPAMError):
    """The node may have no further block; `got` is what it has been given until then, and keeps."""

    def __init__(self, got: Assignments) -> None:
        super().__init__("cannot allocate new block due to per host block limit")
        self.got = got
