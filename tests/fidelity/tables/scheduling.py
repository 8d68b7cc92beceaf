"""The scheduler between its plugins: hints, order, statuses, messages, nominated nodes."""

from __future__ import annotations

import json
import re
from typing import Any

from apps.cluster.scheduler.algorithm import Algorithm
from apps.cluster.scheduler.fit_error import Diagnosis
from apps.cluster.scheduler.plugins.base import Plugin
from apps.cluster.scheduler.plugins.node_unschedulable import after_node_change
from apps.cluster.scheduler.plugins.priority_sort import less
from apps.cluster.scheduler.plugins.volume_zone import after_claim_change
from apps.cluster.scheduler.pod_status import status_patch
from apps.cluster.scheduler.status import UNRESOLVABLE, UNSCHEDULABLE, Status
from tests.cluster.scheduler.small import Small
from tests.cluster.scheduler.storage import USES_DATA, make_claim, storage_class, volume, with_volumes
from tests.cluster.scheduler.tables import World, node, pod
from tests.fidelity.tables.registry import Row, adaptor, same

QUEUE = 1  # the tables' number for "this may make the Pod schedulable"


@adaptor("sched__nodeunschedulable__TestIsSchedulableAfterNodeChange")
def hint_after_a_node_changed(row: Row) -> None:
    same(after_node_change(row["pod"], row["oldObj"], row["newObj"]), row["expectedHint"] == QUEUE)


@adaptor("sched__volumezone__TestIsSchedulableAfterPersistentVolumeClaimAdded")
def hint_after_a_claim_changed(row: Row) -> None:
    same(after_claim_change(row["pod"], row["oldObj"], row["newObj"]), row["expectedHint"] == QUEUE)


@adaptor("sched__queuesort__TestLess")
def priority_sort(row: Row) -> None:
    """Times are told apart to the nanosecond there; as text they sort alike."""
    entries = [(row[p]["PodInfo"]["Pod"]["spec"].get("priority", 0), row[p]["Timestamp"]) for p in ("p1", "p2")]
    times = sorted({time for _, time in entries})
    first, second = ((priority, times.index(time)) for priority, time in entries)
    same(less(first, second), row["expected"])


@adaptor("sched__corev1__TestPodPriority")
def pod_priority(row: Row) -> None:
    same(World().pod(row["pod"]).kind.priority, row["expectedPriority"])


@adaptor("sched-core__scheduler__TestUpdatePodStatus")
def status_of_an_attempt(row: Row) -> None:
    """The recorded patch leaves out what the object has already; ours names the whole condition."""
    at = "2020-05-13T09:00:00Z"
    before = row["currentPodConditions"] or []
    status: dict[str, Any] = {"conditions": before}
    if row["currentNominatedNodeName"]:
        status["nominatedNodeName"] = row["currentNominatedNodeName"]
    nominated = row["newNominatingInfo"]["NominatedNodeName"] if row["newNominatingInfo"] else None
    condition = {name: value for name, value in row["newPodCondition"].items() if name != "lastTransitionTime"}
    patch = status_patch({"metadata": {}, "status": status}, condition, nominated, at)
    same(bool(patch), row["expectPatchRequest"], "a patch")
    if not patch:
        return
    wanted = json.loads(re.sub(r"\\", "", row["expectedPatchDataPattern"]))["status"]
    wanted.pop("$setElementOrder/conditions", None)
    same(sorted(patch), sorted(wanted), "fields")
    same(patch.get("nominatedNodeName"), wanted.get("nominatedNodeName"), "nominated node")
    same(len(patch.get("conditions", ())), len(wanted.get("conditions", ())), "conditions")
    for ours, theirs in zip(patch.get("conditions", ()), wanted.get("conditions", ()), strict=True):
        said = {name: value for name, value in theirs.items() if value != ".*"}
        same({name: ours[name] for name in said}, said, "condition")
        old = next((c for c in before if c["type"] == ours["type"]), None)
        moved = old is None or old["status"] != ours["status"]
        same(ours["lastTransitionTime"], at if old is None or moved else old["lastTransitionTime"], "time")


@adaptor("sched-core__scheduler__TestSchedulerWithVolumeBinding")
def volumes(row: Row) -> None:
    """What that test's stand-in for the volume binder finds, found here: a bound claim, or one bound on the way."""
    told = row["volumeBinderConfig"]
    if told.get("FindReasons"):
        diagnosis = Diagnosis()
        diagnosis.reject("node1", Status(UNRESOLVABLE, tuple(told["FindReasons"]), "VolumeBinding"))
        same(diagnosis.message(1), row["expectError"]["__error"])
        return
    if row["expectError"]:
        raise NotImplementedError("errors that the stand-in is told to give")
    bound = bool(told.get("AllBound"))
    small = Small([node("node1")])
    with_volumes(small)
    storage_class(small, "Immediate" if bound else "WaitForFirstConsumer", "kubernetes.io/no-provisioner")
    volume(small)
    make_claim(small)
    small.rest(5_000)
    small.create("pods", pod("foo", volumes=USES_DATA))
    small.rest(20_000)
    wrote = [step.message for step in small.engine.trace.steps if step.component == "kube-scheduler"]
    same("scheduler.reserve" in wrote, row["expectBindCalled"], "volumes bound by the scheduler")
    same(small.node_of("foo"), row["expectPodBind"]["target"]["name"], "node")
    same([event["reason"] for event in small.events("foo")], [row["eventReason"]], "Events")


class Counting(Plugin):
    """Says no to the nodes it was told to, and counts how often it was asked."""

    name = "Counting"
    filters = True

    def __init__(self, handle: Any, refuse: dict[str, int]) -> None:
        super().__init__(handle)
        self.refuse = refuse
        self.asked = 0

    def filter(self, state: Any, pod: Any, node: Any) -> Status | None:
        self.asked += 1
        code = self.refuse.get(node.name)
        return Status(code, ("no",), self.name) if code == UNSCHEDULABLE else None


@adaptor("sched-core__scheduler__TestPreferNominatedNodeFilterCallCounts")
def nominated_node_is_tried_first(row: Row) -> None:
    world = World([node("node1"), node("node2"), node("node3")])
    counting = Counting(world.handle, row["nodeReturnCodeMap"] or {})
    world.framework.filters = (counting,)
    world.framework.other_filters = (counting,)
    world.framework.local_filters = ()
    # Pods without any wish never come to plugins that look beyond a node: ask as for one that has.
    Algorithm(world.framework, lambda n: 0)._one_by_one(world.pod(row["pod"]))
    same(counting.asked, row["expectedCount"])
