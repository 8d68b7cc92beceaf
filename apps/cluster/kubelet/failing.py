"""What may befall a node's own programs: the kubelet, the container runtime, a static Pod's process, the way to an API.

Models      systemd (kubelet.service, crio.service: Restart, RestartSec=10), pkg/kubelet/kubelet.go (updateRuntimeUp,
            syncLoop), pkg/kubelet/status/status_manager.go (what could not be reported is reported later)
Leaves out  a container that ends while no kubelet runs is found ended when one starts, not at its own instant
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet import stopping
from apps.cluster.kubelet.pod_worker import NEVER, Container, PodWorker

if TYPE_CHECKING:
    from apps.cluster.kubelet.kubelet import Kubelet

Obj = dict[str, Any]

RUNTIME_DOWN_MS = 30_000  # without an answer of the runtime for so long, the node is not ready
PLEG_MS = 180_000  # without a look at the containers for so long, the PLEG is not healthy
KILLED = 137  # what a shell says of a process that SIGKILL ended


def system_pod(kubelet: Kubelet, process: str) -> PodWorker | None:
    """The worker of the Pod that runs a system component here."""
    return next((worker for worker in kubelet.workers.workers.values() if worker.process == process), None)


def end_process(kubelet: Kubelet, process: str, code: int) -> bool:
    """The component's container ends by itself with an exit code; its kubelet starts it again as it would any other.

    False: nothing of it runs here.
    """
    worker = system_pod(kubelet, process)
    ended = False
    for c in worker.containers if worker is not None else ():
        if c.running and not c.init:
            c.attempts[0].exit_code = code
            c.step, c.due_ms = stage.STOPPING, kubelet.now_ms
            c.probes = {}
            ended = True
    if ended and worker is not None:
        worker.told = False
        kubelet.wake(worker.key)
    return ended


def break_process(kubelet: Kubelet, process: str) -> None:
    """Its program cannot work on this machine any more: it ends, and so does each that its kubelet starts for it."""
    kubelet.workers.containers.broken[process] = None
    end_process(kubelet, process, KILLED)


def mend_process(kubelet: Kubelet, process: str) -> None:
    """It can work again, and is started at once, whatever its kubelet would have waited for."""
    kubelet.workers.containers.broken.pop(process, None)
    worker = system_pod(kubelet, process)
    if worker is None:
        return
    kubelet.workers.containers.crashes.forget(f"{worker.uid}/")
    for c in worker.containers:
        if c.step in (stage.CRASHED, stage.CRASH_BACKOFF):
            c.due_ms = kubelet.now_ms
            kubelet.wake(worker.key)


def fail_liveness(kubelet: Kubelet, process: str, message: str) -> None:
    """Its liveness probe has failed once too often: the container is stopped, and started again."""
    worker = system_pod(kubelet, process)
    pod = kubelet.pod_of(worker) if worker is not None else None
    if worker is None or pod is None:
        return
    for c in worker.containers:
        if c.running and not c.init and c.step == stage.UP:
            stopping.stop(kubelet.workers.containers, pod, c, message.format(c.name), _grace(pod, c), again=True)
            kubelet.wake(worker.key)


def _grace(pod: Obj, c: Container) -> int:
    probe = c.spec.get("livenessProbe") or {}
    return int(probe.get("terminationGracePeriodSeconds") or pod["spec"].get("terminationGracePeriodSeconds", 30))


def runtime_error(kubelet: Kubelet) -> str:
    """What the Ready condition says of a runtime that does not answer; "" when it does, or has not been missed yet."""
    down = kubelet.now_ms - kubelet.runtime_down_ms
    if kubelet.runtime_down_ms == NEVER or down < RUNTIME_DOWN_MS:
        return ""
    if down < PLEG_MS:
        return "container runtime is down"
    seconds = f"{down // 60_000}m{down % 60_000 // 1000}s"
    return (
        f"[container runtime is down, PLEG is not healthy: pleg was last seen active {seconds} ago; threshold is 3m0s]"
    )
