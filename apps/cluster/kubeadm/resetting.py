"""kubeadm reset: a machine as it was before it joined. Its Node stays until somebody deletes it.

Models      cmd/kubeadm/app/cmd/reset.go, cmd/phases/reset/{preflight,removeetcdmember,cleanupnode}.go,
            phases/etcd/local.go (RemoveStackedEtcdMemberFromCluster)
Leaves out  the two minutes for which kubeadm asks an etcd that refuses again

Where the last control plane is reset, the cluster is gone: nobody asks the only member of etcd to leave, its data are
removed, and there is nothing to join any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.cluster.apimachinery.status import bad_request, not_found
from apps.cluster.kubeadm import pki

if TYPE_CHECKING:
    from apps.cluster.kubeadm.workflow import Kubeadm

FILES = (
    "/etc/kubernetes/manifests",
    "/var/lib/kubelet",
    pki.PKI,
    "/etc/kubernetes/kubelet.conf",
)
OF_A_CONTROL_PLANE = tuple(
    f"/etc/kubernetes/{name}.conf" for name in ("admin", "super-admin", "controller-manager", "scheduler")
)
ETCD_DATA = "/var/lib/etcd"


def reset(kubeadm: Kubeadm, node: str) -> None:
    """Stop the kubelet, remove every container and what kubeadm has written.

    Raises:
        StatusError: there is no such machine, it is off, or nothing of Kubernetes is on it.
    """
    machine = kubeadm.machine(node)
    if machine is None:
        raise not_found("machines", node)
    if machine.power != "on":
        raise bad_request(f'machine "{node}" is switched off')
    if not kubeadm.has_kubelet(node):
        raise bad_request(f'machine "{node}" has not joined')
    plane = machine in kubeadm.control_planes()
    kubeadm.note(node, "reset/preflight")
    kubeadm.note(node, "reset/remove-etcd-member")
    if plane:
        _leave_etcd(kubeadm, node)
    kubeadm.note(node, "reset/cleanup-node")
    kubeadm.drop_kubelet(node)
    for path in (*FILES, *(OF_A_CONTROL_PLANE if plane else ())):
        kubeadm.tell(node, "remove-file", path=path)


def _leave_etcd(kubeadm: Kubeadm, node: str) -> None:
    """Its member leaves the others; where they do not let it go, kubeadm warns and goes on."""
    problem = kubeadm.endpoint_problem(node)
    if problem is not None:
        reason = problem.message
    else:
        reason = kubeadm.leave_etcd(node)
    if reason:
        kubeadm.tell(node, "member-stays", reason=reason)
        kubeadm.wipe_etcd(node)
    kubeadm.tell(node, "remove-file", path=ETCD_DATA)
