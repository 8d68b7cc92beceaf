"""A ReplicaSet's status: five counts and the ReplicaFailure condition.

Models      pkg/controller/replicaset/replica_set_utils.go
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.controllers.replicaset.census import Census

REPLICA_FAILURE = "ReplicaFailure"


def calculate_status(replica_set: Obj, census: Census, failure: str | None, now_ms: int) -> Obj:
    """The status to report, without observedGeneration.

    `census` is of the Pods there were before this turn created or deleted any; `failure` is what the API server said
    when it refused, None when it refused nothing. Counts of 0 are left out, but for `replicas` and
    `terminatingReplicas`.
    """
    status: Obj = {"replicas": census.pods}
    if census.labelled:
        status["fullyLabeledReplicas"] = census.labelled
    if census.ready:
        status["readyReplicas"] = census.ready
    if census.available:
        status["availableReplicas"] = census.available
    status["terminatingReplicas"] = census.terminating
    listed = _conditions(replica_set, census.pods, failure, now_ms)
    if listed:
        status["conditions"] = listed
    return status


def _conditions(replica_set: Obj, pods: int, failure: str | None, now_ms: int) -> list[Obj]:
    """ReplicaFailure is set by the first failure, kept as it is by more of them, removed by a turn without."""
    listed: list[Obj] = (replica_set.get("status") or {}).get("conditions") or []
    present = conditions.find(listed, REPLICA_FAILURE) is not None
    if failure is None:
        return conditions.without(listed, REPLICA_FAILURE) if present else listed
    if present:
        return listed
    surplus = pods - replica_set["spec"].get("replicas", 1)
    reason = "FailedCreate" if surplus < 0 else "FailedDelete" if surplus > 0 else ""
    new = {
        "type": REPLICA_FAILURE,
        "status": "True",
        "lastTransitionTime": timestamps.format_ms(now_ms),
        "reason": reason,
        "message": failure,
    }
    return [*listed, new]
