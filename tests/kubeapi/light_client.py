"""A script of lightkube against the scenario of a kubeconfig: create, watch, patch in three ways, apply, delete."""

from __future__ import annotations

import sys

from lightkube import ApiError, Client, KubeConfig
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Node, Pod
from lightkube.types import PatchType

client = Client(config=KubeConfig.from_file(sys.argv[1]), field_manager="light")
assert len(list(client.list(Node))) == 4

one = client.create(ConfigMap(metadata=ObjectMeta(name="light", namespace="default"), data={"a": "1"}))
assert one.metadata is not None
for patch_type, body in (
    (PatchType.MERGE, {"data": {"b": "2"}}),
    (PatchType.STRATEGIC, {"data": {"c": "3"}}),
    (PatchType.JSON, [{"op": "add", "path": "/data/d", "value": "4"}]),
):
    one = client.patch(ConfigMap, "light", body, namespace="default", patch_type=patch_type)
applied = client.apply(ConfigMap(metadata=ObjectMeta(name="light", namespace="default"), data={"e": "5"}))
assert applied.data == {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"}, applied.data

client.create(
    Pod(
        metadata=ObjectMeta(name="light", namespace="default"),
        spec=PodSpec(containers=[Container(name="web", image="nginx:1.27")]),
    )
)
for operation, pod in client.watch(Pod, namespace="default", fields={"metadata.name": "light"}, server_timeout=60):
    assert pod.status is not None
    print(operation, pod.status.phase)
    if pod.status.phase == "Running":
        break
client.wait(Pod, "light", for_conditions=["Ready"], namespace="default")
for line in client.log("light", namespace="default", follow=True):  # what a program says, it says in its time
    if "nginx/1.27" in line:
        break
client.delete(Pod, "light", namespace="default", grace_period=0)
client.delete(ConfigMap, "light", namespace="default")
refusals = []
try:
    client.get(ConfigMap, "light", namespace="default")
except ApiError as error:
    refusals.append(error.status.code)
assert refusals == [404]
print("done")
