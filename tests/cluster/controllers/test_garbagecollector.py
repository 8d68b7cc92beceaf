"""The garbage collector: what goes when its owner goes, in which order, and what stays."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.garbagecollector.graph import Graph, policy_for, starts, unblocked
from tests.cluster.controllers.objects import deployment
from tests.cluster.controllers.world import World

Obj = dict[str, Any]
GC = "garbage-collector-controller"


def world() -> World:
    made = World()
    made.create(deployment())
    made.run(2_000)
    return made


def config_map(name: str, *owners: Obj, **metadata: Any) -> Obj:
    references = [
        {"apiVersion": one["apiVersion"], "kind": one["kind"]} | {key: one["metadata"][key] for key in ("name", "uid")}
        for one in owners
    ]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "ownerReferences": references, **metadata},
    }


def order_of_deletion(made: World, since: int) -> list[str]:
    """Kinds in the order in which their first object was gone."""
    gone = [
        step.ref.split("/")[0]
        for step in made.engine.trace.steps[since:]
        if step.verb == "delete" and step.after is None
    ]
    return list(dict.fromkeys(gone))


@pytest.mark.parametrize(
    ("propagation", "expected"),
    [
        pytest.param("Background", ["deployments", "replicasets", "pods"], id="owner first in the background"),
        pytest.param("Foreground", ["pods", "replicasets", "deployments"], id="dependents first in the foreground"),
        pytest.param("Orphan", ["deployments"], id="the owner alone, leaving orphans"),
    ],
)
def test_propagation(propagation: str, expected: list[str]) -> None:
    made = world()
    since = len(made.engine.trace.steps)
    made.delete("deployments", "web", propagation=propagation)
    made.run(3_000)
    assert order_of_deletion(made, since) == expected


def test_orphans_keep_their_pods_and_lose_their_owner() -> None:
    made = world()
    made.delete("deployments", "web", propagation="Orphan")
    made.run(2_000)
    assert "ownerReferences" not in made.list("replicasets")[0]["metadata"]
    assert len(made.list("pods")) == 2


def test_an_object_whose_owner_never_was_is_deleted() -> None:
    made = world()
    ghost = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ghost", "uid": "no-such-uid"}}
    made.create(config_map("child", ghost))
    made.run(100)
    assert "child" not in made.names("configmaps")


def test_the_name_of_an_owner_is_not_enough() -> None:
    made = world()
    parent = made.create(config_map("parent"))
    made.create(config_map("child", {**parent, "metadata": {**parent["metadata"], "uid": "another"}}))
    made.run(100)
    assert "child" not in made.names("configmaps")


def test_one_owner_left_is_enough_and_the_other_reference_goes() -> None:
    made = world()
    first, second = made.create(config_map("first")), made.create(config_map("second"))
    made.create(config_map("child", first, second))
    made.delete("configmaps", "first")
    made.run(100)
    assert [one["name"] for one in made.get("configmaps", "child", "default")["metadata"]["ownerReferences"]] == [
        "second"
    ]
    made.delete("configmaps", "second")
    made.run(100)
    assert "child" not in made.names("configmaps")


def test_an_owner_of_an_unknown_kind_is_left_alone() -> None:
    made = world()
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "uid": "u"}}
    made.create(config_map("child", widget))
    made.run(1_000)
    assert "child" in made.names("configmaps")


def test_custom_objects_own_and_are_owned_once_their_kind_is_discovered() -> None:
    made = world()
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "default"}}
    stored = made.create(widget)
    made.run(30_000)
    made.create(config_map("child", stored))
    made.delete("widgets.example.com", "w")
    made.run(100)
    assert "child" not in made.names("configmaps")


def test_a_foreground_deletion_waits_only_for_dependents_that_block() -> None:
    made = world()
    parent = made.create(config_map("parent"))
    made.create(config_map("child", parent, finalizers=["example.com/hold"]))
    made.delete("configmaps", "parent", propagation="Foreground")
    made.run(200)
    assert made.names("configmaps").count("parent") == 0
    assert "deletionTimestamp" in made.get("configmaps", "child", "default")["metadata"]


def test_the_lease_of_a_node_goes_with_the_node() -> None:
    made = world()
    node = made.get("nodes", "worker-3")
    lease = made.get("leases", "worker-3", "kube-node-lease")
    reference = config_map("x", node)["metadata"]["ownerReferences"]
    made.kubectl.update("leases", {**lease, "metadata": {**lease["metadata"], "ownerReferences": reference}})
    made.up.discard("worker-3")
    made.delete("nodes", "worker-3", "")
    made.run(100)
    assert made.names("leases", "kube-node-lease") == ["worker-1", "worker-2"]


def test_it_remembers_no_edge_of_what_is_gone() -> None:
    made = world()
    made.delete("deployments", "web", propagation="Background")
    made.run(3_000)
    assert made.controllers[GC].graph.dependents == {}


def test_a_graph_is_saved_in_the_order_of_its_edges() -> None:
    graph = Graph()
    graph.add("o", "b", "pods", "default/b")
    graph.add("o", "a", "pods", "default/a")
    copy = Graph()
    copy.load(graph.save())
    assert copy.of("o") == [("pods", "default/b"), ("pods", "default/a")]


def going(*finalizers: str, **metadata: Any) -> Obj:
    return {"metadata": {"deletionTimestamp": "now", "finalizers": list(finalizers), **metadata}}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"metadata": {}}, going("orphan"), True, id="begins"),
        pytest.param(None, going("orphan"), True, id="had begun before it was seen"),
        pytest.param(going("orphan"), going("orphan"), False, id="goes on"),
        pytest.param({"metadata": {}}, going("foregroundDeletion"), False, id="another finalizer"),
    ],
)
def test_starts(old: Obj | None, new: Obj, expected: bool) -> None:
    assert starts(old, new, "orphan") is expected


def test_unblocked() -> None:
    def refs(**blocking: bool) -> Obj:
        references = [{"uid": uid, "blockOwnerDeletion": block} for uid, block in blocking.items()]
        return {"metadata": {"ownerReferences": references}}

    assert unblocked(refs(a=True, b=True, c=False), refs(b=False, c=False)) == ["a", "b"]


def test_policy_for() -> None:
    assert [policy_for(going(name)) for name in ("orphan", "foregroundDeletion", "x")] == [
        "Orphan",
        "Foreground",
        "Background",
    ]
