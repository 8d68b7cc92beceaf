"""The addresses that MetalLB may give: IPAddressPools.

Models      metallb internal/config/config.go (addressPoolFromCR, ParseCIDR), internal/allocator/allocator.go (poolFor,
            poolCount, ipConfusesBuggyFirmwares, sortPools)
Leaves out  IPv6; namespaceSelectors of allocateTo

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from apps.cluster.apimachinery import selectors
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of, name_of, namespace_of

POOLS = "ipaddresspools.metallb.io"


class Pool(NamedTuple):
    """An IPAddressPool. `ranges`: first and last of each, in the order in which they are given."""

    name: str
    ranges: tuple[tuple[int, int], ...]
    auto_assign: bool = True
    avoid_buggy: bool = False
    allocate_to: Obj | None = None

    def has(self, ip: str) -> bool:
        number = int(IPv4Address(ip))
        if self.avoid_buggy and number & 255 in (0, 255):
            return False
        return any(first <= number <= last for first, last in self.ranges)

    def addresses(self) -> Iterator[str]:
        for first, last in self.ranges:
            for number in range(first, last + 1):
                if not self.avoid_buggy or number & 255 not in (0, 255):
                    yield str(IPv4Address(number))

    def size(self) -> int:
        return sum(1 for _ in self.addresses())

    def priority(self) -> int:
        """Pools without one come last."""
        return int((self.allocate_to or EMPTY).get("priority") or 0) or 1 << 31

    def suits(self, service: Obj) -> bool:
        """Whether it is for the Service's namespace and labels."""
        if self.allocate_to is None:
            return True
        namespaces = self.allocate_to.get("namespaces") or ()
        if namespaces and namespace_of(service) not in namespaces:
            return False
        chosen = self.allocate_to.get("serviceSelectors") or ()
        labels = labels_of(service)
        return not chosen or any(selectors.from_label_selector(one).matches(labels) for one in chosen)


def parsed(text: str) -> tuple[int, int]:
    """First and last address of a range or a CIDR.

    >>> [str(IPv4Address(number)) for number in parsed("192.0.2.0/30")]
    ['192.0.2.0', '192.0.2.3']
    >>> parsed("192.0.2.9-192.0.2.3")
    Traceback (most recent call last):
    ...
    ValueError: invalid IP range "192.0.2.9-192.0.2.3": start IP "192.0.2.9" is after the end IP "192.0.2.3"

    Raises:
        ValueError: it is neither.
    """
    if "-" not in text:
        try:
            network = IPv4Network(text, strict=False)
        except ValueError:
            raise ValueError(f'invalid CIDR "{text}"') from None
        return int(network.network_address), int(network.broadcast_address)
    ends = []
    for which, part in zip(("start", "end"), text.split("-", 1), strict=True):
        try:
            ends.append(int(IPv4Address(part.strip())))
        except ValueError:
            raise ValueError(f'invalid IP range "{text}": invalid {which} IP "{part}"') from None
    if ends[0] > ends[1]:
        first, last = (str(IPv4Address(number)) for number in ends)
        raise ValueError(f'invalid IP range "{text}": start IP "{first}" is after the end IP "{last}"')
    return ends[0], ends[1]


def read(objects: Iterable[Obj]) -> list[Pool]:
    """IPAddressPools by name; one that cannot be read makes all of them wait, so it is as if there were none."""
    found = []
    for obj in objects:
        spec = obj.get("spec") or EMPTY
        try:
            ranges = tuple(parsed(text) for text in spec.get("addresses") or ())
        except ValueError:
            return []
        if not ranges:
            return []
        auto, buggy = spec.get("autoAssign") is not False, bool(spec.get("avoidBuggyIPs"))
        found.append(Pool(name_of(obj), ranges, auto, buggy, spec.get("serviceAllocation")))
    return sorted(found, key=lambda pool: pool.name)


def pool_of(pools: Iterable[Pool], ips: Iterable[str]) -> Pool | None:
    """The pool that all these addresses are of."""
    wanted = list(ips)
    return next((pool for pool in pools if all(pool.has(ip) for ip in wanted)), None)
