"""What kube-apiserver itself writes when it starts in an empty cluster.

Models      pkg/controlplane/controller (systemnamespaces, kubernetesservice, defaultservicecidr,
            clusterauthenticationtrust, legacytokentracking), pkg/registry/scheduling/rest,
            plugin/pkg/auth/authorizer/rbac/bootstrappolicy
Leaves out  nothing: FlowSchemas, priority levels and APIServices are written by apps/cluster/poststart
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from apps.cluster.kubeadm import versions as v

Obj = dict[str, Any]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_CLUSTER_CRITICAL = (
    "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
)
_RBAC = "rbac.authorization.k8s.io"
_DEFAULTS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_UPDATED = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
SERVICE_CIDR_CONTROLLER = "kubernetes-service-cidr-controller"
POLICY = Path(__file__).with_name("bootstrap_policy.json")


@cache
def policy() -> dict[str, list[Obj]]:
    """The default roles and their bindings, by resource, in the order in which they are written."""
    return {
        resource: [_role(entry) if "role" not in entry else _binding(entry) for entry in entries]
        for resource, entries in json.loads(POLICY.read_text()).items()
    }


def _metadata(entry: Obj) -> Obj:
    metadata: Obj = {"name": entry["name"]}
    if "namespace" in entry:
        metadata["namespace"] = entry["namespace"]
    return {**metadata, "labels": {**_DEFAULTS, **entry.get("labels", {})}, "annotations": _UPDATED}


def _role(entry: Obj) -> Obj:
    role: Obj = {"metadata": _metadata(entry)}
    if "aggregationRule" in entry:
        role["aggregationRule"] = entry["aggregationRule"]
    return {**role, "rules": entry["rules"]}


def _binding(entry: Obj) -> Obj:
    kind, _, name = entry["role"].partition("/")
    binding = {"metadata": _metadata(entry), "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name}}
    return {**binding, "subjects": entry["subjects"]} if entry["subjects"] else binding


def ready(now: str) -> Obj:
    """The status of the first ServiceCIDR, so that its addresses can be given out at once."""
    said = {"status": "True", "lastTransitionTime": now, "message": "Kubernetes default Service CIDR is ready"}
    return {"conditions": [{"type": "Ready", **said}]}


def objects(address: str, token_date: str) -> Iterator[tuple[str, Obj]]:
    """(resource, object) in the order they are written. `address`: where the API server listens."""
    for name in NAMESPACES:
        yield "namespaces", {"metadata": {"name": name}}
    for name, value, about in (
        (
            "system-cluster-critical",
            2000000000,
            _CLUSTER_CRITICAL,
        ),
        (
            "system-node-critical",
            2000001000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ):
        yield (
            "priorityclasses",
            {
                "metadata": {"name": name},
                "value": value,
                "description": about,
                "preemptionPolicy": "PreemptLowerPriority",
            },
        )
    for resource, entries in policy().items():
        for entry in entries:
            yield resource, entry
    yield "servicecidrs", {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": [v.SERVICE_SUBNET]}}
    yield (
        "configmaps",
        {
            "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
            "data": {
                "requestheader-allowed-names": '["front-proxy-client"]',
                "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
                "requestheader-group-headers": '["X-Remote-Group"]',
                "requestheader-username-headers": '["X-Remote-User"]',
            },
        },
    )
    yield (
        "configmaps",
        {
            "metadata": {"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"},
            "data": {"since": token_date},
        },
    )
    ports = [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": v.API_PORT}]
    yield (
        "services",
        {
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"component": "apiserver", "provider": "kubernetes"},
            },
            "spec": {
                "type": "ClusterIP",
                "clusterIP": v.API_SERVICE_IP,
                "clusterIPs": [v.API_SERVICE_IP],
                "ports": ports,
                "sessionAffinity": "None",
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
            },
        },
    )
    listening = [{"name": "https", "port": v.API_PORT, "protocol": "TCP"}]
    yield (
        "endpoints",
        {
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
            },
            "subsets": [{"addresses": [{"ip": address}], "ports": listening}],
        },
    )
    yield (
        "endpointslices",
        {
            "metadata": {
                "name": "kubernetes",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "kubernetes"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": listening,
        },
    )
