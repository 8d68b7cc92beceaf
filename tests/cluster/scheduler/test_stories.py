"""kube-scheduler on a real API server: what it writes, what brings Pods back, what it makes room for."""

from __future__ import annotations

from typing import Any

import pytest

from apps.diagrams import wording
from tests.cluster.scheduler.small import STOP_MS, Small
from tests.cluster.scheduler.storage import USES_DATA, make_claim, storage_class, with_volumes
from tests.cluster.scheduler.tables import node, pod

Obj = dict[str, Any]


def _priority_classes(small: Small, **values: int) -> None:
    for name, value in values.items():
        kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        small.create("priorityclasses", {**kind, "value": value})


def _messages(small: Small, name: str, reason: str = "FailedScheduling") -> list[str]:
    return [event["message"] for event in small.events(name) if event["reason"] == reason]


# Placing


def test_replicas_spread_over_equal_nodes():
    small = Small([node("a"), node("b"), node("c")])
    names = small.replicas("web", 9, pod("x", cpu="100m")["spec"])
    small.rest()
    where = [small.node_of(name) for name in names]
    assert sorted(where.count(name) for name in "abc") == [3, 3, 3]


def test_a_decision_tells_what_every_plugin_said():
    small = Small([node("a", "4"), node("b", "8"), node("full", "1")])
    small.create("pods", pod("p", cpu="2"))
    small.rest()
    decision = small.scheduler.decision("default/p")
    assert decision is not None
    assert (decision.chosen, decision.attempt, decision.nodes, decision.evaluated, decision.feasible) == (
        "b",
        1,
        3,
        3,
        2,
    )
    said = {verdict.node: (verdict.plugin, verdict.reasons) for verdict in decision.verdicts}
    assert said == {"a": ("", ()), "b": ("", ()), "full": ("NodeResourcesFit", ("Insufficient cpu",))}
    best = next(score for score in decision.scores if score.node == "b")
    assert best.total == decision.score == sum(part.normalized * part.weight for part in best.scores)
    weights = {part.plugin: part.weight for part in best.scores}
    assert weights["TaintToleration"] == 3
    assert weights["NodeResourcesFit"] == 1
    assert small.scheduler.decision("default/unknown") is None


def test_a_decision_about_wishes_names_their_plugins_too():
    small = Small([node("a", zone="x"), node("b", zone="y")])
    wish = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
    wish["labelSelector"] = {"matchLabels": {"app": "w"}}
    for name in ("p0", "p1"):
        small.create("pods", pod(name, labels={"app": "w"}, topologySpreadConstraints=[wish]))
        small.rest()
    assert {small.node_of("p0"), small.node_of("p1")} == {"a", "b"}
    decision = small.scheduler.decision("default/p1")
    other = small.node_of("p0")
    points = {s.node: p.normalized for s in decision.scores for p in s.scores if p.plugin == "PodTopologySpread"}
    assert points[decision.chosen] == 100 > points[other]


