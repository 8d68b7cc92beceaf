"""Twenty cases on three unequal nodes, against what a real scheduler did: the node, or every word of the refusal."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from tests.cluster.scheduler.small import Small
from tests.fidelity.tables.registry import short

Obj = dict[str, Any]
KEPT = Path(__file__).parents[1] / "testdata" / "scheduler" / "g-scheduling.json"
PRIORITIES = {"low": 10, "high": 1000, "never": 2000}
TOLD = ("reason", "type", "obj", "msg", "action", "comp")


@cache
def recorded() -> Obj:
    """The nodes, and the cases: Pods, taints, and what became of them in each run of the recording."""
    return json.loads(KEPT.read_text())


def _node(of: Obj) -> Obj:
    room = {"cpu": of["cpu"], "memory": of["mem"], "pods": of["pods"]}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": of["name"], "labels": {**of["labels"], "kubernetes.io/hostname": of["name"]}},
        "spec": {},
        "status": {"capacity": room, "allocatable": room},
    }


def play(case: Obj) -> Small:
    """The case on a control plane of ours."""
    small = Small([_node(node) for node in recorded()["nodes"]])
    for name, taint in case["taints"]:
        small.taint(name, taint)
    for name, value in PRIORITIES.items():
        policy = {"preemptionPolicy": "Never"} if name == "never" else {}
        metadata = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
        small.create("priorityclasses", {**metadata, "value": value, **policy})
    for pod in case["pods"]:
        small.create("pods", {**pod, "metadata": {**pod["metadata"], "namespace": "default"}})
        small.engine.run_until(small.engine.now_ms + 1_000)  # start times are told in seconds
    small.rest()
    return small


def outcome(small: Small) -> Obj:
    """Each Pod's node, phase and priority, and why it has no node."""
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


def told(small: Small) -> list[Obj]:
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


def judge(case: Obj) -> str:
    """How ours differs from every run that was recorded; nothing when it is as one of them."""
    small = play(case)
    found = outcome(small)
    runs = [run for run in case["runs"] if run["result"] == found]
    if not runs:
        return f"expected {short(case['runs'][0]['result'])}, ours {short(found)}"
    events = told(small)
    wanted = [[{**event, "msg": _without_uid(event["msg"])} for event in run["events"]] for run in runs]
    return "" if events in wanted else f"expected {short(wanted[0])}, ours {short(events)}"


def recording() -> Obj:
    """Ours, in the form of the recording."""
    tests = []
    for case in recorded()["cases"]:
        small = play(case)
        run = {"result": outcome(small), "events": told(small), "errors": []}
        tests.append({"test": case["name"], "desc": case["desc"], "pods": case["pods"], "runs": [run]})
    return {"nodes": recorded()["nodes"], "tests": tests}
