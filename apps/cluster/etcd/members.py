"""The members of an etcd cluster on their machines: who leads, who follows, who lags behind.

Models      etcd server/etcdserver (raft.go, snapshots every 10,000 entries with 5,000 kept for who lags), heartbeats of
            100 ms and election timeouts of 1 to 2 s drawn by chance
Leaves out  learners (a new member votes once its process runs); moving the leader; the time a message takes;
            a member whose data were lost while the others count it begins anew (a real one ends in a panic);
            heartbeats that would say nothing new; attempts of a member that cannot win, since the others hear their
            leader; a write that timed out for want of a quorum is never carried out after all
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.engine import Engine
from apps.cluster.etcd.raft import LEADER, RaftNode
from apps.cluster.etcd.raft import messages as kinds
from apps.cluster.etcd.raft.messages import Message
from apps.cluster.etcd.raft.node import Progress
from apps.cluster.etcd.store import Store

NAME = "etcd"
ELECTION_MS = 1_000  # without a word of a leader for so long, and up to twice as long by chance, a member stands
SNAPSHOT_COUNT, CATCH_UP_ENTRIES = 10_000, 5_000
TIMEOUT, QUORUM = "timeout", "quorum"
MAX_MESSAGES = 10_000
UNAVAILABLE = "etcdserver: request timed out"
UNHEALTHY = "etcdserver: unhealthy cluster"
NO_ANSWER = "context deadline exceeded"


class Members:
    """Registered with the engine as `etcd` where there are several members. All messages of an instant arrive in it."""

    def __init__(
        self, engine: Engine, store: Store, linked: Callable[[str, str], bool], changed: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._store = store
        self._linked = linked
        self._changed = changed
        self.nodes: dict[str, RaftNode] = {}
        self.running: list[str] = []
        self._timers: dict[str, int] = {}  # member -> when its election (or a leader's quorum) is due
        self._lost: dict[str, int] = {}  # member -> since when it does not hear a leader
        self._diffs: list[list[int]] = []  # from an index on, what to add to it to get the revision
        self._steady: tuple[str, ...] = ()  # leader and followers whose logs are the same: writes need no messages
        self._pending = 0  # writes since the last look that all of them have taken
        engine.register(NAME, self)

    # ---- processes -----------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """A member's process runs; the first one founds the cluster, others are added to it."""
        if name in self.running:
            return
        self.flush()
        node = self.nodes.get(name)
        if node is not None:
            node.restart()
        else:
            voters = (*self.nodes, name)
            node = self.nodes[name] = RaftNode(name, voters)
            if len(voters) > 1:
                self._add(name, voters)
        self.running.append(name)
        if len(self.nodes) == 1:
            node.campaign()
            node.outbox = []
            self._note(name, "etcd.leader", term=node.term)
        self.review()

    def _add(self, name: str, voters: tuple[str, ...]) -> None:
        """The change of the membership is an entry of the log like any other."""
        leader = self.leader()
        if leader is not None:
            leader.propose()
            self._pump()
        for node in self.nodes.values():
            node.reconfigure(voters)
        self._note(name, "etcd.member-added", members=len(voters))

    def remove(self, name: str) -> str:
        """`etcdctl member remove`. Gives what it is refused with; "" when it has gone, was none, or is the only one.

        A member that runs may go only if those that run without it are a quorum of those that are left.
        """
        if name not in self.nodes or len(self.nodes) == 1:
            return ""
        self.flush()
        leader = self.leader()
        if leader is None:
            return NO_ANSWER
        alive = self._alive(leader)
        left = len(self.nodes) - 1
        if name in alive and len(alive) - 1 < left // 2 + 1:
            return UNHEALTHY
        leader.propose()
        self._pump()
        if name in self.running:
            self.running.remove(name)
        del self.nodes[name]
        voters = tuple(self.nodes)
        for node in self.nodes.values():
            node.reconfigure(voters)
        self._note(name, "etcd.member-removed", members=left)
        self.review()
        return ""

    def wipe(self, name: str) -> None:
        """Its data are lost: the leader has to tell it everything again."""
        if name not in self.nodes:
            return
        self.stop(name)
        self.nodes[name] = RaftNode(name, tuple(self.nodes))
        for node in self.nodes.values():
            if name in node.progress:
                node.progress[name] = Progress(node.log.last + 1)

    def stop(self, name: str) -> None:
        """Its process is gone; what is on its disk stays."""
        if name in self.running:
            self.flush()
            self.running.remove(name)
            self.nodes[name].restart()
            self.review()

    # ---- who is who ----------------------------------------------------------------------------

    def leader(self) -> RaftNode | None:
        """The member that can get entries committed."""
        best: RaftNode | None = None
        for name in self.running:
            node = self.nodes[name]
            if node.role == LEADER and self._has_quorum(node) and (best is None or node.term > best.term):
                best = node
        return best

    def serves(self, name: str) -> bool:
        """Whether a client of this member can write, and read what is certain to be the latest."""
        leader = self.leader() if name in self.running else None
        return leader is not None and (leader.name == name or self._hears(self.nodes[name]))

    def revision(self, name: str) -> int:
        """Up to which revision a member has carried out what the log says."""
        self.flush()
        commit = self.nodes[name].commit
        for begin, diff in reversed(self._diffs):
            if begin <= commit:
                return commit + diff
        return 1

    def _alive(self, node: RaftNode) -> list[str]:
        return [v for v in node.voters if v == node.name or (v in self.running and self._linked(node.name, v))]

    def _has_quorum(self, node: RaftNode) -> bool:
        return len(self._alive(node)) >= node.quorum

    def _hears(self, node: RaftNode) -> bool:
        """Whether the leader it knows still leads, and can be heard."""
        leader = self.nodes.get(node.leader)
        return (
            leader is not None
            and node.leader in self.running
            and leader.role == LEADER
            and leader.term == node.term
            and self._linked(node.name, node.leader)
        )

    # ---- writing -------------------------------------------------------------------------------

    def replicate(self) -> None:
        """One more entry, on a quorum of logs before it returns.

        Raises:
            StatusError: 500, there is no leader that could.
        """
        if self._steady:
            self._pending += 1
            return
        if not self.nodes:
            return  # machines without a cluster yet
        leader = self.leader()
        if leader is None:
            raise StatusError(500, "", UNAVAILABLE)
        leader.propose()
        self._pump()
        assert leader.commit == leader.log.last, "a leader with a quorum commits at once"
        self._numbered(leader.log.last, self._store.revision + 1)
        self._look()

    def entry(self) -> None:
        """An entry that is no revision: a lease, a compaction."""
        self.flush()
        leader = self.leader()
        if leader is not None:
            leader.propose()
            self._pump()
            self._look()

    def flush(self) -> None:
        """Put into the logs what all of them have taken since the last look."""
        if not self._pending:
            return
        count, self._pending = self._pending, 0
        leader = self.nodes[self._steady[0]]
        first = leader.log.last + 1
        for name in self._steady:
            node = self.nodes[name]
            node.log.extend(leader.term, count)
            node.commit = node.log.last
            progress = leader.progress[name]
            progress.match = progress.told = node.log.last
            progress.next = node.log.last + 1
            progress.active = True
        self._numbered(first, self._store.revision - count + 1)
        self._snapshots()

    def _numbered(self, index: int, revision: int) -> None:
        if not self._diffs or self._diffs[-1][1] != revision - index:
            self._diffs.append([index, revision - index])

    def _snapshots(self) -> None:
        for name in self.running:
            node = self.nodes[name]
            if node.commit - node.log.offset > SNAPSHOT_COUNT + CATCH_UP_ENTRIES:
                node.compact(node.commit - CATCH_UP_ENTRIES)

    # ---- what follows from a change ------------------------------------------------------------

    def review(self) -> None:
        """A process, a machine or a link has changed: bring up to date who can be, and set the others' timers."""
        self.flush()
        for _ in range(2):  # a leader of an earlier term first learns that it is none
            for name in list(self.running):
                self.nodes[name].beat()
            self._pump()
        now = self._engine.now_ms
        for name in list(self._timers):
            if name not in self.running:
                del self._timers[name]
                self._lost.pop(name, None)
        for name in self.running:
            node = self.nodes[name]
            well = self._has_quorum(node) if node.role == LEADER else self._hears(node)
            if well:
                self._timers.pop(name, None)
                self._lost.pop(name, None)
                continue
            self._lost.setdefault(name, now)
            waiting = self._timers.get(name, -1)
            if waiting >= now:
                continue
            if node.role == LEADER:
                self._wake(QUORUM, name, ELECTION_MS)
            elif self._has_quorum(node):
                self._wake(TIMEOUT, name, ELECTION_MS + self._engine.random.below(ELECTION_MS))
        self._look()

    def _wake(self, what: str, name: str, delay_ms: int) -> None:
        self._timers[name] = self._engine.now_ms + delay_ms
        self._engine.wake(NAME, f"{what} {name}", delay_ms)

    def run(self, key: str) -> None:
        what, name = key.split(" ")
        now = self._engine.now_ms
        if name not in self.running or self._timers.get(name) != now:
            return
        del self._timers[name]
        self.flush()
        node = self.nodes[name]
        if what == QUORUM:
            for peer in node.progress:
                node.progress[peer].active = peer in self._alive(node)
            if node.role == LEADER and not node.check_quorum():
                self._note(name, "etcd.step-down", term=node.term)
        else:
            for other in self.running:
                if now - self._lost.get(other, now) >= ELECTION_MS:
                    self.nodes[other].heard = False
            self._note(name, "etcd.campaign", term=node.term + 1)
            node.campaign()
            self._pump()
        self.review()
        self._changed()

    def _look(self) -> None:
        """Whether everyone who can hear the leader has the same log as it has."""
        leader = self.leader()
        self._steady = ()
        if leader is None:
            return
        followers = [name for name in self._alive(leader) if name != leader.name]
        for name in followers:
            node = self.nodes[name]
            same = (node.log.last, node.log.last_term, node.commit) == (leader.log.last, leader.term, leader.log.last)
            if not same or node.leader != leader.name or node.term != leader.term:
                return
        if leader.commit == leader.log.last:
            self._steady = (leader.name, *followers)

    # ---- messages ------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Deliver what members have to say to one another, and what they answer, until all is said."""
        wire: list[Message] = []
        for _ in range(MAX_MESSAGES):
            for name in self.running:
                node = self.nodes[name]
                wire += node.outbox
                node.outbox = []
            if not wire:
                return
            message = wire.pop(0)
            if message.to in self.running and self._linked(message.sender, message.to):
                self._deliver(message)
        raise AssertionError("members never stop talking")

    def _deliver(self, message: Message) -> None:
        node = self.nodes[message.to]
        commit, role = node.commit, node.role
        node.step(message)
        if message.kind == kinds.VOTE_RESPONSE and not message.reject:
            self._note(message.sender, "etcd.vote", candidate=message.to, term=message.term)
        if node.role == LEADER and role != LEADER:
            self._note(node.name, "etcd.leader", term=node.term)
        if message.kind == kinds.SNAPSHOT:
            self._note(node.name, "etcd.snapshot", index=message.index)
        elif message.kind == kinds.APPEND and node.commit - commit > 1:
            self._note(node.name, "etcd.catch-up", entries=node.commit - commit)

    def _note(self, member: str, message: str, **params: Any) -> None:
        verb = message.partition(".")[2]
        self._engine.note(NAME, member, verb, f"nodes/{member}", message, {"name": member, **params})

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        self.flush()
        return {
            "nodes": {name: node.save() for name, node in self.nodes.items()},
            "running": list(self.running),
            "timers": dict(self._timers),
            "lost": dict(self._lost),
            "diffs": [list(entry) for entry in self._diffs],
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self._pending = 0
        self.nodes = {}
        for name, saved in data["nodes"].items():
            self.nodes[name] = RaftNode(name, ())
            self.nodes[name].load(saved)
        self.running = list(data["running"])
        self._timers = dict(data["timers"])
        self._lost = dict(data["lost"])
        self._diffs = [list(entry) for entry in data["diffs"]]
        self._steady = ()  # looked at again with the first write: machines may not have been loaded yet


class ReplicatedStore(Store):
    """A store whose every write is an entry of the members' log first."""

    __slots__ = ("replicate",)

    def __init__(self) -> None:
        super().__init__()
        self.replicate: Callable[[], None] = lambda: None

    def put(self, key: str, value: Any, lease: int = 0) -> int:
        self.replicate()
        return super().put(key, value, lease)

    def delete(self, key: str) -> int:
        self.replicate()
        return super().delete(key)

    def revoke(self, lease: int) -> list[str]:
        if lease in self._leases and self._keys_of(lease):
            self.replicate()
        return super().revoke(lease)
