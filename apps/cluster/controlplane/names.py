"""The programs of a cluster that a reader can stop, crash and start, by the names that they have on a machine."""

from __future__ import annotations

from apps.cluster.kubelet.cri import flavours

ETCD = "etcd"
APISERVER = "kube-apiserver"
MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KUBELET = "kubelet"
RUNTIME = "crio"  # the container runtime as the ledger has it, whichever it is

PROXY = "kube-proxy"
CALICO_NODE = "calico-node"

STATIC = (ETCD, APISERVER, MANAGER, SCHEDULER)  # static Pods of a control-plane machine
RUNTIMES = flavours.COMPONENTS
AGENTS = (PROXY, CALICO_NODE)  # a Pod of a DaemonSet on every machine
SERVICES = (KUBELET, RUNTIME)  # systemd services of every machine
COMPONENTS = (*STATIC, *SERVICES, *AGENTS)
NAMES = (*STATIC, KUBELET, *RUNTIMES, *AGENTS)  # what a command may name; of the runtimes, the one that the machine has
ELECTED = (MANAGER, SCHEDULER)  # one of several acts, the others wait
VERBS = ("stop", "crash", "start")


def slot(name: str) -> str:
    """The name that the ledger has for a program.

    >>> slot("containerd"), slot("kubelet")
    ('crio', 'kubelet')
    """
    return RUNTIME if name in RUNTIMES else name
