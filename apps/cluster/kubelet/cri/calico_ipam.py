"""Addresses for Pods: blocks of 64 for each node out of one pool, as Calico's IPAM hands them out.

Models      projectcalico/calico libcalico-go/lib/ipam (block affinity, /26 blocks, first free ordinal, borrowing from
            blocks of other nodes), cni-plugin/pkg/ipamplugin (what it says when no address is left)
Leaves out  the datastore objects (IPPool, IPAMBlock, BlockAffinity); reservations; several pools;
            routes and interfaces. A freed address is used again only after the others of its block
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Protocol

from apps.cluster.kubelet.cri import NetworkError

Obj = dict[str, Any]

POOL = "192.168.0.0/16"
BLOCK_SIZE = 64
USED_UP = "failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses"


class Agent(Protocol):
    def up(self, node: str) -> None: ...
    def forget(self, node: str) -> None: ...


class CalicoIPAM:
    """The Network of a cluster: which node has Calico running, which block is whose, which Pod has which address."""

    def __init__(self, pool: str = POOL) -> None:
        network = IPv4Network(pool)
        self._base = int(network.network_address)
        self._blocks = network.num_addresses // BLOCK_SIZE
        self.agent: Agent | None = None  # calico-node, which starts when the network does
        self._up: dict[str, bool] = {}
        self._affine: dict[str, list[int]] = {}  # node -> its blocks, in the order it claimed them
        self._claimed = 0  # blocks are claimed in order, none is given back
        self._used: dict[int, list[int]] = {}  # block -> [next fresh ordinal, *freed ordinals]
        self._of_pod: dict[str, int] = {}  # node/uid -> address

    def run(self, key: str) -> None:
        """It takes no turns; it is registered with the engine to be saved with it."""

    def ready(self, node: str) -> bool:
        return self._up.get(node, False)

    def up(self, node: str) -> None:
        self._up[node] = True
        if self.agent is not None:
            self.agent.up(node)

    def reconcile(self, node: Obj, pools: list[Obj]) -> Obj:
        """The Calico Node with its tunnel's address: ordinal 0 of its first block."""
        name, spec = node["metadata"]["name"], {**node["spec"]}
        mine = self._affine.setdefault(name, [])
        if not mine:
            if self._claimed == self._blocks:
                return node
            mine.append(self._claimed)
            self._used[self._claimed] = [1]
            self._claimed += 1
        address = str(IPv4Address(self._base + mine[0] * BLOCK_SIZE))
        ipip, vxlan = (
            address if any(pool["spec"].get(f"{mode}Mode") not in (None, "Never") for pool in pools) else ""
            for mode in ("ipip", "vxlan")
        )
        spec["bgp"] = {**(spec.get("bgp") or {}), "ipv4IPIPTunnelAddr": ipip}
        spec["ipv4VXLANTunnelAddr"] = vxlan
        return {**node, "spec": spec}

    def add(self, node: str, pod: Obj) -> str:
        who = f"{node}/{pod['metadata'].get('uid', '')}"
        address = self._of_pod.get(who)
        if address is None:
            address = self._of_pod[who] = self._assign(node)
        return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"

    def delete(self, node: str, pod: Obj) -> None:
        address = self._of_pod.pop(f"{node}/{pod['metadata'].get('uid', '')}", None)
        if address is not None:
            block, ordinal = divmod(address - self._base, BLOCK_SIZE)
            self._used[block].append(ordinal)

    def forget(self, node: str) -> None:
        """The node is gone for good."""
        self._up.pop(node, None)
        if self.agent is not None:
            self.agent.forget(node)
        self.wiped(node)

    def wiped(self, node: str) -> None:
        """No Pod of the node holds an address any more; its blocks stay its own."""
        prefix = f"{node}/"
        for who in [who for who in self._of_pod if who.startswith(prefix)]:
            block, ordinal = divmod(self._of_pod.pop(who) - self._base, BLOCK_SIZE)
            self._used[block].append(ordinal)

    def blocks(self) -> Mapping[str, list[str]]:
        """The blocks of each node, as CIDRs."""
        return {
            node: [f"{IPv4Address(self._base + block * BLOCK_SIZE)}/26" for block in blocks]
            for node, blocks in self._affine.items()
        }

    def _assign(self, node: str) -> int:
        mine = self._affine.setdefault(node, [])
        for block in reversed(mine):
            address = self._from_block(block)
            if address >= 0:
                return address
        if self._claimed < self._blocks:
            block = self._claimed
            self._claimed += 1
            mine.append(block)
            # Ordinal 0 of a node's first block is the address of its tunnel.
            self._used[block] = [0 if len(mine) > 1 else 1]
            return self._from_block(block)
        for block in range(self._claimed):  # all blocks have an owner: borrow
            address = self._from_block(block)
            if address >= 0:
                return address
        raise NetworkError(USED_UP)

    def _from_block(self, block: int) -> int:
        used = self._used[block]
        if used[0] < BLOCK_SIZE:
            ordinal = used[0]
            used[0] += 1
        elif len(used) > 1:
            ordinal = used.pop(1)
        else:
            return -1
        return self._base + block * BLOCK_SIZE + ordinal

    def save(self) -> dict[str, Any]:
        return {
            "up": dict(self._up),
            "affine": {node: list(blocks) for node, blocks in self._affine.items()},
            "claimed": self._claimed,
            "used": {str(block): list(used) for block, used in self._used.items()},
            "of_pod": dict(self._of_pod),
        }

    def load(self, data: dict[str, Any]) -> None:
        self._up = dict(data["up"])
        self._affine = {node: list(blocks) for node, blocks in data["affine"].items()}
        self._claimed = data["claimed"]
        self._used = {int(block): list(used) for block, used in data["used"].items()}
        self._of_pod = dict(data["of_pod"])
