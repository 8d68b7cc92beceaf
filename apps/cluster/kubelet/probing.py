"""Probing one running container: which probes are due, what they find, what follows.

Models      pkg/kubelet/prober/worker.go (doProbe), prober_manager.go, kuberuntime_manager.go (computePodActions on
            failed probes), kuberuntime_container.go (setTerminationGracePeriod)
Leaves out  nothing of its own: probes.py says what is not asked
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apps.cluster.kubelet import probes, stopping
from apps.cluster.kubelet.images import Image
from apps.cluster.kubelet.phase import probe_failure_restarts
from apps.cluster.kubelet.pod_worker import Container, PodWorker

if TYPE_CHECKING:
    from apps.cluster.kubelet.containers import ContainerManager

Obj = dict[str, Any]


def begin(manager: ContainerManager, worker: PodWorker, pod: Obj, c: Container, image: Image) -> None:
    """Its process runs: the startup probe comes first, if there is one."""
    spec = c.spec
    started_ms = c.attempts[0].started_ms
    now = manager.now_ms
    if c.init and not c.sidecar:
        c.started = True
    elif "startupProbe" in spec:
        c.probes[probes.STARTUP] = probes.first_tick(spec["startupProbe"], started_ms, now)
    else:
        up(c, image, now)
    if c.probes:
        probe(manager, worker, pod, c)


def up(c: Container, image: Image, since_ms: int) -> None:
    """Its startup probe, if any, has passed: the others begin."""
    c.started = True
    started_ms = c.attempts[0].started_ms
    readiness = c.spec.get("readinessProbe")
    if readiness is None:
        c.ready = True
    else:
        c.probes[probes.READINESS] = probes.first_tick(readiness, started_ms, since_ms)
    liveness = c.spec.get("livenessProbe")
    if liveness is None:
        return
    if image.answer_ms and probes.too_late(image, liveness):
        c.probes[probes.LIVENESS] = probes.first_tick(liveness, started_ms, since_ms)
    elif image.sick_after_ms >= 0:
        sick_ms = max(since_ms, started_ms + image.sick_after_ms)
        c.probes[probes.LIVENESS] = probes.first_tick(liveness, started_ms, sick_ms)


def probe(manager: ContainerManager, worker: PodWorker, pod: Obj, c: Container) -> None:
    """The probes that are due. What keeps passing is not asked again."""
    now = manager.now_ms
    image = c.behaves(pod)
    started_ms = c.attempts[0].started_ms
    for kind in (probes.STARTUP, probes.READINESS, probes.LIVENESS):
        due = c.probes.get(kind)
        if due is None or due > now:
            continue
        spec = c.spec[probes.FIELDS[kind]]
        if probes.outcome(kind, image, started_ms, now, spec) == probes.SUCCESS:
            _passed(c, image, kind, spec, now)
        elif _failed(manager, worker, pod, c, kind, spec, late=bool(image.answer_ms) and probes.too_late(image, spec)):
            return


def _passed(c: Container, image: Image, kind: str, spec: Mapping[str, Any], now: int) -> None:
    run = min(c.failures.get(kind, 0), 0) - 1  # successes in a row count downwards
    c.failures[kind] = run
    if -run < probes.success_threshold(spec):
        c.probes[kind] = now + probes.period_ms(spec)
        return
    del c.probes[kind]
    if kind == probes.STARTUP:
        up(c, image, now)
        if c.probes.get(probes.READINESS) == now:
            readiness = c.spec["readinessProbe"]
            if probes.outcome(probes.READINESS, image, c.attempts[0].started_ms, now, readiness) == probes.SUCCESS:
                _passed(c, image, probes.READINESS, readiness, now)
    elif kind == probes.READINESS:
        c.ready = True


def _failed(
    manager: ContainerManager,
    worker: PodWorker,
    pod: Obj,
    c: Container,
    kind: str,
    spec: Mapping[str, Any],
    *,
    late: bool,
) -> bool:
    """A failure, told as an Event. True: it was one too many, the container is being stopped."""
    ports = {port["name"]: port["containerPort"] for port in c.spec.get("ports") or () if "name" in port}
    address = worker.address or manager.host_ip
    manager.tell(pod, c, "Warning", "Unhealthy", probes.failed_message(kind, spec, address, ports, late=late))
    run = max(c.failures.get(kind, 0), 0) + 1
    c.failures[kind] = run
    if kind != probes.READINESS and run >= probes.failure_threshold(spec):
        restart = probe_failure_restarts(c.spec, pod["spec"].get("restartPolicy"))
        message = probes.restart_message(kind, c.name, sidecar=c.sidecar, restart=restart)
        stopping.stop(manager, pod, c, message, grace_s(pod, spec), again=True)
        return True
    c.probes[kind] = manager.now_ms + probes.period_ms(spec)
    return False


def grace_s(pod: Obj, probe_spec: Mapping[str, Any]) -> int:
    """How long a container may take to end after a failed probe: the probe's own word, else the Pod's."""
    own = probe_spec.get("terminationGracePeriodSeconds")
    return int(own if own is not None else pod["spec"].get("terminationGracePeriodSeconds", 30))
