"""What kubeadm init writes through the API server, phase by phase, besides the add-ons.

Models      cmd/kubeadm/app/phases/uploadconfig, markcontrolplane, bootstraptoken/{node,clusterinfo}
Leaves out  the certificates inside cluster-info; kubeconfigs
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.cluster.kubeadm import versions as v

Obj = dict[str, Any]

SYSTEM = "kube-system"
_RBAC = "rbac.authorization.k8s.io"
_BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token"


def role(name: str, namespace: str, resource: str, named: str) -> Obj:
    """A Role that allows one object to be read."""
    return {
        "metadata": {"name": name, "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": [resource], "resourceNames": [named], "verbs": ["get"]}],
    }


def group_binding(name: str, role_kind: str, role_name: str, groups: list[str], namespace: str = "") -> Obj:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": role_kind, "name": role_name},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group} for group in groups],
    }


def account_binding(name: str, role_name: str, account: str) -> Obj:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role_name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}],
    }


def upload_config(address: str, socket: str) -> Iterator[tuple[str, Obj]]:
    """How the cluster and its kubelets are configured, for those who join."""
    cluster_configuration = (
        "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\n"
        "certificatesDir: /etc/kubernetes/pki\n"
        f"clusterName: {v.CLUSTER_NAME}\ncontrolPlaneEndpoint: {address}:{v.API_PORT}\n"
        "controllerManager: {}\ndns: {}\netcd:\n  local:\n    dataDir: /var/lib/etcd\n"
        f"imageRepository: {v.REGISTRY}\nkind: ClusterConfiguration\nkubernetesVersion: {v.KUBERNETES}\n"
        f"networking:\n  dnsDomain: {v.DNS_DOMAIN}\n  podSubnet: {v.POD_SUBNET}\n  serviceSubnet: {v.SERVICE_SUBNET}\n"
        "proxy: {}\nscheduler: {}\n"
    )
    kubelet_configuration = (
        "apiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\n"
        f"clusterDNS:\n- {v.DNS_IP}\nclusterDomain: {v.DNS_DOMAIN}\n"
        f"containerRuntimeEndpoint: {socket}\nkind: KubeletConfiguration\n"
        "rotateCertificates: true\nstaticPodPath: /etc/kubernetes/manifests\n"
    )
    for name, key, text, reader in (
        ("kubeadm-config", "ClusterConfiguration", cluster_configuration, "kubeadm:nodes-kubeadm-config"),
        ("kubelet-config", "kubelet", kubelet_configuration, "kubeadm:kubelet-config"),
    ):
        yield "configmaps", {"metadata": {"name": name, "namespace": SYSTEM}, "data": {key: text}}
        yield "roles", role(reader, SYSTEM, "configmaps", name)
        yield "rolebindings", group_binding(reader, "Role", reader, [_BOOTSTRAPPERS, "system:nodes"], SYSTEM)


def cluster_admins() -> tuple[str, Obj]:
    """What makes kubernetes-admin an administrator: written with the credentials of super-admin.conf."""
    name = "kubeadm:cluster-admins"
    return "clusterrolebindings", group_binding(name, "ClusterRole", "cluster-admin", [name])


def mark_control_plane() -> Obj:
    """The patch of the first node: what it is, and that ordinary Pods keep off. (A merge patch of labels.)"""
    return {"metadata": {"labels": {v.CONTROL_PLANE_LABEL: "", v.EXCLUDE_LABEL: ""}}}


CONTROL_PLANE_TAINT = {"effect": "NoSchedule", "key": v.CONTROL_PLANE_LABEL}


def bootstrap_token(address: str) -> Iterator[tuple[str, Obj]]:
    """The token that machines join with, what it allows, and where they learn of the cluster."""
    yield (
        "secrets",
        {
            "metadata": {"name": f"bootstrap-token-{v.TOKEN_ID}", "namespace": SYSTEM},
            "type": "bootstrap.kubernetes.io/token",
            "data": {
                "auth-extra-groups": "c3lzdGVtOmJvb3RzdHJhcHBlcnM6a3ViZWFkbTpkZWZhdWx0LW5vZGUtdG9rZW4=",
                "description": "VGhlIGRlZmF1bHQgYm9vdHN0cmFwIHRva2VuIGdlbmVyYXRlZCBieSAna3ViZWFkbSBpbml0Jy4=",
                "expiration": "MjAyNi0xMS0yNFQwMDowMDowMFo=",  # a day after the machine was switched on
                "token-id": "YWJjZGVm",
                "token-secret": "MDEyMzQ1Njc4OWFiY2RlZg==",  # the documentation's own example
                "usage-bootstrap-authentication": "dHJ1ZQ==",
                "usage-bootstrap-signing": "dHJ1ZQ==",
            },
        },
    )
    yield (
        "clusterroles",
        {
            "metadata": {"name": "kubeadm:get-nodes"},
            "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
        },
    )
    for name, bound, group in (
        ("kubeadm:get-nodes", "kubeadm:get-nodes", _BOOTSTRAPPERS),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", _BOOTSTRAPPERS),
        (
            "kubeadm:node-autoapprove-bootstrap",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            _BOOTSTRAPPERS,
        ),
        (
            "kubeadm:node-autoapprove-certificate-rotation",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            "system:nodes",
        ),
    ):
        yield "clusterrolebindings", group_binding(name, "ClusterRole", bound, [group])
    kubeconfig = (
        "apiVersion: v1\nclusters:\n- cluster:\n"
        f"    server: https://{address}:{v.API_PORT}\n"
        '  name: ""\ncontexts: null\ncurrent-context: ""\nkind: Config\nusers: null\n'
    )
    yield (
        "configmaps",
        {"metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": kubeconfig}},
    )
    name = "kubeadm:bootstrap-signer-clusterinfo"
    yield "roles", role(name, "kube-public", "configmaps", "cluster-info")
    yield (
        "rolebindings",
        {
            "metadata": {"name": name, "namespace": "kube-public"},
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": "system:anonymous"}],
        },
    )
