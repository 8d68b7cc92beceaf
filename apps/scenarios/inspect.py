"""What the inspector says of one object at one revision: summary, reason, why, changed YAML. Data, no HTML.

Models      kubectl describe and kubectl get -o yaml, as far as a reader needs them beside a figure
Leaves out  `describe` sections for kinds other than workloads, Pods and Nodes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from apps.cluster.apimachinery.quantity import milli
from apps.cluster.apimachinery.timestamps import parse
from apps.cluster.engine import Step
from apps.cluster.snapshot import Snapshot
from apps.diagrams.narration import split_ref
from apps.diagrams.states import pod_state
from apps.scenarios import yamlwrite

Obj = dict[str, Any]
EVENTS = 8  # newest first
WHY = 8  # links of the chain, and the first of all
NODES = 30  # rows of the scheduler's table
WORKLOADS = {"deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers"}


def inspect(
    snapshot: Snapshot,
    ref: str,
    *,
    why: Sequence[Step] = (),
    before: Obj | None = None,
    step_json: Callable[[Step], Mapping[str, Any]],
    base_ms: int = 0,
) -> dict[str, Any] | None:
    """All there is to say of `ref`; None when there is no such object at this revision, nor was one `before`."""
    obj = snapshot.get(ref)
    if obj is None and before is None:
        return None
    shown = obj if obj is not None else before
    assert shown is not None
    _resource, namespace, name = split_ref(ref)
    spec = shown.get("spec")
    node_name = spec.get("nodeName", "") if isinstance(spec, dict) and ref.startswith("pods/") else ""
    node = snapshot.objects.get("nodes", {}).get(node_name)
    state, summary, reason, message = _summary(shown, ref, node, gone=obj is None)
    changed_at = shown["metadata"].get("resourceVersion", "")
    return {
        "ref": ref,
        "kind": shown.get("kind", ""),
        "name": name,
        "namespace": namespace,
        "state": state,
        "summary": summary,
        "reason": reason,
        "message": message,
        "nodes": fits(snapshot, shown) if ref.startswith("pods/") and _unscheduled(shown) else [],
        "why": [step_json(step) for step in chain(why)],
        "yaml": yaml_lines(shown, before if obj is not None else None),
        "changed_at": changed_at,
        "events": events_of(snapshot, shown, base_ms),
    }


def chain(why: Sequence[Step]) -> list[Step]:
    """The causes, the first of all at the top; of a long chain, that one and the nearest."""
    nearest = list(why[:WHY])
    return [*([why[-1]] if len(why) > WHY else []), *reversed(nearest)]


# ---- what state it is in -------------------------------------------------------------------------


def _summary(obj: Obj, ref: str, node: Obj | None, *, gone: bool) -> tuple[str, str, str, str]:
    """State mark, one line, and the reason with its message when something is in the way."""
    if gone:
        return "Terminating", _("It is gone."), "", ""
    resource = ref.partition("/")[0]
    if resource == "pods":
        return _pod(obj, node)
    if resource == "nodes":
        return _node(obj)
    if resource in WORKLOADS:
        return _workload(obj, resource)
    return "", "", "", ""


def _pod(pod: Obj, node: Obj | None) -> tuple[str, str, str, str]:
    state = pod_state(pod, node)
    where = (pod.get("spec") or {}).get("nodeName")
    status = pod.get("status") or {}
    line = f"{state.word} · {where}" if where else state.word
    restarts = sum(container.get("restartCount", 0) for container in status.get("containerStatuses") or ())
    if restarts:
        line += " · " + _("restarts: %(count)s") % {"count": restarts}
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("message"):
            return state.mark, line, waiting.get("reason", ""), waiting["message"]
    for condition in status.get("conditions") or ():
        if condition.get("status") != "True" and condition.get("message"):
            return state.mark, line, condition.get("reason", condition["type"]), condition["message"]
    return state.mark, line, status.get("reason", ""), status.get("message", "")


def _node(node: Obj) -> tuple[str, str, str, str]:
    conditions = {condition["type"]: condition for condition in (node.get("status") or {}).get("conditions") or ()}
    ready = conditions.get("Ready", {})
    words = {"True": "Ready", "False": "NotReady"}.get(ready.get("status", ""), "Unknown" if ready else "NotReady")
    mark = {"Ready": "Ready", "NotReady": "Failed"}.get(words, "Unknown")
    if (node.get("spec") or {}).get("unschedulable"):
        words += ", SchedulingDisabled"
    if ready.get("status") == "True":
        return mark, words, "", ""
    return mark, words, ready.get("reason", ""), ready.get("message", "")


def _workload(obj: Obj, resource: str) -> tuple[str, str, str, str]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if resource == "daemonsets":
        ready, wanted = status.get("numberReady", 0), status.get("desiredNumberScheduled", 0)
    else:
        ready, wanted = status.get("readyReplicas", 0), spec.get("replicas", 1)
    line = _("%(ready)s of %(wanted)s ready") % {"ready": ready, "wanted": wanted}
    updated = status.get("updatedNumberScheduled" if resource == "daemonsets" else "updatedReplicas")
    if updated is not None and updated != wanted:
        line += " · " + _("up to date: %(count)s") % {"count": updated}
    if spec.get("paused"):
        line += " · " + _("paused")
    for condition in status.get("conditions") or ():
        bad = condition["status"] == ("True" if condition["type"].endswith("Failure") else "False")
        if bad and condition.get("message"):
            return "", line, condition.get("reason", ""), condition["message"]
    return "", line, "", ""


# ---- why it has no node --------------------------------------------------------------------------


def _unscheduled(obj: Obj) -> bool:
    if obj.get("kind") != "Pod" or (obj.get("spec") or {}).get("nodeName"):
        return False
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "PodScheduled" and c["status"] == "False" for c in conditions)


def fits(snapshot: Snapshot, pod: Obj) -> list[dict[str, str]]:
    """A row a node: cpu that is free, cpu that the Pod asks for, and what is in the way.

    The scheduler's own words are in the message; this is the arithmetic behind `Insufficient cpu`.
    """
    used: dict[str, int] = {}
    for other in snapshot.objects.get("pods", {}).values():
        node = other["spec"].get("nodeName")
        if node and (other.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}:
            used[node] = used.get(node, 0) + cpu_of(other)
    needs = cpu_of(pod)
    tolerations = pod["spec"].get("tolerations") or ()
    rows = []
    for name, node in list(snapshot.objects.get("nodes", {}).items())[:NODES]:
        free = milli(str(((node.get("status") or {}).get("allocatable") or {}).get("cpu", "0"))) - used.get(name, 0)
        taints = [t for t in (node.get("spec") or {}).get("taints") or () if t["effect"] != "PreferNoSchedule"]
        taint = next((t for t in taints if not any(_tolerates(toleration, t) for toleration in tolerations)), None)
        selector = pod["spec"].get("nodeSelector") or {}
        labels = node["metadata"].get("labels") or {}
        if (node.get("spec") or {}).get("unschedulable"):
            text = _("cordoned")
        elif taint is not None:
            text = _("taint %(taint)s") % {"taint": taint["key"]}
        elif any(labels.get(key) != value for key, value in selector.items()):
            text = _("nodeSelector does not match")
        elif needs > free:
            text = _("short by %(cpu)s") % {"cpu": cores(needs - free)}
        else:
            text = ""
        rows.append({"node": name, "free": cores(free), "needs": cores(needs), "text": text})
    return rows


def cpu_of(pod: Obj) -> int:
    """What a Pod asks for, in thousandths of a core: its containers together, or its greediest init container."""
    spec = pod["spec"]
    own = sum(_request(container) for container in spec.get("containers") or ())
    first = max((_request(container) for container in spec.get("initContainers") or ()), default=0)
    return max(own, first)


def _request(container: Obj) -> int:
    return milli(str(((container.get("resources") or {}).get("requests") or {}).get("cpu", "0")))


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def cores(thousandths: int) -> str:
    """
    >>> cores(1350), cores(-50), cores(2000)
    ('1.35', '-0.05', '2.00')
    """
    return f"{thousandths / 1000:.2f}"


# ---- its events and its YAML ---------------------------------------------------------------------


def events_of(snapshot: Snapshot, obj: Obj, base_ms: int) -> list[dict[str, Any]]:
    """Events about the object, newest first."""
    uid, kind, name = obj["metadata"].get("uid"), obj.get("kind"), obj["metadata"].get("name")
    found = []
    for event in snapshot.objects.get("events", {}).values():
        about = event.get("involvedObject") or event.get("regarding") or {}
        if about.get("uid") == uid or (kind == "Node" and about.get("kind") == "Node" and about.get("name") == name):
            found.append(event)
    out = []
    for event in found:
        series = event.get("series") or {}
        when = (
            series.get("lastObservedTime")
            or event.get("lastTimestamp")
            or event.get("eventTime")
            or event["metadata"].get("creationTimestamp")
        )
        at = parse(when) - base_ms // 1000 * 1000 if when else 0  # timestamps are whole seconds
        out.append(
            {
                "type": event.get("type", "Normal"),
                "reason": event.get("reason", ""),
                "message": event.get("message") or event.get("note", ""),
                "count": series.get("count") or event.get("count") or 1,
                "time": f"{at / 1000:.0f} s",
                "at": at,
                "version": int(event["metadata"].get("resourceVersion", 0)),
            }
        )
    out.sort(key=lambda event: event["version"], reverse=True)
    return out[:EVENTS]


def yaml_lines(obj: Obj, before: Obj | None) -> list[dict[str, Any]]:
    """The object's YAML line by line; `changed` where it was not so before.

    >>> [line["changed"] for line in yaml_lines({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}})]
    [False, False, False, True]
    """
    found = yamlwrite.lines(obj) if before is None else yamlwrite.lines(obj, before)
    return [
        {"text": text, "changed": changed and not text.lstrip().startswith("resourceVersion:")}
        for text, changed in found
    ]
