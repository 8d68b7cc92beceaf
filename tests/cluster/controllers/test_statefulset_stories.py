"""The StatefulSet controller at work, as a recorded Kubernetes 1.36 did it."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.status import StatusError
from apps.cluster.controllers.statefulset.stateful_set import StatefulSetController
from tests.cluster.controllers.objects import CLAIM_TEMPLATES, image, stateful_set, storage_class
from tests.cluster.controllers.recording import bench, put
from tests.cluster.controllers.world import World

Obj = dict[str, Any]


def world(**spec: Any) -> World:
    made = World()
    made.create(storage_class())
    made.create(stateful_set(**spec))
    made.run(4_000)
    return made


def acts(made: World, since: int) -> list[str]:
    """What the controller did to Pods: "delete db-2"."""
    return [
        f"{step.verb} {step.ref.rpartition('/')[2]}"
        for step in made.engine.trace.steps[since:]
        if step.ref.startswith("pods/") and step.component == "statefulset-controller"
    ]


def update(made: World, name: str) -> int:
    since = len(made.engine.trace.steps)
    made.kubectl.patch("statefulsets", "default", "db", image(name), type="strategic")
    return since


def test_pods_come_in_order_each_after_the_one_before_is_ready() -> None:
    made = world()
    assert acts(made, 0) == ["create db-0", "create db-1", "create db-2"]
    times = [step.time_ms for step in made.engine.trace.steps if step.message == "statefulset.create-pod"]
    assert times[1] - times[0] > 500
    assert times[2] - times[1] > 500
    assert made.events("SuccessfulCreate") == [f"Create Pod db-{n} in StatefulSet db successful" for n in range(3)]


def test_status_and_revision_are_those_of_the_recording() -> None:
    made = world()
    assert made.status("statefulsets", "db", "default") == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "availableReplicas": 3,
        "currentRevision": "db-697c9cbb96",
        "updateRevision": "db-697c9cbb96",
        "collisionCount": 0,
    }
    revision = made.list("controllerrevisions")[0]
    assert revision["metadata"]["labels"] == {"app": "db", "controller.kubernetes.io/hash": "697c9cbb96"}


def test_each_pod_gets_a_claim_of_its_own_and_the_claim_a_volume() -> None:
    made = world(volumeClaimTemplates=CLAIM_TEMPLATES)
    assert made.names("persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]
    assert {one["status"]["phase"] for one in made.list("persistentvolumeclaims")} == {"Bound"}
    assert made.events("SuccessfulCreate")[:2] == [
        "Create Claim data-db-0 Pod db-0 in StatefulSet db success",
        "Create Pod db-0 in StatefulSet db successful",
    ]


def test_scaled_down_from_the_highest_and_the_claims_stay() -> None:
    made = world(volumeClaimTemplates=CLAIM_TEMPLATES)
    since = len(made.engine.trace.steps)
    made.patch("statefulsets", "db", {"spec": {"replicas": 1}})
    made.run(3_000)
    assert acts(made, since) == ["delete db-2", "delete db-1"]
    assert made.names("persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]


def test_claims_go_with_the_pods_scaled_away_and_with_the_set_if_the_policy_says_so() -> None:
    policy = {"whenScaled": "Delete", "whenDeleted": "Delete"}
    made = world(volumeClaimTemplates=CLAIM_TEMPLATES, persistentVolumeClaimRetentionPolicy=policy)
    made.patch("statefulsets", "db", {"spec": {"replicas": 1}})
    made.run(4_000)
    assert made.names("persistentvolumeclaims") == ["data-db-0"]
    assert made.names("persistentvolumes", "") == [
        "pvc-" + made.get("persistentvolumeclaims", "data-db-0", "default")["metadata"]["uid"]
    ]
    made.delete("statefulsets", "db", propagation="Background")
    made.run(4_000)
    assert made.names("persistentvolumeclaims") == made.names("pods") == []


def test_a_rolling_update_goes_from_the_highest_ordinal_down() -> None:
    made = world()
    since = update(made, "nginx:1.26")
    made.run(6_000)
    assert acts(made, since) == [
        "delete db-2",
        "create db-2",
        "delete db-1",
        "create db-1",
        "delete db-0",
        "create db-0",
    ]
    status = made.status("statefulsets", "db", "default")
    assert status["currentRevision"] == status["updateRevision"] == "db-5fb859d9df"


def test_parallel_makes_all_at_once_and_updates_one_at_a_time() -> None:
    made = world(podManagementPolicy="Parallel")
    created = [step.time_ms for step in made.engine.trace.steps if step.message == "statefulset.create-pod"]
    assert len(set(created)) == 1
    since = update(made, "nginx:1.26")
    made.run(6_000)
    assert acts(made, since)[:3] == ["delete db-2", "create db-2", "delete db-1"]


def test_max_unavailable_is_dropped_for_its_feature_is_off() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 2}}
    made = world(podManagementPolicy="Parallel", updateStrategy=rolling)
    assert made.get("statefulsets", "db", "default")["spec"]["updateStrategy"]["rollingUpdate"] == {"partition": 0}
    since = update(made, "nginx:1.26")
    made.run(100)
    assert acts(made, since) == ["delete db-2"]


def test_a_partition_holds_the_lower_ordinals_back() -> None:
    made = world(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    update(made, "nginx:1.26")
    made.run(4_000)
    images = [pod["spec"]["containers"][0]["image"] for pod in made.list("pods")]
    assert sorted(images) == ["nginx:1.25", "nginx:1.25", "nginx:1.26"]
    made.delete("pods", "db-0")
    made.run(3_000)
    assert made.get("pods", "db-0", "default")["spec"]["containers"][0]["image"] == "nginx:1.25"


def test_a_rollout_stuck_on_a_broken_pod_stays_stuck_until_it_is_deleted() -> None:
    made = world()
    update(made, "nginx:bad")
    made.run(3_000)
    since = update(made, "nginx:1.27")
    made.run(10_000)
    assert acts(made, since) == []
    made.delete("pods", "db-2")
    made.run(6_000)
    assert acts(made, since) == ["create db-2", "delete db-1", "create db-1", "delete db-0", "create db-0"]
    images = {pod["spec"]["containers"][0]["image"] for pod in made.list("pods")}
    assert images == {"nginx:1.27"}


def test_on_delete_waits_for_the_reader() -> None:
    made = world(updateStrategy={"type": "OnDelete"})
    since = update(made, "nginx:1.26")
    made.run(3_000)
    assert acts(made, since) == []
    made.delete("pods", "db-1")
    made.run(2_000)
    assert made.get("pods", "db-1", "default")["spec"]["containers"][0]["image"] == "nginx:1.26"


def test_a_deleted_pod_comes_back_under_its_name_once_it_is_gone() -> None:
    made = world()
    before = made.get("pods", "db-1", "default")["metadata"]["uid"]
    made.delete("pods", "db-1")
    made.run(300)
    assert made.get("pods", "db-1", "default")["metadata"]["uid"] == before
    made.run(1_500)
    assert made.get("pods", "db-1", "default")["metadata"]["uid"] != before


def test_going_back_raises_the_number_of_the_old_revision() -> None:
    made = world()
    for name in ("nginx:1.26", "nginx:1.25"):
        update(made, name)
        made.run(6_000)
    revisions = {one["metadata"]["name"]: one["revision"] for one in made.list("controllerrevisions")}
    assert revisions == {"db-697c9cbb96": 3, "db-5fb859d9df": 2}


def test_an_orphan_with_a_members_name_is_adopted() -> None:
    made = world()
    made.delete("statefulsets", "db", propagation="Orphan")
    made.run(1_000)
    assert all("ownerReferences" not in pod["metadata"] for pod in made.list("pods"))
    since = len(made.engine.trace.steps)
    made.create(stateful_set())
    made.run(2_000)
    assert acts(made, since) == ["patch db-0", "patch db-1", "patch db-2"]
    assert made.status("statefulsets", "db", "default")["readyReplicas"] == 3


def test_adopting_members_and_claims_in_one_turn_is_no_conflict() -> None:
    spec: Obj = {
        "volumeClaimTemplates": CLAIM_TEMPLATES,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
    }
    made = world(**spec)
    made.delete("statefulsets", "db", propagation="Orphan")
    made.run(1_000)
    made.create(stateful_set(**spec))
    made.run(3_000)
    owner = made.get("statefulsets", "db", "default")["metadata"]["uid"]
    claims = made.list("persistentvolumeclaims")
    assert [claim["metadata"]["ownerReferences"][0]["uid"] for claim in claims] == [owner] * 3
    assert made.controllers["statefulset-controller"].errors == 0


def test_a_rollback_adopts_and_renumbers_a_revision_in_one_turn() -> None:
    made = world()
    update(made, "nginx:2")
    made.run(6_000)
    made.delete("statefulsets", "db", propagation="Orphan")
    made.run(1_000)
    made.create(stateful_set())
    made.run(6_000)
    assert sorted(revision["revision"] for revision in made.list("controllerrevisions")) == [2, 3]
    assert made.controllers["statefulset-controller"].errors == 0


def test_a_parallel_set_tries_as_many_at_a_time_as_have_gone_well_before():
    """One, then two, then four: what is refused does not stop its neighbours, only those that would come after."""
    controller, client = bench(StatefulSetController, refuse=("create pods",))
    made = world(replicas=1, podManagementPolicy="Parallel")
    (first,) = made.list("pods")
    wanted = made.get("statefulsets", "db", "default")
    put(controller, "pods", first)
    put(controller, "statefulsets", {**wanted, "spec": {**wanted["spec"], "replicas": 6}})
    put(controller, "controllerrevisions", *made.list("controllerrevisions"))
    put(controller, "persistentvolumeclaims", *made.list("persistentvolumeclaims"))
    with pytest.raises(StatusError):
        controller.sync("default/db")
    assert [pod["metadata"]["name"] for pod in client.of("create", "pods")] == ["db-1", "db-2"]
