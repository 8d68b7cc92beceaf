"""Authentication: who a component or a reader is to the API server.

Models      staging/src/k8s.io/apiserver/pkg/authentication (user, group, serviceaccount), the client certificates that
            kubeadm signs, cmd/kube-controller-manager with --use-service-account-credentials
Leaves out  certificates, tokens and their expiry: a component says who it is and is believed
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

MASTERS = "system:masters"
ADMINS = "kubeadm:cluster-admins"
NODES = "system:nodes"
NODE_PREFIX = "system:node:"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
ACCOUNT_PREFIX = "system:serviceaccount:"
ACCOUNTS = "system:serviceaccounts"


class User(NamedTuple):
    """user.Info, without extra fields."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"username": self.name}
        if self.uid:
            out["uid"] = self.uid
        if self.groups:
            out["groups"] = list(self.groups)
        return out


class Actor(NamedTuple):
    """Who asks: a component, on which machine; and, with `kubectl --as`, in whose name.

    `manager` is what managedFields call a client from outside; `agent` is its user agent.
    """

    component: str
    node: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    manager: str = ""
    agent: str = ""


# kube-controller-manager's controllers -> the ServiceAccount in kube-system whose token each of them uses.
SERVICE_ACCOUNTS: Mapping[str, str] = {
    "endpoints-controller": "endpoint-controller",
    "endpointslice-controller": "endpointslice-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "replicationcontroller-controller": "replication-controller",
    "replication-controller": "replication-controller",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "resourcequota-controller": "resourcequota-controller",
    "namespace-controller": "namespace-controller",
    "serviceaccount-controller": "service-account-controller",
    "garbage-collector-controller": "generic-garbage-collector",
    "daemonset-controller": "daemon-set-controller",
    "job-controller": "job-controller",
    "deployment-controller": "deployment-controller",
    "replicaset-controller": "replicaset-controller",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
    "disruption-controller": "disruption-controller",
    "statefulset-controller": "statefulset-controller",
    "cronjob-controller": "cronjob-controller",
    "certificatesigningrequest-signing-controller": "certificate-controller",
    "certificatesigningrequest-approving-controller": "certificate-controller",
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "ttl-controller": "ttl-controller",
    "bootstrap-signer-controller": "bootstrap-signer",
    "token-cleaner-controller": "token-cleaner",
    "node-ipam-controller": "node-controller",
    "node-lifecycle-controller": "node-controller",
    "taint-eviction-controller": "node-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "persistentvolume-attach-detach-controller": "attachdetach-controller",
    "persistentvolume-expander-controller": "expand-controller",
    "clusterrole-aggregation-controller": "clusterrole-aggregation-controller",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "ttl-after-finished-controller": "ttl-after-finished-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "ephemeral-volume-controller": "ephemeral-volume-controller",
    "resourceclaim-controller": "resource-claim-controller",
    "legacy-serviceaccount-token-cleaner-controller": "legacy-service-account-token-cleaner",
    "validatingadmissionpolicy-status-controller": "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller": "volumeattributesclass-protection-controller",
    "service-cidr-controller": "service-cidrs-controller",
    "service-controller": "service-controller",  # of cloud-controller-manager
    # No controller of Kubernetes: it stands for a provisioner and acts as the binder that would call one.
    "storage-provisioner": "persistent-volume-binder",
}
# Programs in Pods of their own: namespace and ServiceAccount.
ACCOUNTS_ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "calico-node": ("kube-system", "calico-node"),
    "metallb-controller": ("metallb-system", "controller"),
    "metallb-speaker": ("metallb-system", "speaker"),
}
# Programs that come with a client certificate: its common name and organisations.
CERTIFICATES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "kube-apiserver": ("system:apiserver", (MASTERS,)),
    "kube-controller-manager": ("system:kube-controller-manager", ()),
    # Its token is signed with the root's credentials: the one controller that has no account of its own.
    "serviceaccount-token-controller": ("system:kube-controller-manager", ()),
    "kube-scheduler": ("system:kube-scheduler", ()),
    "kubectl": ("kubernetes-admin", (ADMINS,)),
    "kubeadm": ("kubernetes-admin", (ADMINS,)),
    "machine": ("kubernetes-admin", (ADMINS,)),
    # It stands for the attacher of whatever driver, with the rights that its administrator would have given it.
    "storage-attacher": ("kubernetes-admin", (ADMINS,)),
}


@lru_cache(maxsize=16384)
def user_of(actor: Actor) -> User:
    """Who the actor is.

    >>> user_of(Actor("kubelet", "worker-1")).name, user_of(Actor("deployment-controller")).name
    ('system:node:worker-1', 'system:serviceaccount:kube-system:deployment-controller')
    """
    if actor.user:
        return named(actor.user, actor.groups)
    component = actor.component
    if component == "kubelet" and actor.node:
        return User(NODE_PREFIX + actor.node, (NODES, AUTHENTICATED))
    account = SERVICE_ACCOUNTS.get(component)
    if account is not None:
        return service_account("kube-system", account)
    certificate = CERTIFICATES.get(component)
    if certificate is not None:
        return User(certificate[0], (*certificate[1], AUTHENTICATED))
    if component in ACCOUNTS_ELSEWHERE:
        return service_account(*ACCOUNTS_ELSEWHERE[component])
    if component.startswith("system:"):
        return named(component)
    return User(component, (AUTHENTICATED,))


def service_account(namespace: str, name: str) -> User:
    return User(f"{ACCOUNT_PREFIX}{namespace}:{name}", (ACCOUNTS, f"{ACCOUNTS}:{namespace}", AUTHENTICATED))


def named(name: str, groups: tuple[str, ...] = ()) -> User:
    """A user as impersonation makes one: an account's groups come with its name, and everybody is authenticated.

    >>> named("system:serviceaccount:dev:builder").groups
    ('system:serviceaccounts', 'system:serviceaccounts:dev', 'system:authenticated')
    """
    if name == ANONYMOUS:
        return User(name, tuple(dict.fromkeys((*groups, UNAUTHENTICATED))))
    if name.startswith(ACCOUNT_PREFIX) and not groups:
        namespace = name[len(ACCOUNT_PREFIX) :].partition(":")[0]
        groups = (ACCOUNTS, f"{ACCOUNTS}:{namespace}")
    if UNAUTHENTICATED in groups:
        return User(name, tuple(dict.fromkeys(groups)))
    return User(name, tuple(dict.fromkeys((*groups, AUTHENTICATED))))


def node_of(user: User) -> str | None:
    """The machine that a node's user acts for; None for everybody else."""
    if user.name.startswith(NODE_PREFIX) and NODES in user.groups:
        return user.name[len(NODE_PREFIX) :]
    return None
