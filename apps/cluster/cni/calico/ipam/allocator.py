"""IPAM: who gets which address. Blocks are claimed for nodes, Pods get addresses out of their node's blocks, and out of
others' when nothing else is left.

Models      libcalico-go/lib/ipam (ipam.go, ipam_block_reader_writer.go)
Leaves out  races between nodes that claim a block at once (pending affinities, retries); the refusal of further
            addresses for one handle
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.cni.calico.ipam.block import Block, Owner, owner
from apps.cluster.cni.calico.ipam.pools import (
    LOAD_BALANCER,
    WORKLOAD,
    IPAMError,
    Network,
    NoQualifiedPool,
    Pool,
    Reservations,
    chosen,
    determine,
    overlap,
    pool_of,
)
from apps.cluster.cni.calico.ipam.requests import Assignments, BlockLimit, Config, NotAssigned

MOST_BLOCKS = 20  # of a node, unless the configuration says otherwise
RECLAIM_MS = 60_000  # an empty block is not taken from the node that claimed it within this time


class IPAM:
    """The state of all pools. Resources are told (`pools`, `nodes`); what it keeps is the blocks."""

    def __init__(
        self,
        pools: Iterable[Obj] = (),
        nodes: Mapping[str, Mapping[str, str]] | None = None,
        *,
        reserved: Iterable[str] = (),
        config: Config | None = None,
        told: Callable[[str, str], None] | None = None,
    ) -> None:
        self.pools: list[Pool] = [pool_of(obj) for obj in pools]
        self.nodes: Mapping[str, Mapping[str, str]] = dict(nodes or {})  # name -> labels
        self.reserved = Reservations(reserved)
        self.config = config or Config()
        self._told = told  # of each block that is claimed or given up: its CIDR and affinity
        self._blocks: dict[str, Block] = {}
        self._by_affinity: dict[str, dict[str, Block]] = {}
        self._by_handle: dict[str, tuple[str, ...]] = {}  # handle -> the blocks it has addresses of
        self._holding: dict[tuple[str, str], bool] = {}  # (pool, block) -> whether it holds it

    # -- what is asked of it

    def auto_assign(
        self,
        host: str,
        number: int = 1,
        *,
        family: int = 4,
        handle: str | None = None,
        attributes: Mapping[str, str] | None = None,
        pools: Sequence[str] = (),
        use: str = WORKLOAD,
        namespace: Mapping[str, str] | None = None,
        max_blocks: int = 0,
        now_ms: int = 0,
    ) -> Assignments:
        """Any addresses for a node.

        Raises:
            IPAMError: no pool serves it, or its limit of blocks is reached (what it got until then it keeps).
        """
        affinity = f"{'virtual' if use == LOAD_BALANCER else 'host'}:{host}"
        allowed = self._allowed(host, affinity, family, namespace, pools, use)
        mine = [block for block in self._affine(affinity, family) if self._holds(allowed, block)]
        most = max_blocks or self.config.max_blocks or MOST_BLOCKS
        if max_blocks and self.config.max_blocks:
            most = min(max_blocks, self.config.max_blocks)
        who, got = owner(handle, attributes), Assignments(family, number)
        for block in mine:
            self._take(block, got, who)
            if len(got.addresses) == number:
                return got
        owned = len(mine)
        while len(got.addresses) < number:
            if owned >= most:
                got.say(f"Need to allocate an IPAM block but could not - limit of {most} blocks reached for this node")
                raise BlockLimit(got)
            if not self.config.auto_allocate:
                raise IPAMError("failed to find or claim a block")
            found = self._claimable(allowed, affinity, host, now_ms)
            if found is None:
                if self.config.strict_affinity:
                    got.say("No more free affine blocks and strict affinity enabled")
                break
            self._take(found, got, who)
            owned += 1
        if len(got.addresses) < number and not self.config.strict_affinity:
            self._borrow(allowed, host, got, who)
        return got

    def one_of_its_own(self, host: str, who: Owner) -> str:
        """What `auto_assign` gives a Pod if one pool serves every node (`serves_all`) and the node's blocks have room;
        "" if they have none. This is most of all requests by far."""
        for block in self._by_affinity.get(f"host:{host}", {}).values():
            if block.free and self._holds(self.pools, block):
                ordinal = block.free.pop(0)
                block.used[ordinal] = who
                self._note(who.handle, block)
                return block.address(ordinal)
        return ""

    @property
    def serves_all(self) -> bool:
        """One pool serves every Pod, and nothing of it is reserved."""
        if len(self.pools) != 1 or self.reserved.networks:
            return False
        (pool,) = self.pools
        open_ = pool.enabled and pool.automatic and WORKLOAD in pool.uses and pool.family == 4
        return open_ and pool.node_selector in ("", "all()") and not pool.namespace_selector

    def assign(
        self,
        address: str,
        host: str,
        *,
        handle: str | None = None,
        attributes: Mapping[str, str] | None = None,
        use: str = "",
        now_ms: int = 0,
    ) -> None:
        """This very address, its block claimed for the node if nobody has it.

        Raises:
            IPAMError: it is in no pool, taken, or of a block that is another's under strict affinity.
        """
        pool = self._pool_at(address, enabled=True)
        if pool is None:
            raise IPAMError("The provided IP address is not in a configured pool\n")
        if use and use not in pool.uses:
            uses = " ".join(pool.uses)
            raise IPAMError(
                f'IP address {address} is in IP pool "{pool.name}", which is not allowed for use "{use}" '
                f"(allowedUses: [{uses}])"
            )
        affinity = f"{'virtual' if use == LOAD_BALANCER else 'host'}:{host}"
        network = pool.block_of(address)
        block = self._blocks.get(str(network)) or self._claim(network, affinity, now_ms)
        if self.config.strict_affinity and block.affinity and block.affinity != affinity:
            raise IPAMError("Block host affinity does not match")
        block.check(affinity, strict=self.config.strict_affinity)
        block.give(address, owner(handle, attributes))
        self._note(handle, block)

    def release(self, *addresses: str, handle: str = "") -> list[str]:
        """Give addresses back. Returns those that nobody had.

        Raises:
            IPAMError: one is there under another handle than the one given; then none of its block is given back.
        """
        unassigned: list[str] = []
        of_block: dict[str, list[int]] = {}
        for address in dict.fromkeys(str(ip_address(one)) for one in addresses):
            block = self._block_at(address)
            if block is None or block.ordinal(address) not in block.used:
                unassigned.append(address)
                continue
            stored = block.used[block.ordinal(address)].handle or ""
            if handle and stored != handle:
                raise IPAMError(
                    f"update conflict: {address}: Given handle ({handle}) does not match that stored ({stored})"
                )
            of_block.setdefault(block.cidr, []).append(block.ordinal(address))
        for cidr, ordinals in of_block.items():
            self._free(self._blocks[cidr], ordinals)
        return unassigned

    def release_by_handle(self, handle: str) -> None:
        """Raises: NotAssigned, nothing is there under the handle."""
        if handle not in self._by_handle:
            raise NotAssigned(f"resource does not exist: IPAMHandle({handle})")
        for cidr in self._by_handle[handle]:
            block = self._blocks[cidr]
            self._free(block, [ordinal for ordinal, who in block.used.items() if who.handle == handle])

    def addresses_of(self, handle: str) -> list[str]:
        blocks = (self._blocks[cidr] for cidr in self._by_handle.get(handle, ()))
        return [block.address(at) for block in blocks for at, who in sorted(block.used.items()) if who.handle == handle]

    def owner_of(self, address: str) -> Owner:
        """Raises: NotAssigned."""
        block = self._block_at(address)
        who = None if block is None else block.used.get(block.ordinal(address))
        if who is None:
            raise NotAssigned(f"resource does not exist: {address}: IP is unassigned")
        return who

    # -- affinities

    def claim_affinity(self, cidr: str, host: str, now_ms: int = 0) -> tuple[list[str], list[str]]:
        """All blocks of a network for a node: those it has now, and those that others have.

        Raises:
            IPAMError: the network is in no pool, or smaller than a block.
        """
        affinity = f"host:{host}"
        claimed: list[str] = []
        failed: list[str] = []
        for network in self._blocks_in(cidr):
            block = self._blocks.get(str(network)) or self._claim(network, affinity, now_ms)
            (claimed if block.affinity == affinity else failed).append(block.cidr)
        return claimed, failed

    def release_affinity(self, cidr: str, host: str, *, must_be_empty: bool = False) -> None:
        """Raises: IPAMError, as above, or a block is in use and must not be."""
        for network in self._blocks_in(cidr):
            block = self._blocks.get(str(network))
            if block is not None and block.affinity == f"host:{host}":
                self._give_up(block, must_be_empty=must_be_empty)

    def release_host(self, host: str, *, must_be_empty: bool = False) -> None:
        """A node is gone: its empty blocks are anyone's, the others nobody's until they are empty."""
        for block in list(self._by_affinity.get(f"host:{host}", {}).values()):
            self._give_up(block, must_be_empty=must_be_empty)

    def blocks_of(self, host: str) -> list[str]:
        return list(self._by_affinity.get(f"host:{host}", ()))

    def blocks(self) -> list[Block]:
        return list(self._blocks.values())

    # -- its state

    def save(self) -> dict[str, Any]:
        return {cidr: block.save() for cidr, block in self._blocks.items()}

    def load(self, data: dict[str, Any]) -> None:
        self._blocks = {cidr: Block.load(cidr, saved) for cidr, saved in data.items()}
        self._by_handle, self._by_affinity = {}, {}
        for block in self._blocks.values():
            self._by_affinity.setdefault(block.affinity, {})[block.cidr] = block
        for block in self._blocks.values():
            for who in block.used.values():
                self._note(who.handle, block)

    # -- inside

    def _allowed(
        self,
        host: str,
        affinity: str,
        family: int,
        namespace: Mapping[str, str] | None,
        requested: Sequence[str],
        use: str,
    ) -> list[Pool]:
        labels = self.nodes.get(host, {})
        selecting = determine(self.pools, family, labels, namespace, requested)
        if not selecting:
            raise IPAMError(f"no configured Calico pools for node {host}")
        allowed = [pool for pool in selecting if use in pool.uses]
        if not allowed:
            raise NoQualifiedPool(f", no pools match the required use ({use})")
        for block in self._affine(affinity, family):  # empty blocks of pools that do not select the node any more
            pool = self._pool_at(str(block.network.network_address)) if block.empty() else None
            if pool is not None and not chosen(pool.node_selector, labels):
                self._give_up(block)
        return allowed

    def _affine(self, affinity: str, family: int) -> list[Block]:
        return [one for one in self._by_affinity.get(affinity, {}).values() if one.family == family]

    def _holds(self, pools: Sequence[Pool], block: Block) -> bool:
        for pool in pools:
            key = (pool.cidr, block.cidr)
            holds = self._holding.get(key)
            if holds is None:
                holds = self._holding[key] = overlap(block.network, pool.network)
            if holds:
                return True
        return False

    def _claimable(self, pools: Sequence[Pool], affinity: str, host: str, now_ms: int) -> Block | None:
        """A block that nobody has, or an empty one of another node, claimed."""
        idle: list[Block] = []
        for pool in pools:
            for network in pool.walk(host):
                if self.reserved.whole(network):
                    continue
                block = self._blocks.get(str(network))
                if block is None:
                    if Block.new(network, "").available(self.reserved):
                        return self._claim(network, affinity, now_ms)
                elif block.affinity != affinity and block.empty() and block.available(self.reserved):
                    idle.append(block)
        for block in idle:
            if now_ms - block.claimed_ms >= RECLAIM_MS:
                self._give_up(block)
                return self._claim(block.network, affinity, now_ms)
        return None

    def _claim(self, network: Network, affinity: str, now_ms: int) -> Block:
        block = Block.new(network, affinity, now_ms)
        self._blocks[block.cidr] = self._by_affinity.setdefault(affinity, {})[block.cidr] = block
        if self._told is not None:
            self._told(block.cidr, affinity)
        return block

    def _give_up(self, block: Block, *, must_be_empty: bool = False) -> None:
        if not block.empty() and must_be_empty:
            raise IPAMError(f"block '{block.cidr}' is not empty")
        mine = self._by_affinity[block.affinity]
        del mine[block.cidr]
        if not mine:
            del self._by_affinity[block.affinity]
        if block.empty():
            del self._blocks[block.cidr]
        else:
            block.affinity = ""
            self._by_affinity.setdefault("", {})[block.cidr] = block
        if self._told is not None:
            self._told(block.cidr, "")

    def _take(self, block: Block, got: Assignments, who: Owner) -> None:
        addresses = block.take(got.requested - len(got.addresses), who, self.reserved)
        length = block.length
        got.addresses += [f"{address}/{length}" for address in addresses]
        if addresses:
            self._note(who.handle, block)

    def _borrow(self, pools: Sequence[Pool], host: str, got: Assignments, who: Owner) -> None:
        """Every block has its node: out of any of them."""
        exhausted = []
        for pool in pools:
            for network in pool.walk(host):
                if len(got.addresses) == got.requested:
                    break
                block = self._blocks.get(str(network))
                if block is not None:
                    self._take(block, got, who)
            if len(got.addresses) < got.requested:
                exhausted.append(pool.cidr)
        if exhausted:
            got.say(f"No IPs available in pools: [{' '.join(exhausted)}]")

    def _note(self, handle: str | None, block: Block) -> None:
        if handle is not None:
            there = self._by_handle.get(handle, ())
            if block.cidr not in there:
                self._by_handle[handle] = (*there, block.cidr)

    def _free(self, block: Block, ordinals: Sequence[int]) -> None:
        handles = {block.used[ordinal].handle: None for ordinal in ordinals}
        block.release(ordinals)
        left = {who.handle for who in block.used.values()}
        for handle in handles:
            if handle is not None and handle not in left:
                kept = tuple(cidr for cidr in self._by_handle[handle] if cidr != block.cidr)
                if kept:
                    self._by_handle[handle] = kept
                else:
                    del self._by_handle[handle]
        if block.empty() and not block.affinity:
            self._give_up(block)

    def _pool_at(self, address: str, *, enabled: bool = False) -> Pool | None:
        asked = ip_address(address)
        for pool in self.pools:
            if asked.version == pool.family and asked in pool.network and (pool.enabled or not enabled):
                return pool
        return None

    def _block_at(self, address: str) -> Block | None:
        pool = self._pool_at(address)
        if pool is not None:
            return self._blocks.get(str(pool.block_of(address)))
        asked = ip_address(address)
        return next((one for one in self._blocks.values() if asked in one.network), None)

    def _blocks_in(self, cidr: str) -> list[Network]:
        network = ip_network(cidr, strict=False)
        pool = self._pool_at(str(network.network_address), enabled=True)
        if pool is None:
            raise IPAMError(f"The requested CIDR ({cidr}) is not within any configured pools.")
        if network.prefixlen > pool.block_size:
            raise IPAMError(f"The requested CIDR ({cidr}) is smaller than the minimum.")
        return list(network.subnets(new_prefix=pool.block_size))
