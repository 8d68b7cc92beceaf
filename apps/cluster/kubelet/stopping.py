"""Stopping containers: hooks, signals, and whose turn it is.

Models      pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer, killContainersWithSyncResult),
            kuberuntime_termination_order.go
Leaves out  stop signals other than SIGTERM (ContainerStopSignals is off by default)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.cluster.kubelet import hooks
from apps.cluster.kubelet import pod_worker as step
from apps.cluster.kubelet.pod_worker import NEVER, Container

if TYPE_CHECKING:
    from apps.cluster.kubelet.containers import ContainerManager

Obj = dict[str, Any]

MINIMUM_GRACE_S = 2  # every container gets this long, whatever it was given
SIGKILL_CODE, SIGTERM_CODE = 137, 143  # what a shell says of a process that a signal ended


@dataclass(frozen=True, slots=True)
class Stop:
    """One container's way to its end, in ms from the moment the Pod is told to stop."""

    name: str
    signal_ms: int  # when StopContainer is called: SIGTERM
    end_ms: int
    grace_s: int  # what StopContainer is given
    killed: bool  # it had to be SIGKILL


@dataclass(frozen=True, slots=True)
class Ending:
    """What a plan has to know of a running container. `own_ms`: from SIGTERM to its end, -1 = it ignores that."""

    name: str
    sidecar: bool
    hook_ms: int
    own_ms: int


def plan(running: Sequence[Ending], grace_s: int, *, ordered: bool) -> list[Stop]:
    """When each container is asked to end and when it does. `running` in the order of the spec, init containers first.

    Hooks begin at once. Then, in a Pod with sidecars, a sidecar waits for the containers that are none and for the
    sidecars started after it, as long as its grace lasts.

    >>> web, log = Ending("web", False, 0, 600), Ending("log", True, 0, 600)
    >>> [(stop.name, stop.signal_ms, stop.end_ms) for stop in plan([log, web], 30, ordered=True)]
    [('web', 0, 600), ('log', 600, 1200)]
    """
    out: list[Stop] = []
    main_end = last_sidecar_end = 0
    first = [one for one in running if not one.sidecar]
    for one in [*first, *(other for other in reversed(running) if other.sidecar)]:
        hook_ms = min(one.hook_ms, grace_s * 1000) if grace_s > 0 else 0
        left_s = grace_s - hook_ms // 1000
        at = hook_ms
        if ordered and one.sidecar and left_s > 0:
            turn = min(max(at, main_end, last_sidecar_end), at + left_s * 1000)
            left_s -= (turn - at) // 1000
            at = turn
        left_s = max(left_s, MINIMUM_GRACE_S)
        killed = one.own_ms < 0 or one.own_ms > left_s * 1000
        end = at + (left_s * 1000 if killed else one.own_ms)
        out.append(Stop(one.name, at, end, left_s, killed))
        if one.sidecar:
            last_sidecar_end = max(last_sidecar_end, end)
        else:
            main_end = max(main_end, end)
    return out


def ending_of(pod: Obj, c: Container) -> Ending:
    image = c.behaves(pod)
    return Ending(c.name, c.sidecar, hooks.pre_stop_ms(c.spec), -1 if image.ignores_sigterm else image.stop_ms)


def stop(manager: ContainerManager, pod: Obj, c: Container, message: str, grace_s: int, *, again: bool = False) -> int:
    """Stop one container by itself. Gives the ms it takes. `again`: the same sync is to start it anew."""
    (way,) = plan([ending_of(pod, c)], grace_s, ordered=False)
    c.replaced = again
    return _set_out(manager, pod, c, way, message)


def stop_all(manager: ContainerManager, pod: Obj, containers: Sequence[Container], grace_s: int) -> int:
    """Stop everything that runs, sidecars last and in reverse order. Gives the ms it takes."""
    running = [c for c in containers if c.running]
    by_name = {c.name: c for c in running}
    ordered = any(c.sidecar for c in containers)
    takes = 0
    for way in plan([ending_of(pod, c) for c in running], grace_s, ordered=ordered):
        c = by_name[way.name]
        takes = max(takes, _set_out(manager, pod, c, way, f"Stopping container {c.name}"))
    return takes


def _set_out(manager: ContainerManager, pod: Obj, c: Container, way: Stop, message: str) -> int:
    """Say that it is being killed, and why; its turn for SIGTERM comes when its hook and its elders are done."""
    manager.tell(pod, c, "Normal", "Killing", message)
    now = manager.now_ms
    c.probes = {}
    # A server ends well when it is asked to. A program with an end of its own has not come to it.
    asked = SIGTERM_CODE if c.behaves(pod).ends_after_ms >= 0 else 0
    c.attempts[0].exit_code = SIGKILL_CODE if way.killed else asked
    c.stop = (now + way.end_ms, way.grace_s)
    if hooks.fails(hooks.hook(c.spec, hooks.PRE_STOP)):
        manager.tell(pod, c, "Warning", "FailedPreStopHook", "PreStopHook failed")
    if way.signal_ms:
        c.step, c.due_ms = step.STOP_WAITING, now + way.signal_ms
    else:
        signal(manager, pod, c)
    return way.end_ms


def signal(manager: ContainerManager, pod: Obj, c: Container) -> None:
    """StopContainer: SIGTERM now, SIGKILL when the grace is over."""
    end_ms, grace_s = c.stop
    manager.runtime.stop_container(pod, c.name, c.attempts[0], grace_s)
    c.step, c.due_ms = step.STOPPING, end_ms


def hasten(containers: Sequence[Container], latest_ms: int) -> None:
    """The grace was shortened: whatever would still run then is killed."""
    for c in containers:
        if c.step in (step.STOP_WAITING, step.STOPPING) and c.stop[0] > latest_ms:
            c.attempts[0].exit_code = SIGKILL_CODE
            c.stop = (latest_ms, 0)
            if c.step == step.STOPPING or c.due_ms > latest_ms:
                c.due_ms = latest_ms


def forget(c: Container) -> None:
    """Nothing of what was planned for it holds any more."""
    c.due_ms = NEVER
    c.probes = {}
