"""ReplicaSets: conditions, and whose Pod it is."""

from __future__ import annotations

from apps.cluster.apimachinery import conditions, timestamps
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.controllers.replicaset.census import count
from apps.cluster.controllers.replicaset.status import calculate_status
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import error_of, timeless, whole

NOW_MS = timestamps.parse("2026-11-23T09:00:00Z")


@adaptor("replicaset__replicaset__TestCalculateStatusConditions")
def the_replica_failure_condition(row: Row) -> None:
    replica_set = whole(row["replicaset"])
    census = count(replica_set, [whole(pod) for pod in row["activePods"] or ()], 0, NOW_MS)
    status = calculate_status(replica_set, census, error_of(row["manageReplicasErr"]) or None, NOW_MS)
    same(timeless(status.get("conditions", [])), timeless(row["expectedReplicaSetConditions"] or []))


@adaptor("replicaset__replicaset__TestGetCondition")
def find_condition(row: Row) -> None:
    same(conditions.find(row["status"].get("conditions"), row["condType"]) is not None, row["expected"])


@adaptor("replicaset__replicaset__TestRemoveCondition")
def remove_condition(row: Row) -> None:
    left = conditions.without(row["status"].get("conditions"), row["condType"])
    same(left, row["expectedStatus"].get("conditions", []))


@adaptor("replicaset__replicaset__TestPodControllerLookup")
def whose_pod_it_is(row: Row) -> None:
    """A ReplicaSet is meant when its selector selects the Pod's labels in its namespace."""
    metadata = row["pod"]["metadata"]
    found = ""
    for one in row["inRSs"]:
        selector = from_label_selector((one.get("spec") or {}).get("selector"))
        here = one["metadata"].get("namespace") == metadata.get("namespace")
        if here and metadata.get("labels") and selector.matches(metadata["labels"]):
            found = one["metadata"]["name"]
            break
    same(found, row["outRSName"])
