"""Blocks as a page shows them: whose each is, and who has which of its addresses. Pure: objects of one moment in.

Models      calicoctl ipam show --show-blocks, calicoctl ipam check
Leaves out  addresses of sandboxes that have failed or are being taken down: no object tells of them
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.ipam.pools import Pool, pool_of

POOLS = "ippools.crd.projectcalico.org"
TUNNELS = tuple(f"projectcalico.org/IPv4{kind}TunnelAddr" for kind in ("IPIP", "VXLAN", "WireguardInterface"))
ENDED = ("Succeeded", "Failed")
Objects = Mapping[str, Mapping[str, Obj]]


class Holder(NamedTuple):
    """Who has an address: a Pod, or a node for its tunnel."""

    address: str
    ref: str
    node: str


class BlockView(NamedTuple):
    """`node` is "" for a block that nobody claims any more; `pool` "" for one whose pool is gone."""

    cidr: str
    node: str
    pool: str
    size: int
    held: tuple[Holder, ...]

    @property
    def free(self) -> int:
        return self.size - len(self.held)

    @property
    def borrowed(self) -> tuple[Holder, ...]:
        """What others than its node have of it."""
        return tuple(one for one in self.held if one.node != self.node)


def holders(objects: Objects) -> Iterator[Holder]:
    """Everybody who has an address of a pool, as the objects tell."""
    for name, node in objects.get("nodes", {}).items():
        annotations = node["metadata"].get("annotations") or {}
        for tunnel in TUNNELS:
            if annotations.get(tunnel):
                yield Holder(annotations[tunnel], f"nodes/{name}", name)
    for key, pod in objects.get("pods", {}).items():
        spec, status = pod["spec"], pod.get("status") or {}
        address = status.get("podIP")
        if address and not spec.get("hostNetwork") and status.get("phase") not in ENDED:
            yield Holder(address, f"pods/{key}", spec.get("nodeName", ""))


def blocks(claims: Mapping[str, str], objects: Objects) -> list[BlockView]:
    """The blocks that nodes have claimed, in that order, then those that are in use without a node."""
    pools = [pool_of(obj) for obj in objects.get(POOLS, {}).values()]
    held: dict[str, list[Holder]] = {cidr: [] for cidr in claims}
    lengths = sorted({int(cidr.rpartition("/")[2]) for cidr in claims})
    for one in holders(objects):
        cidr = _claimed(one.address, held, lengths) or _of_pool(one.address, pools)
        if cidr:
            held.setdefault(cidr, []).append(one)
    return [_view(cidr, claims.get(cidr, ""), pools, found) for cidr, found in held.items()]


def _claimed(address: str, there: Mapping[str, object], lengths: Iterable[int]) -> str:
    for length in lengths:
        cidr = str(ip_network(f"{address}/{length}", strict=False))
        if cidr in there:
            return cidr
    return ""


def _of_pool(address: str, pools: Iterable[Pool]) -> str:
    asked = ip_address(address)
    for pool in pools:
        if pool.family == asked.version and asked in pool.network:
            return str(pool.block_of(address))
    return ""


def _view(cidr: str, node: str, pools: Iterable[Pool], found: list[Holder]) -> BlockView:
    network = ip_network(cidr)
    first = network.network_address
    pool = next((one.name for one in pools if one.family == network.version and first in one.network), "")
    return BlockView(
        cidr, node, pool, network.num_addresses, tuple(sorted(found, key=lambda one: ip_address(one.address)))
    )
