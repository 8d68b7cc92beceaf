"""What a writer is called in managedFields.

Models      endpoints/handlers (managerOrUserAgent), kubectl's field managers
Leaves out  nothing known
"""

from __future__ import annotations

from functools import cache

KUBECTL = {
    "kubectl.apply": "kubectl-client-side-apply",
    "kubectl.apply-create": "kubectl-client-side-apply",
    "kubectl.create": "kubectl-create",
    "kubectl.replace": "kubectl-replace",
    "kubectl.patch": "kubectl-patch",
    "kubectl.scale": "kubectl",
    "kubectl.cordon": "kubectl",
    "kubectl.uncordon": "kubectl",
}
OWN_PROCESS = frozenset({"kube-scheduler", "kubelet", "kubeadm", "kube-apiserver", "kube-proxy", "kubectl"})
APPLY = "\x01"  # before the name of a component that applies; names from outside are printable
PREFIXES = ("calico", "coredns", "cloud-", "local-path", "metrics-server")


@cache
def manager_of(component: str, why: str) -> str:
    """The manager that a component's writes go under: its program's name, for that is what its user agent begins with.

    >>> manager_of("deployment-controller", ""), manager_of("kubectl", "kubectl.create"), manager_of("kubelet", "")
    ('kube-controller-manager', 'kubectl-create', 'kubelet')
    """
    if component == "kubectl":
        if why in KUBECTL:
            return KUBECTL[why]
        return "kubectl-rollout" if why.startswith("kubectl.rollout") else "kubectl"
    if component.startswith("@"):
        return component[1:]  # by the name it gave: a client from outside, or a part of a program
    if component in OWN_PROCESS or component.startswith(PREFIXES):
        return component
    return "kube-controller-manager"


def from_user_agent(agent: str) -> str:
    """What is before the slash.

    >>> from_user_agent("kubectl/v1.36.2 (linux/amd64)"), from_user_agent("")
    ('kubectl', 'unknown')
    """
    return (agent.partition("/")[0].strip() or "unknown")[:128]
