"""How a Pod's life on a node begins: admission, what it needs, its sandbox.

Models      pkg/kubelet/kubelet.go (HandlePodAdditions, rejectPod), pkg/kubelet/volumemanager (WaitForAttachAndMount),
            pkg/kubelet/kuberuntime/kuberuntime_sandbox.go (createPodSandbox), pkg/kubelet/pod_workers.go (completeWork)
Leaves out  sandboxes that fail for other reasons than their network
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.kubelet import admission, attaching, resources
from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet.containers import WARNING
from apps.cluster.kubelet.cri import SandboxError
from apps.cluster.kubelet.criticality import is_critical
from apps.cluster.kubelet.needs import missing_volume
from apps.cluster.kubelet.pod_worker import NEVER, PodWorker

if TYPE_CHECKING:
    from apps.cluster.kubelet.pod_workers import PodWorkers

Obj = dict[str, Any]

SANDBOX_CHANGED = "Pod sandbox changed, it will be killed and re-created."
SANDBOX_MS = 260
SANDBOX_SPREAD_MS = 240
BACK_OFF_MS = 10_000  # backOffPeriod: from a sync that failed to the next …
BACK_OFF_SPREAD_MS = 5_000  # … and up to half as much again
MOUNT_RETRY_MS = 500
MOUNT_RETRY_MAX_MS = 122_000
NETWORK_NOT_READY = (
    "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: No CNI configuration file in /etc/cni/net.d/. "
    "Has your network provider started?"
)


def admit(node: PodWorkers, key: str, pod: Obj, *, static: bool) -> PodWorker | None:
    """Take the Pod on and report it Pending, or turn it away (None)."""
    wanted = resources.request(pod["spec"])
    refused = _objection(node, pod, wanted)
    if refused is not None:
        _refuse(node, pod, refused)
        return None
    now = node.engine.now_ms
    worker = PodWorker(key, pod, static=static)
    node.take(worker, wanted)
    worker.resources = resources.status_resources(pod["spec"])
    worker.process = _process_of(pod)
    worker.began_ms = now
    seconds = pod["spec"].get("activeDeadlineSeconds")
    if seconds:
        worker.deadline_ms = now + seconds * 1000
    before = pod["status"].get("containerStatuses")
    if before:  # it ran here before the machine was switched off
        _remember(worker, [*before, *(pod["status"].get("initContainerStatuses") or ())])
        worker.again = True
    node.workers[key] = worker
    worker.due_ms = now
    node.report(worker, pod)
    return worker


def _objection(node: PodWorkers, pod: Obj, wanted: resources.Request) -> admission.Refusal | None:
    """The first thing that speaks against the Pod. A critical one pushes others off the node if it has to."""
    if node.shutting_down:
        return admission.Refusal(*admission.NODE_SHUTDOWN)
    refused = admission.under_pressure(pod, node.pressures) or admission.wrong_system(pod)
    if refused is not None:
        return refused
    asked = resources.named(wanted)
    found = admission.predicates(pod, asked, node.node_object(), node.room(pod))
    if not found:
        return None
    if not is_critical(pod):
        return found[0]
    others = [one for one in found if not one.resource]
    if others:
        return others[0]
    pushed = admission.victims(
        pod,
        [(other, resources.named(worker.request)) for worker, other in node.active()],
        {one.resource: one.missing for one in found},
    )
    if pushed is None:
        why = "no set of running pods found to reclaim resources"
        return admission.Refusal(
            "UnexpectedAdmissionError",
            f"Unexpected error while attempting to recover from admission failure: preemption: "
            f"error finding a set of pods to preempt: {why}",
        )
    for victim in pushed:
        node.evict(victim, "Preempting", admission.PREEMPTED, condition=admission.PREEMPTED_CONDITION)
    return None


def _remember(worker: PodWorker, statuses: list[Obj]) -> None:
    by_name = {status["name"]: status for status in statuses}
    for c in worker.containers:
        status = by_name.get(c.name)
        if status is not None:
            c.restarts = status["restartCount"] + ("running" in status["state"])


def _refuse(node: PodWorkers, pod: Obj, refused: admission.Refusal) -> None:
    node.recorder.event(pod, WARNING, refused.reason, refused.message)
    metadata = pod["metadata"]
    message = f"Pod was rejected: {refused.message}"
    rejected: Obj = {**pod["status"], "phase": "Failed", "reason": refused.reason, "message": message}
    rejected["startTime"] = format_ms(node.engine.now_ms)
    if metadata.get("generation"):
        rejected["observedGeneration"] = metadata["generation"]
    node.write({**pod, "status": rejected}, "kubelet.refuse", {"reason": refused.reason})


def _process_of(pod: Obj) -> str:
    """The system component that a Pod runs: its label `component` (static Pods) or `k8s-app`; "" for any other Pod."""
    metadata = pod["metadata"]
    if metadata.get("namespace") != "kube-system":
        return ""
    labels = metadata.get("labels") or {}
    return str(labels.get("component") or labels.get("k8s-app") or "")


def _attached(node: PodWorkers, worker: PodWorker, pod: Obj) -> bool:
    """Whether the volumes that have to be attached to the machine are. Its Node says first that they are needed."""
    if worker.attached is None:
        worker.attached = attaching.needed(pod, node.find)
        if worker.attached:
            node.wake(attaching.REPORT, attaching.until_report_ms(node.node, node.engine.now_ms))
    return not worker.attached or attaching.is_there(node.node_object(), worker.attached)


def make_sandbox(node: PodWorkers, worker: PodWorker, pod: Obj) -> bool:
    """One step towards the sandbox. True once it stands."""
    now = node.engine.now_ms
    if worker.due_ms == NEVER or worker.due_ms > now:
        return False
    if worker.stage == stage.MAKING_SANDBOX and worker.address is not None:
        worker.stage = stage.RUN
        worker.due_ms = NEVER
        return True
    if not pod["spec"].get("hostNetwork") and not node.network.ready(node.node):
        if worker.stage != stage.WAITING_FOR_NETWORK:
            worker.stage = stage.WAITING_FOR_NETWORK
            node.recorder.event(pod, WARNING, "NetworkNotReady", NETWORK_NOT_READY)
        worker.due_ms = NEVER  # PodWorkers.network_up makes it due
        return False
    if pod["spec"].get("volumes"):
        namespace = pod["metadata"]["namespace"]
        problem = missing_volume(pod, lambda resource, name: node.find(resource, namespace, name))
        if problem is None and not _attached(node, worker, pod):
            problem = ""
        if problem is not None:
            if problem:
                node.recorder.event(pod, WARNING, "FailedMount", problem)
            worker.stage = stage.WAITING_FOR_VOLUMES
            worker.due_ms = now + min(MOUNT_RETRY_MS << worker.tries, MOUNT_RETRY_MAX_MS)
            worker.tries += 1
            return False
    worker.stage = stage.MAKING_SANDBOX
    if worker.again and node.runtime.remembers_sandboxes:
        node.recorder.event(pod, "Normal", "SandboxChanged", SANDBOX_CHANGED)
    worker.again = False
    try:
        worker.address = node.runtime.run_pod_sandbox(pod, worker.sandboxes)
    except SandboxError as error:
        node.recorder.event(pod, WARNING, "FailedCreatePodSandBox", f"Failed to create pod sandbox: {error}")
        worker.again = node.runtime.keeps_failed_sandboxes
        worker.sandboxes += 1
        spread = crc32(f"{worker.uid}/{worker.sandboxes}".encode()) % BACK_OFF_SPREAD_MS
        worker.due_ms = now + BACK_OFF_MS + spread
        return False
    # No two sandboxes take equally long; how long this one does depends on the Pod alone.
    worker.due_ms = now + SANDBOX_MS + crc32(worker.uid.encode()) % SANDBOX_SPREAD_MS
    return False
