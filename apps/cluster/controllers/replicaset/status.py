"""A ReplicaSet's status: five counts and the ReplicaFailure condition.

Models      pkg/controller/replicaset/replica_set_utils.go
Leaves out  nothing
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery import conditions, selectors, timestamps
from apps.cluster.apimachinery.meta import Obj, labels_of
from apps.cluster.controllers.pod_helpers import is_pod_available, ready_condition

REPLICA_FAILURE = "ReplicaFailure"


def calculate_status(
    replica_set: Obj, active: Sequence[Obj], terminating: int, failure: str | None, now_ms: int
) -> Obj:
    """The status to report, without observedGeneration.

    `active` are the Pods there were before this turn created or deleted any; `terminating` counts those being deleted;
    `failure` is what the API server said when it refused, None when it refused nothing. Counts of 0 are left
    out, but for `replicas` and `terminatingReplicas`.
    """
    spec = replica_set["spec"]
    template_labels = selectors.from_map(labels_of(spec["template"]))
    min_ready = spec.get("minReadySeconds", 0)
    labelled = ready = available = 0
    last: Any = replica_set  # Pods of one template share their labels: most are matched by a look at the last
    matching = False
    for pod in active:
        labels = pod["metadata"].get("labels")
        if labels is not last:
            last, matching = labels, template_labels.matches(labels)
        if matching:
            labelled += 1
        condition = ready_condition(pod)
        if condition is not None and condition["status"] == "True":
            ready += 1
            if min_ready == 0 or is_pod_available(pod, min_ready, now_ms):
                available += 1
    status: Obj = {"replicas": len(active)}
    if labelled:
        status["fullyLabeledReplicas"] = labelled
    if ready:
        status["readyReplicas"] = ready
    if available:
        status["availableReplicas"] = available
    status["terminatingReplicas"] = terminating
    listed = _conditions(replica_set, len(active), failure, now_ms)
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