def test_a_daemons_pod_goes_to_the_node_it_names():
    small = Small([node("a"), node("b")])

    def on(name: str) -> Obj:
        term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [name]}]}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}

    small.create("pods", pod("d", cpu="1", affinity=on("b")))
    small.create("pods", pod("lost", affinity=on("nowhere")))
    small.rest()
    assert small.node_of("d") == "b"
    (message,) = _messages(small, "lost")
    assert message == (
        "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )


def test_other_schedulers_pods_are_left_alone():
    small = Small([node("a")])
    small.create("pods", pod("p", schedulerName="mine"))
    small.rest()
    assert small.node_of("p") is None
    assert small.events("p") == []


# Failing, and coming back


def test_without_nodes_it_says_so_and_a_node_helps():
    small = Small([])
    small.create("pods", pod("p"))
    small.rest(5_000)
    assert small.condition("p")["message"] == "no nodes available to schedule pods"
    assert small.condition("p")["reason"] == "Unschedulable"
    assert small.engine.at_rest
    small.add_node(node("a"))
    small.engine.run_until(small.engine.now_ms + 15_000)
    assert small.node_of("p") == "a"


@pytest.mark.parametrize(
    ("spec", "why", "help_it"),
    [
        pytest.param(
            {"cpu": "3"}, "1 Insufficient cpu", lambda s: s.add_node(node("big", "8")), id="a larger node comes"
        ),
        pytest.param(
            {"cpu": "3"},
            "1 Insufficient cpu",
            lambda s: s.kubectl.delete("pods", "default", "first", grace_period_seconds=0),
            id="a Pod goes",
        ),
        pytest.param(
            {"nodeSelector": {"disk": "ssd"}},
            "1 node(s) didn't match Pod's node affinity/selector",
            lambda s: s.kubectl.patch("nodes", "", "a", {"metadata": {"labels": {"disk": "ssd"}}}, type="merge"),
            id="the node gets the label",
        ),
        pytest.param(
            {"hostPort": 80},
            "1 node(s) didn't have free ports for the requested pod ports",
            lambda s: s.kubectl.delete("pods", "default", "first", grace_period_seconds=0),
            id="the port is given back",
        ),
    ],
)
def test_an_unschedulable_pod_waits_for_what_it_lacks(spec, why, help_it):
    small = Small([node("a", "4")])

    def made(name: str, **extra: Any) -> Obj:
        extra = dict(extra)
        port, cpu = extra.pop("hostPort", 0), extra.pop("cpu", "")
        out = pod(name, cpu=cpu, **extra)
        if port:
            out["spec"]["containers"][0]["ports"] = [{"containerPort": port, "hostPort": port}]
        return out

    small.create("pods", made("first", **({} if "nodeSelector" in spec else spec)))
    small.rest()
    small.create("pods", made("p", **spec))
    small.rest()
    (message,) = _messages(small, "p")
    assert message.startswith(f"0/1 nodes are available: {why}.")
    assert small.condition("p")["message"] == message
    assert small.scheduler.pending() == {"unschedulable": ["default/p"]}
    assert small.engine.at_rest
    help_it(small)
    small.rest()
    assert small.node_of("p") is not None
    assert small.condition("p")["status"] == "True"
    assert len(_messages(small, "p")) == 1


def test_what_cannot_help_brings_nobody_back():
    small = Small([node("a", "1")])
    small.create("pods", pod("p", cpu="2"))
    small.rest()
    small.add_node(node("b", "1"))
    small.kubectl.patch("nodes", "", "a", {"metadata": {"labels": {"x": "y"}}}, type="merge")
    small.rest()
    assert len(_messages(small, "p")) == 1


def test_a_pod_that_fits_nowhere_is_not_tried_again_while_others_are_placed():
    small = Small([node(f"n{i}", cpu="4") for i in range(40)])
    small.create("pods", pod("big", cpu="40"))
    small.rest()
    for i in range(60):
        small.create("pods", pod(f"small-{i}", cpu="100m"))
        small.rest()
    assert all(small.node_of(f"small-{i}") for i in range(60))
    assert small.scheduler.queue.pods["default/big"].attempts == 1


def test_a_cordoned_node_takes_no_more():
    small = Small([node("a"), node("b")])
    small.kubectl.patch("nodes", "", "a", {"spec": {"unschedulable": True}}, type="merge")
    names = small.replicas("web", 4, pod("x")["spec"])
    small.rest()
    assert {small.node_of(name) for name in names} == {"b"}


def test_a_pod_deleted_while_waiting_is_forgotten():
    small = Small([node("a", "1")])
    small.create("pods", pod("p", cpu="2"))
    small.rest()
    small.kubectl.delete("pods", "default", "p")
    small.rest()
    assert small.scheduler.pending() == {}


def test_finished_pods_take_no_room():
    small = Small([node("a", "1")])
    small.create("pods", pod("done", cpu="1"))
    small.rest()
    finished = small.pod("done")
    small.kubectl.update_status("pods", {**finished, "status": {**finished["status"], "phase": "Succeeded"}})
    small.create("pods", pod("next", cpu="1"))
    small.rest()
    assert small.node_of("next") == "a"


# Making room


def test_preemption_nominates_deletes_and_then_binds():
    small = Small([node("a", "2"), node("b", "2")])
    _priority_classes(small, low=10, high=1000)
    for name in ("one", "two"):
        small.create("pods", pod(name, cpu="2", priorityClassName="low"))
        small.engine.run_until(small.engine.now_ms + 1_000)
    small.create("pods", pod("vip", cpu="2", priorityClassName="high"))
    small.engine.run_until(small.engine.now_ms + 100)
    node_name = small.pod("vip")["status"]["nominatedNodeName"]
    victim = "two"  # started last
    assert small.node_of(victim) == node_name
    marked = small.pod(victim)
    assert "deletionTimestamp" in marked["metadata"]
    condition = next(c for c in marked["status"]["conditions"] if c["type"] == "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    decision = small.scheduler.decision("default/vip")
    assert (decision.nominated, decision.victims, decision.chosen) == (node_name, ("default/two",), "")
    (told,) = _messages(small, victim, "Preempted")
    assert told == f"Preempted by pod {small.pod('vip')['metadata']['uid']} on node {node_name}"
    # Meanwhile nobody less important may take the room.
    small.create("pods", pod("cheeky", cpu="1", priorityClassName="low"))
    small.engine.run_until(small.engine.now_ms + STOP_MS + 2_500)
    assert small.node_of("vip") == node_name
    assert "nominatedNodeName" not in small.pod("vip")["status"]
    assert small.node_of("cheeky") is None


def test_preemption_spares_what_a_budget_protects():
    small = Small([node("a", "1"), node("b", "1")])
    _priority_classes(small, low=10, high=1000)
    for name, app in (("guarded", "g"), ("plain", "p")):
        small.create("pods", pod(name, cpu="1", labels={"app": app}, priorityClassName="low"))
        small.engine.run_until(small.engine.now_ms + 1_000)
    small.create(
        "poddisruptionbudgets",
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "g", "namespace": "default"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "g"}}},
        },
    )
    small.create("pods", pod("vip", cpu="1", priorityClassName="high"))
    small.rest()
    assert small.node_of("vip") is not None
    assert [p["metadata"]["name"] for p in small.kubectl.list("pods")] == ["guarded", "vip"]


