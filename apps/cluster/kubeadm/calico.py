"""What the cluster's administrator applies after kubeadm init: the Calico network, and a default StorageClass.

Models      projectcalico/calico manifests/calico.yaml; a StorageClass as a storage provisioner's chart brings it
Leaves out  most of its environment variables and rules; two of its three init containers
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apps.cluster.kubeadm import calico_kinds
from apps.cluster.kubeadm import versions as v
from apps.cluster.kubeadm.cluster_objects import SYSTEM, account_binding

Obj = dict[str, Any]
PROVISIONER = "nfs.csi.k8s.io"
IPIP = "ipip"
BIRD = "bird"
# How Pods of different nodes reach each other -> IPIP and VXLAN of the first pool.
ENCAPSULATIONS = {
    IPIP: ("Always", "Never"),
    "ipip-cross-subnet": ("CrossSubnet", "Never"),
    "vxlan": ("Never", "Always"),
    "vxlan-cross-subnet": ("Never", "CrossSubnet"),
    "none": ("Never", "Never"),
}

_NODE = {"k8s-app": "calico-node"}
_CONTROLLERS = {"k8s-app": "calico-kube-controllers"}
_LINUX = {"kubernetes.io/os": "linux"}
_NODE_RULES: list[Obj] = [
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["patch", "update"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["watch", "list"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["watch", "list"]},
    {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["get"]},
]
_CNI_CONFIG = """{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {"type": "calico", "datastore_type": "kubernetes", "ipam": {"type": "calico-ipam"}, "policy": {"type": "k8s"}},
    {"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}
  ]
}
"""


def _exec(command: list[str], **more: int) -> Obj:
    return {"exec": {"command": command}, **more}


def backend(encapsulation: str) -> str:
    """Who tells nodes of each other's blocks: with VXLAN no BIRD runs, as in manifests/calico-vxlan.yaml."""
    return "vxlan" if encapsulation.startswith("vxlan") else BIRD


def routes_by(who: str) -> Iterator[tuple[str, Obj]]:
    """Who programs routes to other nodes' Pods: said in so many words, since releases differ in it."""
    bird, felix = ("Enabled", "Disabled") if who == BIRD else ("Disabled", "Enabled")
    for resource, choice in (("bgpconfigurations", bird), ("felixconfigurations", felix)):
        yield (
            f"{resource}.{calico_kinds.GROUP}",
            {"metadata": {"name": "default"}, "spec": {"programClusterRoutes": choice}},
        )


def network(pod_subnet: str = v.POD_SUBNET, encapsulation: str = IPIP, routes: str = BIRD) -> Iterator[tuple[str, Obj]]:
    """(resource, object) of the Calico manifest, in its order."""
    yield (
        "poddisruptionbudgets",
        {
            "metadata": {"name": "calico-kube-controllers", "namespace": SYSTEM, "labels": _CONTROLLERS},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _CONTROLLERS}},
        },
    )
    for account in ("calico-kube-controllers", "calico-node", "calico-cni-plugin"):
        yield "serviceaccounts", {"metadata": {"name": account, "namespace": SYSTEM}}
    yield (
        "configmaps",
        {
            "metadata": {"name": "calico-config", "namespace": SYSTEM},
            "data": {
                "calico_backend": backend(encapsulation),
                "cni_network_config": _CNI_CONFIG,
                "typha_service_name": "none",
                "veth_mtu": "0",
            },
        },
    )
    for definition in calico_kinds.definitions():
        yield "customresourcedefinitions", definition
    yield from routes_by(routes)
    for name, more in (("calico-kube-controllers", []), ("calico-node", _NODE_RULES)):
        yield (
            "clusterroles",
            {
                "metadata": {"name": name},
                "rules": [
                    {
                        "apiGroups": [""],
                        "resources": ["nodes", "pods", "namespaces", "services"],
                        "verbs": ["get", "list", "watch"],
                    },
                    *more,
                    {"apiGroups": [calico_kinds.GROUP], "resources": ["*"], "verbs": ["*"]},
                ],
            },
        )
        yield "clusterrolebindings", account_binding(name, name, name)
    yield "daemonsets", _calico_node(pod_subnet, encapsulation)
    yield "deployments", _kube_controllers()


