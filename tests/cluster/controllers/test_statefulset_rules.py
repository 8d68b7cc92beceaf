"""The pure half of the StatefulSet controller: ordinals, claims and what comes next."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.statefulset.identity import claims_of, new_pod, parent_and_ordinal
from apps.cluster.controllers.statefulset.plan import Plan, Revision, plan, version_for
from tests.cluster.controllers.objects import CLAIM_TEMPLATES, stateful_set, template

Obj = dict[str, Any]
OLD, NEW = Revision("db-old", template("db", "nginx:1")), Revision("db-new", template("db", "nginx:2"))


def a_set(**spec: Any) -> Obj:
    made = stateful_set(**{"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, **spec})
    made["metadata"] |= {"namespace": "default", "uid": "set", "generation": 1}
    return made


def pod(
    ordinal: int, revision: Revision = OLD, *, ready: bool = True, phase: str = "Running", going: bool = False
) -> Obj:
    made = new_pod(a_set(), revision.template, ordinal, revision.name)
    made["metadata"] |= {"uid": f"pod-{ordinal}", "creationTimestamp": "2026-11-23T00:00:00Z"}
    if going:
        made["metadata"]["deletionTimestamp"] = "2026-11-23T00:01:00Z"
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-11-23T00:00:00Z"}
    return {**made, "status": {"phase": phase, "conditions": [condition]}}


def acts(decided: Plan) -> list[tuple[str, str]]:
    return [(verb, one["metadata"]["name"]) for verb, one in decided.acts]


def decide(the_set: Obj, pods: list[Obj], update: Revision = OLD) -> Plan:
    return plan(the_set, pods, OLD, update, lambda name: None, 100_000)


@pytest.mark.parametrize(
    ("the_set", "pods", "update", "expected"),
    [
        pytest.param(a_set(), [], OLD, [("create", "db-0")], id="begins with the first alone"),
        pytest.param(a_set(), [pod(0, ready=False)], OLD, [], id="waits until it is ready"),
        pytest.param(a_set(), [pod(0)], OLD, [("create", "db-1")], id="then makes the second"),
        pytest.param(a_set(), [pod(0), pod(2)], OLD, [("create", "db-1")], id="fills a gap from below"),
        pytest.param(a_set(), [pod(0, going=True), pod(1), pod(2)], OLD, [], id="waits for one that is going"),
        pytest.param(
            a_set(), [pod(0, phase="Failed"), pod(1), pod(2)], OLD, [("delete", "db-0")], id="deletes one that failed"
        ),
        pytest.param(
            a_set(replicas=1), [pod(0), pod(1), pod(2)], OLD, [("delete", "db-2")], id="scales down from the highest"
        ),
        pytest.param(a_set(replicas=1), [pod(0), pod(1), pod(2, going=True)], OLD, [], id="and one at a time"),
        pytest.param(
            a_set(replicas=1), [pod(0, ready=False), pod(1)], OLD, [], id="scales nothing down while one is not ready"
        ),
        pytest.param(a_set(), [pod(0), pod(1), pod(2)], NEW, [("delete", "db-2")], id="updates from the highest"),
        pytest.param(
            a_set(), [pod(0), pod(1), pod(2, NEW)], NEW, [("delete", "db-1")], id="and goes on when that is ready"
        ),
        pytest.param(a_set(), [pod(0), pod(1), pod(2, NEW, ready=False)], NEW, [], id="stays stuck on a broken one"),
        pytest.param(
            a_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
            [pod(0), pod(1), pod(2, NEW)],
            NEW,
            [],
            id="updates nothing below the partition",
        ),
        pytest.param(
            a_set(updateStrategy={"type": "OnDelete"}), [pod(0), pod(1), pod(2)], NEW, [], id="OnDelete leaves them be"
        ),
        pytest.param(
            a_set(podManagementPolicy="Parallel"),
            [],
            OLD,
            [("create", "db-0"), ("create", "db-1"), ("create", "db-2")],
            id="Parallel makes all at once",
        ),
        pytest.param(
            a_set(podManagementPolicy="Parallel", replicas=0),
            [pod(0), pod(1)],
            OLD,
            [("delete", "db-1"), ("delete", "db-0")],
            id="Parallel removes all at once",
        ),
        pytest.param(
            a_set(podManagementPolicy="Parallel"),
            [pod(0), pod(1), pod(2)],
            NEW,
            [("delete", "db-2")],
            id="Parallel updates one at a time all the same",
        ),
        pytest.param(
            a_set(ordinals={"start": 5}, replicas=2), [pod(5)], OLD, [("create", "db-6")], id="begins at ordinals.start"
        ),
        pytest.param(
            a_set(ordinals={"start": 1}, replicas=2),
            [pod(0), pod(1), pod(2)],
            OLD,
            [("delete", "db-0")],
            id="an ordinal below the start goes",
        ),
    ],
)
def test_plan(the_set: Obj, pods: list[Obj], update: Revision, expected: list[tuple[str, str]]) -> None:
    assert acts(decide(the_set, pods, update)) == expected


@pytest.mark.parametrize(
    ("partition", "ordinal", "expected"),
    [
        pytest.param(2, 1, "db-old", id="below the partition a Pod comes back as it was"),
        pytest.param(2, 2, "db-new", id="from the partition on it is updated"),
    ],
)
def test_version_for(partition: int, ordinal: int, expected: str) -> None:
    the_set = a_set(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": partition}})
    assert version_for(the_set, ordinal, OLD, NEW).name == expected


def test_status_during_an_update_and_after_it() -> None:
    during = decide(a_set(), [pod(0), pod(1, going=True), pod(2, NEW)], NEW).status
    assert during == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "currentReplicas": 1,
        "updatedReplicas": 1,
        "currentRevision": "db-old",
        "updateRevision": "db-new",
        "collisionCount": 0,
    }
    after = decide(a_set(), [pod(0, NEW), pod(1, NEW), pod(2, NEW)], NEW).status
    assert (after["currentRevision"], after["currentReplicas"]) == ("db-new", 3)


def test_min_ready_seconds_count_before_the_next() -> None:
    the_set = a_set(minReadySeconds=30)
    early = plan(the_set, [pod(0)], OLD, OLD, lambda name: None, 29_000)
    late = plan(the_set, [pod(0)], OLD, OLD, lambda name: None, 30_000)
    assert (acts(early), acts(late)) == ([], [("create", "db-1")])
    assert (early.status["readyReplicas"], early.status["availableReplicas"]) == (1, 0)


def test_a_pod_says_who_it_is() -> None:
    made = new_pod(a_set(volumeClaimTemplates=CLAIM_TEMPLATES), template("db"), 4, "db-abc")
    assert made["metadata"]["labels"] == {
        "app": "db",
        "statefulset.kubernetes.io/pod-name": "db-4",
        "apps.kubernetes.io/pod-index": "4",
        "controller-revision-hash": "db-abc",
    }
    assert (made["spec"]["hostname"], made["spec"]["subdomain"]) == ("db-4", "db")
    assert made["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-4"}}]


def test_a_claim_is_named_after_its_template_and_pod() -> None:
    made = claims_of(a_set(volumeClaimTemplates=CLAIM_TEMPLATES), 2)[0]["metadata"]
    assert (made["name"], made["labels"]) == ("data-db-2", {"app": "db"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("db-0", ("db", 0), id="a member"),
        pytest.param("my-db-12", ("my-db", 12), id="a name with a dash"),
        pytest.param("db", ("", -1), id="no ordinal"),
        pytest.param("db-x1", ("", -1), id="no number"),
        pytest.param("db-99999999999", ("db", -1), id="too large a number"),
    ],
)
def test_parent_and_ordinal(name: str, expected: tuple[str, int]) -> None:
    assert parent_and_ordinal(name) == expected


# Who owns the claims.


def owned_set(row: Obj, replicas: int) -> Obj:
    policy = {"whenScaled": row["scaleDownPolicy"], "whenDeleted": row["setDeletePolicy"]}
    made = a_set(replicas=replicas, persistentVolumeClaimRetentionPolicy=policy)
    made["metadata"]["uid"] = "ss-123"
    return made


def owned_pod(ordinal: int) -> Obj:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"db-{ordinal}", "uid": "pod-123"}}


def a_reference(owner: Obj, controller: bool = True) -> Obj:
    named = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **owner["metadata"]}
    kept = {key: named[key] for key in ("apiVersion", "kind", "name", "uid")}
    return {**kept, "controller": True, "blockOwnerDeletion": True} if controller else kept


def test_a_claim_of_an_earlier_pod_blocks_the_next_one() -> None:
    row = {"scaleDownPolicy": "Delete", "setDeletePolicy": "Retain"}
    stale = a_reference({**owned_pod(0), "metadata": {"name": "db-0", "uid": "earlier"}})
    claim = {"metadata": {"name": "data-db-0", "ownerReferences": [stale]}}
    the_set = owned_set(row, 1)
    the_set["spec"]["volumeClaimTemplates"] = CLAIM_TEMPLATES
    decided = plan(the_set, [], OLD, OLD, lambda name: claim, 0)
    assert decided.acts == []
