"""One member: its term, its vote, its log, and what it makes of a message.

Models      etcd-io/raft raft.go (Step, campaign, poll, stepLeader, stepFollower, maybeSendAppend, maybeCommit) with
            CheckQuorum and PreVote, as etcd runs it; the Raft paper, sections 5.1 to 5.4 and 9.6
Leaves out  learners and joint consensus; leadership transfer; flow control of appends; batches of reads (ReadIndex),
            since whoever drives the members knows whether a leader has its quorum

There are no timers here: the driver calls `campaign`, `beat` and `check_quorum` when they are due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apps.cluster.etcd.raft import messages as kinds
from apps.cluster.etcd.raft.log import Log
from apps.cluster.etcd.raft.messages import Message

FOLLOWER, PRE_CANDIDATE, CANDIDATE, LEADER = "follower", "pre-candidate", "candidate", "leader"


class Progress:
    """What a leader knows of another member's log."""

    __slots__ = ("active", "match", "next", "told")

    def __init__(self, next_index: int, match: int = 0, *, active: bool = False) -> None:
        self.next = next_index  # the entry to send next
        self.match = match  # up to here both logs are known to be the same
        self.active = active  # it has been heard of since the last look
        self.told = 0  # the commit index that it was sent last

    def save(self) -> list[Any]:
        return [self.next, self.match, self.active, self.told]

    @classmethod
    def restore(cls, data: Sequence[Any]) -> Progress:
        out = cls(data[0], data[1], active=data[2])
        out.told = data[3]
        return out


