"""How many volumes of a driver a node takes."""

from __future__ import annotations

from typing import Any

import pytest

from apps.cluster.scheduler.plugins.base import CycleState
from apps.cluster.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from tests.cluster.scheduler.small import Small
from tests.cluster.scheduler.tables import World, node, pod

Obj = dict[str, Any]


def claim(name: str, volume: str = "", storage_class: str = "") -> Obj:
    spec: Obj = {"volumeName": volume} if volume else {}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def volume(name: str, driver: str = "disk.csi") -> Obj:
    return {"metadata": {"name": name}, "spec": {"csi": {"driver": driver, "volumeHandle": name}}}


def csi_node(name: str, count: int | None) -> Obj:
    driver: Obj = {"name": "disk.csi", "nodeID": name}
    if count is not None:
        driver["allocatable"] = {"count": count}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": name},
        "spec": {"drivers": [driver]},
    }


def uses(name: str, *claims: str, node_name: str = "") -> Obj:
    volumes = [{"name": one, "persistentVolumeClaim": {"claimName": one}} for one in claims]
    return pod(name, node_name, volumes=volumes)


TOO_MANY = (2, ["node(s) exceed max volume count"])
OBJECTS: dict[str, list[Obj]] = {
    "persistentvolumeclaims": [claim("a", "va"), claim("b", "vb"), claim("new", "", "disk"), claim("other", "vo")],
    "persistentvolumes": [volume("va"), volume("vb"), volume("vo", "other.csi"), volume("vc")],
    "storageclasses": [{"metadata": {"name": "disk"}, "provisioner": "disk.csi"}],
}


@pytest.mark.parametrize(
    ("limit", "here", "attached", "wanted", "expected"),
    [
        pytest.param(1, [], [], ["a"], None, id="the first one fits"),
        pytest.param(1, ["a"], [], ["b"], TOO_MANY, id="the second one does not"),
        pytest.param(1, ["a"], [], ["a"], None, id="one volume in two Pods is one volume"),
        pytest.param(2, ["a"], [], ["b"], None, id="two of two"),
        pytest.param(1, ["a"], [], ["new"], TOO_MANY, id="one still to be made counts by its class"),
        pytest.param(1, ["a"], [], ["other"], None, id="another driver has limits of its own"),
        pytest.param(None, ["a"], [], ["b"], None, id="a driver that does not say is not limited"),
        pytest.param(1, [], ["vc"], ["a"], TOO_MANY, id="what is still attached counts"),
        pytest.param(1, ["a"], ["va"], ["a"], None, id="but once"),
        pytest.param(
            1,
            [],
            [],
            ["gone"],
            (3, ['looking up PVC default/gone: persistentvolumeclaim "gone" not found']),
            id="no claim, no node",
        ),
    ],
)
def test_limits(limit, here, attached, wanted, expected):
    attachments = [
        {"metadata": {"name": name}, "spec": {"nodeName": "n1", "source": {"persistentVolumeName": name}}}
        for name in attached
    ]
    there = [uses(f"p{number}", one, node_name="n1") for number, one in enumerate(here)]
    world = World([node("n1")], there, csinodes=[csi_node("n1", limit)], volumeattachments=attachments, **OBJECTS)
    plugin, state, info = NodeVolumeLimits(world.handle), CycleState(), world.pod(uses("new", *wanted))
    assert plugin.pre_filter(state, info, world.nodes) is None
    status = plugin.filter(state, info, world.nodes[0])
    assert (None if status is None else (status.code, list(status.reasons))) == expected


def test_a_pod_that_was_refused_is_tried_again_when_its_node_can_hold_more():
    small = Small([node("n1")])
    kind = {"apiVersion": "v1", "kind": "PersistentVolume"}
    for name in ("va", "vb"):
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "disk"}
        source = {"csi": {"driver": "disk.csi", "volumeHandle": name}}
        small.create("persistentvolumes", {**kind, "metadata": {"name": name}, "spec": {**spec, **source}})
    for name, bound in (("a", "va"), ("b", "vb")):
        annotations = {"pv.kubernetes.io/bind-completed": "yes"}
        metadata = {"name": name, "namespace": "default", "annotations": annotations}
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "volumeName": bound}
        made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
        small.create(
            "persistentvolumeclaims", {**made, "spec": {**spec, "resources": {"requests": {"storage": "1Gi"}}}}
        )
    small.create("csinodes", csi_node("n1", 1))
    small.create("pods", uses("one", "a"))
    small.rest()
    small.create("pods", uses("two", "b"))
    small.rest(2_000)
    assert small.node_of("one") == "n1"
    assert "1 node(s) exceed max volume count" in small.condition("two")["message"]
    small.kubectl.patch("csinodes", "", "n1", {"spec": csi_node("n1", 2)["spec"]}, type="merge")
    small.rest()
    assert small.node_of("two") == "n1"
