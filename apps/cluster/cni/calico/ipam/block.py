"""A block: a piece of a pool, whose it is, and who has each of its addresses. Plain data, as in an IPAMBlock.

Models      libcalico-go/lib/ipam/ipam_block.go
Leaves out  the time that a released address rests (none by default); blocks of Windows nodes; addresses with two owners
            while a virtual machine moves
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from apps.cluster.cni.calico.ipam.pools import IPAMError, Network, Reservations


class AlreadyAssigned(IPAMError):
    def __init__(self, address: str) -> None:
        super().__init__(f"resource already exists: {address}: Address already assigned in block")


class Owner(NamedTuple):
    """Who has an address: a handle that it is released by (None in old allocations), and what is known of the owner."""

    handle: str | None
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def attrs(self) -> dict[str, str]:
        return dict(self.attributes)


def owner(handle: str | None, attributes: Mapping[str, str] | None = None) -> Owner:
    return Owner(handle, tuple(sorted((attributes or {}).items())))


@dataclass
class Block:
    """`free`: ordinals in the order in which they are handed out; what is released goes to the end."""

    cidr: str
    affinity: str  # "host:worker-1", "" once its node gave it up
    claimed_ms: int = 0
    free: list[int] = field(default_factory=list)
    used: dict[int, Owner] = field(default_factory=dict)

    @classmethod
    def new(cls, network: Network, affinity: str, now_ms: int = 0) -> Block:
        return cls(str(network), affinity, now_ms, list(range(network.num_addresses)))

    @cached_property
    def network(self) -> Network:
        return ip_network(self.cidr)

    @cached_property
    def family(self) -> int:
        return self.network.version

    @cached_property
    def length(self) -> int:
        return self.network.prefixlen

    @cached_property
    def _first(self) -> int:
        return int(self.network.network_address)

    @cached_property
    def _stem(self) -> str:
        """What the addresses begin with, where they differ in the last number alone."""
        small = self.network.version == 4 and self.length > 23
        return str(self.network.network_address).rpartition(".")[0] + "." if small else ""

    def address(self, ordinal: int) -> str:
        if self._stem:
            return f"{self._stem}{(self._first + ordinal) & 255}"
        return str(self.network.network_address + ordinal)

    def ordinal(self, address: str) -> int:
        return int(ip_address(address)) - self._first

    def empty(self) -> bool:
        return not self.used

    def check(self, affinity: str, *, strict: bool) -> None:
        """With strict affinity, only its own node takes from a block."""
        if strict and self.affinity and self.affinity != affinity:
            raise IPAMError(f"Block affinity ({self.affinity}) does not match provided ({_turned(affinity)})")
        if strict and not self.affinity:
            raise IPAMError(f"Attempt to assign from block {self.cidr} with no affinity")

    def available(self, reserved: Reservations) -> int:
        network = self.network
        if reserved.whole(network):
            return 0
        if not reserved.some(network):
            return len(self.free)
        return sum(not reserved.has(self.address(ordinal)) for ordinal in self.free)

    def take(self, number: int, who: Owner, reserved: Reservations) -> list[str]:
        """Up to so many addresses, in order."""
        if not self.free:
            return []
        skip = bool(reserved.networks) and reserved.some(self.network)
        if number == 1 and not skip:
            ordinal = self.free.pop(0)
            self.used[ordinal] = who
            return [self.address(ordinal)]
        taken: list[int] = []
        for ordinal in self.free:
            if len(taken) == number:
                break
            if not skip or not reserved.has(self.address(ordinal)):
                taken.append(ordinal)
        gone = set(taken)
        self.free = [ordinal for ordinal in self.free if ordinal not in gone]
        self.used.update(dict.fromkeys(taken, who))
        return [self.address(ordinal) for ordinal in taken]

    def give(self, address: str, who: Owner) -> None:
        """This very address. Raises: AlreadyAssigned."""
        ordinal = self.ordinal(address)
        if ordinal in self.used:
            raise AlreadyAssigned(address)
        self.free.remove(ordinal)
        self.used[ordinal] = who

    def release(self, ordinals: Sequence[int]) -> None:
        for ordinal in ordinals:
            del self.used[ordinal]
            self.free.append(ordinal)

    def save(self) -> dict[str, Any]:
        used = {str(ordinal): [who.handle, who.attrs] for ordinal, who in self.used.items()}
        return {"affinity": self.affinity, "claimed": self.claimed_ms, "free": list(self.free), "used": used}

    @classmethod
    def load(cls, cidr: str, data: dict[str, Any]) -> Block:
        used = {int(ordinal): owner(handle, attrs) for ordinal, (handle, attrs) in data["used"].items()}
        return cls(cidr, data["affinity"], data["claimed"], list(data["free"]), used)

    def as_object(self) -> dict[str, Any]:
        """The IPAMBlock that Calico would have in the datastore."""
        owners = list(dict.fromkeys(self.used.values()))
        at = {who: place for place, who in enumerate(owners)}
        places = range(self.network.num_addresses)
        return {
            "apiVersion": "crd.projectcalico.org/v1",
            "kind": "IPAMBlock",
            "metadata": {"name": self.cidr.replace(".", "-").replace(":", "-").replace("/", "-")},
            "spec": {
                "cidr": self.cidr,
                **({"affinity": self.affinity} if self.affinity else {}),
                "allocations": [at[self.used[place]] if place in self.used else None for place in places],
                "attributes": [{"handle_id": who.handle, "secondary": who.attrs} for who in owners],
                "unallocated": list(self.free),
                "strictAffinity": False,
                "deleted": False,
            },
        }


def _turned(affinity: str) -> str:
    kind, _, host = affinity.partition(":")
    return f"{host}:{kind}"
