"""Graceful shutdown of a node: its Pods are stopped before the machine is, those that matter most last.

Models      pkg/kubelet/nodeshutdown/nodeshutdown_manager.go
Leaves out  systemd's inhibitor lock; groups by priority class (shutdownGracePeriodByPodPriority)
"""

from __future__ import annotations

from typing import Any, Protocol

from apps.cluster.kubelet import ending
from apps.cluster.kubelet import pod_worker as stage
from apps.cluster.kubelet.criticality import is_critical
from apps.cluster.kubelet.pod_worker import PodWorker
from apps.cluster.kubelet.pod_workers import PodWorkers

Obj = dict[str, Any]

REASON = "Terminated"
MESSAGE = "Pod was terminated in response to imminent node shutdown."
CRITICAL_S = 10  # shutdownGracePeriodCriticalPods: kept back for Pods with a critical priority


class Teller(Protocol):
    def shutting_down(self) -> None: ...
    def wake(self, key: str, delay_ms: int) -> None: ...


def begin(workers: PodWorkers, kubelet: Teller, grace_s: int) -> int:
    """Stop every Pod within `grace_s`. Gives the ms until all have ended."""
    workers.shutting_down = True
    kubelet.shutting_down()
    for_critical = min(CRITICAL_S, grace_s // 2)
    takes = 0
    for worker, pod in list(workers.active()):
        allowed = for_critical if is_critical(pod) else grace_s - for_critical
        takes = max(takes, _stop(workers, kubelet, worker, pod, allowed))
    return takes


def _stop(workers: PodWorkers, kubelet: Teller, worker: PodWorker, pod: Obj, allowed_s: int) -> int:
    own = int(pod["spec"].get("terminationGracePeriodSeconds", 30))
    worker.evicted = (REASON, MESSAGE)
    worker.disruption = MESSAGE
    ending.begin_finish(workers, worker, pod, min(own, allowed_s))
    assert worker.stage == stage.FINISHING
    takes = worker.due_ms - workers.engine.now_ms
    kubelet.wake(worker.key, 0)
    return takes
