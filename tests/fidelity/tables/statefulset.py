"""StatefulSets: who owns the claims, how many Pods may be missing, how many are made at once."""

from __future__ import annotations

from apps.cluster.controllers.statefulset import retention
from apps.cluster.controllers.statefulset.plan import Plan, Revision, _roll
from tests.cluster.controllers.objects import stateful_set, template
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import Obj

OLD, NEW = Revision("db-old", template("db", "nginx:1")), Revision("db-new", template("db", "nginx:2"))


def a_set(**spec: object) -> Obj:
    made = stateful_set(**{"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, **spec})
    made["metadata"] |= {"namespace": "default", "uid": "set", "generation": 1}
    return made


def a_pod(ordinal: int, *, going: bool) -> Obj:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T00:00:00Z"}
    metadata: Obj = {"name": f"db-{ordinal}", "labels": {"controller-revision-hash": OLD.name}}
    if going:
        metadata["deletionTimestamp"] = "2026-11-23T00:01:00Z"
    return {"metadata": metadata, "spec": {}, "status": {"phase": "Running", "conditions": [ready]}}


@adaptor("statefulset__statefulset__TestStatefulSetControlRollingUpdateWithMaxUnavailableInOrderedModeVerifyInvariant")
def max_unavailable_counts_pods_that_are_going(row: Row) -> None:
    """Six Pods, partition 3, maxUnavailable 2: as many are deleted as keep the unavailable ones at two."""
    rolling = {"partition": 3, "maxUnavailable": 2}
    the_set = a_set(replicas=6, updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    gone = row["ordinalOfPodToTerminate"]
    decided = Plan(status={"currentReplicas": 6})
    _roll(decided, the_set, [a_pod(ordinal, going=ordinal in gone) for ordinal in range(6)], NEW, 0, 100_000)
    same(len(decided.acts), max(2 - len(gone), 0), "Pods deleted")


def owned_set(row: Row, replicas: int) -> Obj:
    policy = {"whenScaled": row["scaleDownPolicy"], "whenDeleted": row["setDeletePolicy"]}
    made = a_set(replicas=replicas, persistentVolumeClaimRetentionPolicy=policy)
    made["metadata"]["uid"] = "ss-123"
    return made


def owned_pod(ordinal: int) -> Obj:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"db-{ordinal}", "uid": "pod-123"}}


def a_reference(owner: Obj) -> Obj:
    named = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **owner["metadata"]}
    kept = {key: named[key] for key in ("apiVersion", "kind", "name", "uid")}
    return {**kept, "controller": True, "blockOwnerDeletion": True}


OWNERS = [(False, False), (False, True), (True, False), (True, True)]


@adaptor("statefulset__statefulset__TestIsClaimOwnerUpToDate")
def is_claim_owner_up_to_date(row: Row) -> None:
    the_set, the_pod = owned_set(row, row["replicas"]), owned_pod(row["ordinal"])
    for set_owns, pod_owns in OWNERS:
        references = [a_reference(the_set)] * set_owns + [a_reference(the_pod)] * pod_owns
        claim = {"metadata": {"name": "data", "ownerReferences": references}}
        right = set_owns == row["needsSetRef"] and pod_owns == row["needsPodRef"]
        found = retention.is_claim_owner_up_to_date(claim, the_set, the_pod)
        same(found, right, f"set owns {set_owns}, Pod owns {pod_owns}")


@adaptor("statefulset__statefulset__TestUpdateClaimOwnerRefForSetAndPod")
def with_owners(row: Row) -> None:
    the_set, the_pod = owned_set(row, 3), owned_pod(8 if row["condemned"] else 1)
    other = {"apiVersion": "custom/v1", "kind": "random", "name": "r", "uid": "r1", "controller": True}
    for set_owns, pod_owns in OWNERS:
        references = [a_reference(the_set)] * set_owns + [a_reference(the_pod)] * pod_owns
        references += [other] * bool(row["unexpectedController"])
        claim = retention.with_owners({"metadata": {"name": "data", "ownerReferences": references}}, the_set, the_pod)
        same(retention.has_owner(claim, the_set), row["needsSetRef"], "the set owns the claim")
        same(retention.has_owner(claim, the_pod), row["needsPodRef"], "the Pod owns the claim")


@adaptor("statefulset__statefulset__TestMatchesRef")
def matches_ref(row: Row) -> None:
    schema = row["schema"]
    version = f"{schema['Group']}/{schema['Version']}".lstrip("/")
    obj = {"apiVersion": version, "kind": schema["Kind"], "metadata": row["obj"]}
    same(retention.matches_ref(row["ref"], obj), row["shouldMatch"])


@adaptor("statefulset__statefulset__TestHasOwnerRef")
def has_owner(row: Row) -> None:
    """The object of that test has the owners 123, 456 and 789."""
    owned = {"metadata": {"ownerReferences": [{"uid": uid} for uid in ("123", "456", "789")]}}
    same(retention.has_owner(owned, {"metadata": {"uid": row["uid"]}}), row["hasRef"])


@adaptor("statefulset__statefulset__TestUpdateClaimControllerRef")
def with_the_right_owner(row: Row) -> None:
    """A set `sts` with one replica that deletes its claims, and its Pod."""
    policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
    the_set = a_set(replicas=1, persistentVolumeClaimRetentionPolicy=policy)
    the_set["metadata"] |= {"name": "sts", "uid": "123"}
    the_pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod-0", "uid": "456"}}
    claim = retention.with_owners({"metadata": {"ownerReferences": row["originalRefs"]}}, the_set, the_pod)

    def told(references: list[Obj]) -> list[tuple[object, ...]]:
        fields = ("apiVersion", "kind", "name", "uid", "controller")
        return sorted(tuple(str(one.get(field) or "") for field in fields) for one in references)

    same(told(claim["metadata"].get("ownerReferences") or []), told(row["expectedRefs"]))
