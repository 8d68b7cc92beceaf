"""Deployments: how many Pods of which revision, and when a rollout is stuck."""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery import intstr, timestamps
from apps.cluster.apimachinery.selectors import from_label_selector
from apps.cluster.controllers.deployment import counts, progress, revisions, rolling
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj, milliseconds, whole


def deployment(replicas: int, surge: Any, unavailable: Any, strategy: str = "RollingUpdate") -> Obj:
    rolling_update = {"maxSurge": surge, "maxUnavailable": unavailable}
    spec = {"replicas": replicas, "strategy": {"type": strategy, "rollingUpdate": rolling_update}}
    return {"kind": "Deployment", "metadata": {"name": "web", "generation": 1}, "spec": spec, "status": {}}


def replica_set(name: str, replicas: int) -> Obj:
    metadata = {"name": name, "creationTimestamp": "2026-11-23T09:00:00Z", "annotations": {}}
    status = {"replicas": replicas, "availableReplicas": 0}
    return {"kind": "ReplicaSet", "metadata": metadata, "spec": {"replicas": replicas}, "status": status}


@adaptor("deployment__util__TestResolveFenceposts")
def resolve_fenceposts(row: Row) -> None:
    try:
        found = counts.resolve_fenceposts(row["maxSurge"], row["maxUnavailable"], row["desired"])
    except intstr.InvalidIntOrString:
        same("error", "error" if row["expectError"] else "none")
        return
    same(found, (row["expectSurge"], row["expectUnavailable"]))
    same(False, row["expectError"], "an error")


@adaptor("deployment__util__TestMaxUnavailable")
def max_unavailable(row: Row) -> None:
    same(counts.max_unavailable(row["deployment"]), row["expected"])


@adaptor("deployment__util__TestNewRSNewReplicas")
def new_replica_set_size(row: Row) -> None:
    given = deployment(row["depReplicas"], row["maxSurge"], 1, row["strategyType"])
    new = replica_set("new", row["newRSReplicas"])
    same(counts.new_replica_set_size(given, [new], row["newRSReplicas"]), row["expected"])


@adaptor("deployment__util__TestGetReplicaCountForReplicaSets")
def replica_counts(row: Row) -> None:
    sets = row["sets"]
    same(counts.replica_count(sets), row["expectedCount"])
    same(counts.reported_count(sets, "replicas"), row["expectedActual"])
    same(counts.terminating_count(sets), row["expectedTerminating"])


@adaptor("deployment__deployment__TestDeploymentController_reconcileNewReplicaSet")
def reconcile_new(row: Row) -> None:
    given = deployment(row["deploymentReplicas"], row["maxSurge"], 0)
    new, old = replica_set("new", row["newReplicas"]), replica_set("old", row["oldReplicas"])
    target = rolling.reconcile_new(given, [old, new], new)
    same(target != row["newReplicas"], row["scaleExpected"], "scaled")
    if row["scaleExpected"]:
        same(target, row["expectedNewReplicas"])


@adaptor("deployment__util__TestEqualIgnoreHash")
def equal_ignore_hash(row: Row) -> None:
    same(revisions.equal_ignore_hash(row["former"], row["latter"]), row["expected"])


@adaptor("deployment__util__TestGetDeploymentsForReplicaSet")
def deployments_for_a_replica_set(row: Row) -> None:
    """What the rows select among is in the test's body: three Deployments, app=test-0 to app=test-2."""
    found = []
    labels = row["rs"]["metadata"].get("labels") or {}
    for number in range(3):
        selector = from_label_selector({"matchLabels": {"app": f"test-{number}"}})
        if labels and selector.matches(labels):
            found.append(f"deployment-{number}")
    same(found, [one["metadata"]["name"] for one in row["expect"] or ()])


@adaptor("deployment__deployment__TestDeploymentController_cleanupDeployment")
def which_old_revisions_are_forgotten(row: Row) -> None:
    old = [rs for rs in row["oldRSs"] if "deletionTimestamp" not in rs["metadata"]]
    surplus = max(0, len(old) - row["revisionHistoryLimit"])
    forgotten = [rs for rs in sorted(old, key=revisions.by_revision)[:surplus] if counts.is_disposable(rs)]
    same(len(forgotten), row["expectedDeletions"])


@adaptor("deployment__util__TestRemoveCondition")
def without_condition(row: Row) -> None:
    same(progress.without_condition(row["status"] or {}, row["condType"]), row["expectedStatus"] or {})


STUCK_AT = {"func1": "18:49:30", "func2": "18:49:59", "func3": "18:49:59.9", "func4": "18:50:00", "func5": "18:50:01"}


@adaptor("deployment__deployment__TestRequeueStuckDeployment")
def when_a_stuck_rollout_is_looked_at_again(row: Row) -> None:
    given = whole(row["d"])
    at = STUCK_AT.get((row["nowFn"] or {}).get("__func", "").rpartition(".")[2], "18:51:00")
    left = progress.deadline_left_ms(given, row["status"], timestamps.parse(f"2017-02-15T{at}Z"))
    if row["expected"] == "-1ns":
        same(left, None)
    else:
        same(left if left is not None and left >= 1000 else 0, milliseconds(row["expected"]))
