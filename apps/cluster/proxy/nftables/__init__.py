"""kube-proxy's nftables mode: one table of chains, sets and maps out of Services and EndpointSlices.

Models      pkg/proxy/nftables/proxier.go
"""

from apps.cluster.proxy.nftables.ruleset import Ruleset

__all__ = ["Ruleset"]
