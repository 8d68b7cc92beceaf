"""The BGP sessions that the nodes' configurations ask for, seen from each side; and why one can never come up.

Models      proto/bgp of BIRD (the OPEN message's AS number, ports, who calls whom), over confd's `protocol bgp` blocks
Leaves out  two blocks of one node for the same neighbour (the mesh's and a BGPPeer's): BIRD brings up one of them
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from apps.cluster.cni.calico.bird.datastore import Datastore
from apps.cluster.cni.calico.bird.protocols import Protocol, protocols

BGP_PORT = 179
KINDS = {"Mesh": "mesh", "Node": "node", "Global": "global", "Local": "workload"}


class Session(NamedTuple):
    """One node's side. `peer` is a node, "" for somebody outside the cluster; `asn` is the AS that the node speaks as.

    `problem`: "" it comes up once both BIRDs run and reach each other; "one-sided" the peer has no block for this
    node, "as" the two disagree about AS numbers, "password", "port" neither calls where the other listens.
    """

    node: str
    peer: str
    kind: str  # mesh node global workload
    name: str  # of BIRD's protocol
    address: str  # the peer's
    asn: str
    peer_asn: str
    client: bool = False  # the peer is a client of this node's route reflector
    cluster_id: str = ""  # with which this node reflects to it
    passive: bool = False  # the peer calls
    next_hop: str = ""  # self keep
    filters: tuple[str, ...] = ()
    allow_local_as: int = 0
    problem: str = ""

    @property
    def internal(self) -> bool:
        return self.asn == self.peer_asn


def sessions(store: Datastore, family: int = 4) -> list[Session]:
    """Every side of every session, node by node."""
    at = {node.address(family): name for name, node in store.nodes.items() if node.address(family)}
    blocks = {
        name: {block.address: block for block in reversed(protocols(store, name, family))} for name in at.values()
    }
    return [side for name in store.nodes if name in blocks for side in _of(store, name, family, blocks, at)]


def _of(
    store: Datastore, name: str, family: int, blocks: dict[str, dict[str, Protocol]], at: dict[str, str]
) -> Iterator[Session]:
    for block in sorted(blocks[name].values()):
        peer = at.get(block.address, "")
        back = blocks[peer].get(store.nodes[name].address(family)) if peer else None
        yield Session(
            name,
            peer,
            KINDS[block.name.partition("_")[0]],
            block.name,
            block.address,
            _own_as(store, name, block),
            block.asn,
            client=bool(block.cluster_id),
            cluster_id=block.cluster_id,
            passive=block.passive,
            next_hop="keep" if block.keep_next_hop else "self" if block.next_hop_self else "",
            filters=block.filters,
            allow_local_as=block.allow_local_as,
            problem=_problem(store, (name, block), (peer, back)) if peer else "",
        )


def _own_as(store: Datastore, name: str, block: Protocol) -> str:
    return block.local_asn or store.as_of(name)


def _problem(store: Datastore, here: tuple[str, Protocol], there: tuple[str, Protocol | None]) -> str:
    (name, mine), (peer, theirs) = here, there
    if theirs is None:
        return "one-sided"
    if (mine.asn, theirs.asn) != (_own_as(store, peer, theirs), _own_as(store, name, mine)):
        return "as"
    if mine.password != theirs.password:
        return "password"
    calls = not mine.passive and (mine.port or BGP_PORT) == (store.port(peer) or BGP_PORT)
    called = not theirs.passive and (theirs.port or BGP_PORT) == (store.port(name) or BGP_PORT)
    return "" if calls or called else "port"
