"""What kube-apiserver itself writes when it starts in an empty cluster.

Models      pkg/controlplane/controller (systemnamespaces, kubernetesservice, defaultservicecidr,
            clusterauthenticationtrust, legacytokentracking), pkg/registry/scheduling/rest,
            plugin/pkg/auth/authorizer/rbac/bootstrappolicy
Leaves out  most of the 70 default roles; FlowSchemas and priority levels; APIServices; Leases of the API server and of
            leader election
"""

from __future__ import annotations

from collections.abc import Iterator
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
_READ = ["get", "list", "watch"]

# ClusterRole -> (rules: groups, resources, verbs), and who is bound to it: (kind, name) or None.
_ROLES: dict[str, tuple[list[tuple[list[str], list[str], list[str]]], tuple[str, str] | None]] = {
    "cluster-admin": ([(["*"], ["*"], ["*"])], ("Group", "system:masters")),
    "admin": ([(["", "apps", "batch"], ["*"], ["*"])], None),
    "edit": ([(["", "apps", "batch"], ["*"], ["*"])], None),
    "view": ([(["", "apps", "batch"], ["*"], _READ)], None),
    "system:kube-controller-manager": (
        [(["*"], ["*"], ["list", "watch"])],
        ("User", "system:kube-controller-manager"),
    ),
    "system:kube-scheduler": (
        [([""], ["nodes", "pods"], _READ), ([""], ["bindings", "pods/binding"], ["create"])],
        ("User", "system:kube-scheduler"),
    ),
    "system:kube-dns": ([([""], ["endpoints", "services"], ["list", "watch"])], ("ServiceAccount", "kube-dns")),
    "system:node": ([([""], ["nodes", "nodes/status", "pods", "pods/status"], ["*"])], None),
    "system:node-bootstrapper": (
        [(["certificates.k8s.io"], ["certificatesigningrequests"], ["create", *_READ])],
        None,
    ),
    "system:node-proxier": (
        [([""], ["services", "nodes"], _READ), (["discovery.k8s.io"], ["endpointslices"], ["list", "watch"])],
        ("User", "system:kube-proxy"),
    ),
}


def _cluster_role(name: str, rules: list[tuple[list[str], list[str], list[str]]]) -> Obj:
    return {
        "metadata": {"name": name, "labels": _DEFAULTS, "annotations": _UPDATED},
        "rules": [{"apiGroups": groups, "resources": kinds, "verbs": verbs} for groups, kinds, verbs in rules],
    }


def _binding(name: str, subject: tuple[str, str]) -> Obj:
    kind, who = subject
    named: Obj = {"kind": kind, "name": who}
    if kind == "ServiceAccount":
        named["namespace"] = "kube-system"
    else:
        named["apiGroup"] = _RBAC
    return {
        "metadata": {"name": name, "labels": _DEFAULTS, "annotations": _UPDATED},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [named],
    }


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
    for name, (rules, subject) in _ROLES.items():
        yield "clusterroles", _cluster_role(name, rules)
        if subject is not None:
            yield "clusterrolebindings", _binding(name, subject)
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
