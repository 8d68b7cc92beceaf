"""The node IPAM controller: a range of Pod addresses for every node.

Models      pkg/controller/nodeipam (ipam/range_allocator.go, ipam/cidrset), with kubeadm's --allocate-node-cidrs and a
            node mask of 24
Leaves out  cloud allocators and dual stack; asking again and again where no range is left: a node that leaves ends the
            wait

Ranges are dealt out in turn: one that a node gives back is not taken again before all others have been.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Any

from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

CLUSTER_CIDR = "192.168.0.0/16"  # --cluster-cidr, unless it is told another
NODE_MASK = 24  # --node-cidr-mask-size


class CIDRSet:
    """Equal parts of a range, and which of them are taken.

    >>> ranges = CIDRSet("10.0.0.0/23", 24)
    >>> ranges.next(), ranges.next(), ranges.next()
    ('10.0.0.0/24', '10.0.1.0/24', None)
    """

    def __init__(self, whole: str, mask: int) -> None:
        network = ip_network(whole)
        assert isinstance(network, IPv4Network)
        self.first = int(network.network_address)
        self.size = 1 << (32 - mask)
        self.mask = mask
        self.most = network.num_addresses // self.size
        self.taken: set[int] = set()
        self.candidate = 0

    def next(self) -> str | None:
        """The next free range, None when all are taken."""
        for step in range(self.most):
            place = (self.candidate + step) % self.most
            if place not in self.taken:
                self.taken.add(place)
                self.candidate = (place + 1) % self.most
                return str(IPv4Network((self.first + place * self.size, self.mask)))
        return None

    def place(self, cidr: str) -> int | None:
        """Which part a range is; None for one that is none of ours."""
        network = ip_network(cidr, strict=False)
        if not isinstance(network, IPv4Network):
            return None
        place = (int(network.network_address) - self.first) // self.size
        return place if 0 <= place < self.most else None


class NodeIPAMController(Controller):
    """Keys are names of nodes."""

    name = "node-ipam-controller"
    source = "cidrAllocator"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.cluster_cidr = CLUSTER_CIDR
        self.ranges = CIDRSet(self.cluster_cidr, NODE_MASK)
        self.waiting: list[str] = []  # nodes for which no range was left
        self.nodes = informers("nodes")
        self.nodes.add_handler(self._added, None, self._deleted)

    def deal_out(self, cluster_cidr: str) -> None:
        """--cluster-cidr: said before it looks at its first node."""
        self.cluster_cidr = cluster_cidr
        self.ranges = CIDRSet(cluster_cidr, NODE_MASK)

    def _added(self, node: Obj) -> None:
        taken = node["spec"].get("podCIDRs") or ()
        if taken:
            place = self.ranges.place(taken[0])
            if place is not None:
                self.ranges.taken.add(place)
        else:
            self.enqueue(name_of(node))

    def _deleted(self, node: Obj) -> None:
        for cidr in (node["spec"].get("podCIDRs") or ())[:1]:
            place = self.ranges.place(cidr)
            if place is not None:
                self.ranges.taken.discard(place)
        waiting, self.waiting = self.waiting, []
        for name in waiting:
            self.enqueue(name)

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        node = self.nodes.get(key)
        if node is None or node["metadata"].get("deletionTimestamp") or node["spec"].get("podCIDRs"):
            return
        cidr = self.ranges.next()
        if cidr is None:
            told = f"Node {key} status is now: CIDRNotAvailable"
            self.recorder.event(node, "Normal", "CIDRNotAvailable", told)
            self.waiting.append(key)
            return
        body = {"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}}
        self.client.patch("nodes", "", key, body, why="nodeipam.allocate", cidr=cidr)

    def stop(self) -> None:
        super().stop()
        self.ranges, self.waiting = CIDRSet(self.cluster_cidr, NODE_MASK), []

    def state(self) -> dict[str, Any]:
        ranges = self.ranges
        return {"taken": sorted(ranges.taken), "candidate": ranges.candidate, "waiting": list(self.waiting)}

    def set_state(self, data: dict[str, Any]) -> None:
        self.ranges.taken, self.ranges.candidate = set(data["taken"]), data["candidate"]
        self.waiting = list(data["waiting"])
