"""What two runs of a cluster agree on: a recording reduced to facts, and facts counted against facts.

Left out is what differs between two runs of one real cluster too: times, addresses, random suffixes, the choice among
equal nodes, how far a counter got in a burst. Kept are, for each object (like Pods as a multiset): the fields it was
created with and by whom, the fields that ever changed and their last values, the order in which each condition and
the phase went, and Events by object, reason and message.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

Recording = dict[str, Any]
Fact = tuple[Any, ...]

NOT_COMPARED = frozenset({"EndpointSlice", "ConfigMap", "Lease", "Node", "PV"})
SAID_BY_REAL_KUBELETS_ONLY = frozenset(
    {"Pulling", "Pulled", "Created", "Started", "Killing", "Unhealthy", "BackOff", "Failed"}
)
_INCIDENTAL = re.compile(
    r"(uid$|[Ii][Pp]s?(\[|$|\.)|clusterIP|nodePort|resourceVersion|Time$|Time\]|hostname|startTime|completionTime|nodeName"
    r"|deletionTimestamp|volumeName|provisioned-by|selected-node|storage-provisioner|hostPath|\.csi\.|claimRef|sim/"
    r"|status\.images|observedGeneration)"
)
_COUNTER = re.compile(
    r"status\.(\w*[rR]eplicas|\w*Number\w*|active|ready|succeeded|failed|terminating|uncountedTerminatedPods.*|expectedPods"
    r"|currentHealthy|desiredHealthy|disruptionsAllowed)"
)
_HISTORY = re.compile(r"status\.conditions\[\w+\]\.(status|reason)")
_SUFFIX = "[bcdfghjklmnpqrstvwxz2456789]{5}"
_NORMAL = (
    (re.compile(rf"\b([a-z0-9-]+?-[bcdf0-9456789a-z]{{6,10}})-{_SUFFIX}\b"), r"\1-<x>"),
    (re.compile(rf"\b([a-z][a-z0-9-]*?)-{_SUFFIX}\b(?!-)"), r"\1-<x>"),
    (
        re.compile(r"pvc-[0-9a-f-]{36}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        "<uid>",
    ),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+Z\b"), "<time>"),
    (re.compile(r"\bnode-\d\b|\b(worker|n|big|mid|small)-?\d?\b(?= ?$)"), "<node>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<ip>"),
)


def normal(value: Any) -> str:
    """A text without what two runs may not agree on."""
    text = str(value)
    for pattern, replacement in _NORMAL:
        text = pattern.sub(replacement, text)
    return text


def facts(recording: Recording) -> Counter[Fact]:
    """The facts of a recording, each with how often it holds."""
    found: Counter[Fact] = Counter()
    for name, story in _stories(recording["timeline"]).items():
        _tell(found, normal(name), story)
    for event in recording["events"]:
        fact = _event(event)
        if fact is not None:
            found[fact] = 1
    return found


def _stories(timeline: list[Recording]) -> dict[str, Recording]:
    """Each object's beginning, changes and end."""
    stories: dict[str, Recording] = defaultdict(lambda: {"created": None, "by": None, "changes": [], "deleted": False})
    for entry in timeline:
        if entry["obj"].partition("/")[0] in NOT_COMPARED:
            continue
        story = stories[entry["obj"]]
        fields = {
            path.lstrip("+-"): value
            for path, value in (entry.get("d") or {}).items()
            if path != "…" and not _INCIDENTAL.search(path)
        }
        if entry["ev"] == "ADDED":
            story["created"], story["by"] = fields, entry.get("by")
        elif entry["ev"] == "MODIFIED":
            story["changes"].append(fields)
        else:
            story["deleted"] = True
    return stories


def _tell(found: Counter[Fact], name: str, story: Recording) -> None:
    if story["created"] is not None:
        for path, value in story["created"].items():
            found[name, "created", path, normal(value)] += 1
        found[name, "created by", normal(story["by"])] += 1
    if story["deleted"]:
        found[name, "deleted"] += 1
    last: dict[str, Any] = {}
    histories: dict[str, list[str]] = defaultdict(list)
    for change in story["changes"]:
        for path, value in change.items():
            now = value[1] if isinstance(value, list) and len(value) == 2 else value
            last[path] = now
            if path == "status.phase":
                histories[path].append(normal(now))
            elif match := _HISTORY.match(path):
                histories[match.group()].append(normal(now))
    for path, value in last.items():
        if "terminatingReplicas" in path:
            continue
        if "message" in path and not _COUNTER.search(path):
            value = re.sub(r"\d+", "#", normal(value))
        found[name, "ended", path, normal(value)] += 1
    for path, values in histories.items():
        went = [value for place, value in enumerate(values) if place == 0 or value != values[place - 1]]
        found[name, "went", path, " > ".join(went)] += 1


def _event(event: Recording) -> Fact | None:
    if event["ev"] != "ADDED" or event["reason"] in SAID_BY_REAL_KUBELETS_ONLY:
        return None
    message = re.sub(r"from \d+ to \d+", "from # to #", normal(event["msg"]))
    if event["reason"] == "Scheduled":
        message = re.sub(r" to \S+$", " to <node>", message)
    message = message.removeprefix("(combined from similar events): ")
    if "not found" in message and event["reason"] == "FailedScheduling":
        return None
    return normal(event["obj"]), "event", event["type"], event["reason"], message


def count(real: Counter[Fact], ours: Counter[Fact]) -> tuple[int, int]:
    """How many facts match, of how many there are."""
    return (real & ours).total(), max(real.total(), ours.total())
