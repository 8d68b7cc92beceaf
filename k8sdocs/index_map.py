"""The index map: every article once, at the place of what it is about. Titles and numbers are the book's."""

from __future__ import annotations

from typing import NamedTuple

WIDTH, HEIGHT = 1344, 500


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
    Frame(0.5, 72.5, 470, 427, "", True),
    Frame(600.5, 72.5, 316, 427, "node", False),
)

BOXES = (
    Box("what-is-kubernetes", 0.5, 0.5, 200),
    Box("architecture", 216.5, 0.5, 160),
    Box("kubeadm", 600.5, 0.5, 130),
    # control plane, the gate astride its frame
    Box("etcd", 24.5, 136.5, 250),
    Box("kube-scheduler", 24.5, 244.5, 250),
    Box("kube-controller-manager", 24.5, 352.5, 250),
    Box("kube-apiserver", 352, 202, 190, 124, "gate"),
    # node; what talks to the API server stands at its edge
    Box("node", 632.5, 90.5, 260, 28, "title"),
    Box("kubelet", 584.5, 132.5, 204),
    Box("container-runtime", 632.5, 188.5, 260),
    Box("kube-proxy", 584.5, 244.5, 204),
    Box("kube-proxy-vs-calico", 632.5, 300.5, 260),
    Box("calico", 584.5, 356.5, 204),
    Box("calico-node", 632.5, 404.5, 156),
    Box("felix", 804.5, 404.5, 88),
    Box("tunnel", 632.5, 452.5, 156),
    Box("bird", 804.5, 452.5, 88),
    # workloads
    Box("workloads", 976.5, 72.5, 158),
    Box("deployment", 976.5, 132.5, 158),
    Box("statefulset", 976.5, 188.5, 158),
    Box("daemonset", 976.5, 244.5, 158),
    Box("job", 976.5, 300.5, 158),
    Box("pod", 976.5, 372.5, 158),
    # services
    Box("services", 1186.5, 72.5, 157),
    Box("clusterip", 1186.5, 132.5, 157),
    Box("nodeport", 1186.5, 188.5, 157),
    Box("loadbalancer", 1186.5, 244.5, 157),
    Box("externalname", 1186.5, 300.5, 157),
    Box("service-flow", 1146.5, 372.5, 197),
)

EDGES = (
    "M274 156C313 156 313 236 352 236",
    "M274 264H352",
    "M274 372C313 372 313 292 352 292",
    "M542 236C563 236 563 152 584 152",
    "M542 264H584",
    "M542 292C563 292 563 376 584 376",
    "M704 172V188M704 284V300M704 340V356M704 396V404",
    "M788 424H804M788 432C796 432 796 472 804 472",
    "M704 444V452",
    "M1055 112V132",
    "M1134 152C1164 152 1164 392 1134 392M1134 208C1158 208 1158 392 1134 392",
    "M1134 264C1152 264 1152 392 1134 392M1134 320C1146 320 1146 392 1134 392",
    "M1265 112V132M1265 172V188M1265 228V244",
    "M1134 392H1146",
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
