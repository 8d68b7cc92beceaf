"""Raft's promises, under whatever a network and its machines may do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.cluster.etcd.raft import CANDIDATE, FOLLOWER, LEADER, Log, RaftNode
from apps.cluster.etcd.raft.messages import Message

NAMES = ("a", "b", "c")


class Net:
    """Members and the messages between them; which arrive, and when, the test says."""

    def __init__(self, names: tuple[str, ...] = NAMES) -> None:
        self.nodes = {name: RaftNode(name, names) for name in names}
        self.wire: list[Message] = []
        self.down: set[str] = set()
        self.leaders: dict[int, str] = {}  # term -> who led in it
        self.committed: dict[int, int] = {}  # index -> term of the entry that some member knows to be committed
        self.cut: set[frozenset[str]] = set()

    def collect(self) -> None:
        for node in self.nodes.values():
            if node.name not in self.down:
                self.wire += node.outbox
            node.outbox = []
        self.check()

    def deliver(self, position: int, *, keep: bool = False) -> None:
        message = self.wire[position] if keep else self.wire.pop(position)
        if message.to not in self.down and frozenset({message.sender, message.to}) not in self.cut:
            self.nodes[message.to].step(message)
            self.collect()

    def settle(self) -> None:
        """Everything that is on its way arrives, in order."""
        self.collect()
        for _ in range(2000):
            if not self.wire:
                return
            self.deliver(0)
        raise AssertionError("they never stop talking")

    def elect(self, name: str) -> None:
        for node in self.nodes.values():
            node.heard = False
        self.nodes[name].campaign()
        self.settle()

    def check(self) -> None:
        """Election safety; state machine safety; leader completeness; log matching."""
        for node in self.nodes.values():
            if node.role == LEADER and node.name not in self.down:
                assert self.leaders.setdefault(node.term, node.name) == node.name, "two leaders in one term"
            for index in range(max(node.log.offset, 1), node.commit + 1):
                term = node.log.term(index)
                assert term >= 0
                assert self.committed.setdefault(index, term) == term, "two entries committed at one index"
        for node in self.nodes.values():
            if node.role == LEADER and node.name not in self.down and node.term == max(self.leaders):
                for index, term in self.committed.items():
                    if index >= max(node.log.offset, 1):
                        assert node.log.term(index) == term, "a leader lacks a committed entry"
        logs = [node.log for node in self.nodes.values()]
        for one in logs:
            for other in logs:
                low = max(one.offset, other.offset) + 1
                same = [i for i in range(low, min(one.last, other.last) + 1) if one.term(i) == other.term(i)]
                if same:
                    assert same == list(range(low, same[-1] + 1)), "logs agree on an entry and differ before it"


actions = st.lists(
    st.one_of(
        st.tuples(st.just("campaign"), st.sampled_from(NAMES)),
        st.tuples(st.just("propose"), st.sampled_from(NAMES)),
        st.tuples(st.just("beat"), st.sampled_from(NAMES)),
        st.tuples(st.just("quorum"), st.sampled_from(NAMES)),
        st.tuples(st.just("crash"), st.sampled_from(NAMES)),
        st.tuples(st.just("start"), st.sampled_from(NAMES)),
        st.tuples(st.just("compact"), st.sampled_from(NAMES)),
        st.tuples(st.just("silence"), st.sampled_from(NAMES)),
        st.tuples(st.just("deliver"), st.integers(0, 30)),
        st.tuples(st.just("deliver"), st.integers(0, 30)),
        st.tuples(st.just("deliver"), st.integers(0, 3)),
        st.tuples(st.just("repeat"), st.integers(0, 30)),
        st.tuples(st.just("lose"), st.integers(0, 30)),
        st.tuples(st.just("flow"), st.integers(1, 12)),
        st.tuples(st.just("cut"), st.sampled_from([("a", "b"), ("a", "c"), ("b", "c")])),
        st.tuples(st.just("heal"), st.just(0)),
    ),
    max_size=120,
)


def act(net: Net, what: str, who: Any) -> None:
    if what in ("deliver", "repeat", "lose"):
        if net.wire:
            position = who % len(net.wire)
            if what == "lose":
                net.wire.pop(position)
            else:
                net.deliver(position, keep=what == "repeat")
    elif what == "flow":
        for _ in range(who):
            if net.wire:
                net.deliver(0)
    elif what == "cut":
        net.cut.add(frozenset(who))
    elif what == "heal":
        net.cut.clear()
    elif what == "start":
        if who in net.down:
            net.down.discard(who)
            net.nodes[who].restart()
    elif what == "crash":
        net.down.add(who)
        net.nodes[who].outbox = []
        net.wire = [message for message in net.wire if message.to != who]
    elif who not in net.down:
        node = net.nodes[who]
        if what == "campaign":
            node.campaign()
        elif what == "propose":
            node.propose()
        elif what == "beat":
            node.beat()
        elif what == "quorum":
            node.check_quorum()
        elif what == "silence":
            node.heard = False
        elif what == "compact":
            node.compact(node.commit)
    net.collect()


@given(story=actions)
@settings(max_examples=400, deadline=None)
def test_whatever_happens_nothing_committed_is_lost_and_no_term_has_two_leaders(story: list[tuple[str, Any]]) -> None:
    net = Net()
    for what, who in story:
        act(net, what, who)
    # Once all is well again they agree on one leader and one log.
    net.cut.clear()
    net.down.clear()
    net.wire.clear()
    for node in net.nodes.values():
        if node.role != LEADER:
            node.heard = False
    for _ in range(6):
        for name in NAMES:
            if not any(node.role == LEADER for node in net.nodes.values()):
                net.elect(name)
        for node in list(net.nodes.values()):
            node.beat()
            net.settle()
    leaders = [node for node in net.nodes.values() if node.role == LEADER]
    assert len(leaders) == 1
    leaders[0].propose()
    net.settle()
    leaders[0].beat()
    net.settle()
    assert len({node.commit for node in net.nodes.values()}) == 1
    assert len({(node.log.last, node.log.last_term) for node in net.nodes.values()}) == 1


@given(story=actions, cut=st.integers(0, 120))
@settings(max_examples=60, deadline=None)
def test_saved_members_go_on_alike(story: list[tuple[str, Any]], cut: int) -> None:
    nets = (Net(), Net())
    for position, (what, who) in enumerate(story):
        for net in nets:
            act(net, what, who)
        if position == cut:
            for name, node in nets[1].nodes.items():
                saved = json.loads(json.dumps(node.save()))
                nets[1].nodes[name] = RaftNode(name, ())
                nets[1].nodes[name].load(saved)
    assert [node.save() for node in nets[0].nodes.values()] == [node.save() for node in nets[1].nodes.values()]


def test_the_first_to_ask_leads_and_what_it_is_given_is_committed_everywhere() -> None:
    net = Net()
    net.elect("b")
    assert [node.role for node in net.nodes.values()] == [FOLLOWER, LEADER, FOLLOWER]
    assert net.nodes["a"].propose() is False
    net.nodes["b"].propose(3)
    net.settle()
    assert [node.commit for node in net.nodes.values()] == [4, 4, 4]
    assert [node.log.runs for node in net.nodes.values()] == [[[1, 4]]] * 3


def test_without_a_quorum_nothing_is_committed_and_the_leader_steps_down() -> None:
    net = Net()
    net.elect("a")
    net.down |= {"b", "c"}
    leader = net.nodes["a"]
    leader.check_quorum()  # what came before has been heard of
    leader.propose()
    net.settle()
    assert (leader.commit, leader.log.last) == (1, 2)
    assert leader.check_quorum() is False
    assert leader.role == FOLLOWER
    leader.campaign()
    net.settle()
    assert (leader.role, leader.term) == ("pre-candidate", 1), "pre-votes change no term"


def test_a_leader_cut_off_gives_way_and_its_uncommitted_entries_go() -> None:
    net = Net()
    net.elect("a")
    net.cut |= {frozenset({"a", "b"}), frozenset({"a", "c"})}
    net.nodes["a"].propose(5)
    net.settle()
    net.elect("b")
    net.nodes["b"].propose(2)
    net.settle()
    assert net.nodes["b"].commit == 4
    assert net.nodes["a"].commit == 1
    net.cut.clear()
    net.nodes["b"].beat()
    net.settle()
    assert net.nodes["a"].role == FOLLOWER
    assert net.nodes["a"].log.save() == net.nodes["b"].log.save()
    assert net.nodes["a"].commit == 4


def test_who_was_cut_off_and_missed_nothing_but_time_disturbs_nobody() -> None:
    net = Net()
    net.elect("a")
    net.cut |= {frozenset({"a", "c"}), frozenset({"b", "c"})}
    for _ in range(5):
        net.nodes["c"].campaign()
        net.settle()
    assert net.nodes["c"].term == 1
    net.cut.clear()
    net.nodes["c"].campaign()
    net.settle()
    assert net.nodes["a"].role == LEADER, "those who hear their leader vote for nobody else"


def test_a_member_too_far_behind_is_sent_a_snapshot() -> None:
    net = Net()
    net.elect("a")
    net.down.add("c")
    net.nodes["a"].propose(100)
    net.settle()
    for name in ("a", "b"):
        net.nodes[name].compact(90)
    net.down.discard("c")
    net.nodes["c"].restart()
    net.nodes["a"].beat()
    net.settle()
    assert net.nodes["c"].log.offset == 90
    assert net.nodes["c"].commit == 101


def test_one_member_alone_leads_itself() -> None:
    net = Net(("a",))
    net.elect("a")
    node = net.nodes["a"]
    assert (node.role, node.commit) == (LEADER, 1)
    node.propose()
    assert node.commit == 2
    assert node.role != CANDIDATE


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_log_of_runs_is_a_list_of_terms(data: st.DataObject) -> None:
    log, plain = Log(), [0]
    for _ in range(data.draw(st.integers(0, 12))):
        what = data.draw(st.sampled_from(["extend", "cut", "merge", "compact"]))
        if what == "extend":
            term, count = plain[-1] + data.draw(st.integers(0, 2)), data.draw(st.integers(1, 4))
            if term:
                log.extend(term, count)
                plain += [term] * count
        elif what == "cut":
            last = data.draw(st.integers(log.offset, log.last))
            log.cut(last)
            del plain[last + 1 :]
        elif what == "compact":
            log.compact(data.draw(st.integers(log.offset, log.last)))
        elif log.last > log.offset:
            index = data.draw(st.integers(log.offset, log.last))
            term = plain[index] + data.draw(st.integers(0, 2))
            ends = index + data.draw(st.integers(1, 3))
            if term:
                log.merge(index, [[term, ends]])
                given_ = [term] * (ends - index)
                here = plain[index + 1 : index + 1 + len(given_)]
                if here != given_[: len(here)] or len(here) < len(given_):
                    same = next((i for i, (a, b) in enumerate(zip(here, given_, strict=False)) if a != b), len(here))
                    plain = plain[: index + 1 + same] + given_[same:]
        assert log.last == len(plain) - 1
        assert log.last_term == plain[-1]
        assert [log.term(i) for i in range(log.offset, log.last + 1)] == plain[log.offset :]


@pytest.mark.parametrize("index", [0, 7])
def test_a_log_knows_nothing_outside_of_it(index: int) -> None:
    log = Log()
    log.extend(1, 3)
    log.compact(2)
    assert log.term(index) == -1
