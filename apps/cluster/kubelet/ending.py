"""How a Pod's life on a node ends: by itself, by deletion, by a deadline, by eviction, or forgotten by the API server.

Models      pkg/kubelet/kubelet.go (SyncTerminatingPod, SyncTerminatedPod), pkg/kubelet/active_deadline.go,
            pkg/kubelet/kuberuntime/kuberuntime_manager.go (KillPod), pkg/kubelet/status/status_manager.go
            (mergePodStatus: a phase turns terminal when nothing runs any more)
Leaves out  a Pod's last two status writes are one
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet import stopping
from apps.cluster.kubelet.container_status import EXITED
from apps.cluster.kubelet.containers import NORMAL
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker

if TYPE_CHECKING:
    from apps.cluster.kubelet.pod_workers import PodWorkers

Obj = dict[str, Any]

CLEANUP_MS = 100  # from the last container's end to a stopped sandbox
RETRY_MS = 10_000  # the status manager's syncPeriod: when what the API server did not take is tried again
PAST_DEADLINE = "Pod was active on the node longer than the specified deadline"


def finished(worker: PodWorker) -> bool:
    """Nothing of it will run again: its own containers have ended for good, or an init container has failed."""
    regular_done = True
    for c in worker.containers:
        if c.sidecar or c.ephemeral:
            continue
        if c.init:
            if c.step == stage.DONE and not c.completed:
                return True
        elif c.step != stage.DONE:
            regular_done = False
    return regular_done


def begin_finish(node: PodWorkers, worker: PodWorker, pod: Obj, grace_s: int | None = None) -> None:
    """The Pod's own containers have ended, or have to: let what still runs go too, then its sandbox."""
    grace = int(pod["spec"].get("terminationGracePeriodSeconds", 30)) if grace_s is None else grace_s
    stage_of(worker, stage.FINISHING)
    takes = stopping.stop_all(node.containers, pod, worker.containers, grace)
    worker.due_ms = node.engine.now_ms + takes + CLEANUP_MS


def finish(node: PodWorkers, worker: PodWorker, pod: Obj) -> bool:
    """It has come to its end: Succeeded or Failed. True once the API server knows."""
    end_running(node, worker, pod)
    if worker.address is not None:
        node.runtime.stop_pod_sandbox(pod)
        worker.address = None
    if node.report(worker, pod, terminal=True):
        node.drop(worker)
        return True
    worker.due_ms = node.engine.now_ms + RETRY_MS
    worker.untold = True
    return False


def past_deadline(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """`activeDeadlineSeconds` are over."""
    node.recorder.event(pod, NORMAL, "DeadlineExceeded", PAST_DEADLINE)
    worker.evicted = ("DeadlineExceeded", PAST_DEADLINE)
    begin_finish(node, worker, pod)


def begin_termination(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """Its deletion was asked for: stop what runs, the sidecars last."""
    grace = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    stage_of(worker, stage.TERMINATING)
    worker.due_ms = node.engine.now_ms + stopping.stop_all(node.containers, pod, worker.containers, grace)


def hasten(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """The grace may have been shortened meanwhile."""
    grace = int(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    latest = node.engine.now_ms + max(grace, 1) * 1000
    if worker.due_ms > latest and any(c.running for c in worker.containers):
        stopping.hasten(worker.containers, latest)
        worker.due_ms = latest


def finish_termination(node: PodWorkers, worker: PodWorker, pod: Obj) -> bool:
    """Everything has stopped: say so, and let the API server remove the object. True once it has."""
    end_running(node, worker, pod)
    if worker.address is not None:
        node.runtime.stop_pod_sandbox(pod)
        _remove(node, worker, pod)
        worker.address = None
    told = not any(c.attempts for c in worker.containers) or node.report(worker, pod, terminal=True)
    if told and node.delete(pod):
        node.drop(worker)
        return True
    worker.due_ms = node.engine.now_ms + RETRY_MS
    worker.untold = True
    return False


def leave(node: PodWorkers, worker: PodWorker) -> None:
    """The API server no longer has it (a forced deletion, another of the same name): what runs is asked to end.

    It goes on as an orphan under a key of its own; nobody hears of it any more.
    """
    namespace, _, name = worker.key.partition("/")
    metadata = {"namespace": namespace, "name": name, "uid": worker.uid}
    shell: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": worker.spec}
    if not any(c.running for c in worker.containers) or not node.running:
        gone(node, worker, shell)
        return
    if worker.stage not in (stage.TERMINATING, stage.FINISHING):
        stage_of(worker, stage.TERMINATING)
        grace = int(worker.spec.get("terminationGracePeriodSeconds", 30)) if worker.static else 0
        worker.due_ms = node.engine.now_ms + stopping.stop_all(node.containers, shell, worker.containers, grace)
    node.orphan(worker, shell)


def gone(node: PodWorkers, worker: PodWorker, shell: Obj) -> None:
    """An orphan's end."""
    end_running(node, worker, shell)
    if worker.address is not None:
        node.runtime.stop_pod_sandbox(shell)
        _remove(node, worker, shell)
    node.drop(worker)


def _remove(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    for c in worker.containers:
        for attempt in c.attempts:
            node.runtime.remove_container(pod, c.name, attempt)
    node.runtime.remove_pod_sandbox(pod)


def stage_of(worker: PodWorker, what: str) -> None:
    """No container takes turns of its own any more but for its end."""
    for c in worker.containers:
        c.due_ms = NEVER
        c.probes = {}
    worker.stage = what
    worker.deadline_ms = NEVER


def end_running(node: PodWorkers, worker: PodWorker, pod: Obj) -> None:
    """Whatever is still said to run has ended by now."""
    for c in worker.containers:
        c.reason = None
        if c.running:
            c.step = stage.STOPPING
            node.containers.ended(worker, pod, c)
        elif c.attempts and c.attempts[0].state != EXITED:
            c.attempts = c.attempts[1:]  # created, never started
        c.step, c.due_ms = stage.DONE, NEVER
