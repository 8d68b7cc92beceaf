"""Numbers of a Deployment: sums over its ReplicaSets, and what maxSurge and maxUnavailable come to.

Models      pkg/controller/deployment/util/deployment_util.go
Leaves out  nothing

All pure. `spec.replicas` is what was asked of a ReplicaSet, `status` what its controller last reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from apps.cluster.apimachinery import intstr
from apps.cluster.apimachinery.meta import Obj

UNLIMITED = 2**31 - 1  # what upstream reads as "no limit" in revisionHistoryLimit and progressDeadlineSeconds


def size(obj: Obj) -> int:
    """`spec.replicas` of a Deployment or ReplicaSet."""
    replicas: int = obj["spec"].get("replicas", 1)
    return replicas


def reported(replica_set: Obj, field: str) -> int:
    """A count of the ReplicaSet's status; what is absent is 0."""
    count: int = (replica_set.get("status") or {}).get(field, 0)
    return count


def replica_count(replica_sets: Iterable[Obj]) -> int:
    """How many Pods were asked for in all."""
    return sum(size(replica_set) for replica_set in replica_sets)


def reported_count(replica_sets: Iterable[Obj], field: str) -> int:
    """The sum of one status count, such as "readyReplicas"."""
    return sum(reported(replica_set, field) for replica_set in replica_sets)


def terminating_count(replica_sets: Iterable[Obj]) -> int | None:
    """Pods still terminating; None when a ReplicaSet that was seen to does not say."""
    total = 0
    for replica_set in replica_sets:
        status = replica_set.get("status") or {}
        count = status.get("terminatingReplicas")
        if count is None:
            if not status.get("observedGeneration"):
                continue  # its controller has not looked at it yet
            return None
        total += count
    return total


def active(replica_sets: Iterable[Obj]) -> list[Obj]:
    """Those asked for at least one Pod."""
    return [replica_set for replica_set in replica_sets if size(replica_set) > 0]


def by_creation(replica_set: Obj) -> tuple[str, str]:
    """Sort key: the oldest first, then by name. Timestamps of one form sort as text."""
    metadata = replica_set["metadata"]
    return metadata.get("creationTimestamp") or "", metadata["name"]


def is_rolling_update(deployment: Obj) -> bool:
    kind: str = (deployment["spec"].get("strategy") or {}).get("type", "RollingUpdate")
    return kind == "RollingUpdate"


def resolve_fenceposts(max_surge: Any, max_unavailable: Any, desired: int) -> tuple[int, int]:
    """maxSurge, rounded up, and maxUnavailable, rounded down, in Pods; never both 0, or nothing could move.

    >>> resolve_fenceposts("25%", "25%", 10), resolve_fenceposts("0%", "0%", 3)
    ((3, 2), (0, 1))
    """
    surge = intstr.scaled(0 if max_surge is None else max_surge, desired, True)
    unavailable = intstr.scaled(0 if max_unavailable is None else max_unavailable, desired, False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _fenceposts(deployment: Obj) -> tuple[int, int]:
    rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
    return resolve_fenceposts(rolling.get("maxSurge"), rolling.get("maxUnavailable"), size(deployment))


def max_surge(deployment: Obj) -> int:
    """Pods that a rollout may have beyond `spec.replicas`."""
    return _fenceposts(deployment)[0] if is_rolling_update(deployment) else 0


def max_unavailable(deployment: Obj) -> int:
    """Pods that a rollout may be short of `spec.replicas`."""
    if not is_rolling_update(deployment) or size(deployment) == 0:
        return 0
    return min(_fenceposts(deployment)[1], size(deployment))


def new_replica_set_size(deployment: Obj, replica_sets: Sequence[Obj], current: int) -> int:
    """How large the new ReplicaSet may be now, `current` being its size (NewRSNewReplicas).

    A rolling update fills up to replicas + maxSurge in all; Recreate takes everything at once.
    """
    wanted = size(deployment)
    if not is_rolling_update(deployment):
        return wanted
    rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
    # As upstream: here maxSurge alone is scaled, and the fencepost rule does not apply.
    surge = intstr.scaled(rolling.get("maxSurge", 0), wanted, True)
    room = wanted + surge - replica_count(replica_sets)
    return current if room <= 0 else current + min(room, wanted - current)


def has_revision_history_limit(deployment: Obj) -> bool:
    limit: int = deployment["spec"].get("revisionHistoryLimit", UNLIMITED)
    return limit != UNLIMITED


def has_progress_deadline(deployment: Obj) -> bool:
    deadline: int = deployment["spec"].get("progressDeadlineSeconds", UNLIMITED)
    return deadline != UNLIMITED


def is_disposable(replica_set: Obj) -> bool:
    """Whether an old ReplicaSet has no Pods, is asked for none, and its controller knows."""
    generation = replica_set["metadata"].get("generation", 0)
    return (
        reported(replica_set, "replicas") == 0
        and size(replica_set) == 0
        and generation <= reported(replica_set, "observedGeneration")
    )
