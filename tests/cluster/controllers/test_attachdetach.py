"""Volumes that are attached to the machine of the Pod that uses them, in a whole cluster with kubelets and a driver."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.apimachinery.attachment import attachment_name
from apps.cluster.client import Client
from apps.cluster.cluster import Cluster, Config
from apps.cluster.controllers.attachdetach.attach_detach_controller import blocked, uses_volumes

Obj = dict[str, Any]

CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "disks"},
    "provisioner": "disk.csi.example.com",
}


def claim(storage_class: str = "disks", mode: str = "ReadWriteOnce") -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": [mode],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def pod(name: str, node: str, image: str = "nginx") -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "nodeSelector": {"kubernetes.io/hostname": node},
            "terminationGracePeriodSeconds": 1,
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": image}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    }


class Story:
    def __init__(self, *objects: Obj) -> None:
        self.cluster = Cluster.boot(Config(workers=2, seed=1))
        self.begin = self.cluster.revision
        self.apply(*objects)

    def apply(self, *objects: Obj) -> Story:
        self.cluster.execute({"op": "apply", "objects": list(objects)})
        return self.run(30_000)

    def run(self, ms: int) -> Story:
        self.cluster.run_until(self.cluster.now_ms + ms)
        return self

    def delete(self, name: str) -> Story:
        self.cluster.execute({"op": "delete", "resource": "pods", "namespace": "default", "name": name})
        return self

    def objects(self, resource: str) -> dict[str, Obj]:
        return dict(self.cluster.view().objects.get(resource, {}))

    def events(self, name: str) -> list[tuple[str, str]]:
        return [
            (event["reason"], event["message"])
            for event in self.objects("events").values()
            if event["involvedObject"]["name"] == name and "AttachVolume" in event["reason"]
        ]

    def ready(self, name: str) -> bool:
        found = self.objects("pods")[f"default/{name}"]["status"].get("conditions") or ()
        return any(one["type"] == "Ready" and one["status"] == "True" for one in found)

    def node(self, name: str) -> tuple[list[str], list[str]]:
        """What is attached to a node, and what of it is in use."""
        status = self.objects("nodes")[name]["status"]
        return [one["name"] for one in status.get("volumesAttached") or ()], status.get("volumesInUse") or []

    def told(self) -> list[str]:
        """Messages of the steps about attaching, in their order."""
        about = ("attach", "detach", "node-attached", "node-detached", "volumes-in-use", "keep-attach")
        return [
            step.message
            for step in self.cluster.trace.steps
            if step.revision > self.begin and step.rank == "change" and any(word in step.message for word in about)
        ]


def test_a_volume_is_attached_where_its_pod_is_and_the_pod_waits_for_it() -> None:
    story = Story(CLASS, claim(), pod("one", "worker-1"))
    (volume,) = story.objects("persistentvolumes").values()
    name = volume["metadata"]["name"]
    unique = f"kubernetes.io/csi/disk.csi.example.com^{name}"
    (attachment,) = story.objects("volumeattachments").values()
    assert attachment["metadata"]["name"] == attachment_name(volume, "worker-1")
    assert attachment["spec"] == {
        "attacher": "disk.csi.example.com",
        "nodeName": "worker-1",
        "source": {"persistentVolumeName": name},
    }
    assert attachment["status"] == {"attached": True}
    assert attachment["metadata"]["finalizers"] == ["external-attacher/disk-csi-example-com"]
    assert story.node("worker-1") == ([unique], [unique])
    assert story.node("worker-2") == ([], [])
    assert story.events("one") == [("SuccessfulAttachVolume", f'AttachVolume.Attach succeeded for volume "{name}" ')]
    assert story.ready("one")
    assert story.told() == [
        "pv.attach",
        "pv.keep-attachment",
        "pv.keep-attached",
        "pv.attached",
        "pv.node-attached",
        "kubelet.volumes-in-use",
    ]


def test_a_volume_for_one_node_alone_is_refused_to_a_second_until_it_is_free() -> None:
    story = Story(CLASS, claim(), pod("one", "worker-1")).apply(pod("two", "worker-2"))
    (volume,) = story.objects("persistentvolumes")
    assert not story.ready("two")
    assert story.events("two") == [
        ("FailedAttachVolume", f'Multi-Attach error for volume "{volume}" Volume is already used by pod(s) one')
    ]
    story.delete("one").run(40_000)
    assert story.events("two")[-1][0] == "SuccessfulAttachVolume"
    assert story.ready("two")
    assert story.node("worker-1") == ([], [])
    assert [one["spec"]["nodeName"] for one in story.objects("volumeattachments").values()] == ["worker-2"]
    assert story.told()[6:] == [
        "kubelet.volumes-in-use",  # by the second
        "kubelet.volumes-in-use",  # no longer by the first
        "pv.node-detached",
        "pv.detach",
        "pv.detached",
        "pv.detach-done",
        "pv.attach",
        "pv.keep-attachment",
        "pv.attached",
        "pv.node-attached",
    ]


def test_a_volume_is_taken_off_only_once_its_kubelet_says_that_it_needs_it_no_more() -> None:
    story = Story(CLASS, claim(), pod("one", "worker-1")).delete("one").run(25_000)
    told = story.told()[6:]
    assert told == ["kubelet.volumes-in-use", "pv.node-detached", "pv.detach", "pv.detached", "pv.detach-done"]
    assert story.objects("volumeattachments") == {}


def test_a_volume_that_several_nodes_may_have_is_attached_to_each() -> None:
    story = Story(CLASS, claim(mode="ReadWriteMany"), pod("one", "worker-1"), pod("two", "worker-2"))
    assert story.ready("one")
    assert story.ready("two")
    assert len(story.objects("volumeattachments")) == 2


def test_the_standard_class_mounts_without_attaching() -> None:
    story = Story(claim("standard"), pod("one", "worker-1"))
    assert story.ready("one")
    assert story.objects("volumeattachments") == {}
    assert story.objects("csidrivers")["nfs.csi.k8s.io"]["spec"]["attachRequired"] is False


def test_a_pod_that_has_ended_needs_its_volume_no_more() -> None:
    done = {**pod("one", "worker-1", "busybox")}
    done["metadata"] = {**done["metadata"], "annotations": {"sim/seconds": "5"}}
    story = Story(CLASS, claim(), done).run(60_000)
    assert story.objects("pods")["default/one"]["status"]["phase"] == "Succeeded"
    assert story.objects("volumeattachments") == {}


def test_a_volume_leaves_a_dead_machine_after_six_minutes() -> None:
    story = Story(CLASS, claim(), pod("one", "worker-1"))
    story.cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    story.run(60_000)
    Client(story.cluster.apiserver, "kubectl").delete("pods", "default", "one", grace_period_seconds=0)
    story.apply(pod("two", "worker-2")).run(290_000)
    assert not story.ready("two")
    (volume,) = story.objects("persistentvolumes")
    said = "Volume is already exclusively attached to one node and can't be attached to another"
    assert ("FailedAttachVolume", f'Multi-Attach error for volume "{volume}" {said}') in story.events("two")
    assert story.run(60_000).ready("two")


def test_a_volume_leaves_a_dead_machine_at_once_that_is_said_to_be_out_of_service() -> None:
    story = Story(CLASS, claim(), pod("one", "worker-1"))
    story.cluster.execute({"op": "node", "verb": "power-off", "name": "worker-1"})
    story.run(60_000).delete("one").run(1_000)
    spec = story.objects("nodes")["worker-1"]["spec"]
    gone = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    body = {"spec": {"taints": [*(spec.get("taints") or ()), gone]}}
    story.cluster.execute({"op": "patch", "resource": "nodes", "name": "worker-1", "type": "merge", "body": body})
    assert story.run(30_000).objects("volumeattachments") == {}


def test_every_node_has_a_csi_node_that_goes_with_it() -> None:
    story = Story()
    nodes = story.objects("csinodes")
    assert sorted(nodes) == ["control-plane-1", "worker-1", "worker-2"]
    assert nodes["worker-1"]["spec"] == {"drivers": None}
    assert nodes["worker-1"]["metadata"]["ownerReferences"][0]["kind"] == "Node"
    story.cluster.execute({"op": "node", "verb": "remove", "name": "worker-2"})
    assert "worker-2" not in story.run(120_000).objects("csinodes")


def test_a_cluster_saved_while_a_volume_is_on_its_way_goes_on_identically() -> None:
    story = Story(CLASS, claim(), pod("one", "worker-1")).apply(pod("two", "worker-2")).delete("one")
    copy = Cluster.restore(story.cluster.snapshot())
    for cluster in (story.cluster, copy):
        cluster.run_until(cluster.now_ms + 60_000)
    assert copy.snapshot() == story.cluster.snapshot()


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param(
            [], "Volume is already exclusively attached to one node and can't be attached to another", id="gone"
        ),
        pytest.param(["default/a", "default/b"], "Volume is already used by pod(s) a, b", id="here"),
        pytest.param(
            ["default/a", "x/b"], "Volume is already used by pod(s) a and 1 pod(s) in different namespaces", id="both"
        ),
        pytest.param(["x/a", "y/b"], "Volume is already used by 2 pod(s) in different namespaces", id="elsewhere"),
    ],
)
def test_what_a_pod_is_told_whose_volume_is_elsewhere(others: list[str], expected: str) -> None:
    made = [{"metadata": {"namespace": other.partition("/")[0], "name": other.partition("/")[2]}} for other in others]
    assert blocked({"metadata": {"namespace": "default", "name": "me"}}, made) == expected


@pytest.mark.parametrize(
    ("node", "phase", "deleting", "states", "expected"),
    [
        pytest.param("", "Pending", False, [], False, id="has no node yet"),
        pytest.param("n", "Pending", False, [], True, id="is about to start"),
        pytest.param("n", "Running", False, ["running"], True, id="runs"),
        pytest.param("n", "Succeeded", False, ["terminated"], False, id="has ended"),
        pytest.param("n", "Running", True, ["terminated", "running"], True, id="is ending"),
        pytest.param("n", "Running", True, ["terminated"], False, id="has ended, and is being deleted"),
    ],
)
def test_who_uses_volumes(node: str, phase: str, deleting: bool, states: list[str], expected: bool) -> None:
    made: Obj = {
        "metadata": {"deletionTimestamp": "now"} if deleting else {},
        "spec": {"nodeName": node},
        "status": {"phase": phase, "containerStatuses": [{"state": {state: {}}} for state in states]},
    }
    assert uses_volumes(made) is expected