class RaftNode:
    """State that survives a crash: term, vote, log, commit. The rest begins anew (`restart`)."""

    __slots__ = (
        "commit",
        "heard",
        "leader",
        "log",
        "name",
        "outbox",
        "progress",
        "role",
        "term",
        "vote",
        "voters",
        "votes",
    )

    def __init__(self, name: str, voters: Sequence[str]) -> None:
        self.name = name
        self.voters = tuple(voters)
        self.term = 0
        self.vote = ""
        self.log = Log()
        self.commit = 0
        self.role = FOLLOWER
        self.leader = ""
        self.heard = False  # a leader has been heard of within the last election timeout
        self.votes: dict[str, bool] = {}
        self.progress: dict[str, Progress] = {}
        self.outbox: list[Message] = []

    @property
    def quorum(self) -> int:
        return len(self.voters) // 2 + 1

    # ---- what a driver asks for ----------------------------------------------------------------

    def campaign(self) -> None:
        """The election timeout has passed without a word from a leader: ask whether one could be elected."""
        self.heard = False
        if self.role == LEADER or self.name not in self.voters:
            return
        self._become(PRE_CANDIDATE)
        self._ask(kinds.PRE_VOTE, self.term + 1)

    def propose(self, count: int = 1) -> bool:
        """New entries. False: this member does not lead, whoever asked must ask the leader."""
        if self.role != LEADER:
            return False
        self.log.extend(self.term, count)
        self._replicated(self.name, self.log.last)
        for peer in self._peers():
            self._send_append(peer)
        return True

    def beat(self) -> None:
        """Tell everyone who leads; from their answers a leader learns who lags behind."""
        if self.role == LEADER:
            for peer in self._peers():
                commit = min(self.commit, self.progress[peer].match)
                self._send(kinds.HEARTBEAT, peer, self.term, commit=commit)

    def check_quorum(self) -> bool:
        """An election timeout has passed: a leader that has not heard of a quorum in it is none any more."""
        if self.role != LEADER:
            return False
        alive = 1 + sum(1 for peer in self._peers() if self.progress[peer].active)
        for progress in self.progress.values():
            progress.active = False
        if alive >= self.quorum:
            return True
        self._follow(self.term, "")
        return False

    def restart(self) -> None:
        """The process has died and starts again with what is on its disk."""
        self.role, self.leader, self.heard = FOLLOWER, "", False
        self.votes, self.progress, self.outbox = {}, {}, []

    def reconfigure(self, voters: Sequence[str]) -> None:
        """Another set of voters, one more or one less than before."""
        self.voters = tuple(voters)
        if self.role == LEADER:
            self.progress = {
                peer: self.progress.get(peer) or Progress(self.log.last + 1, active=True) for peer in voters
            }

    def compact(self, index: int) -> None:
        """Keep no entry up to `index`, which must have been applied."""
        self.log.compact(min(index, self.commit))

    # ---- messages ------------------------------------------------------------------------------

    def step(self, message: Message) -> None:
        """Take in one message; answers are in the outbox."""
        kind, term = message.kind, message.term
        if term > self.term:
            if kind in (kinds.VOTE, kinds.PRE_VOTE) and (self.role == LEADER or (self.leader and self.heard)):
                return  # a leader is alive: who asks has been cut off, and does not know it
            if kind == kinds.PRE_VOTE or (kind == kinds.PRE_VOTE_RESPONSE and not message.reject):
                pass  # asking for a vote to come changes nobody's term
            else:
                self._follow(term, message.sender if kind in kinds.FROM_LEADER else "")
        elif term < self.term:
            if kind in (kinds.HEARTBEAT, kinds.APPEND):
                self._send(kinds.APPEND_RESPONSE, message.sender, self.term)  # it learns that its term is over
            elif kind == kinds.PRE_VOTE:
                self._send(kinds.PRE_VOTE_RESPONSE, message.sender, self.term, reject=True)
            return
        if kind in (kinds.VOTE, kinds.PRE_VOTE):
            self._asked(message)
        elif kind in kinds.FROM_LEADER:
            self._led(message)
        elif kind in (kinds.VOTE_RESPONSE, kinds.PRE_VOTE_RESPONSE):
            self._counted(message)
        elif self.role == LEADER:
            self._answered(message)

    def _asked(self, message: Message) -> None:
        """Somebody wants to lead."""
        pre = message.kind == kinds.PRE_VOTE
        free = self.vote == message.sender or (not self.vote and not self.leader) or (pre and message.term > self.term)
        answer = kinds.PRE_VOTE_RESPONSE if pre else kinds.VOTE_RESPONSE
        if free and self.log.up_to_date(message.index, message.log_term):
            self._send(answer, message.sender, message.term)
            if not pre:
                self.vote = message.sender
        else:
            self._send(answer, message.sender, self.term, reject=True)

    def _counted(self, message: Message) -> None:
        """A vote, or its refusal."""
        wanted = {PRE_CANDIDATE: kinds.PRE_VOTE_RESPONSE, CANDIDATE: kinds.VOTE_RESPONSE}.get(self.role)
        if message.kind != wanted:
            return
        self.votes.setdefault(message.sender, not message.reject)
        self._tally()

    def _tally(self) -> None:
        granted = sum(self.votes.values())
        if granted >= self.quorum:
            if self.role == PRE_CANDIDATE:
                self._stand()
            else:
                self._win()
        elif len(self.votes) - granted >= self.quorum:
            self._follow(self.term, "")

    def _led(self, message: Message) -> None:
        """The leader of this term speaks."""
        if self.role != FOLLOWER or self.leader != message.sender:
            self._follow(self.term, message.sender)
        self.heard = True
        if message.kind == kinds.HEARTBEAT:
            self._commit_to(message.commit)
            self._send(kinds.HEARTBEAT_RESPONSE, message.sender, self.term)
        elif message.kind == kinds.SNAPSHOT:
            self._restore(message)
        else:
            self._append(message)

    def _append(self, message: Message) -> None:
        index = message.index
        if index < self.commit:
            self._send(kinds.APPEND_RESPONSE, message.sender, self.term, index=self.commit)
            return
        if self.log.term(index) == message.log_term:
            last = message.entries[-1][1] if message.entries else index
            self.log.merge(index, [list(run) for run in message.entries])
            self._commit_to(min(message.commit, last))
            self._send(kinds.APPEND_RESPONSE, message.sender, self.term, index=last)
            return
        hint = self._common(min(index, self.log.last), message.log_term)
        self._send(
            kinds.APPEND_RESPONSE,
            message.sender,
            self.term,
            index=index,
            reject=True,
            hint=hint,
            log_term=max(self.log.term(hint), 0),
        )

    def _restore(self, message: Message) -> None:
        """A snapshot of what all entries up to its index led to."""
        index, term = message.index, message.log_term
        if index > self.commit:
            if self.log.term(index) != term:
                self.log.restore(index, term)
            self.commit = index
        self._send(kinds.APPEND_RESPONSE, message.sender, self.term, index=max(index, self.commit))

    def _answered(self, message: Message) -> None:
        """A follower's answer to its leader."""
        progress = self.progress.get(message.sender)
        if progress is None:
            return
        progress.active = True
        if message.kind == kinds.HEARTBEAT_RESPONSE:
            if progress.match < self.log.last:
                self._send_append(message.sender)
            return
        if message.reject:
            if message.index <= progress.match:
                return  # an answer from before it was better known
            following = message.hint
            if message.log_term > 0:
                following = self._common(message.hint, message.log_term)
            progress.next = max(min(message.index, following + 1), progress.match + 1)
            self._send_append(message.sender)
            return
        if message.index > progress.match:
            self._replicated(message.sender, message.index)
            if progress.next <= self.log.last or progress.told < min(self.commit, progress.match):
                self._send_append(message.sender)

    # ---- roles ---------------------------------------------------------------------------------

    def _follow(self, term: int, leader: str) -> None:
        if term > self.term:
            self.term, self.vote = term, ""
        self.role, self.leader = FOLLOWER, leader
        self.heard = bool(leader)
        self.votes, self.progress = {}, {}

    def _become(self, role: str) -> None:
        self.role, self.leader = role, ""
        self.votes, self.progress = {}, {}

    def _ask(self, kind: str, term: int) -> None:
        for peer in self._peers():
            self._send(kind, peer, term, index=self.log.last, log_term=self.log.last_term)
        self.votes[self.name] = True
        self._tally()

    def _stand(self) -> None:
        """A quorum would vote for this member: ask it to."""
        self._become(CANDIDATE)
        self.term += 1
        self.vote = self.name
        self._ask(kinds.VOTE, self.term)

    def _win(self) -> None:
        self._become(LEADER)
        self.leader = self.name
        last = self.log.last
        self.progress = {peer: Progress(last + 1, active=True) for peer in self.voters}
        # An entry of its own term: with it all earlier ones are committed too (§5.4.2).
        self.propose()

    # ---- replication ---------------------------------------------------------------------------

    def _send_append(self, peer: str) -> None:
        progress = self.progress[peer]
        before = progress.next - 1
        term = self.log.term(before)
        if term < 0:
            self._send(kinds.SNAPSHOT, peer, self.term, index=self.log.offset, log_term=self.log.offset_term)
            return
        progress.told = min(self.commit, self.log.last)
        entries = tuple((run[0], run[1]) for run in self.log.after(before))
        self._send(kinds.APPEND, peer, self.term, index=before, log_term=term, entries=entries, commit=self.commit)

    def _replicated(self, who: str, index: int) -> None:
        """A member's log is the same as ours up to `index`; with a quorum of them an entry is committed."""
        progress = self.progress[who]
        progress.match = max(progress.match, index)
        progress.next = max(progress.next, index + 1)
        matched = sorted((self.progress[peer].match for peer in self.voters), reverse=True)
        reached = matched[self.quorum - 1]
        if reached > self.commit and self.log.term(reached) == self.term:
            self.commit = reached
            for peer in self._peers():
                if self.progress[peer].match >= reached:
                    self._send_append(peer)

    def _commit_to(self, index: int) -> None:
        self.commit = max(self.commit, min(index, self.log.last))

    def _common(self, index: int, term: int) -> int:
        """The last index up to `index` whose term is at most `term`: nothing behind it can be the same in both logs."""
        log = self.log
        while index > log.offset and log.term(index) > term:
            index = log.first_of_term(index) - 1
        return index

    def _peers(self) -> list[str]:
        return [voter for voter in self.voters if voter != self.name]

    def _send(self, kind: str, to: str, term: int, **more: Any) -> None:
        self.outbox.append(Message(kind, self.name, to, term, **more))

    # ---- saving --------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        return {
            "voters": list(self.voters),
            "term": self.term,
            "vote": self.vote,
            "log": self.log.save(),
            "commit": self.commit,
            "role": self.role,
            "leader": self.leader,
            "heard": self.heard,
            "votes": dict(self.votes),
            "progress": {peer: progress.save() for peer, progress in self.progress.items()},
        }

    def load(self, data: Mapping[str, Any]) -> None:
        self.voters = tuple(data["voters"])
        self.term, self.vote, self.commit = data["term"], data["vote"], data["commit"]
        self.log.load(data["log"])
        self.role, self.leader, self.heard = data["role"], data["leader"], data["heard"]
        self.votes = dict(data["votes"])
        self.progress = {peer: Progress.restore(saved) for peer, saved in data["progress"].items()}
        self.outbox = []
