"""A script of the official Python client against a scenario: create, watch, patch, scale, logs, delete."""

from __future__ import annotations

import sys

from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

config.load_kube_config(sys.argv[1])
apps, core = client.AppsV1Api(), client.CoreV1Api()

version = client.VersionApi().get_code()
assert (version.major, version.minor) == ("1", "36"), version
assert len(core.list_node().items) == 4

labels = {"app": "official"}
container = client.V1Container(name="web", image="nginx:1.27")
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
)
spec = client.V1DeploymentSpec(replicas=2, selector=client.V1LabelSelector(match_labels=labels), template=template)
made = apps.create_namespaced_deployment(
    "default", client.V1Deployment(metadata=client.V1ObjectMeta(name="official"), spec=spec)
)
assert made.metadata.uid

watching = watch.Watch()
for event in watching.stream(
    apps.list_namespaced_deployment,
    "default",
    resource_version=made.metadata.resource_version,
    timeout_seconds=60,
):
    found = event["object"]
    print(event["type"], found.metadata.name, found.status.ready_replicas)
    if found.status.ready_replicas == 2:
        watching.stop()

patched = apps.patch_namespaced_deployment("official", "default", {"metadata": {"annotations": {"by": "official"}}})
assert patched.metadata.annotations["by"] == "official"
scaled = apps.patch_namespaced_deployment_scale("official", "default", {"spec": {"replicas": 1}})
assert scaled.spec.replicas == 1
stale = apps.read_namespaced_deployment("official", "default")
stale.metadata.resource_version = "1"
refusals = []
try:
    apps.replace_namespaced_deployment("official", "default", stale)
except ApiException as error:
    refusals.append((error.status, error.reason))
pod = core.list_namespaced_pod("default", label_selector="app=official", limit=1).items[0]
for line in watch.Watch().stream(core.read_namespaced_pod_log, pod.metadata.name, "default"):
    if "nginx/1.27" in line:
        break
apps.delete_namespaced_deployment("official", "default", propagation_policy="Foreground")
try:
    apps.read_namespaced_deployment("nope", "default")
except ApiException as error:
    refusals.append((error.status, error.reason))
assert refusals == [(409, "Conflict"), (404, "Not Found")], refusals
print("done")