def test_as_few_as_possible_have_to_go():
    small = Small([node("a", "4")])
    _priority_classes(small, low=10, mid=20, high=1000)
    for i, name in enumerate(("low", "low", "mid", "low")):
        small.create("pods", pod(f"p{i}", cpu="1", priorityClassName=name))
        small.engine.run_until(small.engine.now_ms + 1_000)
    small.create("pods", pod("vip", cpu="2", priorityClassName="high"))
    small.rest()
    # The more important one stays, and of the others the one that has run the longest.
    assert [p["metadata"]["name"] for p in small.kubectl.list("pods")] == ["p0", "p2", "vip"]


# Volumes


def test_a_late_bound_claim_follows_its_pod():
    small = Small([node("a"), node("b")])
    with_volumes(small)
    storage_class(small, "WaitForFirstConsumer")
    make_claim(small)
    small.rest(5_000)
    assert small.kubectl.get("persistentvolumeclaims", "default", "data")["status"]["phase"] == "Pending"
    small.create("pods", pod("p", volumes=USES_DATA))
    small.rest(20_000)
    claim = small.kubectl.get("persistentvolumeclaims", "default", "data")
    where = small.node_of("p")
    assert where in ("a", "b")
    assert claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == where
    assert claim["status"]["phase"] == "Bound"
    steps = [step for step in small.engine.trace.steps if step.component == "kube-scheduler" and step.rank == "change"]
    assert [step.message for step in steps] == ["scheduler.reserve", "scheduler.select-node", "scheduler.bind"]
    assert steps[2].time_ms - steps[0].time_ms >= 1_000  # it looks once a second


