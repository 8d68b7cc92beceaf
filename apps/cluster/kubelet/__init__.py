"""The kubelet of each node, the container runtime behind it, and what images do."""

from apps.cluster.kubelet.kubelet import Host, Kubelet

__all__ = ["Host", "Kubelet"]
