"""Names of chains: a prefix that says what the chain is for, and sixteen characters of a hash.

Models      pkg/proxy/iptables/proxier.go: portProtoHash, servicePortEndpointChainName (iptables takes
            names of 28 characters at most)
"""

from __future__ import annotations

from base64 import b32encode
from functools import lru_cache
from hashlib import sha256

SERVICES = "KUBE-SERVICES"
EXTERNAL_SERVICES = "KUBE-EXTERNAL-SERVICES"
NODE_PORTS = "KUBE-NODEPORTS"
POSTROUTING = "KUBE-POSTROUTING"
MARK_MASQ = "KUBE-MARK-MASQ"
FORWARD = "KUBE-FORWARD"
PROXY_FIREWALL = "KUBE-PROXY-FIREWALL"
KUBELET_FIREWALL = "KUBE-FIREWALL"


@lru_cache(maxsize=65536)
def hashed(text: str) -> str:
    """SHA-256 in base32, its first sixteen characters."""
    return b32encode(sha256(text.encode()).digest()).decode()[:16]


def cluster_chain(port: str, protocol: str) -> str:
    return f"KUBE-SVC-{hashed(port + protocol)}"


def local_chain(port: str, protocol: str) -> str:
    return f"KUBE-SVL-{hashed(port + protocol)}"


def firewall_chain(port: str, protocol: str) -> str:
    return f"KUBE-FW-{hashed(port + protocol)}"


def external_chain(port: str, protocol: str) -> str:
    return f"KUBE-EXT-{hashed(port + protocol)}"


def endpoint_chain(port: str, protocol: str, endpoint: str) -> str:
    return f"KUBE-SEP-{hashed(port + protocol + endpoint)}"
