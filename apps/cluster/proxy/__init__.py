"""kube-proxy: its Pod on every node, and what it makes out of Services and EndpointSlices, in each of its modes.

Models      cmd/kube-proxy as kubeadm installs it: a DaemonSet of kube-system with its ConfigMap
"""

from apps.cluster.proxy.config import ProxyConfig
from apps.cluster.proxy.modes import IPVS, MODES, InKernel, Ruleset, in_kernel, ruleset_for

__all__ = ["IPVS", "MODES", "InKernel", "ProxyConfig", "Ruleset", "in_kernel", "ruleset_for"]
