"""PodDisruptionBudgets: what is counted, what is refused, and a drain that waits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apiserver.eviction import judge
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.disruption.disruption_controller import disrupted_map, healthy, stale_in_ms
from apps.cluster.controllers.disruption.expected import CannotCount, Expected, Scales, expected

NOW = "2026-11-23T00:00:00Z"


def pod(name: str = "p", *, ready: bool = True, phase: str = "Running", owner: str = "", **metadata: Any) -> dict:
    if owner:
        kind, uid = owner.split("/")
        reference = {"apiVersion": "apps/v1", "kind": kind, "name": uid, "uid": uid, "controller": True}
        metadata["ownerReferences"] = [reference]
    return {
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "a"}, **metadata},
        "spec": {},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def budget(allowed: int = 0, *, name: str = "b", **status: Any) -> dict:
    spec = status.pop("spec", {})
    return {
        "metadata": {"name": name, "namespace": "default", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "a"}}, **spec},
        "status": {"disruptionsAllowed": allowed, "observedGeneration": 1, **status},
    }


@pytest.mark.parametrize(
    ("target", "budgets", "code", "cause"),
    [
        pytest.param(pod(), [], 0, "", id="no budget"),
        pytest.param(pod(), [budget(1)], 0, "", id="one is allowed"),
        pytest.param(
            pod(),
            [budget(0, currentHealthy=1, desiredHealthy=1)],
            429,
            "The disruption budget b needs 1 healthy pods and has 1 currently",
            id="none is",
        ),
        pytest.param(
            pod(),
            [budget(0, currentHealthy=2, desiredHealthy=1)],
            429,
            "The disruption budget b does not allow evicting pods currently",
            id="none, for whatever reason",
        ),
        pytest.param(
            pod(),
            [
                budget(
                    0,
                    conditions=[
                        {"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no"}
                    ],
                )
            ],
            429,
            "The disruption budget b does not allow evicting pods currently because it failed sync: no",
            id="it could not be counted",
        ),
        pytest.param(
            pod(),
            [budget(1, observedGeneration=0)],
            429,
            "The disruption budget b is still being processed by the server.",
            id="it has changed since",
        ),
        pytest.param(pod(), [budget(1), budget(1, name="c")], 500, "", id="two budgets"),
        pytest.param(pod(), [budget(-1)], 403, "", id="less than none"),
        pytest.param(pod(phase="Pending"), [budget(0)], 0, "", id="a Pod that does not run"),
        pytest.param(pod(phase="Failed"), [budget(0)], 0, "", id="a Pod that has failed"),
        pytest.param(pod(deletionTimestamp=NOW), [budget(0)], 0, "", id="a Pod on its way out"),
        pytest.param(
            pod(ready=False), [budget(0, spec={"unhealthyPodEvictionPolicy": "AlwaysAllow"})], 0, "", id="always allow"
        ),
        pytest.param(
            pod(ready=False), [budget(0, currentHealthy=1, desiredHealthy=1)], 0, "", id="an unready one of enough"
        ),
        pytest.param(
            pod(ready=False),
            [budget(0, currentHealthy=0, desiredHealthy=1)],
            429,
            "The disruption budget b needs 1 healthy pods and has 0 currently",
            id="an unready one of too few",
        ),
    ],
)
def test_an_eviction_is_judged(target, budgets, code, cause):
    error = judge(target, budgets, NOW).error
    assert (error.code if error else 0) == code
    if cause:
        assert error.details["causes"] == [{"reason": "DisruptionBudget", "message": cause}]


def test_an_eviction_is_counted_at_once():
    counted = judge(pod("p"), [budget(1)], NOW).budget["status"]
    assert counted["disruptionsAllowed"] == 0
    assert counted["disruptedPods"] == {"p": NOW}
    assert [(one["status"], one["reason"]) for one in counted["conditions"]] == [("False", "InsufficientPods")]


OWNERS = {
    "replicasets": {
        "default/rs": {"metadata": {"uid": "rs"}, "spec": {"replicas": 5}},
        "default/of": {
            "metadata": {
                "uid": "of",
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d", "controller": True}
                ],
            },
            "spec": {"replicas": 2},
        },
    },
    "deployments": {"default/d": {"metadata": {"uid": "d"}, "spec": {"replicas": 7}}},
    "statefulsets": {"default/ss": {"metadata": {"uid": "ss"}, "spec": {"replicas": 4}}},
}
KINDS = {("apps/v1", "DaemonSet"): ("daemonsets", "daemonsets.apps", False)}
SCALES = Scales(
    lambda resource, key: OWNERS.get(resource, {}).get(key), lambda version, kind: KINDS.get((version, kind))
)


@pytest.mark.parametrize(
    ("spec", "pods", "wanted"),
    [
        pytest.param({"minAvailable": 3}, [pod("a")], Expected(1, 3, []), id="a number counts the Pods there are"),
        pytest.param({"maxUnavailable": 1}, [pod(owner="ReplicaSet/rs")], Expected(5, 4, []), id="a ReplicaSet's size"),
        pytest.param({"minAvailable": "28%"}, [pod(owner="ReplicaSet/rs")], Expected(5, 2, []), id="rounded up"),
        pytest.param(
            {"maxUnavailable": "28%"}, [pod(owner="ReplicaSet/of")], Expected(7, 5, []), id="its Deployment's"
        ),
        pytest.param(
            {"maxUnavailable": 9}, [pod(owner="StatefulSet/ss")], Expected(4, 0, []), id="never below nothing"
        ),
        pytest.param(
            {"maxUnavailable": 1},
            [pod("x", owner="ReplicaSet/rs"), pod("y", owner="StatefulSet/ss"), pod("z", owner="ReplicaSet/rs")],
            Expected(9, 8, []),
            id="several controllers, each once",
        ),
        pytest.param({"maxUnavailable": 1}, [pod("a")], Expected(0, 0, ["a"]), id="a Pod of nobody"),
    ],
)
def test_what_a_budget_counts_on(spec, pods, wanted):
    assert expected(spec, pods, SCALES) == wanted


@pytest.mark.parametrize(
    ("owner", "message"),
    [
        pytest.param("DaemonSet/ds", "daemonsets.apps does not implement the scale subresource", id="no scale"),
        pytest.param("Widget/w", 'no matches for kind "Widget" in version "apps/v1"', id="an unknown kind"),
    ],
)
def test_some_owners_have_no_size(owner, message):
    with pytest.raises(CannotCount, match=message):
        expected({"maxUnavailable": 1}, [pod(owner=owner)], SCALES)


def test_granted_evictions_are_remembered_for_two_minutes():
    granted = budget(0, disruptedPods={"old": "2026-11-23T00:00:00Z", "new": "2026-11-23T00:03:00Z", "gone": NOW})
    pods = [pod("old"), pod("new"), pod("left", deletionTimestamp=NOW)]
    kept, overdue, recheck = disrupted_map(pods, granted, 240_000)
    assert kept == {"new": "2026-11-23T00:03:00Z"}
    assert [one["metadata"]["name"] for one in overdue] == ["old"]
    assert recheck == 60_000
    assert healthy(pods, kept, 240_000) == 1


def test_a_mark_that_nothing_follows_grows_stale():
    marked = pod()
    condition = {"type": "DisruptionTarget", "status": "True", "reason": "X", "lastTransitionTime": NOW}
    marked["status"]["conditions"].append(condition)
    assert stale_in_ms(marked, 30_000) == 90_000
    assert stale_in_ms({**marked, "metadata": {**marked["metadata"], "deletionTimestamp": NOW}}, 0) is None
    condition["reason"] = "TerminationByKubelet"
    assert stale_in_ms(marked, 0) is None


# ---- a drain that a budget holds up ----------------------------------------------------------


def objects(least: int) -> list[dict]:
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "c", "image": "web:1.0"}]},
                },
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web"},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
        },
    ]


def drained(least: int) -> Cluster:
    cluster = Cluster.boot(Config(workers=2))
    cluster.execute({"op": "apply", "objects": objects(least)})
    assert cluster.run_to_rest()
    cluster.execute({"op": "node", "verb": "drain", "name": "worker-1"})
    return cluster


def on(cluster: Cluster, node: str) -> list[str]:
    return [
        one["metadata"]["name"] for one in cluster.apiserver.list("pods", "default") if one["spec"]["nodeName"] == node
    ]


def test_a_drain_waits_for_its_budget_and_goes_on_by_itself():
    cluster = drained(2)
    assert cluster.run_to_rest(), "a drain that is held up keeps no cluster busy"
    assert len(on(cluster, "worker-1")) == 1
    refused = [step for step in cluster.trace.steps if step.message == "kubectl.drain-refused"]
    assert [step.params["why"] for step in refused] == [
        "The disruption budget web needs 2 healthy pods and has 2 currently"
    ]
    again = Cluster.restore(json.loads(json.dumps(cluster.snapshot())))
    for one in (cluster, again):
        one.execute({"op": "scale", "resource": "deployments", "namespace": "default", "name": "web", "replicas": 3})
        assert one.run_to_rest()
        assert on(one, "worker-1") == []
        assert one.drains.waiting("worker-1") == []
    assert cluster.revision == again.revision


def test_an_eviction_marks_its_pod_and_the_budget_recovers():
    cluster = drained(1)
    marks = [step for step in cluster.trace.steps if step.verb == "evict" and step.rank == "change"]
    [condition] = [one for one in marks[0].after["status"]["conditions"] if one["type"] == "DisruptionTarget"]
    assert (condition["status"], condition["reason"], condition["message"]) == (
        "True",
        "EvictionByEvictionAPI",
        "Eviction API: evicting",
    )
    assert cluster.run_to_rest()
    status = cluster.apiserver.get("poddisruptionbudgets", "default", "web")["status"]
    counted = {
        name: status[name] for name in ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    }
    assert counted == {"expectedPods": 2, "currentHealthy": 2, "desiredHealthy": 1, "disruptionsAllowed": 1}
    assert "disruptedPods" not in status


def test_two_budgets_are_one_too_many():
    cluster = Cluster.boot(Config(workers=1))
    second = {**objects(1)[1], "metadata": {"name": "other"}}
    cluster.execute({"op": "apply", "objects": [*objects(1), second]})
    cluster.run_to_rest()
    name = on(cluster, "worker-1")[0]
    with pytest.raises(StatusError) as caught:
        cluster._kubectl.evict("default", name)
    assert caught.value.code == 500
    events = [one for one in cluster.apiserver.list("events") if one["reason"] == "MultiplePodDisruptionBudgets"]
    assert events
