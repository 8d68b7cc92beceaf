"""Scaling a Deployment that is half-way through a rollout: every ReplicaSet takes its share.

Models      pkg/controller/deployment/sync.go (scale), util/deployment_util.go (GetReplicaSetProportion)
Leaves out  nothing

Giving all new Pods to the new ReplicaSet, or taking all from the old ones, would hurry a rollout that may
be failing. So the size each had, relative to what the Deployment was allowed before, is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from apps.cluster.apimachinery.meta import Obj, annotations_of
from apps.cluster.controllers.deployment.counts import active, by_creation, max_surge, replica_count, reported, size
from apps.cluster.controllers.deployment.revisions import DESIRED_REPLICAS, MAX_REPLICAS, count_of


def find_active_or_latest(new: Obj | None, old: Sequence[Obj]) -> Obj | None:
    """The one ReplicaSet that has Pods; if none has any, the new or else the youngest; None if several do."""
    youngest_first = sorted(old, key=by_creation, reverse=True)
    everyone = [*youngest_first, new] if new is not None else youngest_first
    with_pods = active(everyone)
    if not with_pods:
        return new or (youngest_first[0] if youngest_first else None)
    return with_pods[0] if len(with_pods) == 1 else None


def is_saturated(deployment: Obj, replica_set: Obj | None) -> bool:
    """Whether this ReplicaSet alone is all the Deployment asks for, and available."""
    if replica_set is None:
        return False
    wanted = size(deployment)
    return (
        size(replica_set) == wanted
        and annotations_of(replica_set).get(DESIRED_REPLICAS) == str(wanted)
        and reported(replica_set, "availableReplicas") == wanted
    )


def share(replica_set: Obj, deployment: Obj, to_add: int, added: int) -> int:
    """Replicas this ReplicaSet gains (or loses, below 0) of `to_add`, `added` of which are given already."""
    if size(replica_set) == 0 or to_add in (0, added):
        return 0
    fraction = _fraction(replica_set, deployment)
    allowed = to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)


def _fraction(replica_set: Obj, deployment: Obj) -> int:
    base = size(replica_set)
    if size(deployment) == 0:
        return -base
    before = count_of(replica_set, MAX_REPLICAS) or (deployment.get("status") or {}).get("replicas", 0)
    if not before:
        return 0  # nothing to be proportional to
    now = size(deployment) + max_surge(deployment)
    return floor(base * now / before + 0.5) - base


def proportional_sizes(deployment: Obj, replica_sets: Sequence[Obj]) -> list[tuple[Obj, int]]:
    """The size of each active ReplicaSet, in the order to write them: the largest first.

    What rounding leaves over goes to the largest. Among equals the youngest grows first, the oldest shrinks first.
    """
    replica_sets = active(replica_sets)
    allowed = size(deployment) + max_surge(deployment) if size(deployment) > 0 else 0
    to_add = allowed - replica_count(replica_sets)
    if to_add == 0:
        return [(replica_set, size(replica_set)) for replica_set in replica_sets]
    in_order = sorted(replica_sets, key=by_creation, reverse=to_add > 0)
    in_order.sort(key=size, reverse=True)  # stable: ties keep the order by age
    sizes: list[int] = []
    added = 0
    for replica_set in in_order:
        part = share(replica_set, deployment, to_add, added)
        sizes.append(size(replica_set) + part)
        added += part
    if sizes:
        sizes[0] = max(0, sizes[0] + to_add - added)
    return list(zip(in_order, sizes, strict=True))
