"""The Pod garbage collector."""

from __future__ import annotations

from typing import Any

from apps.cluster.controllers.podgc.gc_controller import too_many
from tests.cluster.controllers.objects import deployment
from tests.cluster.controllers.world import World


def finished(name: str, created: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": created}, "status": {"phase": "Failed", **status}}


def test_evicted_pods_go_first_and_then_the_oldest() -> None:
    pods = [finished("new", "2"), finished("old", "1"), finished("evicted", "3", reason="Evicted")]
    assert [pod["metadata"]["name"] for pod in too_many(pods, 1)] == ["evicted", "old"]
    assert too_many(pods, 3) == []


def test_pods_of_a_removed_node_are_deleted_after_its_quarantine() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.run(10_000)
    made.up.discard("worker-2")
    made.delete("nodes", "worker-2", "")
    made.run(40_000)
    assert "worker-2" in [pod["spec"]["nodeName"] for pod in made.list("pods")]
    made.run(30_000)
    assert "worker-2" not in [pod["spec"]["nodeName"] for pod in made.list("pods")]
    assert len(made.list("pods")) == 3
    marked = [step.after for step in made.engine.trace.steps if step.message == "podgc.mark-failed"]
    assert marked[0] is not None
    assert marked[0]["status"]["phase"] == "Failed"
    assert marked[0]["status"]["conditions"][-1]["message"] == "PodGC: node no longer exists"


def test_a_node_that_comes_back_in_time_keeps_its_pods() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.run(10_000)
    before = made.names("pods")
    made.up.discard("worker-2")
    made.delete("nodes", "worker-2", "")
    made.run(30_000)
    made.nodes.remove("worker-2")
    made.join("worker-2")
    made.run(60_000)
    assert made.names("pods") == before


def test_terminating_pods_of_a_node_out_of_service_are_let_go() -> None:
    made = World()
    made.create(deployment(replicas=3))
    made.run(10_000)
    made.power_off("worker-1")
    made.run(400_000)
    assert [pod for pod in made.list("pods") if "deletionTimestamp" in pod["metadata"]]
    patch = {"spec": {"taints": [{"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}]}}
    made.kubectl.patch("nodes", "", "worker-1", patch, type="merge")
    made.run(21_000)
    assert not [pod for pod in made.list("pods") if "deletionTimestamp" in pod["metadata"]]
