"""Names in kube-proxy's table: what a chain is for, eight characters of a hash, and whose it is, in words.

Models      pkg/proxy/nftables/proxier.go: hashAndTruncate, servicePortChainNameBase,
            servicePortEndpointChainNameBase (nftables takes names of 256 characters)
"""

from __future__ import annotations

from base64 import b32encode
from functools import lru_cache
from hashlib import sha256

from apps.cluster.proxy.endpoints import Endpoint
from apps.cluster.proxy.service_ports import PortName

TABLE = "kube-proxy"
SERVICES, SERVICE_IPS, SERVICE_NODE_PORTS = "services", "service-ips", "service-nodeports"
NODE_PORT_IPS, CLUSTER_IPS = "nodeport-ips", "cluster-ips"
SERVICE_ENDPOINTS_CHECK, NODE_PORT_ENDPOINTS_CHECK = "service-endpoints-check", "nodeport-endpoints-check"
NO_ENDPOINT_SERVICES, NO_ENDPOINT_NODE_PORTS = "no-endpoint-services", "no-endpoint-nodeports"
REJECT, CLUSTER_IPS_CHECK = "reject-chain", "cluster-ips-check"
FIREWALL_IPS, FIREWALL_CHECK = "firewall-ips", "firewall-check"
MASQUERADING, HAIRPIN = "masquerading", "hairpin-connections"

LONGEST = 240  # of a name without its prefix


@lru_cache(maxsize=65536)
def hashed(text: str) -> str:
    """The text behind a hash of itself, cut where it is too long: names that differ by a digit look different."""
    name = b32encode(sha256(text.encode()).digest()).decode()[:8] + "-" + text
    return name if len(name) <= LONGEST else name[: LONGEST - 3] + "..."


def port_base(port: PortName) -> str:
    """`ULMVA6XW-ns1/svc1/tcp/p80`."""
    return hashed(_words(port))


def endpoint_base(port: PortName, endpoint: Endpoint) -> str:
    """`5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`; no colon may stand in a name."""
    return hashed(f"{_words(port)}__{endpoint.address.replace(':', '.')}/{endpoint.port}")


def _words(port: PortName) -> str:
    return f"{port.namespace}/{port.service}/{port.protocol.lower()}/{port.port}"


def cluster_chain(port: PortName) -> str:
    return f"service-{port_base(port)}"


def local_chain(port: PortName) -> str:
    return f"local-{port_base(port)}"


def external_chain(port: PortName) -> str:
    return f"external-{port_base(port)}"


def firewall_chain(port: PortName) -> str:
    return f"firewall-{port_base(port)}"


def endpoint_chain(port: PortName, endpoint: Endpoint) -> str:
    return f"endpoint-{endpoint_base(port, endpoint)}"


def affinity_set(port: PortName, endpoint: Endpoint) -> str:
    return f"affinity-{endpoint_base(port, endpoint)}"
