"""What `etcdctl endpoint status` and `etcdctl lease list` tell of etcd now: its members, their Raft state, its leases.

Models      etcdctl member list, endpoint status, lease timetolive --keys
Leaves out  the size of the database
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.cluster.etcd.members import Members
from apps.cluster.etcd.store import Store


class MemberStatus(NamedTuple):
    """One member. `matched`: how much of the leader's log each other member has, as the leader knows it."""

    name: str
    running: bool
    role: str  # leader, follower, candidate, pre-candidate
    leader: str  # whom it takes for the leader, "" for nobody
    term: int
    last_index: int  # of the last entry in its log
    committed: int
    revision: int  # what it has carried out: a read without a quorum sees this
    first_kept: int  # earlier entries are in its snapshot only
    matched: dict[str, int]


class LeaseStatus(NamedTuple):
    id: str
    ttl_s: int
    left_ms: int
    keys: tuple[str, ...]


def members(store: Store, group: Members | None, machines: Sequence[str], running: Sequence[str]) -> list[MemberStatus]:
    """Every member there is, in the order in which they joined. A single one leads itself as long as it runs."""
    if group is None:
        name = machines[0] if machines else ""
        up = name in running
        role, leader = ("leader", name) if up else ("follower", "")
        revision = store.revision
        return [MemberStatus(name, up, role, leader, 2, revision, revision, revision, 1, {})] if name else []
    group.flush()
    out = []
    for name, node in group.nodes.items():
        matched = {peer: progress.match for peer, progress in node.progress.items()}
        out.append(
            MemberStatus(
                name,
                name in group.running,
                node.role,
                node.leader,
                node.term,
                node.log.last,
                node.commit,
                group.revision(name),
                node.log.offset + 1,
                matched,
            )
        )
    return out


def leases(store: Store, now_ms: int) -> list[LeaseStatus]:
    """Every lease, the oldest first."""
    return [
        LeaseStatus(f"{id_:x}", ttl, granted + ttl * 1000 - now_ms, tuple(keys))
        for id_, (ttl, granted, keys) in store.leases().items()
    ]
