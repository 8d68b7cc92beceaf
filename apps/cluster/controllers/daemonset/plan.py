"""What one sync of a DaemonSet will do: Pods to create, Pods to delete, and the status that follows.

Models      pkg/controller/daemon/daemon_controller.go (podsShouldBeOnNode, manage, updateDaemonSetStatus),
            pkg/controller/daemon/update.go (rollingUpdate)
Leaves out  nothing that shows

Pure: no client, no clock. `pods_by_node` says which daemon Pods are on or meant for each node; nodes are taken in the
order given (upstream's maps have none).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from apps.cluster.apimachinery.intstr import scaled
from apps.cluster.apimachinery.meta import EMPTY, Obj, name_of
from apps.cluster.controllers.daemonset.placement import is_updated
from apps.cluster.controllers.pod_helpers import is_pod_available, is_pod_ready

PodsByNode = Mapping[str, Sequence[Obj]]


@dataclass(slots=True)
class Changes:
    """Nodes that need a Pod, Pods that must go; `failed` and `succeeded` are those of them that ended by themselves."""

    create: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)  # (Pod, node)
    succeeded: list[tuple[str, str]] = field(default_factory=list)
    retry_ms: int | None = None  # a failed Pod is kept for now: look again then


@dataclass(frozen=True, slots=True)
class Target:
    """What the sync works towards, worked out once."""

    min_ready_seconds: int
    hash: str
    generation: str | None
    surges: bool
    now_ms: int

    def updated(self, pod: Obj) -> bool:
        return is_updated(pod, self.hash, self.generation)

    def available(self, pod: Obj) -> bool:
        return is_pod_available(pod, self.min_ready_seconds, self.now_ms)


def surge_count(daemon_set: Obj, desired: int) -> int:
    """`maxSurge` in Pods, rounded up; 0 when the strategy is not RollingUpdate."""
    return _count(daemon_set, "maxSurge", desired)


def unavailable_count(daemon_set: Obj, desired: int) -> int:
    """`maxUnavailable` in Pods, rounded up; 0 when the strategy is not RollingUpdate."""
    return _count(daemon_set, "maxUnavailable", desired)


def _count(daemon_set: Obj, field_name: str, desired: int) -> int:
    strategy = daemon_set["spec"].get("updateStrategy") or EMPTY
    if strategy.get("type") != "RollingUpdate":
        return 0
    value = (strategy.get("rollingUpdate") or EMPTY).get(field_name)
    return 0 if value is None else scaled(value, desired, True)


def oldest_first(pod: Obj) -> tuple[bool, str, str]:
    """Sort key: on a node before still pending, then the older, then the name."""
    metadata = pod["metadata"]
    return (not pod["spec"].get("nodeName"), metadata["creationTimestamp"], metadata["name"])


def manage(
    nodes: Sequence[str],
    pods_by_node: PodsByNode,
    runs: Mapping[str, tuple[bool, bool]],
    target: Target,
    backoff: Callable[[str], int],
) -> Changes:
    """One Pod on each node that should have one, none elsewhere; a Pod that failed goes, after a back-off.

    `runs` is `node_should_run` by node. `backoff(node)` gives the milliseconds for which a failed Pod there must still
    be left alone, 0 when it may be deleted.
    """
    changes = Changes()
    known = set()
    for node in nodes:
        known.add(node)
        should_run, may_stay = runs[node]
        pods = pods_by_node.get(node)
        if should_run and pods is None:
            changes.create.append(node)
        elif may_stay:
            if pods is not None:
                _keep_one(node, pods, should_run, target, backoff, changes)
        elif pods is not None:
            changes.delete.extend(name_of(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"])
    for node, pods in pods_by_node.items():
        if node not in known:  # never scheduled, never will be: the Pod garbage collector does not look at those
            changes.delete.extend(name_of(pod) for pod in pods if not pod["spec"].get("nodeName"))
    return changes


def _keep_one(
    node: str,
    pods: Sequence[Obj],
    should_run: bool,
    target: Target,
    backoff: Callable[[str], int],
    changes: Changes,
) -> None:
    running = []
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        phase = pod["status"].get("phase")
        if phase == "Failed":
            wait = backoff(node)
            if wait:
                changes.retry_ms = wait if changes.retry_ms is None else min(wait, changes.retry_ms)
                continue
            changes.failed.append((name_of(pod), node))
            changes.delete.append(name_of(pod))
        elif phase == "Succeeded":
            changes.succeeded.append((name_of(pod), node))
            changes.delete.append(name_of(pod))
        else:
            running.append(pod)
    if len(running) <= 1:
        if target.surges and not running and should_run:
            changes.create.append(node)
        return
    running.sort(key=oldest_first)
    if not target.surges:
        changes.delete.extend(name_of(pod) for pod in running[1:])
        return
    new: Obj | None = None
    old: Obj | None = None
    for pod in running:
        if target.hash and is_updated(pod, target.hash, None):
            if new is None:
                new = pod
                continue
        elif old is None:
            old = pod
            continue
        changes.delete.append(name_of(pod))
    if new is not None and old is not None and (not is_pod_ready(old) or target.available(new)):
        changes.delete.append(name_of(old))


def _on_node(pods: Sequence[Obj], target: Target) -> tuple[Obj | None, Obj | None] | None:
    """The new and the old Pod of a node; None when there are two of a kind, which `manage` has to sort out first."""
    new: Obj | None = None
    old: Obj | None = None
    for pod in pods:
        if "deletionTimestamp" in pod["metadata"]:
            continue
        if target.updated(pod):
            if new is not None:
                return None
            new = pod
        else:
            if old is not None:
                return None
            old = pod
    return new, old


def replace_in_place(pods_by_node: PodsByNode, max_unavailable: int, target: Target) -> list[str]:
    """Old Pods to delete when nothing may surge; `manage` makes the new ones once they are gone.

    `pods_by_node` has an entry for every node that should run a Pod, an empty one too. Old Pods that are not available
    go at once; of the others as many as keep the unavailable ones within `max_unavailable`.
    """
    unavailable = 0
    free: list[str] = []
    candidates: list[str] = []
    for pods in pods_by_node.values():
        pair = _on_node(pods, target)
        if pair is None:
            unavailable += 1
            continue
        new, old = pair
        if (new is None) == (old is None):
            unavailable += 1  # none, being deleted, or both: not for us to decide
        elif new is not None:
            unavailable += not target.available(new)
        elif old is not None:
            if not target.available(old):
                free.append(name_of(old))
                unavailable += 1
            elif unavailable < max_unavailable:
                candidates.append(name_of(old))
    return free + candidates[: max(max_unavailable - unavailable, 0)]


def replace_by_surge(
    pods_by_node: PodsByNode,
    runs: Mapping[str, tuple[bool, bool]],
    max_surge: int,
    desired: int,
    target: Target,
) -> Changes:
    """New Pods beside old ones, at most `max_surge` at a time; an old Pod goes when its successor is available."""
    changes = Changes()
    candidates: list[str] = []
    sunset: list[str] = []  # old Pods on nodes that should have none any more
    surging = available = 0
    for node, pods in pods_by_node.items():
        pair = _on_node(pods, target)
        if pair is None:
            surging += 1
            continue
        new, old = pair
        elder = old if old is not None else new
        if elder is not None and target.available(elder):
            available += 1
        if old is None:
            continue
        if new is not None:
            if target.available(new):
                changes.delete.append(name_of(old))
            else:
                surging += 1
            continue
        should_run = runs[node][0]
        if not target.available(old):
            if should_run:
                changes.create.append(node)
            else:
                changes.delete.append(name_of(old))
        elif not should_run:
            sunset.append(name_of(old))
        elif surging < max_surge:
            candidates.append(node)
    changes.delete.extend(sunset[: max(available - desired, 0)])
    changes.create.extend(candidates[: max(max_surge - surging, 0)])
    return changes


def status_of(
    daemon_set: Obj,
    nodes: Sequence[str],
    pods_by_node: PodsByNode,
    runs: Mapping[str, tuple[bool, bool]],
    target: Target,
) -> Obj:
    """The status after the sync. Zero values that the API omits are left out."""
    desired = current = misscheduled = ready = updated = available = 0
    for node in nodes:
        pods = pods_by_node.get(node)
        if not runs[node][0]:
            misscheduled += bool(pods)
            continue
        desired += 1
        if not pods:
            continue
        current += 1
        pod = min(pods, key=oldest_first) if len(pods) > 1 else pods[0]
        if is_pod_ready(pod):
            ready += 1
            available += target.available(pod)
        updated += target.updated(pod)
    return _status(daemon_set, desired, current, misscheduled, ready, updated, available)


def calm_status(daemon_set: Obj, desired: int, ready: int, missing: int = 0) -> Obj:
    """The status when each of the `desired` nodes has one Pod of the present template, `ready` of them ready.

    `missing`: nodes that have none yet.
    """
    current = desired - missing
    return _status(daemon_set, desired, current, 0, ready, current, ready)


def _status(
    daemon_set: Obj, desired: int, current: int, misscheduled: int, ready: int, updated: int, available: int
) -> Obj:
    status: Obj = {
        "currentNumberScheduled": current,
        "numberMisscheduled": misscheduled,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        "observedGeneration": daemon_set["metadata"].get("generation", 0),
    }
    for name, count in (
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
    ):
        if count:
            status[name] = count
    collisions = (daemon_set.get("status") or EMPTY).get("collisionCount")
    if collisions is not None:
        status["collisionCount"] = collisions
    return status
