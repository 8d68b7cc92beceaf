"""What kubeadm init writes through the API server, phase by phase, besides the add-ons.

Models      cmd/kubeadm/app/phases/uploadconfig, markcontrolplane, bootstraptoken/{node,clusterinfo}, copycerts;
            phases/kubeconfig (EnsureAdminClusterRoleBinding)
Leaves out  certificates as they are: where one would stand, its name does
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from apps.cluster.kubeadm import versions as v
from apps.cluster.kubeadm.tokens import GROUP

Obj = dict[str, Any]

SYSTEM = "kube-system"
_RBAC = "rbac.authorization.k8s.io"


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


def cluster_configuration(address: str, version: str, pod_subnet: str) -> str:
    """The ClusterConfiguration as it is kept."""
    return (
        "apiServer: {}\napiVersion: kubeadm.k8s.io/v1beta4\n"
        "certificatesDir: /etc/kubernetes/pki\n"
        f"clusterName: {v.CLUSTER_NAME}\ncontrolPlaneEndpoint: {address}:{v.API_PORT}\n"
        "controllerManager: {}\ndns: {}\netcd:\n  local:\n    dataDir: /var/lib/etcd\n"
        f"imageRepository: {v.REGISTRY}\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n"
        f"networking:\n  dnsDomain: {v.DNS_DOMAIN}\n  podSubnet: {pod_subnet}\n  serviceSubnet: {v.SERVICE_SUBNET}\n"
        "proxy: {}\nscheduler: {}\n"
    )


def upload_config(configuration: str) -> Iterator[tuple[str, Obj]]:
    """How the cluster is configured, for those who join."""
    yield from _kept("kubeadm-config", "ClusterConfiguration", configuration, "kubeadm:nodes-kubeadm-config")


def upload_kubelet_config(socket: str) -> Iterator[tuple[str, Obj]]:
    """How its kubelets are configured."""
    text = (
        "apiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\n"
        f"clusterDNS:\n- {v.DNS_IP}\nclusterDomain: {v.DNS_DOMAIN}\n"
        f"containerRuntimeEndpoint: {socket}\nkind: KubeletConfiguration\n"
        "rotateCertificates: true\nstaticPodPath: /etc/kubernetes/manifests\n"
    )
    yield from _kept("kubelet-config", "kubelet", text, "kubeadm:kubelet-config")


def _kept(name: str, key: str, text: str, reader: str) -> Iterator[tuple[str, Obj]]:
    yield "configmaps", {"metadata": {"name": name, "namespace": SYSTEM}, "data": {key: text}}
    yield "roles", role(reader, SYSTEM, "configmaps", name)
    yield "rolebindings", group_binding(reader, "Role", reader, [GROUP, "system:nodes"], SYSTEM)


def upload_certs(token: Obj) -> Iterator[tuple[str, Obj]]:
    """What further control planes need of the first one's disk, for as long as its token lasts."""
    metadata = token["metadata"]
    owner = {"apiVersion": "v1", "kind": "Secret", "name": metadata["name"], "uid": metadata["uid"]}
    owner |= {"controller": True, "blockOwnerDeletion": True}
    files = [f"{name}.{end}" for name in ("ca", "etcd-ca", "front-proxy-ca") for end in ("crt", "key")]
    data = {name: b64encode(f"encrypted {name}".encode()).decode() for name in (*files, "sa.key", "sa.pub")}
    certs = {"name": "kubeadm-certs", "namespace": SYSTEM, "ownerReferences": [owner]}
    yield "secrets", {"metadata": certs, "data": dict(sorted(data.items()))}
    name = "kubeadm:kubeadm-certs"
    yield "roles", role(name, SYSTEM, "secrets", "kubeadm-certs")
    yield "rolebindings", group_binding(name, "Role", name, [GROUP], SYSTEM)


def cluster_admins() -> tuple[str, Obj]:
    """What makes kubernetes-admin an administrator: written with the credentials of super-admin.conf."""
    name = "kubeadm:cluster-admins"
    return "clusterrolebindings", group_binding(name, "ClusterRole", "cluster-admin", [name])


def mark_control_plane() -> Obj:
    """The patch of the first node: what it is, and that ordinary Pods keep off. (A merge patch of labels.)"""
    return {"metadata": {"labels": {v.CONTROL_PLANE_LABEL: "", v.EXCLUDE_LABEL: ""}}}


CONTROL_PLANE_TAINT = {"effect": "NoSchedule", "key": v.CONTROL_PLANE_LABEL}


def bootstrap_token(address: str, token: Obj) -> Iterator[tuple[str, Obj]]:
    """The token that machines join with, what it allows, and where they learn of the cluster."""
    yield "secrets", token
    kubeconfig = (
        "apiVersion: v1\nclusters:\n- cluster:\n"
        f"    server: https://{address}:{v.API_PORT}\n"
        '  name: ""\ncontexts: null\ncurrent-context: ""\nkind: Config\nusers: null\n'
    )
    info = {"metadata": {"name": "cluster-info", "namespace": "kube-public"}, "data": {"kubeconfig": kubeconfig}}
    for resource, obj in bootstrap_rules():
        if resource == "roles":
            yield "configmaps", info
        yield resource, obj


def bootstrap_rules() -> Iterator[tuple[str, Obj]]:
    """What bootstrap tokens, nodes and the API server's kubelet client may do, and who may read cluster-info."""
    yield (
        "clusterroles",
        {
            "metadata": {"name": "kubeadm:get-nodes"},
            "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}],
        },
    )
    for name, bound, group in (
        ("kubeadm:get-nodes", "kubeadm:get-nodes", GROUP),
        ("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", GROUP),
        (
            "kubeadm:node-autoapprove-bootstrap",
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            GROUP,
        ),
        (
            "kubeadm:node-autoapprove-certificate-rotation",
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            "system:nodes",
        ),
    ):
        yield "clusterrolebindings", group_binding(name, "ClusterRole", bound, [group])
    client = "kube-apiserver-kubelet-client"
    yield (
        "clusterrolebindings",
        {
            "metadata": {"name": "kubeadm:apiserver-kubelet-client"},
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "system:kubelet-api-admin"},
            "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": client}],
        },
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
