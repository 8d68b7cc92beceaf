"""How a Pod's life on a node ends: by itself, by deletion, by a deadline, or because the API server forgot it.

Models      pkg/kubelet/kubelet.go (SyncTerminatingPod, SyncTerminatedPod), pkg/kubelet/active_deadline.go,
            pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer), kuberuntime_termination_order.go
Leaves out  sidecars among themselves stop together, not in reverse order; a Pod's last two status writes are one
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet.container_status import EXITED
from apps.cluster.kubelet.containers import NORMAL
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker

if TYPE_CHECKING:
    from apps.cluster.kubelet.pod_workers import PodWorkers

Obj = dict[str, Any]

CLEANUP_MS = 400  # from the last container's end to a stopped sandbox
PAST_DEADLINE = "Pod was active on the node longer than the specified deadline"


def finished(worker: PodWorker) -> bool:
    """Nothing of it will run again: its own containers have ended for good, or an init container has failed."""
    regular_done = True
    for c in worker.containers:
        if c.sidecar:
            continue
        if c.init:
            if c.step == stage.DONE and not c.completed:
                return True
        elif c.step != stage.DONE:
            regular_done = False
    return regular_done


def begin_finish(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """The Pod's own containers have ended: let what still runs (sidecars) go too, then its sandbox."""
    grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
    takes = 0
    for c in worker.containers:
        if c.running:
            takes = max(takes, node.containers.stop(pod, c, f"Stopping container {c.name}", grace))
    _settle(worker, stage.FINISHING, node.engine.now_ms + takes + CLEANUP_MS)


def finish(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """It has come to its end by itself: Succeeded or Failed."""
    _end_running(node, worker, pod)
    node.runtime.stop_pod_sandbox(pod)
    worker.address = None
    node.report(worker, pod, terminal=True)
    node.drop(worker)


def past_deadline(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """`activeDeadlineSeconds` are over."""
    node.recorder.event(pod, NORMAL, "DeadlineExceeded", PAST_DEADLINE)
    worker.evicted = ("DeadlineExceeded", PAST_DEADLINE)
    begin_finish(node, worker, pod)


def begin_termination(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """Its deletion was asked for: stop what runs, the sidecars last."""
    grace = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    running = [c for c in worker.containers if c.running]
    own = 0
    for c in running:
        if not c.sidecar:
            own = max(own, node.containers.stop(pod, c, f"Stopping container {c.name}", grace))
    last = own
    for c in running:
        if c.sidecar:
            takes = node.containers.stop(pod, c, f"Stopping container {c.name}", grace, after_ms=own)
            last = max(last, takes)
    _settle(worker, stage.TERMINATING, node.engine.now_ms + last)


def hasten(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """The grace may have been shortened meanwhile."""
    grace = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    worker.due_ms = min(worker.due_ms, node.engine.now_ms + grace * 1000)


def finish_termination(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """Everything has stopped: say so, and let the API server remove the object."""
    _end_running(node, worker, pod)
    if worker.address is not None:
        node.runtime.stop_pod_sandbox(pod)
        node.runtime.remove_pod_sandbox(pod)
        worker.address = None
    if any(c.attempts for c in worker.containers):
        node.report(worker, pod, terminal=True)
    node.drop(worker)
    node.delete(pod)


def gone(node: PodWorkers, worker: PodWorker) -> None:
    """The API server no longer has it (a forced deletion, another of the same name): whatever runs is stopped."""
    namespace, _, name = worker.key.partition("/")
    shell = {"metadata": {"namespace": namespace, "name": name, "uid": worker.uid}, "spec": worker.spec}
    for c in worker.containers:
        if c.running:
            node.runtime.stop_container(shell, c.name, c.attempts[0], 0)
    if worker.address is not None:
        node.runtime.stop_pod_sandbox(shell)
        node.runtime.remove_pod_sandbox(shell)
    node.drop(worker)


def _settle(worker: PodWorker, what: str, due_ms: int) -> None:
    """No container takes turns of its own any more."""
    for c in worker.containers:
        c.due_ms = NEVER
        c.probes = {}
    worker.stage = what
    worker.deadline_ms = NEVER
    worker.due_ms = due_ms


def _end_running(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    for c in worker.containers:
        c.reason = None
        if c.running:
            c.step = stage.STOPPING
            node.containers.ended(worker, pod, c)
        elif c.attempts and c.attempts[0].state != EXITED:
            c.attempts = c.attempts[1:]  # created, never started
