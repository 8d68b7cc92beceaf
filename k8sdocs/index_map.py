"""The index map: every article once, at the place of what it is about. Titles and numbers are the book's."""

from __future__ import annotations

from typing import NamedTuple

WIDTH, HEIGHT = 1344, 452


class Box(NamedTuple):
    slug: str
    x: float
    y: float
    width: float
    height: float = 40
    shape: str = "box"  # box, gate, pill, frame-title


class Frame(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    slug: str  # the article on the whole of it
    sunk: bool


FRAMES = (
    Frame(0.5, 72.5, 440, 300, "", True),
    Frame(592.5, 72.5, 312, 379, "node", False),
)

BOXES = (
    Box("what-is-kubernetes", 0.5, 0.5, 200),
    Box("architecture", 216.5, 0.5, 160),
    Box("kubeadm", 592.5, 0.5, 130),
    # control plane, the gate astride its frame
    Box("etcd", 24.5, 120.5, 210),
    Box("kube-scheduler", 24.5, 208.5, 210),
    Box("kube-controller-manager", 24.5, 296.5, 210),
    Box("kube-apiserver", 318, 166, 190, 124, "gate"),
    # node, kubelet and kube-proxy at its edge
    Box("kubelet", 576.5, 120.5, 192),
    Box("container-runtime", 624.5, 176.5, 256),
    Box("kube-proxy", 576.5, 232.5, 192),
    Box("kube-proxy-vs-calico", 784.5, 232.5, 104),
    Box("calico", 576.5, 288.5, 192),
    Box("calico-node", 784.5, 288.5, 104),
    Box("felix", 624.5, 344.5, 124),
    Box("bird", 756.5, 344.5, 124),
    Box("tunnel", 624.5, 400.5, 256),
    # workloads
    Box("workloads", 968.5, 72.5, 158),
    Box("deployment", 968.5, 132.5, 158),
    Box("statefulset", 968.5, 188.5, 158),
    Box("daemonset", 968.5, 244.5, 158),
    Box("job", 968.5, 300.5, 158),
    Box("pod", 968.5, 372.5, 158, 40),
    # services
    Box("services", 1186.5, 72.5, 157),
    Box("clusterip", 1186.5, 132.5, 157),
    Box("nodeport", 1186.5, 188.5, 157),
    Box("loadbalancer", 1186.5, 244.5, 157),
    Box("externalname", 1186.5, 300.5, 157),
    Box("service-flow", 1186.5, 372.5, 157),
)

EDGES = (
    "M234 140C276 140 276 196 318 196",
    "M234 228H318",
    "M234 316C276 316 276 260 318 260",
    "M508 200C542 200 542 140 576 140",
    "M508 228C542 228 542 252 576 252",
    "M508 256C542 256 542 308 576 308",
    "M696 160V176",
    "M768 308H784",
    "M686 328V344M818 328V344",
    "M686 384V400M818 384V400",
    "M1047 112V132",
    "M1126 152C1156 152 1156 392 1126 392M1126 208C1150 208 1150 392 1126 392",
    "M1126 264C1144 264 1144 392 1126 392M1126 320C1138 320 1138 392 1126 392",
    "M1265 112V132M1265 172V188M1265 228V244",
    "M1126 392H1186",
)

# Words of a machine in mono, words of a person in sans.
MACHINE = {
    "etcd",
    "kube-scheduler",
    "kube-controller-manager",
    "kube-apiserver",
    "kubelet",
    "kube-proxy",
    "kubeadm",
    "calico-node",
}
