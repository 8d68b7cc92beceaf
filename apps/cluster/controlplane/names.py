"""The programs of a cluster that a reader can stop, crash and start, by the names that they have on a machine."""

from __future__ import annotations

ETCD = "etcd"
APISERVER = "kube-apiserver"
MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
KUBELET = "kubelet"
RUNTIME = "crio"

STATIC = (ETCD, APISERVER, MANAGER, SCHEDULER)  # static Pods of a control-plane machine
SERVICES = (KUBELET, RUNTIME)  # systemd services of every machine
COMPONENTS = (*STATIC, *SERVICES)
ELECTED = (MANAGER, SCHEDULER)  # one of several acts, the others wait
VERBS = ("stop", "crash", "start")
