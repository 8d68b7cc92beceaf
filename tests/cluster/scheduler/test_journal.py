"""The queues and the decisions of any moment can be read afterwards, as they were."""

from __future__ import annotations

import json
import random

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.cluster import Cluster, Config
from apps.cluster.scheduler.journal import Scheduling
from tests.cluster.scheduler.small import Small
from tests.cluster.scheduler.tables import node, pod


def at(small: Small, position: int) -> Scheduling:
    return Scheduling(small.scheduler.journal, position)


def test_a_pod_waits_until_the_step_that_binds_it():
    small = Small([node("a"), node("b")])
    small.create("pods", pod("web"))
    created = len(small.engine.trace.steps)
    small.rest()
    bound = next(step.index for step in small.engine.trace.steps if step.verb == "bind")

    assert [one.key for one in at(small, created).queues()["active"]] == ["default/web"]
    assert at(small, bound - 1).decision("default/web") is None
    assert at(small, bound).waiting("default/web") is None
    decision = at(small, bound).decision("default/web")
    assert decision is not None
    assert decision.chosen in ("a", "b")
    assert decision.ties == ("a", "b")
    assert at(small, bound).latest() == (bound, "default/web")


def test_each_attempt_is_kept_with_what_it_found():
    small = Small([node("a", cpu="1")])
    small.create("pods", pod("big", cpu="2"))
    small.rest()
    failed = len(small.engine.trace.steps)
    waiting = at(small, failed).waiting("default/big")
    assert waiting is not None
    assert (waiting.where, waiting.attempts, waiting.plugins) == ("unschedulable", 1, ("NodeResourcesFit",))

    small.add_node(node("b", cpu="1"))
    small.engine.run_until(small.engine.now_ms + 20)
    small.engine.run_until(small.engine.now_ms + 20_000)
    small.add_node(node("c", cpu="4"))
    small.rest()
    history = [decision for _, decision in at(small, 10**6).history("default/big")]
    assert next((one.attempt, one.chosen, one.feasible) for one in history) == (len(history), "c", 1)
    assert [one.chosen for one in history[1:]] == [""] * (len(history) - 1)
    first = at(small, failed).decision("default/big")
    assert first is not None
    assert first.rejected_by == ("NodeResourcesFit",)
    assert [(verdict.node, verdict.plugin, verdict.reasons) for verdict in first.verdicts] == [
        ("a", "NodeResourcesFit", ("Insufficient cpu",))
    ]
    assert "NodeResourcesFit" in first.filters
    assert "NodePorts" not in first.filters


def test_a_gated_pod_is_kept_out_and_says_by_whom():
    small = Small([node("a")])
    small.create("pods", pod("held", schedulingGates=[{"name": "example.com/wait"}]))
    small.rest()
    waiting = at(small, 10**6).waiting("default/held")
    assert waiting is not None
    assert (waiting.where, waiting.gate, waiting.attempts) == ("unschedulable", "SchedulingGates", 0)


def test_a_scheduler_that_dies_forgets_its_queues():
    small = Small([node("a", cpu="1")])
    small.create("pods", pod("big", cpu="2"))
    small.rest()
    position = len(small.engine.trace.steps)
    small.scheduler.stop()
    small.create("pods", pod("more"))
    now = at(small, len(small.engine.trace.steps))
    assert not now.running
    assert at(small, position - 1).running
    assert at(small, position - 1).waiting("default/big") is not None


@pytest.mark.parametrize("seed", range(4))
def test_at_every_moment_the_journal_tells_what_the_queue_held(seed):
    """The fold of the journal and the queue itself are the same after every command, whatever happens."""
    chance = random.Random(seed)
    small = Small([node("a", cpu="2"), node("b", cpu="2")], seed=seed)
    for number in range(25):
        act = chance.randrange(4)
        if act == 0:
            small.create("pods", pod(f"p{number}", cpu=chance.choice(["100m", "1", "3"])))
        elif act == 1:
            small.create("pods", pod(f"g{number}", schedulingGates=[{"name": "example.com/x"}]))
        elif act == 2:
            names = sorted(small.apiserver.tables.get("pods", {}))
            if names:
                small.kubectl.delete("pods", "default", chance.choice(names).partition("/")[2], grace_period_seconds=0)
        else:
            small.add_node(node(f"n{number}", cpu=chance.choice(["1", "4"])))
        small.engine.run_until(small.engine.now_ms + chance.choice([0, 3, 50, 1_500]))
        queued = {
            key: (one.where, one.attempts, one.plugins, one.gate) for key, one in small.scheduler.queue.pods.items()
        }
        told = {
            one.key: (one.where, one.attempts, one.plugins, one.gate)
            for queue in at(small, 10**6).queues().values()
            for one in queue
        }
        assert told == queued


def test_saved_as_json_and_loaded_the_past_is_the_same():
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "apply", "objects": [pod("web"), pod("big", cpu="40")]})
    cluster.run_to_rest()
    again = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for revision in range(cluster.base, cluster.revision + 1):
        one, other = cluster.view(revision).scheduling, again.view(revision).scheduling
        assert one is not None
        assert other is not None
        assert one.queues() == other.queues()
        for key in ("default/web", "default/big"):
            assert one.decision(key) == other.decision(key)
    assert cluster.view(cluster.base).scheduling.decision("default/big") is None
    assert cluster.view().scheduling.decision("default/big").verdicts


def test_what_has_been_saved_once_is_shared_by_every_snapshot_after():
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "apply", "objects": [pod("web"), pod("big", cpu="40")]})
    cluster.run_to_rest()
    saved = [plain for _, plain in cluster.scheduler.journal.save()["decisions"]]
    again = Cluster.restore(cluster.snapshot())
    assert again.view().scheduling.decision("default/web").scores
    for holder in (cluster, again):
        later = [plain for _, plain in holder.scheduler.journal.save()["decisions"]]
        assert len(later) == len(saved)
        assert all(one is other for one, other in zip(saved, later, strict=True))


def test_a_command_that_is_refused_half_way_leaves_no_trace_in_it():
    cluster = Cluster.boot(Config(workers=1))
    before = cluster.scheduler.journal.save()
    with pytest.raises(StatusError):
        cluster.execute({"op": "create", "objects": [pod("web"), pod("web")]})
    assert cluster.scheduler.journal.save() == before


def test_a_cluster_of_thousands_keeps_the_latest_decisions_and_no_queues():
    small = Small([node("a", pods="5000", cpu="500")], keep_trace=False)
    for number in range(1_100):
        small.create("pods", pod(f"p{number}"))
    small.rest()
    kept = small.scheduler.journal.save()
    assert 500 <= len(kept["decisions"]) < 1000
    assert kept["waiting"] == []
    assert small.scheduler.decision("default/p1099").chosen == "a"
    assert small.scheduler.decision("default/p0") is None
