"""The ipsets of IPVS mode: their names, types and comments, and which rule asks for each.

Models      pkg/proxy/ipvs/ipset.go, pkg/proxy/ipvs/proxier.go: ipsetInfo, ipsetWithIptablesChain
Leaves out  nothing
"""

from __future__ import annotations

from typing import NamedTuple

LOOP_BACK, CLUSTER_IP = "KUBE-LOOP-BACK", "KUBE-CLUSTER-IP"
EXTERNAL_IP, EXTERNAL_IP_LOCAL = "KUBE-EXTERNAL-IP", "KUBE-EXTERNAL-IP-LOCAL"
LOAD_BALANCER, LOAD_BALANCER_LOCAL = "KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-LOCAL"
LOAD_BALANCER_FW = "KUBE-LOAD-BALANCER-FW"
SOURCE_IP, SOURCE_CIDR = "KUBE-LOAD-BALANCER-SOURCE-IP", "KUBE-LOAD-BALANCER-SOURCE-CIDR"
NODE_PORT = {"TCP": "KUBE-NODE-PORT-TCP", "UDP": "KUBE-NODE-PORT-UDP", "SCTP": "KUBE-NODE-PORT-SCTP-HASH"}
NODE_PORT_LOCAL = {
    "TCP": "KUBE-NODE-PORT-LOCAL-TCP",
    "UDP": "KUBE-NODE-PORT-LOCAL-UDP",
    "SCTP": "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
}
HEALTH_CHECK, IPVS_IPS = "KUBE-HEALTH-CHECK-NODE-PORT", "KUBE-IPVS-IPS"
LONGEST = 31

AT_PORT, AT_PORT_FROM, AT_PORT_NET, PORT = "hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net", "bitmap:port"
# name: its type and its comment, in the order in which they are made.
SETS = {
    LOOP_BACK: (AT_PORT_FROM, "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"),
    CLUSTER_IP: (AT_PORT, "Kubernetes service cluster ip + port for masquerade purpose"),
    EXTERNAL_IP: (AT_PORT, "Kubernetes service external ip + port for masquerade and filter purpose"),
    EXTERNAL_IP_LOCAL: (AT_PORT, "Kubernetes service external ip + port with externalTrafficPolicy=local"),
    LOAD_BALANCER: (AT_PORT, "Kubernetes service lb portal"),
    LOAD_BALANCER_FW: (AT_PORT, "Kubernetes service load balancer ip + port for load balancer with sourceRange"),
    LOAD_BALANCER_LOCAL: (AT_PORT, "Kubernetes service load balancer ip + port with externalTrafficPolicy=local"),
    SOURCE_IP: (
        AT_PORT_FROM,
        "Kubernetes service load balancer ip + port + source IP for packet filter purpose",
    ),
    SOURCE_CIDR: (
        AT_PORT_NET,
        "Kubernetes service load balancer ip + port + source cidr for packet filter purpose",
    ),
    NODE_PORT["TCP"]: (PORT, "Kubernetes nodeport TCP port for masquerade purpose"),
    NODE_PORT_LOCAL["TCP"]: (PORT, "Kubernetes nodeport TCP port with externalTrafficPolicy=local"),
    NODE_PORT["UDP"]: (PORT, "Kubernetes nodeport UDP port for masquerade purpose"),
    NODE_PORT_LOCAL["UDP"]: (PORT, "Kubernetes nodeport UDP port with externalTrafficPolicy=local"),
    NODE_PORT["SCTP"]: (AT_PORT, "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"),
    NODE_PORT_LOCAL["SCTP"]: (
        AT_PORT,
        "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
    ),
    HEALTH_CHECK: (PORT, "Kubernetes health check node port"),
    IPVS_IPS: ("hash:ip", "Addresses on the ipvs interface"),
}


class Asked(NamedTuple):
    """A rule that is there while its set has members: `-m set --match-set NAME match -j target`."""

    name: str
    table: str
    chain: str
    target: str
    match: str
    protocol: str = ""


# What is to be let alone stands before what is to be masqueraded.
ASKED = (
    Asked(LOOP_BACK, "nat", "KUBE-POSTROUTING", "MASQUERADE", "dst,dst,src"),
    Asked(LOAD_BALANCER, "nat", "KUBE-SERVICES", "KUBE-LOAD-BALANCER", "dst,dst"),
    Asked(LOAD_BALANCER_LOCAL, "nat", "KUBE-LOAD-BALANCER", "RETURN", "dst,dst"),
    Asked(NODE_PORT_LOCAL["TCP"], "nat", "KUBE-NODE-PORT", "RETURN", "dst", "tcp"),
    Asked(NODE_PORT["TCP"], "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst", "tcp"),
    Asked(NODE_PORT_LOCAL["UDP"], "nat", "KUBE-NODE-PORT", "RETURN", "dst", "udp"),
    Asked(NODE_PORT["UDP"], "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst", "udp"),
    Asked(NODE_PORT_LOCAL["SCTP"], "nat", "KUBE-NODE-PORT", "RETURN", "dst,dst", "sctp"),
    Asked(NODE_PORT["SCTP"], "nat", "KUBE-NODE-PORT", "KUBE-MARK-MASQ", "dst,dst", "sctp"),
    Asked(LOAD_BALANCER_FW, "filter", "KUBE-PROXY-FIREWALL", "KUBE-SOURCE-RANGES-FIREWALL", "dst,dst"),
    Asked(SOURCE_CIDR, "filter", "KUBE-SOURCE-RANGES-FIREWALL", "RETURN", "dst,dst,src"),
    Asked(SOURCE_IP, "filter", "KUBE-SOURCE-RANGES-FIREWALL", "RETURN", "dst,dst,src"),
)


def named(name: str, family: int) -> str:
    """A set's name in a family: sets of both families live beside one another.

    >>> named("KUBE-LOAD-BALANCER-SOURCE-CIDR", 6)
    'KUBE-6-LOAD-BALANCER-SOURCE-CID'
    """
    return name if family == 4 else name.replace("KUBE-", "KUBE-6-", 1)[:LONGEST]
