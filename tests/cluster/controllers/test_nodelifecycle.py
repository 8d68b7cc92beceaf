"""Nodes that fall silent: when they count as such, what it does to them and to their Pods."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.nodelifecycle import health, zones
from apps.cluster.controllers.nodelifecycle.taint_eviction import FOREVER, stay_ms
from tests.cluster.controllers.objects import daemon_set, deployment, stateful_set, template
from tests.cluster.controllers.world import World

Obj = dict[str, Any]
UNREACHABLE = "node.kubernetes.io/unreachable"


def node(ready: str = "True", heartbeat: str = "t1") -> Obj:
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": heartbeat}]
    return {
        "metadata": {"name": "n1", "creationTimestamp": "2026-11-23T00:00:00Z"},
        "spec": {},
        "status": {"conditions": conditions},
    }


def lease(renewed: str) -> Obj:
    return {"spec": {"renewTime": renewed}}


@pytest.mark.parametrize(
    ("later", "its_lease", "expected"),
    [
        pytest.param(node(), lease("2026-11-23T00:00:01.000000Z"), 5_000, id="nothing new"),
        pytest.param(node(heartbeat="t2"), lease("2026-11-23T00:00:01.000000Z"), 60_000, id="a status was posted"),
        pytest.param(node(), lease("2026-11-23T00:00:11.000000Z"), 60_000, id="the lease was renewed"),
        pytest.param(node(), None, 5_000, id="the lease is gone"),
    ],
)
def test_a_sign_of_life(later: Obj, its_lease: Obj | None, expected: int) -> None:
    seen = health.observe(None, node(), lease("2026-11-23T00:00:01.000000Z"), 5_000)
    assert health.observe(seen, later, its_lease, 60_000).probe_ms == expected


def test_a_node_that_never_reported_is_silent_since_it_was_made() -> None:
    new = {"metadata": {"name": "n1", "creationTimestamp": "2026-11-23T00:00:20Z"}, "spec": {}, "status": {}}
    assert health.observe(None, new, None, 90_000).probe_ms == 20_000
    assert health.grace_ms(new, 50_000, 60_000) == 60_000
    conditions = health.silenced(new, "now")
    assert conditions is not None
    assert {one["reason"] for one in conditions} == {"NodeStatusNeverUpdated"}


def test_a_silent_node_is_unknown_in_everything_but_its_network() -> None:
    silent = node()
    silent["status"]["conditions"] += [
        {"type": "NetworkUnavailable", "status": "False"},
        {"type": "MemoryPressure", "status": "False"},
    ]
    conditions = health.silenced(silent, "now")
    assert conditions is not None
    assert {one["type"]: one["status"] for one in conditions} == {
        "Ready": "Unknown",
        "NetworkUnavailable": "False",
        "MemoryPressure": "Unknown",
        "DiskPressure": "Unknown",
        "PIDPressure": "Unknown",
    }
    assert conditions[0]["message"] == "Kubelet stopped posting node status."
    assert health.silenced(node("Unknown"), "now") is None


@pytest.mark.parametrize(
    ("ready", "spec", "expected"),
    [
        pytest.param("True", {}, ([], []), id="healthy"),
        pytest.param("Unknown", {}, ([UNREACHABLE], []), id="unreachable"),
        pytest.param("False", {}, (["node.kubernetes.io/not-ready"], []), id="not ready"),
        pytest.param("True", {"unschedulable": True}, (["node.kubernetes.io/unschedulable"], []), id="cordoned"),
        pytest.param(
            "True", {"taints": [{"key": UNREACHABLE, "effect": "NoSchedule"}]}, ([], [UNREACHABLE]), id="recovered"
        ),
        pytest.param(
            "True", {"taints": [{"key": UNREACHABLE, "effect": "NoExecute"}]}, ([], []), id="NoExecute is no concern"
        ),
        pytest.param(
            "True", {"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}, ([], []), id="nor a reader's taint"
        ),
    ],
)
def test_no_schedule_taints(ready: str, spec: Obj, expected: tuple[list[str], list[str]]) -> None:
    assert health.no_schedule_taints({**node(ready), "spec": spec}) == expected


@pytest.mark.parametrize(
    ("ready", "expected"),
    [
        pytest.param([True], zones.NORMAL, id="all up"),
        pytest.param([False], zones.FULL, id="all down"),
        pytest.param([True, False, False], zones.NORMAL, id="two down are no disruption"),
        pytest.param([True, True, False, False, False], zones.PARTIAL, id="three of five are"),
        pytest.param([True, True, True, False, False, False], zones.NORMAL, id="three of six are not"),
    ],
)
def test_zone_state(ready: list[bool], expected: str) -> None:
    assert zones.zone_state(ready) == expected


@pytest.mark.parametrize(
    ("state", "nodes", "expected"),
    [
        pytest.param(zones.NORMAL, 5, 10_000, id="one in ten seconds"),
        pytest.param(zones.PARTIAL, 51, 100_000, id="one in a hundred in a large cluster"),
        pytest.param(zones.PARTIAL, 50, zones.NEVER, id="none in a small one"),
        pytest.param(zones.FULL, 5, 10_000, id="a zone that is down while others are up is emptied"),
    ],
)
def test_interval_for(state: str, nodes: int, expected: int) -> None:
    assert zones.interval_for(state, nodes) == expected


def test_nodes_are_rationed() -> None:
    zone = zones.Zone()
    assert [zone.mark("a"), zone.mark("b"), zone.mark("a")] == [True, True, False]
    assert [zone.take(0), zone.take(9_999), zone.take(10_000)] == ["a", None, "b"]


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        pytest.param([], None, id="not at all"),
        pytest.param([{"operator": "Exists"}], FOREVER, id="for ever"),
        pytest.param([{"key": UNREACHABLE, "operator": "Exists", "tolerationSeconds": 5}], 5_000, id="five seconds"),
        pytest.param([{"key": UNREACHABLE, "operator": "Exists", "tolerationSeconds": -1}], 0, id="no time"),
        pytest.param([{"key": "other", "operator": "Exists"}], None, id="another taint"),
    ],
)
def test_stay_ms(tolerations: list[Obj], expected: int | None) -> None:
    assert stay_ms([{"key": UNREACHABLE, "effect": "NoExecute"}], tolerations) == expected


# At work.


def taints(made: World, name: str) -> list[str]:
    listed = made.get("nodes", name)["spec"].get("taints") or []
    return [f"{one['key'].rpartition('/')[2]}:{one['effect']}" for one in listed]


def fast(name: str) -> Obj:
    """A template that tolerates a lost node for five seconds."""
    tolerations = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
        for key in ("not-ready", "unreachable")
    ]
    return template(name, tolerations=tolerations)


def test_a_node_that_is_switched_off() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.create(stateful_set(pod=fast("db"), podManagementPolicy="Parallel"))
    made.create(daemon_set())
    made.run(10_000)
    made.power_off("worker-1")
    made.run(50_000)
    assert taints(made, "worker-1") == []
    made.run(6_000)
    ready = made.get("nodes", "worker-1")["status"]["conditions"][3]
    assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
    assert taints(made, "worker-1") == ["unreachable:NoSchedule", "unreachable:NoExecute"]
    assert made.events("NodeNotReady")[0] == "Node worker-1 status is now: NodeNotReady"
    assert made.events("NodeNotReady").count("Node is not ready") == 3
    made.run(10_000)
    going = [pod["metadata"]["name"] for pod in made.list("pods") if "deletionTimestamp" in pod["metadata"]]
    assert len(going) == 1
    assert going[0].startswith("db-")  # five seconds were up; a StatefulSet makes no other until it is really gone
    assert made.names("pods").count(going[0]) == 1
    status = made.get("pods", going[0], "default")["status"]["conditions"]
    assert status[-1]["reason"] == "DeletionByTaintManager"
    made.run(295_000)
    lost = [pod for pod in made.list("pods") if pod["spec"].get("nodeName") == "worker-1"]
    web = [pod for pod in lost if pod["metadata"]["name"].startswith("web-")]
    assert all("deletionTimestamp" in pod["metadata"] for pod in web)  # after the 300 s that every Pod tolerates
    agents = [pod for pod in lost if pod["metadata"]["name"].startswith("agent-")]
    assert all("deletionTimestamp" not in pod["metadata"] for pod in agents)


def test_a_node_that_comes_back_keeps_what_was_not_deleted_yet() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.run(10_000)
    made.power_off("worker-1")
    made.run(70_000)
    made.power_on("worker-1")
    made.run(6_000)
    assert taints(made, "worker-1") == []
    assert any(
        text.startswith("Cancelling deletion of Pod default/web-") for text in made.events("TaintManagerEviction")
    )
    made.run(300_000)
    assert len([pod for pod in made.list("pods") if pod["spec"]["nodeName"] == "worker-1"]) == 1


def test_a_taint_that_is_not_tolerated_drives_pods_off_at_once() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.run(2_000)
    taint = [{"key": "dedicated", "effect": "NoExecute"}]
    made.kubectl.patch("nodes", "", "worker-2", {"spec": {"taints": taint}}, type="merge")
    made.run(100)
    going = [pod for pod in made.list("pods") if "deletionTimestamp" in pod["metadata"]]
    assert [pod["spec"]["nodeName"] for pod in going] == ["worker-2"]
    key = f"default/{going[0]['metadata']['name']}"
    assert made.events("TaintManagerEviction") == [f"Marking for deletion Pod {key}"]


def test_when_every_node_is_silent_none_is_tainted_no_execute() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.run(10_000)
    for name in made.nodes:
        made.power_off(name)
    made.run(120_000)
    assert [taints(made, name) for name in made.nodes] == [["unreachable:NoSchedule"]] * 3
    assert all("deletionTimestamp" not in pod["metadata"] for pod in made.list("pods"))


def test_cordoning_taints_and_uncordoning_untaints() -> None:
    made = World()
    made.kubectl.patch("nodes", "", "worker-1", {"spec": {"unschedulable": True}}, type="merge")
    made.run(100)
    assert taints(made, "worker-1") == ["unschedulable:NoSchedule"]
    made.kubectl.patch("nodes", "", "worker-1", {"spec": {"unschedulable": None}}, type="merge")
    made.run(100)
    assert taints(made, "worker-1") == []


def test_nodes_come_and_go_with_a_word() -> None:
    made = World(("worker-1",))
    made.run(5_000)
    made.up.discard("worker-1")
    made.delete("nodes", "worker-1", "")
    made.run(6_000)
    assert made.events("RegisteredNode") == ["Node worker-1 event: Registered Node worker-1 in Controller"]
    assert made.events("RemovingNode") == ["Node worker-1 event: Removing Node worker-1 from Controller"]


def test_a_silent_node_keeps_the_cluster_awake_until_it_is_dealt_with() -> None:
    made = World()
    made.run(30_000)
    assert made.engine.at_rest
    made.power_off("worker-1")
    made.run(30_000)
    assert not made.engine.at_rest
    made.run(60_000)
    assert made.engine.at_rest
