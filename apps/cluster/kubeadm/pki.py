"""What kubeadm puts on a machine's disk for proof of who is who: certificates, keys, kubeconfig files.

Models      cmd/kubeadm/app/phases/certs/certlist.go, certs.go; phases/kubeconfig/kubeconfig.go; constants/constants.go
Leaves out  keys and certificates that work: here are their names, what they say, who signed them and how long they last

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from apps.cluster.kubeadm import versions as v

PKI = "/etc/kubernetes/pki"
DAY_MS = 24 * 3600 * 1000
LEAF_MS, AUTHORITY_MS = 365 * DAY_MS, 3650 * DAY_MS
SERVER, CLIENT = "server auth", "client auth"


class Certificate(NamedTuple):
    """One certificate and its key. `authority` is the one that signs it, "" when it signs itself."""

    name: str  # the phase is certs/<name>
    path: str
    common_name: str
    organizations: tuple[str, ...] = ()
    authority: str = ""
    usages: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # who it may stand for: DNS names and addresses

    @property
    def subject(self) -> str:
        """As `openssl x509 -subject` prints it.

        >>> Certificate("a", "p", "kubernetes-admin", ("kubeadm:cluster-admins",)).subject
        'O = kubeadm:cluster-admins, CN = kubernetes-admin'
        """
        return ", ".join([*(f"O = {one}" for one in self.organizations), f"CN = {self.common_name}"])

    @property
    def lasts_ms(self) -> int:
        return LEAF_MS if self.authority else AUTHORITY_MS


class Kubeconfig(NamedTuple):
    """Who its bearer is to the API server, and where that is."""

    name: str  # the phase is kubeconfig/<name>
    path: str
    user: str
    groups: tuple[str, ...]
    server: str


def certificates(node: str, address: str, endpoint: str) -> Iterator[Certificate]:
    """All of them, in the order in which kubeadm makes them. `endpoint`: the control plane's address."""
    service = "kubernetes.default.svc"
    serving = (node, "kubernetes", "kubernetes.default", service, f"{service}.{v.DNS_DOMAIN}", v.API_SERVICE_IP)
    reached = (*serving, address) if endpoint == address else (*serving, address, endpoint)
    member = (node, "localhost", address, "127.0.0.1", "0:0:0:0:0:0:0:1")
    both = (SERVER, CLIENT)
    yield Certificate("ca", f"{PKI}/ca.crt", "kubernetes")
    yield Certificate("apiserver", f"{PKI}/apiserver.crt", "kube-apiserver", (), "ca", (SERVER,), reached)
    path = f"{PKI}/apiserver-kubelet-client.crt"
    yield Certificate("apiserver-kubelet-client", path, "kube-apiserver-kubelet-client", (), "ca", (CLIENT,))
    yield Certificate("front-proxy-ca", f"{PKI}/front-proxy-ca.crt", "front-proxy-ca")
    path = f"{PKI}/front-proxy-client.crt"
    yield Certificate("front-proxy-client", path, "front-proxy-client", (), "front-proxy-ca", (CLIENT,))
    yield Certificate("etcd-ca", f"{PKI}/etcd/ca.crt", "etcd-ca")
    yield Certificate("etcd-server", f"{PKI}/etcd/server.crt", node, (), "etcd-ca", both, member)
    yield Certificate("etcd-peer", f"{PKI}/etcd/peer.crt", node, (), "etcd-ca", both, member)
    path = f"{PKI}/etcd/healthcheck-client.crt"
    yield Certificate("etcd-healthcheck-client", path, "kube-etcd-healthcheck-client", (), "etcd-ca", (CLIENT,))
    path = f"{PKI}/apiserver-etcd-client.crt"
    yield Certificate("apiserver-etcd-client", path, "kube-apiserver-etcd-client", (), "etcd-ca", (CLIENT,))


SHARED = ("ca", "front-proxy-ca", "etcd-ca")  # what every control plane has the same of, with the key of sa


def kubeconfigs(node: str, address: str, endpoint: str) -> Iterator[Kubeconfig]:
    """In the order in which kubeadm writes them; the two components of the control plane ask their own machine."""
    shared, local = f"https://{endpoint}:{v.API_PORT}", f"https://{address}:{v.API_PORT}"
    folder = "/etc/kubernetes"
    yield Kubeconfig("admin", f"{folder}/admin.conf", "kubernetes-admin", ("kubeadm:cluster-admins",), shared)
    yield Kubeconfig("super-admin", f"{folder}/super-admin.conf", "kubernetes-super-admin", ("system:masters",), shared)
    yield Kubeconfig("kubelet", f"{folder}/kubelet.conf", f"system:node:{node}", ("system:nodes",), shared)
    path = f"{folder}/controller-manager.conf"
    yield Kubeconfig("controller-manager", path, "system:kube-controller-manager", (), local)
    yield Kubeconfig("scheduler", f"{folder}/scheduler.conf", "system:kube-scheduler", (), local)
