"""The DaemonSet controller at work, as a recorded Kubernetes 1.36 did it."""

from __future__ import annotations

import itertools
from typing import Any

from apps.cluster.controllers.daemonset.placement import target_node
from tests.cluster.controllers.objects import daemon_set, image, template
from tests.cluster.controllers.world import World

DEDICATED = [{"key": "dedicated", "value": "x", "effect": "NoExecute"}]


def world(**spec: Any) -> World:
    made = World()
    made.create(daemon_set(**spec))
    made.run(2_000)
    return made


def images(made: World) -> dict[str, str]:
    """Image by node, of Pods that are not going."""
    return {
        target_node(pod) or "": pod["spec"]["containers"][0]["image"]
        for pod in made.list("pods")
        if "deletionTimestamp" not in pod["metadata"]
    }


def test_every_node_gets_one_and_the_scheduler_binds_it() -> None:
    made = world()
    pods = made.list("pods")
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["worker-1", "worker-2", "worker-3"]
    assert pods[0]["metadata"]["labels"] == {
        "app": "agent",
        "controller-revision-hash": "57d7748fd",
        "pod-template-generation": "1",
    }
    assert [step.verb for step in made.engine.trace.steps if step.ref.startswith("pods/")][3] == "bind"
    assert made.names("controllerrevisions") == ["agent-57d7748fd"]
    assert made.status("daemonsets", "agent", "default") == {
        "currentNumberScheduled": 3,
        "desiredNumberScheduled": 3,
        "numberMisscheduled": 0,
        "numberReady": 3,
        "numberAvailable": 3,
        "updatedNumberScheduled": 3,
        "observedGeneration": 1,
    }
    assert [text.rpartition("-")[0] for text in made.events("SuccessfulCreate")] == ["Created pod: agent"] * 3


def test_a_node_that_joins_gets_one_too() -> None:
    made = world()
    made.join("worker-4")
    made.run(1_000)
    assert "worker-4" in images(made)


def test_a_cordoned_node_still_gets_one() -> None:
    made = world()
    made.kubectl.patch("nodes", "", "worker-2", {"spec": {"unschedulable": True}}, type="merge")
    made.run(100)
    name = next(pod["metadata"]["name"] for pod in made.list("pods") if pod["spec"]["nodeName"] == "worker-2")
    made.delete("pods", name)
    made.run(2_000)
    assert images(made).keys() == {"worker-1", "worker-2", "worker-3"}


def test_a_node_with_an_untolerated_taint_loses_its_pod_and_gets_one_back() -> None:
    made = world()
    made.kubectl.patch("nodes", "", "worker-3", {"spec": {"taints": DEDICATED}}, type="merge")
    made.run(1_000)
    assert images(made).keys() == {"worker-1", "worker-2"}
    made.kubectl.patch("nodes", "", "worker-3", {"spec": {"taints": None}}, type="merge")
    made.run(1_000)
    assert images(made).keys() == {"worker-1", "worker-2", "worker-3"}


def test_a_rolling_update_replaces_one_pod_after_the_other() -> None:
    made = world()
    start = len(made.engine.trace.steps)
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:2"), type="strategic")
    made.run(8_000)
    assert set(images(made).values()) == {"agent:2"}
    acts = [
        step.verb
        for step in made.engine.trace.steps[start:]
        if step.ref.startswith("pods/") and step.component == "daemonset-controller"
    ]
    assert acts == ["delete", "create"] * 3
    assert made.names("controllerrevisions") == ["agent-57d7748fd", "agent-55bf764c65"]


def test_going_back_raises_the_number_of_the_old_revision() -> None:
    made = world()
    for name in ("agent:2", "agent:1"):
        made.kubectl.patch("daemonsets", "default", "agent", image(name), type="strategic")
        made.run(8_000)
    revisions = {one["metadata"]["name"]: one["revision"] for one in made.list("controllerrevisions")}
    assert revisions == {"agent-57d7748fd": 3, "agent-55bf764c65": 2}


def test_a_broken_image_stops_after_the_first_pod() -> None:
    made = world()
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:bad"), type="strategic")
    made.run(20_000)
    assert sorted(images(made).values()) == ["agent:1", "agent:1", "agent:bad"]
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:1"), type="strategic")
    made.run(4_000)
    assert set(images(made).values()) == {"agent:1"}


def test_with_a_surge_no_node_is_ever_without() -> None:
    made = world(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    start = len(made.engine.trace.steps)
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:2"), type="strategic")
    made.run(8_000)
    assert set(images(made).values()) == {"agent:2"}
    available = [
        step.after["status"]["numberAvailable"]
        for step in made.engine.trace.steps[start:]
        if step.ref == "daemonsets/default/agent" and step.subresource == "status" and step.after is not None
    ]
    assert set(available) == {3}


def test_on_delete_waits_for_the_reader() -> None:
    made = world(updateStrategy={"type": "OnDelete"})
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:2"), type="strategic")
    made.run(4_000)
    assert set(images(made).values()) == {"agent:1"}
    made.delete("pods", made.names("pods")[0])
    made.run(2_000)
    assert sorted(images(made).values()) == ["agent:1", "agent:1", "agent:2"]


def test_min_ready_seconds_hold_the_next_node_back() -> None:
    made = world(minReadySeconds=5)
    assert made.status("daemonsets", "agent", "default")["numberUnavailable"] == 3
    made.run(8_000)
    assert made.status("daemonsets", "agent", "default")["numberAvailable"] == 3
    made.kubectl.patch("daemonsets", "default", "agent", image("agent:2"), type="strategic")
    made.run(4_000)
    assert sorted(images(made).values()) == ["agent:1", "agent:1", "agent:2"]
    made.run(20_000)
    assert set(images(made).values()) == {"agent:2"}


def test_failed_pods_are_replaced_ever_more_slowly() -> None:
    made = World(("worker-1",))
    made.create(daemon_set())
    deaths = []
    for _ in range(400):
        made.run(100)
        for pod in made.list("pods"):
            if pod["status"]["phase"] == "Running":
                failed = {**pod["status"], "phase": "Failed"}
                made.kubectl.update_status("pods", {**pod, "status": failed})
                deaths.append(made.engine.now_ms)
    gaps = [after - before for before, after in itertools.pairwise(deaths)]
    assert gaps == sorted(gaps)
    assert gaps[-1] > 4 * gaps[0]
    assert any(text.startswith("Found failed daemon pod default/agent-") for text in made.events("FailedDaemonPod"))


def test_only_as_many_old_revisions_stay_as_the_limit_allows() -> None:
    made = world(revisionHistoryLimit=1, pod=template("agent", "agent:0"))
    for number in range(1, 4):
        made.kubectl.patch("daemonsets", "default", "agent", image(f"agent:{number}"), type="strategic")
        made.run(8_000)
    assert [one["revision"] for one in made.list("controllerrevisions")] == [3, 4]


def test_deleting_it_deletes_its_pods_and_revisions() -> None:
    made = world()
    made.delete("daemonsets", "agent", propagation="Background")
    made.run(2_000)
    assert made.names("pods") == made.names("controllerrevisions") == []
