"""TLS bootstrap: how a kubelet that has only a token gets a certificate of its own.

Models      pkg/kubelet/certificate/bootstrap/bootstrap.go, cmd/kubeadm/app/cmd/phases/join/kubelet.go
Leaves out  rotation of the certificate before it ends
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from apps.cluster.apimachinery import x509
from apps.cluster.apiserver import Actor
from apps.cluster.client import Client
from apps.cluster.kubeadm.tokens import GROUP

Obj = dict[str, Any]

SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def bearer(client: Client, node: str, identity: str) -> Client:
    """The kubelet's own requests, made in the name of its token."""
    there = Client(client.apiserver, "kubelet", node)
    there.actor = Actor("kubelet", node, f"system:bootstrap:{identity}", ("system:bootstrappers", GROUP))
    return there


def request(client: Client, node: str) -> str:
    """Ask for a certificate; the name of the request.

    Raises:
        StatusError: the API server does not answer, or the token allows nothing.
    """
    pem = x509.request(f"system:node:{node}", ("system:nodes",))
    made = client.create(
        "certificatesigningrequests",
        {
            "metadata": {"generateName": "csr-"},
            "spec": {
                "request": b64encode(pem.encode()).decode(),
                "signerName": SIGNER,
                "usages": ["digital signature", "client auth"],
            },
        },
        why="kubelet.request-certificate",
        target=node,
    )
    return str(made["metadata"]["name"])


def granted(client: Client, name: str) -> bool:
    """Whether the request has been answered with a certificate.

    Raises:
        StatusError: the API server does not answer, or the request is gone.
    """
    csr = client.get("certificatesigningrequests", "", name)
    return bool((csr.get("status") or {}).get("certificate"))
