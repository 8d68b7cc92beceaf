"""The pure half of the DaemonSet controller: where a Pod belongs, and which one goes next."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.daemonset import placement, plan
from tests.cluster.controllers.objects import daemon_set, template

Obj = dict[str, Any]
TARGET = plan.Target(min_ready_seconds=0, hash="new", generation=None, surges=False, now_ms=100_000)


def node(*taints: str, labels: dict[str, str] | None = None, name: str = "n1") -> Obj:
    """Taints are written key:Effect."""
    listed = [dict(zip(("key", "effect"), taint.split(":"), strict=True)) for taint in taints]
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": listed} if listed else {}}


def pod(name: str, hash_: str, *, ready: bool = True, **fields: Any) -> Obj:
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-11-23T00:00:00Z"}
    metadata = {"name": name, "creationTimestamp": "2026-11-23T00:00:00Z", "labels": {placement.HASH_LABEL: hash_}}
    return {
        "metadata": {**metadata, **fields.get("metadata", {})},
        "spec": {"nodeName": fields.get("node", "n1")},
        "status": {"phase": fields.get("phase", "Running"), "conditions": [condition]},
    }


def going(name: str, hash_: str) -> Obj:
    return pod(name, hash_, metadata={"deletionTimestamp": "2026-11-23T00:01:00Z"})


@pytest.mark.parametrize(
    ("spec", "where", "expected"),
    [
        pytest.param({}, node(), (True, True), id="any node will do"),
        pytest.param(
            {}, node("dedicated:NoSchedule"), (False, True), id="a new taint makes no Pod and drives none off"
        ),
        pytest.param({}, node("dedicated:NoExecute"), (False, False), id="NoExecute drives the Pod off"),
        pytest.param({}, node("dedicated:PreferNoSchedule"), (True, True), id="PreferNoSchedule means nothing"),
        pytest.param({}, node("node.kubernetes.io/unschedulable:NoSchedule"), (True, True), id="cordoned: still"),
        pytest.param({}, node("node.kubernetes.io/not-ready:NoExecute"), (True, True), id="not ready: still"),
        pytest.param({}, node("node.kubernetes.io/unreachable:NoSchedule"), (False, True), id="unreachable: none anew"),
        pytest.param(
            {}, node("node.kubernetes.io/network-unavailable:NoSchedule"), (False, True), id="no network: none anew"
        ),
        pytest.param(
            {"hostNetwork": True},
            node("node.kubernetes.io/network-unavailable:NoSchedule"),
            (True, True),
            id="no network, but it uses the host's",
        ),
        pytest.param(
            {"tolerations": [{"operator": "Exists"}]}, node("a:NoExecute", "b:NoSchedule"), (True, True), id="tolerant"
        ),
        pytest.param({"nodeSelector": {"disk": "ssd"}}, node(), (False, False), id="nodeSelector unmet"),
        pytest.param({"nodeSelector": {"disk": "ssd"}}, node(labels={"disk": "ssd"}), (True, True), id="met"),
        pytest.param({"nodeName": "n2"}, node(), (False, False), id="another node by name"),
    ],
)
def test_node_should_run(spec: Obj, where: Obj, expected: tuple[bool, bool]) -> None:
    assert placement.node_should_run(placement.pod_spec({"spec": {"containers": [], **spec}}), where) == expected


@pytest.mark.parametrize(
    ("expressions", "labels", "expected"),
    [
        pytest.param([{"key": "a", "operator": "In", "values": ["1", "2"]}], {"a": "2"}, True, id="In"),
        pytest.param([{"key": "a", "operator": "NotIn", "values": ["1"]}], {}, True, id="NotIn without the label"),
        pytest.param([{"key": "a", "operator": "Exists"}], {}, False, id="Exists"),
        pytest.param([{"key": "a", "operator": "DoesNotExist"}], {}, True, id="DoesNotExist"),
        pytest.param([{"key": "a", "operator": "Gt", "values": ["4"]}], {"a": "5"}, True, id="Gt"),
        pytest.param([{"key": "a", "operator": "Lt", "values": ["4"]}], {"a": "x"}, False, id="Lt of no number"),
        pytest.param([], {"a": "1"}, False, id="a term without requirements matches nothing"),
    ],
)
def test_required_node_affinity(expressions: list[Obj], labels: dict[str, str], expected: bool) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    spec = placement.pod_spec({"spec": {"containers": [], "affinity": affinity}})
    assert placement.node_should_run(spec, node(labels=labels))[0] is expected


def test_a_toleration_of_the_template_is_replaced_where_it_stands() -> None:
    own = [
        {"key": "a", "operator": "Exists"},
        {
            "key": "node.kubernetes.io/not-ready",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 5,
        },
    ]
    tolerations = placement.tolerations_of({"tolerations": own})
    assert tolerations[1] == {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
    assert len(tolerations) == 2 + 5


def test_a_pod_is_pinned_by_a_field_and_found_by_it() -> None:
    spec = placement.pinned(template("agent")["spec"], "n7")
    assert placement.target_node({"spec": spec}) == "n7"
    assert placement.target_node({"spec": {**spec, "nodeName": "n8"}}) == "n8"
    assert placement.target_node({"spec": {}}) is None


@pytest.mark.parametrize(
    ("pods", "run", "expected"),
    [
        pytest.param(None, (True, True), (["n1"], []), id="creates what is missing"),
        pytest.param(None, (False, False), ([], []), id="leaves a foreign node alone"),
        pytest.param([pod("a", "new")], (False, True), ([], []), id="keeps what may stay"),
        pytest.param([pod("a", "new")], (False, False), ([], ["a"]), id="deletes what may not"),
        pytest.param([going("a", "new")], (True, True), ([], []), id="waits for one that is going"),
        pytest.param([pod("a", "new", phase="Succeeded")], (True, True), ([], ["a"]), id="deletes one that ended"),
        pytest.param([pod("b", "new"), pod("a", "new")], (True, True), ([], ["b"]), id="keeps the first of two"),
        pytest.param([pod("a", "new", node=""), pod("b", "new")], (True, True), ([], ["a"]), id="keeps the bound one"),
    ],
)
def test_manage(pods: list[Obj] | None, run: tuple[bool, bool], expected: tuple[list[str], list[str]]) -> None:
    by_node = {} if pods is None else {"n1": pods}
    changes = plan.manage(["n1"], by_node, {"n1": run}, TARGET, lambda node: 0)
    assert (changes.create, changes.delete) == expected


def test_a_failed_pod_goes_and_the_next_one_waits() -> None:
    by_node = {"n1": [pod("a", "new", phase="Failed")]}
    runs = {"n1": (True, True)}
    assert plan.manage(["n1"], by_node, runs, TARGET, lambda node: 0).failed == [("a", "n1")]
    waiting = plan.manage(["n1"], by_node, runs, TARGET, lambda node: 4_000)
    assert (waiting.delete, waiting.retry_ms) == ([], 4_000)


def test_a_pod_meant_for_a_node_that_is_gone_is_deleted_while_it_has_none() -> None:
    by_node = {"gone": [pod("a", "new", node=""), pod("b", "new", node="gone")]}
    assert plan.manage(["n1"], by_node, {"n1": (False, False)}, TARGET, lambda node: 0).delete == ["a"]


@pytest.mark.parametrize(
    ("by_node", "maximum", "expected"),
    [
        pytest.param({"n1": [pod("a", "old")], "n2": [pod("b", "old")]}, 1, ["a"], id="one at a time"),
        pytest.param({"n1": [pod("a", "old")], "n2": [pod("b", "old")]}, 2, ["a", "b"], id="two when two may be down"),
        pytest.param({"n1": [pod("a", "old")], "n2": []}, 1, [], id="none while a node has no Pod"),
        pytest.param({"n1": [pod("a", "old")], "n2": [going("b", "old")]}, 1, [], id="none while one is going"),
        pytest.param({"n1": [pod("a", "new", ready=False)], "n2": [pod("b", "old")]}, 1, [], id="waits for the new"),
        pytest.param(
            {"n1": [pod("a", "old", ready=False)], "n2": [pod("b", "old")]}, 1, ["a"], id="a broken old one goes first"
        ),
        pytest.param(
            {"n1": [pod("a", "old", ready=False)], "n2": [pod("b", "old", ready=False)]},
            1,
            ["a", "b"],
            id="broken old ones all go",
        ),
        pytest.param({"n1": [pod("a", "old"), pod("c", "old")]}, 1, [], id="two of a kind are left to manage"),
    ],
)
def test_replace_in_place(by_node: dict[str, list[Obj]], maximum: int, expected: list[str]) -> None:
    assert plan.replace_in_place(by_node, maximum, TARGET) == expected


@pytest.mark.parametrize(
    ("by_node", "expected"),
    [
        pytest.param({"n1": [pod("a", "old")], "n2": [pod("b", "old")]}, (["n1"], []), id="a second Pod on one node"),
        pytest.param(
            {"n1": [pod("a", "old"), pod("c", "new", ready=False)], "n2": [pod("b", "old")]},
            ([], []),
            id="waits for it to be available",
        ),
        pytest.param(
            {"n1": [pod("a", "old"), pod("c", "new")], "n2": [pod("b", "old")]},
            (["n2"], ["a"]),
            id="then the old one goes and the next node is due",
        ),
        pytest.param(
            {"n1": [pod("a", "old", ready=False)], "n2": [pod("b", "old", ready=False)]},
            (["n1", "n2"], []),
            id="broken old ones are replaced beyond the surge",
        ),
    ],
)
def test_replace_by_surge(by_node: dict[str, list[Obj]], expected: tuple[list[str], list[str]]) -> None:
    runs = dict.fromkeys(by_node, (True, True))
    changes = plan.replace_by_surge(by_node, runs, 1, len(by_node), TARGET)
    assert (changes.create, changes.delete) == expected


def test_counts_are_rounded_up_and_only_a_rolling_update_has_any() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}}
    assert plan.unavailable_count(daemon_set(updateStrategy=rolling), 5) == 1
    assert plan.surge_count(daemon_set(updateStrategy=rolling), 5) == 0
    assert plan.unavailable_count(daemon_set(updateStrategy={"type": "OnDelete"}), 5) == 0


def test_status_counts_nodes() -> None:
    by_node = {"n1": [pod("a", "new")], "n2": [pod("b", "old", ready=False)], "n4": [pod("c", "old")]}
    runs = {"n1": (True, True), "n2": (True, True), "n3": (True, True), "n4": (False, True)}
    owner = {"metadata": {"generation": 3}, "status": {}}
    assert plan.status_of(owner, list(runs), by_node, runs, TARGET) == {
        "currentNumberScheduled": 2,
        "numberMisscheduled": 1,
        "desiredNumberScheduled": 3,
        "numberReady": 1,
        "observedGeneration": 3,
        "updatedNumberScheduled": 1,
        "numberAvailable": 1,
        "numberUnavailable": 2,
    }
