"""Names of Felix' chains and ipsets: what is too long for the kernel is hashed.

Models      libcalico-go/lib/hash/unique_id.go, felix/ipsets (NameForMainIPSet), felix/rules (PolicyChainName)
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha224, sha256

LONGEST_CHAIN, LONGEST_SET = 28, 31
POLICY = {"ingress": "cali-pi-", "egress": "cali-po-"}
PROFILE = {"ingress": "cali-pri-", "egress": "cali-pro-"}
GROUP = {"ingress": "cali-gi-", "egress": "cali-go-"}
ENDPOINT = {"ingress": "cali-tw-", "egress": "cali-fw-"}  # to a workload, from one
KINDS = {
    "NetworkPolicy": "np",
    "GlobalNetworkPolicy": "gnp",
    "KubernetesNetworkPolicy": "knp",
    "StagedNetworkPolicy": "snp",
    "StagedGlobalNetworkPolicy": "sgnp",
}


def limited(prefix: str, name: str, longest: int = LONGEST_CHAIN) -> str:
    """
    >>> limited("cali-tw-", "cali1234")
    'cali-tw-cali1234'
    """
    name = name or "_"
    whole = len(prefix) + len(name)
    if whole > longest or (whole == longest and name.startswith("_")):
        return f"{prefix}_{encoded(sha256(name.encode()).digest())[: longest - 1 - len(prefix)]}"
    return prefix + name


def encoded(digest: bytes) -> str:
    return urlsafe_b64encode(digest).decode().rstrip("=")


def unique(prefix: str, content: str) -> str:
    """The id of an ipset: `s:` of a selector, `n:` of a named port, `svc:` of a Service."""
    return f"{prefix}:{encoded(sha224(f'{prefix}:{content}'.encode()).digest())}"


def set_name(id_: str, family: int) -> str:
    return f"cali{family}0{id_}"[:LONGEST_SET]
