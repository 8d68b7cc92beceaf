"""The shortcuts (kept tables, kept counters) give what looking at all of it again gives. Failures name their seed."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.engine import Randomness
from apps.cluster.scheduler.algorithm import Algorithm, feasible_nodes_to_find
from apps.cluster.scheduler.plugins.base import CycleState
from tests.cluster.scheduler.tables import World, node, pod

Obj = dict[str, Any]
APPS = ("web", "api", "db")


def _nodes(random: Randomness, count: int, zones: bool) -> list[Obj]:
    out = []
    for i in range(count):
        labels = {"disk": random.choice(("ssd", "hdd"))}
        if zones and random.below(8):
            labels["zone"] = random.choice("abc")
        made = node(f"n{i:03d}", random.choice(("2", "4", "8")), random.choice(("4Gi", "16Gi")), "12", **labels)
        if not random.below(4):
            effect = random.choice(("NoSchedule", "PreferNoSchedule"))
            made["spec"]["taints"] = [{"key": "k", "value": "v", "effect": effect}]
        if not random.below(3):
            made["status"]["images"] = [{"names": ["nginx:1"], "sizeBytes": 400_000_000}]
        out.append(made)
    return out


def _pod(random: Randomness, name: str) -> Obj:
    app = random.choice(APPS)
    made = pod(name, cpu=random.choice(("", "100m", "1500m")), labels={"app": app})
    made["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": app, "controller": True}
    ]
    if not random.below(4):
        made["spec"]["nodeSelector"] = {"disk": "ssd"}
    if not random.below(4):
        made["spec"]["tolerations"] = [{"key": "k", "operator": "Exists"}]
    if not random.below(6):
        made["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 8080}]
    return made


def _wish(random: Randomness, made: Obj) -> Obj:
    """The same Pod with wishes that look beyond one node."""
    app = made["metadata"]["labels"]["app"]
    term = {
        "labelSelector": {"matchLabels": {"app": random.choice(APPS)}},
        "topologyKey": random.choice(("kubernetes.io/hostname", "topology.kubernetes.io/zone")),
    }
    kind = random.below(5)
    extra: Obj = {}
    if kind == 0:
        extra["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    elif kind == 1:
        preferred = [{"weight": 50, "podAffinityTerm": term}]
        extra["affinity"] = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    elif kind == 2:
        extra["affinity"] = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    elif kind == 3:
        extra["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": term["topologyKey"],
                "whenUnsatisfiable": random.choice(("DoNotSchedule", "ScheduleAnyway")),
                "labelSelector": {"matchLabels": {"app": app}},
            }
        ]
    return {**made, "spec": {**made["spec"], **extra}}


_OWNERS = [
    {"metadata": {"name": a, "namespace": "default"}, "spec": {"selector": {"matchLabels": {"app": a}}}} for a in APPS
]


def _world(nodes: list[Obj], pods: list[Obj]) -> World:
    return World(nodes, pods, replicasets=_OWNERS)


def _first(n: int) -> int:
    return 0


@pytest.mark.parametrize("seed", range(30))
def test_a_kept_table_chooses_what_every_plugin_together_chooses(seed):
    random = Randomness(seed)
    nodes = _nodes(random, 5 + random.below(20), zones=bool(seed % 2))
    world = _world(nodes, [])
    kept = Algorithm(world.framework, _first)
    for i in range(40):
        made = _pod(random, f"p{i}")
        incoming = world.pod(made)
        slow = Algorithm(world.framework, _first)._one_by_one(incoming)
        fast = kept.schedule(incoming)
        assert (bool(fast.node), fast.score, fast.feasible) == (bool(slow.node), slow.score, slow.feasible), seed
        if not fast.node:
            continue
        if fast.feasible > 1 and fast.details is not None and slow.details is not None:
            sheet, other = fast.details(), slow.details()
            verdicts, scores = sheet.verdicts(), sheet.scores()
            others, points = other.verdicts(), other.scores()
            assert {v.node: v.plugin for v in verdicts} == {v.node: v.plugin for v in others}, seed
            assert {s.node: s.total for s in scores} == {s.node: s.total for s in points}, seed
            assert max(s.total for s in scores) == next(s.total for s in scores if s.node == fast.node), seed
        world.cache.assume(incoming, fast.node)
        if random.below(3) == 0 and world.cache.pods:
            world.cache.remove_pod(random.choice(list(world.cache.pods)))
        if random.below(6) == 0:
            changed = random.choice(nodes)
            unschedulable = {**changed, "spec": {**changed["spec"], "unschedulable": bool(random.below(2))}}
            world.cache.set_node(unschedulable)


@pytest.mark.parametrize("seed", range(12))
def test_counters_kept_pod_by_pod_equal_a_recount(seed):
    """Pods come and go, with every kind of wish; a world made anew decides alike."""
    random = Randomness(seed + 1000)
    nodes = _nodes(random, 6 + random.below(6), zones=True)
    world = _world(nodes, [])
    kept = Algorithm(world.framework, _first)
    for i in range(50):
        made = _wish(random, _pod(random, f"p{i}"))
        incoming = world.pod(made)
        placed = [{**p.pod, "spec": {**p.pod["spec"], "nodeName": p.node}} for p in world.cache.pods.values()]
        anew = _world(nodes, placed)
        expected = Algorithm(anew.framework, _first)._one_by_one(anew.pod(made))
        result = kept.schedule(incoming)
        assert (bool(result.node), result.score) == (bool(expected.node), expected.score), (seed, i)
        _score_alike(world, made)
        if result.node:
            assert anew.framework.filter(_state(anew, made), anew.pod(made), anew.cache.nodes[result.node]) is None
            world.cache.assume(incoming, result.node)
        elif result.diagnosis is not None and expected.diagnosis is not None:
            assert result.diagnosis.message(len(nodes)) == expected.diagnosis.message(len(nodes)), (seed, i)
        if random.below(3) == 0 and world.cache.pods:
            key = random.choice(list(world.cache.pods))
            if random.below(2):
                world.cache.remove_pod(key)
            else:
                known = world.cache.pods[key]
                going = {**known.pod["metadata"], "deletionTimestamp": "2026-11-23T09:00:00Z"}
                spec = {**known.pod["spec"], "nodeName": known.node}
                world.cache.update_pod({**known.pod, "metadata": going, "spec": spec})


def _score_alike(world: World, made: Obj) -> None:
    """Scoring all nodes at once is scoring one after the other."""
    for plugin in world.framework.other_scores:
        state, incoming = CycleState(), world.pod(made)
        if plugin.pre_score(state, incoming, world.nodes) is None:
            one_by_one = [plugin.score(state, incoming, node) for node in world.nodes]
            assert plugin.score_all(state, incoming, world.nodes) == one_by_one


def _state(world: World, made: Obj) -> CycleState:
    state = CycleState()
    assert world.framework.pre_filter(state, world.pod(made), world.nodes) is None
    return state


@pytest.mark.parametrize("seed", range(4))
def test_in_a_large_cluster_the_search_goes_on_where_it_stopped(seed):
    random = Randomness(seed + 2000)
    count = 130 + random.below(100)
    world = _world(_nodes(random, count, zones=False), [])
    kept, slow = Algorithm(world.framework, _first), Algorithm(world.framework, _first)
    wanted = feasible_nodes_to_find(count)
    assert wanted < count
    for i in range(30):
        incoming = world.pod(_pod(random, f"p{i}"))
        expected, result = slow._one_by_one(incoming), kept.schedule(incoming)
        assert (result.score, result.feasible, result.evaluated) == (
            expected.score,
            expected.feasible,
            expected.evaluated,
        )
        assert result.feasible <= wanted
        assert kept.start == slow.start
        world.cache.assume(incoming, result.node)
