"""RollingUpdate: how far the new ReplicaSet may grow and the old ones must shrink, this turn.

Models      pkg/controller/deployment/rolling.go
Leaves out  nothing

Pure: each function gives the scalings in the order in which they are written, as (ReplicaSet, new size). One
turn either grows the new ReplicaSet or shrinks old ones, never both; the next turn sees what came of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.deployment.counts import (
    by_creation,
    max_unavailable,
    new_replica_set_size,
    replica_count,
    reported,
    reported_count,
    size,
)


class Scaling(NamedTuple):
    """One ReplicaSet, by its position in the list that was planned for, and the size to give it."""

    replica_set: Obj
    size: int


def reconcile_new(deployment: Obj, replica_sets: Sequence[Obj], new: Obj) -> int:
    """The size the new ReplicaSet should have; equal to its present one when nothing is to do."""
    wanted, current = size(deployment), size(new)
    if current >= wanted:
        return wanted
    return new_replica_set_size(deployment, replica_sets, current)


def reconcile_old(deployment: Obj, replica_sets: Sequence[Obj], old: Sequence[Obj], new: Obj) -> list[Scaling]:
    """What to take from the old active ReplicaSets without falling below the minimum available.

    Pods that are not available go first, from the oldest ReplicaSet on: they serve nobody, and left in place
    they could stop a rollout for good. Then as many available ones as the new ReplicaSet has made up for.
    A ReplicaSet may appear twice, once in each half.
    """
    if replica_count(old) == 0:
        return []
    minimum = size(deployment) - max_unavailable(deployment)
    new_unavailable = size(new) - reported(new, "availableReplicas")
    # Pods of the new ReplicaSet that are not available yet must not be counted on: when they fail, what is
    # taken away here would be missing.
    spare = replica_count(replica_sets) - minimum - new_unavailable
    if spare <= 0:
        return []
    oldest_first = sorted(old, key=by_creation)
    sizes = [size(replica_set) for replica_set in oldest_first]
    plan: list[Scaling] = []
    cleaned = 0
    for position, replica_set in enumerate(oldest_first):
        if cleaned >= spare:
            break
        unhealthy = sizes[position] - reported(replica_set, "availableReplicas")
        if sizes[position] == 0 or unhealthy == 0:
            continue
        take = min(spare - cleaned, unhealthy)
        if take < 0:
            return plan  # more available than asked for: its controller is behind; wait for it
        sizes[position] -= take
        cleaned += take
        plan.append(Scaling(replica_set, sizes[position]))
    available = reported_count(oldest_first, "availableReplicas") + reported(new, "availableReplicas")
    to_take = available - minimum
    for position, replica_set in enumerate(oldest_first):
        if to_take <= 0:
            break
        if sizes[position] == 0:
            continue
        take = min(sizes[position], to_take)
        sizes[position] -= take
        to_take -= take
        plan.append(Scaling(replica_set, sizes[position]))
    return plan
