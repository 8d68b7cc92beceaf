"""What an object is to the figures: a Pod in a slot, a chip of its node, a part of the control plane; whose Pod it is.

kubeadm's own Pods are not drawn as Pods: the static Pods of the control plane *are* the parts the figure shows, and
kube-proxy and calico-node are chips on their node.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import annotations_of, controller_of, labels_of, name_of, namespace_of
from apps.diagrams import metrics

Obj = dict[str, Any]

SYSTEM_NAMESPACES = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "calico-system", "calico-apiserver", "tigera-operator"}
)
CHIPS = ("kube-proxy", "calico-node")
PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"

# Resources that are no news in a figure of what a reader made: the cluster's own records, and what has its own
# drawing.
RECORDS = frozenset(
    {
        "controllerrevisions",
        "csinodes",
        "endpoints",
        "endpointslices",
        "events",
        "ipaddresses",
        "leases",
        "nodes",
        "pods",
        "servicecidrs",
        "volumeattachments",
    }
)
WORKLOADS = ("deployments", "statefulsets", "daemonsets", "replicasets", "replicationcontrollers", "cronjobs", "jobs")
# What every cluster has from kubeadm and Calico before its reader has made anything: by name, and by how names begin.
_GIVEN = frozenset(
    {
        "serviceaccounts/default",
        "configmaps/kube-root-ca.crt",
        "services/kubernetes",
        "csidrivers/nfs.csi.k8s.io",
        "storageclasses/standard",
        "namespaces/default",
        *(f"namespaces/{name}" for name in SYSTEM_NAMESPACES),
        *(f"clusterroles/{name}" for name in ("admin", "cluster-admin", "edit", "view")),
        "clusterrolebindings/cluster-admin",
        "ippools.crd.projectcalico.org/default-ipv4-ippool",
        *(
            f"{plural}.crd.projectcalico.org/default"
            for plural in ("bgpconfigurations", "clusterinformations", "felixconfigurations", "tiers")
        ),
    }
)
_GIVEN_KINDS = frozenset(
    {
        "apiservices",
        "certificatesigningrequests",
        "clusterrolebindings",
        "clusterroles",
        "flowschemas",
        "priorityclasses",
        "prioritylevelconfigurations",
        "rolebindings",
        "roles",
    }
)
_GIVEN_NAMES = ("system:", "system-", "kubeadm:", "calico-")
_GIVEN_GROUP = ".crd.projectcalico.org"
_PROVISIONED = "pv.kubernetes.io/provisioned-by"  # a volume that a claim brought about
# What kube-apiserver writes for itself says so in a label or an annotation.
_OWN_MARKS = {
    "apiservices": "kube-aggregator.kubernetes.io/automanaged",
    "flowschemas": "apf.kubernetes.io/autoupdate-spec",
    "prioritylevelconfigurations": "apf.kubernetes.io/autoupdate-spec",
}
_KUBELET_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
_MIRROR = "kubernetes.io/config.mirror"
_NAMED_AFTER_OWNER = frozenset({"ReplicaSet", "DaemonSet", "Job", "ReplicationController"})


def is_system(obj: Obj) -> bool:
    """Belongs to the cluster itself rather than to its reader."""
    return namespace_of(obj) in SYSTEM_NAMESPACES


def is_plain(resource: str, obj: Obj) -> bool:
    """Drawn as what it is, a box with its kind and name: neither a workload nor the cluster's own record."""
    if resource in RECORDS or resource in WORKLOADS or is_system(obj):
        return False
    name = name_of(obj)
    if f"{resource}/{name}" in _GIVEN or (resource in _GIVEN_KINDS and name.startswith(_GIVEN_NAMES)):
        return False
    if resource == "customresourcedefinitions" and name.endswith(_GIVEN_GROUP):
        return False
    if resource == "certificatesigningrequests" and obj["spec"].get("signerName") == _KUBELET_SIGNER:
        return False  # how a node got its certificate
    if resource in _OWN_MARKS and _OWN_MARKS[resource] in {**labels_of(obj), **annotations_of(obj)}:
        return False
    return _PROVISIONED not in annotations_of(obj)


def is_control_plane(node: Obj) -> bool:
    return CONTROL_PLANE_LABEL in labels_of(node)


def special(pod: Obj) -> str:
    """`kube-proxy`, `etcd`, … when the Pod is drawn as that part; "" for a Pod drawn as a Pod."""
    if namespace_of(pod) not in SYSTEM_NAMESPACES:
        return ""
    owner = controller_of(pod)
    if owner is not None and owner["kind"] == "DaemonSet":
        return owner["name"] if owner["name"] in CHIPS else ""
    if _MIRROR in annotations_of(pod) or (owner is not None and owner["kind"] == "Node"):
        name = name_of(pod)
        for part in PARTS:
            if name.startswith(part + "-"):
                return part
    return ""


def owner_uid(pod: Obj) -> str:
    """The uid of the controller, "" for a Pod nobody looks after."""
    owner = controller_of(pod)
    return owner["uid"] if owner is not None else ""


def short_name(pod: Obj, room: float) -> str:
    """What tells a Pod from its siblings, in at most `room` pixels: `7k2xq`, `db-0`.

    The end of the name says which Pod it is, so what is cut is cut at the front.
    """
    name = name_of(pod)
    owner = controller_of(pod)
    if owner is not None and owner["kind"] in _NAMED_AFTER_OWNER:
        if is_system(pod):
            # Nobody follows these one by one: what they are says more than which.
            app = owner["name"].rpartition("-")[0] if owner["kind"] == "ReplicaSet" else owner["name"]
            if metrics.width(app, 11) <= room:
                return app  # type: ignore[no-any-return]
        return name.rpartition("-")[2]
    return metrics.fit_end(name, room)


def revision_of(replica_set: Obj) -> int:
    """A ReplicaSet's revision in its Deployment's history, 0 when it has none."""
    text = annotations_of(replica_set).get("deployment.kubernetes.io/revision", "")
    return int(text) if text.isdigit() else 0
