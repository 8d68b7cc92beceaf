"""The rest of the tables: hints, order, statuses, messages, nominated nodes."""

from __future__ import annotations

import json
import re

import pytest

from apps.cluster.scheduler.algorithm import Algorithm
from apps.cluster.scheduler.fit_error import Diagnosis
from apps.cluster.scheduler.plugins.base import Plugin
from apps.cluster.scheduler.plugins.node_unschedulable import after_node_change
from apps.cluster.scheduler.plugins.priority_sort import less
from apps.cluster.scheduler.plugins.volume_zone import after_claim_change
from apps.cluster.scheduler.pod_status import status_patch
from apps.cluster.scheduler.status import UNRESOLVABLE, UNSCHEDULABLE, Status
from tests.cluster.scheduler.tables import World, node, rows

QUEUE = 1  # the tables' number for "this may make the Pod schedulable"


# Rows with objects of a wrong type test Go's type assertions.
@pytest.mark.parametrize(
    "row", rows("nodeunschedulable__TestIsSchedulableAfterNodeChange", lambda row: not row["expectedErr"])
)
def test_hint_after_a_node_changed(row):
    assert after_node_change(row["pod"], row["oldObj"], row["newObj"]) is (row["expectedHint"] == QUEUE)


@pytest.mark.parametrize(
    "row", rows("volumezone__TestIsSchedulableAfterPersistentVolumeClaimAdded", lambda row: not row["expectedErr"])
)
def test_hint_after_a_claim_changed(row):
    assert after_claim_change(row["pod"], row["oldObj"], row["newObj"]) is (row["expectedHint"] == QUEUE)


@pytest.mark.parametrize("row", rows("queuesort__TestLess"))
def test_priority_sort(row):
    def sorted_by(entry):
        # Times are told apart to the nanosecond there; as text they sort alike.
        return entry["PodInfo"]["Pod"]["spec"].get("priority", 0), entry["Timestamp"]

    times = sorted({sorted_by(row["p1"])[1], sorted_by(row["p2"])[1]})
    first, second = ((p, times.index(t)) for p, t in (sorted_by(row["p1"]), sorted_by(row["p2"])))
    assert less(first, second) is row["expected"]


@pytest.mark.parametrize("row", rows("corev1__TestPodPriority"))
def test_pod_priority(row):
    assert World().pod(row["pod"]).kind.priority == row["expectedPriority"]


@pytest.mark.parametrize("row", rows("scheduler__TestUpdatePodStatus"))
def test_status_patch(row):
    status = {"conditions": row["currentPodConditions"]}
    if row["currentNominatedNodeName"]:
        status["nominatedNodeName"] = row["currentNominatedNodeName"]
    nominated = row["newNominatingInfo"]["NominatedNodeName"] if row["newNominatingInfo"] else None
    condition = {name: value for name, value in row["newPodCondition"].items() if name != "lastTransitionTime"}
    patch = status_patch({"metadata": {}, "status": status}, condition, nominated, "2020-05-13T09:00:00Z")
    assert bool(patch) is row["expectPatchRequest"]
    if not patch:
        return
    # The recorded patch leaves out what the object has already; ours names the whole condition.
    wanted = json.loads(re.sub(r"\\", "", row["expectedPatchDataPattern"]))["status"]
    wanted.pop("$setElementOrder/conditions", None)
    assert patch.keys() == wanted.keys()
    assert patch.get("nominatedNodeName") == wanted.get("nominatedNodeName")
    for ours, theirs in zip(patch.get("conditions", ()), wanted.get("conditions", ()), strict=True):
        said = {name: value for name, value in theirs.items() if value != ".*"}
        assert {name: ours[name] for name in said} == said
        old = next((c for c in row["currentPodConditions"] if c["type"] == ours["type"]), None)
        moved = old is None or old["status"] != ours["status"]
        assert ours["lastTransitionTime"] == ("2020-05-13T09:00:00Z" if moved else old["lastTransitionTime"])


# The others are about errors that a stand-in for the volume binder was told to give.
@pytest.mark.parametrize(
    "row", rows("scheduler__TestSchedulerWithVolumeBinding", lambda row: row["volumeBinderConfig"]["FindReasons"])
)
def test_message_about_volumes(row):
    diagnosis = Diagnosis()
    reasons = tuple(row["volumeBinderConfig"]["FindReasons"])
    diagnosis.reject("node1", Status(UNRESOLVABLE, reasons, "VolumeBinding"))
    assert diagnosis.message(1) == row["expectError"]["__error"]


class Counting(Plugin):
    """Says no to the nodes it was told to, and counts how often it was asked."""

    name = "Counting"
    filters = True

    def __init__(self, handle, refuse):
        super().__init__(handle)
        self.refuse = refuse
        self.asked = 0

    def filter(self, state, pod, node):
        self.asked += 1
        code = self.refuse.get(node.name)
        return Status(code, ("no",), self.name) if code == UNSCHEDULABLE else None


@pytest.mark.parametrize("row", rows("scheduler__TestPreferNominatedNodeFilterCallCounts"))
def test_nominated_node_is_tried_first(row):
    world = World([node("node1"), node("node2"), node("node3")])
    counting = Counting(world.handle, row["nodeReturnCodeMap"] or {})
    world.framework.filters = (counting,)
    world.framework.other_filters = (counting,)
    world.framework.local_filters = ()
    # Pods without any wish never come to plugins that look beyond a node: ask as for one that has.
    Algorithm(world.framework, lambda n: 0)._one_by_one(world.pod(row["pod"]))
    assert counting.asked == row["expectedCount"]
