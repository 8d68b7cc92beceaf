"""What one turn of the ReplicaSet controller does about the number of Pods.

Models      pkg/controller/replicaset/replica_set.go (manageReplicas, slowStartBatch, getPodsToDelete)
Leaves out  nothing

Pure: no client, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.pod_helpers import is_pod_active, sort_by_deletion

BURST_REPLICAS = 500  # how many Pods one turn may create or delete
SLOW_START_INITIAL_BATCH_SIZE = 1


def missing(wanted: int, pods: int) -> int:
    """How many Pods this turn creates (above 0) or deletes (below 0).

    >>> missing(3, 1), missing(1, 3), missing(1000, 0)
    (2, -2, 500)
    """
    return max(-BURST_REPLICAS, min(BURST_REPLICAS, wanted - pods))


def slow_start_batches(count: int, initial: int = SLOW_START_INITIAL_BATCH_SIZE) -> Iterator[int]:
    """Batch sizes that double while nothing fails, so that a quota refuses a few Pods and not hundreds.

    >>> list(slow_start_batches(10))
    [1, 2, 4, 3]
    """
    size = min(count, initial)
    while size > 0:
        yield size
        count -= size
        size = min(2 * size, count)


def pods_to_delete(pods: Sequence[Obj], related: Iterable[Obj], count: int, now_ms: int) -> list[Obj]:
    """The `count` most expendable of `pods`.

    `related` are all Pods of the ReplicaSets of the same Deployment: a Pod that shares its node with more of them
    goes first, so that what is left is spread.
    """
    if count >= len(pods):
        return list(pods)
    on_node = Counter(pod["spec"].get("nodeName", "") for pod in related if is_pod_active(pod))
    ranks = [on_node[pod["spec"].get("nodeName", "")] for pod in pods]
    return sort_by_deletion(pods, ranks, now_ms)[:count]