def test_a_volume_that_is_there_is_bound_where_it_can_be_reached():
    small = Small([node("a", disk="no"), node("b", disk="yes")])
    with_volumes(small)
    storage_class(small, "WaitForFirstConsumer", "kubernetes.io/no-provisioner")
    make_claim(small)
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["yes"]}]}
    spec = {
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "disk",
        "hostPath": {"path": "/data"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    small.create("pods", pod("p", volumes=USES_DATA))
    small.rest(5_000)
    assert _messages(small, "p")[0].startswith(
        "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."
    )
    small.create(
        "persistentvolumes", {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v1"}, "spec": spec}
    )
    small.rest(20_000)
    assert small.node_of("p") == "b"
    assert small.kubectl.get("persistentvolumes", "", "v1")["spec"]["claimRef"]["name"] == "data"


def test_an_unbound_immediate_claim_is_waited_for():
    small = Small([node("a")])
    with_volumes(small)
    storage_class(small, "Immediate")
    make_claim(small)
    small.create("pods", pod("p", volumes=USES_DATA))
    small.rest(20_000)
    assert _messages(small, "p")[0] == (
        "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    )
    assert small.node_of("p") == "a"


# The process


def test_stopped_it_leaves_pods_pending_and_started_it_picks_them_up():
    small = Small([node("a")])
    small.informers.stop()
    small.informers.forget()
    small.scheduler.stop()
    small.create("pods", pod("p", cpu="1"))
    small.rest()
    assert small.node_of("p") is None
    small.scheduler.start()
    small.informers.start()
    small.rest()
    assert small.node_of("p") == "a"


def _story(small: Small, until_ms: int) -> None:
    _priority_classes(small, low=10, high=1000)
    small.replicas("web", 12, pod("x", cpu="700m")["spec"], {"app": "web"})
    small.engine.run_until(min(until_ms, 100))
    for i in range(3):
        small.create("pods", pod(f"big{i}", cpu="2", priorityClassName="high"))
    small.create("pods", pod("waits", nodeSelector={"disk": "ssd"}))
    small.engine.run_until(until_ms)


@pytest.mark.parametrize("until_ms", [20, 41, 200, 1_700])
def test_saved_and_restored_it_goes_on_as_if_nothing_had_been(until_ms):
    nodes = [node("a", zone="x"), node("b", zone="y"), node("c")]
    small = Small(nodes, seed=3)
    _story(small, until_ms)
    engine, store = small.engine.save(), small.store.save()
    informers, kubelets = small.informers.save(), small.kubelet_informers.save()

    again = Small(None, seed=9)
    again.store.load(store)
    again.apiserver.load()
    again.informers.load(informers)
    again.kubelet_informers.load(kubelets)
    again.engine.load(engine)

    for each in (small, again):
        each.engine.run_until(until_ms + 5_000)
        each.add_node(node("d", disk="ssd"))
        each.rest()
    assert again.engine.trace.steps == small.engine.trace.steps
    assert again.scheduler.save() == small.scheduler.save()
    assert again.scheduler.journal.save() == small.scheduler.journal.save()


def test_every_step_has_a_sentence_in_both_languages():
    small = Small([node("a", zone="x"), node("b", zone="y"), node("c")])
    _story(small, 30_000)
    said = {step.message: step for step in small.engine.trace.steps if step.message.startswith("scheduler.")}
    assert {"scheduler.bind", "scheduler.unschedulable", "scheduler.nominate", "scheduler.preempt"} <= said.keys()
    for message, step in said.items():
        for lang in wording.LANGUAGES:
            params = {"name": "p", "namespace": "default", "kind": "Pod", "who": "kube-scheduler", **step.params}
            assert "⟦" not in wording.say(lang, message, params), (lang, message)


def test_steps_name_what_led_to_them():
    small = Small([node("a")])
    small.create("pods", pod("p"))
    created = small.engine.trace.steps[-1]
    small.rest()
    bound = next(step for step in small.engine.trace.steps if step.verb == "bind")
    assert bound.cause == created.index
    assert bound.params["node"] == "a"
