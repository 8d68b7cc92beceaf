"""kube-proxy's configuration: its node, what counts as local traffic, where node ports answer.

Models      pkg/proxy/apis/config KubeProxyConfiguration as kubeadm writes it; pkg/proxy/util: localdetector.go
            (ClusterCIDR), nodeport_addresses.go
Leaves out  the other local traffic modes (NodeCIDR, BridgeInterface, InterfaceNamePrefix)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from apps.cluster.network.addresses import family_of, within

ACCEPTED_ON_LOCALHOST = "localhost_nps_accepted_pkts"
DROPPED_INVALID = "ct_state_invalid_dropped_pkts"


class ProxyConfig(NamedTuple):
    """One kube-proxy for one family.

    `node_ips` are all addresses of the machine, the node's own first; `node_port_addresses` None means every one of
    them; `counters` are the nfacct counters that the kernel has (none on most).
    """

    node: str
    node_ips: tuple[str, ...] = ()
    family: int = 4
    local_cidr: str = ""  # what comes from here is a Pod's; "" when kube-proxy does not know
    masquerade_mark: str = "0x4000"
    masquerade_all: bool = False
    node_port_addresses: tuple[str, ...] | None = None
    localhost_node_ports: bool = True
    conntrack_tcp_liberal: bool = False
    random_fully: bool = True
    counters: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}  # of the node: its zone is looked up here
    large: int = 1000  # more endpoints than this, and comments are left out
    service_cidrs: tuple[str, ...] = ()  # of all ServiceCIDRs; nftables drops what no Service has of them

    @property
    def node_ip(self) -> str:
        return next((ip for ip in self.node_ips if family_of(ip) == self.family), "")

    def node_port_ips(self) -> list[str] | None:
        """The addresses at which node ports answer, in order; None for every address of the machine."""
        if self.node_port_addresses is None:
            return None
        cidrs = [cidr for cidr in self.node_port_addresses if family_of(cidr.partition("/")[0]) == self.family]
        if not cidrs or any(cidr.endswith("/0") for cidr in cidrs):
            return None
        loopback = "127.0.0.1" if self.family == 4 else "::1"
        here = [ip for ip in (*self.node_ips, loopback) if family_of(ip) == self.family]
        return [ip for ip in here if any(within(ip, cidr) for cidr in cidrs)]
