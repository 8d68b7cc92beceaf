"""kube-proxy's iptables mode: chains and rules out of Services and EndpointSlices.

Models      pkg/proxy/iptables/proxier.go
"""

from apps.cluster.proxy.iptables.ruleset import Ruleset

__all__ = ["Ruleset"]
