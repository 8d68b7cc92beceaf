"""Twenty cases on three unequal nodes, against what a real scheduler did: the node, or every word of the refusal."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cluster.scheduler.small import Small
from tests.cluster.scheduler.tables import DATA

Obj = dict[str, Any]
RECORDED = json.loads((DATA / "g-scheduling.json").read_text())
PRIORITIES = {"low": 10, "high": 1000, "never": 2000}


def _node(of: Obj) -> Obj:
    room = {"cpu": of["cpu"], "memory": of["mem"], "pods": of["pods"]}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": of["name"], "labels": {**of["labels"], "kubernetes.io/hostname": of["name"]}},
        "spec": {},
        "status": {"capacity": room, "allocatable": room},
    }


def _play(case: Obj) -> Small:
    small = Small([_node(node) for node in RECORDED["nodes"]])
    for name, taint in case["taints"]:
        small.taint(name, taint)
    for name, value in PRIORITIES.items():
        policy = {"preemptionPolicy": "Never"} if name == "never" else {}
        small.create(
            "priorityclasses",
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value}
            | policy,
        )
    for pod in case["pods"]:
        small.create("pods", {**pod, "metadata": {**pod["metadata"], "namespace": "default"}})
        small.engine.run_until(small.engine.now_ms + 1_000)  # start times are told in seconds
    small.rest()
    return small


def _outcome(small: Small) -> Obj:
    out = {}
    for pod in small.kubectl.list("pods"):
        entry = {
            "node": pod["spec"].get("nodeName"),
            "phase": pod["status"]["phase"],
            "priority": pod["spec"].get("priority", 0),
        }
        for condition in pod["status"].get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                entry["PodScheduled"] = {name: condition[name] for name in ("status", "reason", "message")}
        out[pod["metadata"]["name"]] = entry
    return out


def _told(small: Small) -> list[Obj]:
    """Events other than Scheduled, which the recording leaves out."""
    return [
        {
            "reason": event["reason"],
            "type": event["type"],
            "obj": event["involvedObject"]["name"],
            "msg": _without_uid(event["message"]),
            "action": event["action"],
            "comp": event["reportingComponent"],
        }
        for event in small.kubectl.list("events")
        if event["reason"] != "Scheduled"
    ]


def _without_uid(message: str) -> str:
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uid>", message)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in RECORDED["cases"]])
def test_as_a_real_scheduler_did(case):
    small = _play(case)
    assert _outcome(small) in [run["result"] for run in case["runs"]]
    told = [{**event, "msg": _without_uid(event["msg"])} for event in case["runs"][0]["events"]]
    assert _told(small) == told


def test_a_bound_pod_is_told_of_as_recorded():
    small = _play(RECORDED["cases"][0])
    (event,) = small.events("p")
    assert event["reason"] == "Scheduled"
    assert event["message"] == "Successfully assigned default/p to big"
    assert (event["type"], event["action"], event["reportingComponent"]) == ("Normal", "Binding", "default-scheduler")
    assert event["eventTime"] is not None
    assert "count" not in event
    assert small.condition("p")["status"] == "True"
