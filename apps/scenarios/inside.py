"""Inside a machine as tables: Pods with sandbox, QoS and cgroup, their containers, and the runtime's calls. Data only.

Models      crictl pods, crictl ps -a, systemd-cgls
Leaves out  -
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.cluster.engine import Step
from apps.cluster.kubelet.inside import look
from apps.cluster.snapshot import Snapshot
from apps.diagrams import calls, wording
from apps.diagrams.narration import sentence
from apps.diagrams.views.node import machine_of

PODS = 60  # listed, oldest first
PROCESSES, IMAGES = 120, 50
CALLS = 40  # the latest first

Row = dict[str, Any]


def inside(
    snapshot: Snapshot,
    focus: str,
    lang: str,
    seconds: Callable[[int], str],
    address: Callable[[Step], str] = lambda step: str(step.revision),
    at: str = "",
) -> Row:
    """What stands on the machine chosen, and what its runtime was asked for. `address` says where a step is sought."""
    name = machine_of(snapshot, focus)
    node = snapshot.objects.get("nodes", {}).get(name)
    flavour = calls.flavour_of(node)
    notes = snapshot.internals.notes(name) if snapshot.internals is not None else []
    sandboxes = calls.standing(notes)
    fresh = {note.index for note in calls.now(notes, snapshot)}
    pods = snapshot.objects.get("pods", {})
    told = list(sandboxes.values())
    return {
        "node": name,
        "ref": f"nodes/{name}" if name else "",
        "at": at,
        "runtime": flavour.spoken,
        "version": flavour.runtime_version,
        "socket": flavour.socket,
        "machines": list(snapshot.machines),
        "pods": [_pod(one, pods.get(one.ref.partition("/")[2]), flavour, lang) for one in told[:PODS]],
        "more": max(len(told) - PODS, 0),
        "processes": _processes(snapshot, name),
        "images": _images(snapshot, name),
        "calls": [
            {**_call(note, lang, seconds, note.index in fresh), "at": address(note)}
            for note in reversed(notes[-CALLS:])
        ],
        "calls_more": max(len(notes) - CALLS, 0),
    }


def _processes(snapshot: Snapshot, node: str) -> list[Row]:
    """The tree as `ps --forest` prints it; of the API's own view, so that the past has one too."""
    tree = look(snapshot, node).processes
    if tree is None:
        return []
    return [
        {"pid": one.pid, "name": one.name, "depth": range(depth), "ref": one.ref, "container": one.container}
        for depth, one in tree.walk()
    ][:PROCESSES]


def _images(snapshot: Snapshot, node: str) -> list[Row]:
    return [{"name": name, "mib": f"{size / (1 << 20):.1f}"} for name, size in look(snapshot, node).images[:IMAGES]]


def _pod(sandbox: calls.Sandbox, pod: dict[str, Any] | None, flavour: calls.Flavour, lang: str) -> Row:
    return {
        "ref": sandbox.ref,
        "name": sandbox.ref.partition("/")[2].removeprefix("default/"),
        "gone": pod is None,
        "id": sandbox.id,
        "ip": sandbox.ip,
        "pause": sandbox.pause,
        "standing": sandbox.standing,
        "qos": calls.qos_of(pod) if pod is not None else "",
        "cgroup": calls.cgroup_of(pod, "", flavour) if pod is not None else "",
        "containers": [
            {
                "name": one.name,
                "id": one.id,
                "attempt": one.attempt,
                "state": one.state,
                "word": wording.say(lang, f"figure.container-{one.state}"),
                "code": one.code if one.state == calls.EXITED else "",
                "monitor": flavour.monitor,
            }
            for one in sandbox.containers.values()
        ],
    }


def _call(note: Step, lang: str, seconds: Callable[[int], str], fresh: bool) -> Row:
    return {
        "revision": note.revision,
        "time": seconds(note.time_ms),
        "who": note.component,
        "verb": note.verb,
        "text": sentence(note, lang),
        "now": fresh,
    }
