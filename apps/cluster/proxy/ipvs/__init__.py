"""kube-proxy's IPVS mode: virtual servers, ipsets and a few iptables rules out of Services and EndpointSlices.

Models      pkg/proxy/ipvs, which Kubernetes 1.36 has still, and calls deprecated
"""

from apps.cluster.proxy.ipvs.ruleset import Ruleset

__all__ = ["Ruleset"]
