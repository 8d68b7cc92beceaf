"""Claims and volumes: who gets which, who is made one, and when they go."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.controllers.persistentvolume.matching import best_match, why_not
from tests.cluster.controllers.objects import claim, storage_class, volume
from tests.cluster.controllers.world import World

Obj = dict[str, Any]


def test_a_claim_that_waits_gets_only_a_volume_that_names_it() -> None:
    waiting = claim("a", storageClassName="")
    waiting["metadata"] |= {"namespace": "default", "uid": "u"}
    free = {**volume("free"), "status": {"phase": "Available"}}
    meant = {**volume("meant", claimRef={"namespace": "default", "name": "a"}), "status": {"phase": "Available"}}
    assert best_match(waiting, [free], delay_binding=True) is None
    assert best_match(waiting, [free, meant], delay_binding=True) is meant


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        pytest.param(claim("a"), volume("v"), "", id="fits"),
        pytest.param(claim("a", "2Gi"), volume("v"), "requested PV is too small", id="too small"),
        pytest.param(
            claim("a", storageClassName="fast"), volume("v"), "storageClassName does not match", id="another class"
        ),
        pytest.param(claim("a", volumeMode="Block"), volume("v"), "incompatible volumeMode", id="another mode"),
        pytest.param(
            claim("a", accessModes=["ReadWriteMany"]), volume("v"), "incompatible accessMode", id="another access"
        ),
    ],
)
def test_why_not(wanted: Obj, there: Obj, expected: str) -> None:
    assert why_not(wanted, there) == expected


def phases(made: World) -> tuple[str, str]:
    """Of the only claim and of the only volume."""
    volumes = made.list("persistentvolumes", "")
    return made.list("persistentvolumeclaims")[0]["status"]["phase"], volumes[0]["status"]["phase"] if volumes else ""


def test_a_claim_is_made_a_volume_by_the_provisioner_of_its_class() -> None:
    made = World()
    made.create(storage_class())
    made.create(claim("data"))
    made.run(1_000)
    assert phases(made) == ("Bound", "Bound")
    (made_volume,) = made.list("persistentvolumes", "")
    bound = made.get("persistentvolumeclaims", "data", "default")
    assert made_volume["metadata"]["name"] == bound["spec"]["volumeName"] == "pvc-" + bound["metadata"]["uid"]
    assert bound["status"]["capacity"] == {"storage": "1Gi"}
    assert bound["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
        "volume.beta.kubernetes.io/storage-provisioner": "example.com/disk",
        "volume.kubernetes.io/storage-provisioner": "example.com/disk",
    }
    assert made.events("ExternalProvisioning")[0].startswith(
        "Waiting for a volume to be created either by the external provisioner 'example.com/disk' or manually"
    )


def test_a_class_that_waits_provisions_when_the_scheduler_has_chosen_a_node() -> None:
    made = World()
    made.create(storage_class(volumeBindingMode="WaitForFirstConsumer"))
    made.create(claim("data"))
    made.run(1_000)
    assert phases(made) == ("Pending", "")
    assert made.events("WaitForFirstConsumer") == ["waiting for first consumer to be created before binding"]
    chosen = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "worker-1"}}}
    made.patch("persistentvolumeclaims", "data", chosen)
    made.run(1_000)
    assert phases(made) == ("Bound", "Bound")


def test_the_smallest_volume_that_will_do_is_bound() -> None:
    made = World()
    for name, size in (("large", "10Gi"), ("small", "1Gi"), ("middle", "5Gi")):
        made.create(volume(name, size))
    made.run(100)
    made.create(claim("data", "3Gi", storageClassName=""))
    made.run(100)
    assert made.get("persistentvolumeclaims", "data", "default")["spec"]["volumeName"] == "middle"
    assert made.get("persistentvolumes", "middle")["spec"]["claimRef"]["name"] == "data"
    assert made.status("persistentvolumes", "small")["phase"] == "Available"


def test_a_claim_waits_for_a_volume_that_comes_later() -> None:
    made = World()
    made.create(claim("data", storageClassName=""))
    made.run(1_000)
    assert made.events("FailedBinding") == [
        "no persistent volumes available for this claim and no storage class is set"
    ]
    made.create(volume("late"))
    made.run(16_000)  # it is found at the next look at all claims
    assert phases(made) == ("Bound", "Bound")


def test_what_a_claim_waits_for_is_told_again_every_15_seconds() -> None:
    made = World()
    made.create(claim("data", storageClassName=""))
    made.run(46_000)
    (event,) = [one for one in made.list("events") if one["reason"] == "FailedBinding"]
    assert event["count"] == 4
    assert made.engine.at_rest


def test_a_claim_that_asks_for_more_is_left_to_the_driver() -> None:
    made = World()
    made.create({**storage_class("fast", default=False), "allowVolumeExpansion": True})
    made.create(claim("data", storageClassName="fast"))
    made.run(1_000)
    bound = made.get("persistentvolumeclaims", "data", "default")
    assert bound["status"]["capacity"] == {"storage": "1Gi"}
    made.patch("persistentvolumeclaims", "data", {"spec": {"resources": {"requests": {"storage": "3Gi"}}}})
    made.run(2_000)
    assert made.events("ExternalExpanding") == ["waiting for an external controller to expand this PVC"]
    assert made.status("persistentvolumeclaims", "data", "default")["capacity"] == {"storage": "3Gi"}
    assert made.get("persistentvolumes", bound["spec"]["volumeName"])["spec"]["capacity"] == {"storage": "3Gi"}
    assert made.events("VolumeResizeSuccessful") == ["Resize volume succeeded"]


def test_a_class_that_is_missing_is_named_and_waited_for() -> None:
    made = World()
    made.create(claim("data", storageClassName="fast"))
    made.run(1_000)
    assert made.events("ProvisioningFailed") == ['storageclass.storage.k8s.io "fast" not found']
    made.create(storage_class("fast", default=False))
    made.run(16_000)
    assert phases(made) == ("Bound", "Bound")


def test_a_claim_without_class_gets_the_default_once_there_is_one() -> None:
    made = World()
    made.create(claim("data"))
    made.run(1_000)
    made.create(storage_class())
    made.run(16_000)
    assert made.get("persistentvolumeclaims", "data", "default")["spec"]["storageClassName"] == "standard"
    assert phases(made) == ("Bound", "Bound")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [pytest.param("Delete", [], id="Delete removes it"), pytest.param("Retain", ["Released"], id="Retain keeps it")],
)
def test_reclaiming_a_provisioned_volume(policy: str, expected: list[str]) -> None:
    made = World()
    made.create(storage_class(reclaimPolicy=policy))
    made.create(claim("data"))
    made.run(1_000)
    made.delete("persistentvolumeclaims", "data")
    made.run(1_000)
    assert [one["status"]["phase"] for one in made.list("persistentvolumes", "")] == expected


def test_a_claim_in_use_stays_until_its_pod_is_gone() -> None:
    made = World()
    made.create(storage_class())
    made.create(claim("data"))
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"containers": [{"name": "c", "image": "nginx"}], "volumes": volumes}
    made.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": spec})
    made.run(2_000)
    made.delete("persistentvolumeclaims", "data")
    made.run(2_000)
    assert made.names("persistentvolumeclaims") == ["data"]
    made.delete("pods", "user")
    made.run(2_000)
    assert made.names("persistentvolumeclaims") == made.names("persistentvolumes", "") == []


def test_a_claim_whose_volume_is_gone_is_lost() -> None:
    made = World()
    made.create(volume("v"))
    made.create(claim("data", storageClassName=""))
    made.run(1_000)
    made.delete("persistentvolumes", "v", "")
    made.run(100)
    assert made.status("persistentvolumes", "v")["phase"] == "Bound"  # protected while it is bound
    made.kubectl.patch("persistentvolumes", "", "v", {"metadata": {"finalizers": None}}, type="merge")
    made.run(100)
    assert phases(made) == ("Lost", "")
    assert made.events("ClaimLost") == ["Bound claim has lost its PersistentVolume. Data on the volume is lost!"]
