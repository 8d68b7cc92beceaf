"""Resizing a Pod in place: other requests and limits for containers that go on running.

Models      pkg/kubelet/allocation/allocation_manager.go, pkg/kubelet/kuberuntime/kuberuntime_manager.go
            (computePodResizeAction, doPodResizeAction), pkg/kubelet/status/status_manager.go (resize conditions),
            pkg/kubelet/events/resize.go
Leaves out  memory limits below what is used already; static CPU and memory managers; swap
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.kubelet import admission, resources, stopping
from apps.cluster.kubelet.pod_worker import NEVER, Container, PodWorker

if TYPE_CHECKING:
    from apps.cluster.kubelet.pod_workers import PodWorkers

Obj = dict[str, Any]

ACTUATE_MS = 100  # from the allocation to UpdateContainerResources
RETRY_MS = 180_000  # retryDelay: when a resize that did not fit is looked at again, if nothing left the node before
PENDING, IN_PROGRESS = "PodResizePending", "PodResizeInProgress"
DEFERRED = "Deferred"


def consider(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """The spec may ask for other resources than the Pod was given: give them, if they fit."""
    wanted = asked(pod["spec"])
    if worker.given is None:
        worker.given = asked(worker.spec)
    if wanted == worker.given:
        worker.allocated = None
        worker.pending = None
        if worker.resize_ms != NEVER and not worker.in_progress:
            worker.resize_ms = NEVER
        return
    request = resources.request(pod["spec"])
    found = admission.predicates(pod, resources.named(request), node.node_object(), node.room(pod, worker))
    if found:
        _defer(node, worker, pod, found[0].message)
        return
    worker.allocated = None
    worker.pending = None
    worker.given = wanted
    node.take(worker, request)
    worker.resources = resources.status_resources(pod["spec"])
    generation = pod["metadata"].get("generation", 0)
    worker.in_progress = _condition(IN_PROGRESS, "", "", generation, format_ms(node.engine.now_ms))
    node.recorder.event(pod, "Normal", "ResizeStarted", f"Pod resize started: {summary(pod, generation)}")
    specs = {one["name"]: one for one in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]}
    for c in worker.containers:
        new = specs.get(c.name)
        if new is not None and not c.ephemeral and new is not c.spec:
            if c.running and new.get("resources") != c.spec.get("resources"):
                c.actuated = c.spec.get("resources") or {}
            c.spec = new
    worker.resize_ms = node.engine.now_ms + ACTUATE_MS


def _defer(node: PodWorkers, worker: PodWorker, pod: Obj, message: str) -> None:
    generation = pod["metadata"].get("generation", 0)
    before = worker.pending
    worker.pending = _condition(PENDING, DEFERRED, message, generation, format_ms(node.engine.now_ms), before)
    worker.allocated = _with_resources(pod["spec"], worker.given or {})
    worker.resize_ms = node.engine.now_ms + RETRY_MS
    if before is None or before.get("observedGeneration", 0) != generation:
        told = f"Pod resize {DEFERRED}: {summary(pod, generation, message)}"
        node.recorder.event(pod, "Warning", "ResizeDeferred", told)


def go_on(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """The runtime gives running containers what was allocated, or restarts those whose policy asks for it."""
    worker.resize_ms = NEVER
    if worker.pending is not None:
        consider(node, worker, pod)
        return
    grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
    for c in worker.containers:
        if c.actuated is None:
            continue
        if c.running and _restart_needed(c):
            message = f"Container {c.name} resize requires restart"
            stopping.stop(node.containers, pod, c, message, grace, again=True)
        elif c.running:
            node.runtime.update_container(pod, c.name, c.spec.get("resources") or {})
        c.actuated = None
        c.image = None
    if worker.in_progress is not None:
        generation = worker.in_progress.get("observedGeneration", 0)
        worker.in_progress = None
        node.recorder.event(pod, "Normal", "ResizeCompleted", f"Pod resize completed: {summary(pod, generation)}")


def retry(node: PodWorkers) -> None:
    """Something has left the node: what was deferred may fit now."""
    for worker in node.workers.values():
        if worker.pending is not None:
            worker.resize_ms = node.engine.now_ms
            node.wake(worker.key, 0)


def _restart_needed(c: Container) -> bool:
    """Whether `resizePolicy` wants the container restarted for what has changed."""
    before, after = c.actuated or {}, c.spec.get("resources") or {}
    for policy in c.spec.get("resizePolicy") or ():
        if policy.get("restartPolicy") != "RestartContainer":
            continue
        name = policy.get("resourceName")
        for kind in ("requests", "limits"):
            if (before.get(kind) or {}).get(name) != (after.get(kind) or {}).get(name):
                return True
    return False


def asked(spec: Obj) -> Obj:
    """What each container, and the Pod, asks for."""
    out: Obj = {}
    for kind in ("initContainers", "containers"):
        for container in spec.get(kind) or ():
            if container.get("resources"):
                out[container["name"]] = container["resources"]
    if spec.get("resources"):
        out[""] = spec["resources"]
    return out


def _with_resources(spec: Obj, given: Obj) -> Obj:
    """The spec with the resources that the Pod has been given."""
    out = dict(spec)
    for kind in ("initContainers", "containers"):
        if kind in spec:
            out[kind] = [{**one, "resources": given.get(one["name"], {})} for one in spec[kind]]
    if "resources" in spec or "" in given:
        out["resources"] = given.get("", {})
    return out


def _condition(type_: str, reason: str, message: str, generation: int, now: str, before: Obj | None = None) -> Obj:
    same = before is not None and before.get("reason", "") == reason
    out: Obj = {"type": type_}
    if generation:
        out["observedGeneration"] = generation
    out |= {
        "status": "True",
        "lastProbeTime": now,
        "lastTransitionTime": before["lastTransitionTime"] if before is not None and same else now,
    }
    if reason:
        out["reason"] = reason
    if message:
        out["message"] = message
    return out


def summary(pod: Obj, generation: int, error: str = "") -> str:
    """What Events tell of a resize: the resources of each container, as JSON."""
    spec = pod["spec"]
    out: Obj = {}
    for kind in ("initContainers", "containers"):
        if spec.get(kind):
            out[kind] = [{"name": one["name"], "resources": _sorted(one.get("resources") or {})} for one in spec[kind]]
    out["generation"] = generation
    if error:
        out["error"] = error
    return json.dumps(out, separators=(",", ":"), ensure_ascii=False)


def _sorted(requirements: Obj) -> Obj:
    """As Go prints ResourceRequirements: limits before requests, names in order."""
    return {kind: dict(sorted(requirements[kind].items())) for kind in ("limits", "requests") if requirements.get(kind)}
