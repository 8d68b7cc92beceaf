"""kubeadm reset: a machine as it was before it joined. Its Node stays until somebody deletes it.

Models      cmd/kubeadm/app/cmd/reset.go, cmd/phases/reset/{preflight,removeetcdmember,cleanupnode}.go
Leaves out  control planes: their etcd member would have to leave first
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


def reset(kubeadm: Kubeadm, node: str) -> None:
    """Stop the kubelet, remove every container and what kubeadm has written.

    Raises:
        StatusError: there is no such machine, or it is a control plane, or nothing of Kubernetes is on it.
    """
    machine = kubeadm.machine(node)
    if machine is None:
        raise not_found("machines", node)
    if machine.role == "control-plane":
        raise bad_request(f'machine "{node}" runs the control plane and cannot be reset')
    if machine.power != "on":
        raise bad_request(f'machine "{node}" is switched off')
    if not kubeadm.has_kubelet(node):
        raise bad_request(f'machine "{node}" has not joined')
    kubeadm.note(node, "reset/preflight")
    kubeadm.note(node, "reset/cleanup-node")
    kubeadm.drop_kubelet(node)
    for path in FILES:
        kubeadm.tell(node, "remove-file", path=path)
