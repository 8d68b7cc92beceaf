"""IP pools as IPAM sees them: their blocks, which of them a request may be served from, and what is reserved in them.

Models      libcalico-go/lib/ipam (determinePools, filterPoolsByUse, randomBlockGenerator, reservations)
Leaves out  Go's random numbers: of a pool's blocks, a node's walk begins at the hash of its name itself
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico import selector

Network = IPv4Network | IPv6Network

BLOCK_SIZES = {4: 26, 6: 122}
USES = ("Workload", "Tunnel")
WORKLOAD, TUNNEL, LOAD_BALANCER = "Workload", "Tunnel", "LoadBalancer"


class IPAMError(Exception):
    """What IPAM refuses, in its words."""


class NoQualifiedPool(IPAMError):
    def __init__(self, more: str = "") -> None:
        super().__init__(f"cannot find a qualified ippool{more}")


class Pool(NamedTuple):
    name: str
    network: Network
    block_size: int
    enabled: bool
    node_selector: str
    namespace_selector: str
    uses: tuple[str, ...]
    automatic: bool
    cidr: str  # as it is written

    @property
    def family(self) -> int:
        return self.network.version

    def block_of(self, address: str) -> Network:
        return ip_network(f"{address}/{self.block_size}", strict=False)

    def blocks(self) -> int:
        return 1 << (self.block_size - self.network.prefixlen)

    def walk(self, host: str) -> Iterator[Network]:
        """All blocks once, beginning where this node begins, so that nodes do not ask for the same one."""
        step = 1 << (self.network.max_prefixlen - self.block_size)
        base, count = int(self.network.network_address), self.blocks()
        start = _hash(host) % count
        for place in range(count):
            yield type(self.network)((base + (start + place) % count * step, self.block_size))


def _hash(text: str) -> int:
    """FNV-1, 32 bits."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = value * 0x01000193 & 0xFFFFFFFF ^ byte
    return value


def pool_of(obj: Obj) -> Pool:
    """An IPPool with its defaults."""
    spec = obj["spec"]
    network = ip_network(spec["cidr"], strict=False)
    gone = obj["metadata"].get("deletionTimestamp") is not None
    return Pool(
        obj["metadata"]["name"],
        network,
        spec.get("blockSize") or BLOCK_SIZES[network.version],
        not spec.get("disabled") and not gone,
        spec.get("nodeSelector") or "",
        spec.get("namespaceSelector") or "",
        tuple(spec.get("allowedUses") or USES),
        (spec.get("assignmentMode") or "Automatic") == "Automatic",
        spec["cidr"],
    )


def chosen(text: str, labels: Mapping[str, str]) -> bool:
    """Whether a pool's selector takes what has these labels; without one it takes all. Raises: InvalidSelector."""
    return text in ("", "all()") or selector.parse(text).matches(labels)


def determine(
    pools: Iterable[Pool],
    family: int,
    node: Mapping[str, str],
    namespace: Mapping[str, str] | None = None,
    requested: Sequence[str] = (),
) -> list[Pool]:
    """The pools that a request may be served from: those it names, whatever they select, or all that select its node
    and namespace.

    Raises:
        IPAMError: there is none at all, or a pool that it names is not there or not enabled.
    """
    enabled = [pool for pool in pools if pool.enabled and pool.family == family]
    if not enabled:
        raise NoQualifiedPool
    by_network = {pool.network: pool for pool in enabled} if requested else {}
    found = []
    for cidr in requested:
        network = ip_network(cidr, strict=False)
        if network not in by_network:
            raise IPAMError(f"the given pool ({network}) does not exist, or is not enabled")
        found.append(by_network[network])
    return found or [
        pool
        for pool in enabled
        if pool.automatic and chosen(pool.node_selector, node) and chosen(pool.namespace_selector, namespace or {})
    ]


class Reservations:
    """Addresses that IPReservations keep from being handed out."""

    def __init__(self, cidrs: Iterable[str] = ()) -> None:
        self.networks: tuple[Network, ...] = tuple(
            ip_network(cidr.strip(), strict=False) for cidr in cidrs if cidr.strip()
        )

    def whole(self, network: Network) -> bool:
        return any(_within(network, one) for one in self.networks)

    def some(self, network: Network) -> bool:
        return any(one.version == network.version and one.overlaps(network) for one in self.networks)

    def has(self, address: str) -> bool:
        asked = ip_address(address)
        return any(asked in one for one in self.networks if one.version == asked.version)


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
