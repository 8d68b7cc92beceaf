"""What every namespace is given, and how one is taken down."""

from __future__ import annotations

from typing import Any

from apps.cluster.controllers.namespace import conditions
from tests.cluster.controllers.objects import deployment
from tests.cluster.controllers.world import World

Obj = dict[str, Any]
FRESH: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}


def world() -> World:
    made = World()
    made.create(FRESH)
    made.run(1_000)
    return made


def test_a_new_namespace_gets_an_account_and_the_root_certificate() -> None:
    made = world()
    assert made.names("serviceaccounts", "fresh") == ["default"]
    assert made.names("configmaps", "fresh") == ["kube-root-ca.crt"]
    certificate = made.get("configmaps", "kube-root-ca.crt", "fresh")["data"]["ca.crt"]
    assert certificate.startswith("-----BEGIN CERTIFICATE-----\n")


def test_both_are_made_again_when_deleted_and_the_certificate_is_put_right() -> None:
    made = world()
    made.delete("serviceaccounts", "default", "fresh")
    made.delete("configmaps", "kube-root-ca.crt", "fresh")
    made.run(100)
    assert made.names("serviceaccounts", "fresh") == ["default"]
    made.patch("configmaps", "kube-root-ca.crt", {"data": {"ca.crt": "mine"}}, "fresh")
    made.run(100)
    assert made.get("configmaps", "kube-root-ca.crt", "fresh")["data"]["ca.crt"] != "mine"


def test_a_namespace_is_emptied_pods_first_and_then_goes() -> None:
    made = world()
    made.create(deployment(namespace="fresh"))
    made.run(2_000)
    since = len(made.engine.trace.steps)
    made.delete("namespaces", "fresh", "")
    made.run(6_000)
    told = made.get("namespaces", "fresh")["status"]["conditions"]
    assert [one["status"] for one in told] == ["False"] * 5
    assert [one["reason"] for one in told] == [
        "ResourcesDiscovered",
        "ParsedGroupVersions",
        "ContentDeleted",
        "ContentRemoved",
        "ContentHasNoFinalizers",
    ]
    made.run(6_000)
    assert "fresh" not in made.names("namespaces", "")
    gone = [
        step.ref.split("/")[0]
        for step in made.engine.trace.steps[since:]
        if step.verb == "delete" and step.after is None and "/fresh" in step.ref and step.rank == "change"
    ]
    assert (gone[0], gone[-1]) == ("pods", "namespaces")


def test_a_finalizer_holds_the_namespace_and_is_named() -> None:
    made = world()
    held = {"name": "held", "namespace": "fresh", "finalizers": ["example.com/hold"]}
    made.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
    made.delete("namespaces", "fresh", "")
    made.run(6_000)
    told = {one["type"]: one["message"] for one in made.get("namespaces", "fresh")["status"]["conditions"]}
    assert told["NamespaceContentRemaining"] == "Some resources are remaining: configmaps. has 1 resource instances"
    assert told["NamespaceFinalizersRemaining"] == (
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    )
    made.patch("configmaps", "held", {"metadata": {"finalizers": None}}, "fresh")
    made.run(20_000)
    assert "fresh" not in made.names("namespaces", "")


def test_conditions_are_written_once() -> None:
    first = conditions.update(None, {}, "t1")
    assert first is not None
    assert conditions.update(first, {}, "t2") is None
    trouble = conditions.remaining({"pods.": 2}, {})
    again = conditions.update(first, trouble, "t3")
    assert again is not None
    assert [one["lastTransitionTime"] for one in again] == ["t1", "t1", "t1", "t3", "t1"]


def test_custom_objects_go_too() -> None:
    made = world()
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "fresh"}}
    made.create(widget)
    made.delete("namespaces", "fresh", "")
    made.run(12_000)
    assert made.list("widgets.example.com", "fresh") == []
    assert "fresh" not in made.names("namespaces", "")