def _calico_node(pod_subnet: str, encapsulation: str) -> Obj:
    ipip, vxlan = ENCAPSULATIONS[encapsulation]
    bird = backend(encapsulation) == BIRD
    container: Obj = {
        "name": "calico-node",
        "image": v.OTHER_IMAGES[2],
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "DATASTORE_TYPE", "value": "kubernetes"},
            {"name": "NODENAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {
                "name": "CALICO_NETWORKING_BACKEND",
                "valueFrom": {"configMapKeyRef": {"name": "calico-config", "key": "calico_backend"}},
            },
            {"name": "CLUSTER_TYPE", "value": "k8s,bgp"},
            {"name": "IP", "value": "autodetect"},
            {"name": "CALICO_IPV4POOL_IPIP", "value": ipip},
            {"name": "CALICO_IPV4POOL_VXLAN", "value": vxlan},
            {"name": "CALICO_IPV4POOL_CIDR", "value": pod_subnet},
        ],
        "securityContext": {"privileged": True},
        "resources": {"requests": {"cpu": "250m"}},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/calico-node", "-shutdown"]}}},
        "livenessProbe": _exec(
            ["/bin/calico-node", "-felix-live", *(["-bird-live"] if bird else [])],
            periodSeconds=10,
            initialDelaySeconds=10,
            failureThreshold=6,
            timeoutSeconds=10,
        ),
        "readinessProbe": _exec(
            ["/bin/calico-node", "-felix-ready", *(["-bird-ready"] if bird else [])],
            periodSeconds=10,
            timeoutSeconds=10,
        ),
        "volumeMounts": [{"mountPath": "/var/lib/calico", "name": "var-lib-calico"}],
    }
    install_cni: Obj = {
        "name": "install-cni",
        "image": v.OTHER_IMAGES[3],
        "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/cni/bin/install"],
        "env": [
            {"name": "CNI_CONF_NAME", "value": "10-calico.conflist"},
            {
                "name": "CNI_NETWORK_CONFIG",
                "valueFrom": {"configMapKeyRef": {"name": "calico-config", "key": "cni_network_config"}},
            },
        ],
        "securityContext": {"privileged": True},
        "volumeMounts": [{"mountPath": "/host/etc/cni/net.d", "name": "cni-net-dir"}],
    }
    return {
        "metadata": {"name": "calico-node", "namespace": SYSTEM, "labels": _NODE},
        "spec": {
            "selector": {"matchLabels": _NODE},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": _NODE},
                "spec": {
                    "nodeSelector": _LINUX,
                    "hostNetwork": True,
                    "tolerations": [
                        {"effect": "NoSchedule", "operator": "Exists"},
                        {"key": "CriticalAddonsOnly", "operator": "Exists"},
                        {"effect": "NoExecute", "operator": "Exists"},
                    ],
                    "serviceAccountName": "calico-node",
                    "terminationGracePeriodSeconds": 0,
                    "priorityClassName": "system-node-critical",
                    "initContainers": [install_cni],
                    "containers": [container],
                    "volumes": [
                        {
                            "name": "var-lib-calico",
                            "hostPath": {"path": "/var/lib/calico", "type": "DirectoryOrCreate"},
                        },
                        {"name": "cni-net-dir", "hostPath": {"path": "/etc/cni/net.d"}},
                    ],
                },
            },
        },
    }


def _kube_controllers() -> Obj:
    container: Obj = {
        "name": "calico-kube-controllers",
        "image": v.OTHER_IMAGES[4],
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "ENABLED_CONTROLLERS", "value": "node,loadbalancer"},
            {"name": "DATASTORE_TYPE", "value": "kubernetes"},
        ],
        "livenessProbe": _exec(
            ["/usr/bin/check-status", "-l"],
            periodSeconds=10,
            initialDelaySeconds=10,
            failureThreshold=6,
            timeoutSeconds=10,
        ),
        "readinessProbe": _exec(["/usr/bin/check-status", "-r"], periodSeconds=10),
    }
    return {
        "metadata": {"name": "calico-kube-controllers", "namespace": SYSTEM, "labels": _CONTROLLERS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _CONTROLLERS},
            "strategy": {"type": "Recreate"},
            "template": {
                "metadata": {"name": "calico-kube-controllers", "namespace": SYSTEM, "labels": _CONTROLLERS},
                "spec": {
                    "nodeSelector": _LINUX,
                    "tolerations": [
                        {"key": "CriticalAddonsOnly", "operator": "Exists"},
                        {"key": v.CONTROL_PLANE_LABEL, "effect": "NoSchedule"},
                    ],
                    "serviceAccountName": "calico-kube-controllers",
                    "priorityClassName": "system-cluster-critical",
                    "containers": [container],
                },
            },
        },
    }


def csi_driver() -> Obj:
    """What the driver of that class says of itself: a directory on a server is mounted, never attached."""
    return {
        "metadata": {"name": PROVISIONER},
        "spec": {"attachRequired": False, "fsGroupPolicy": "File", "volumeLifecycleModes": ["Persistent"]},
    }


def storage_class() -> Obj:
    """The class that claims get when they name none."""
    return {
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }
