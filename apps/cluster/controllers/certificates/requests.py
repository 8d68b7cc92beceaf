"""What a CertificateSigningRequest asks for.

Models      pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer/signer.go (verification functions)
Leaves out  alternative names in a request

Pure.
"""

from __future__ import annotations

from base64 import b64decode

from apps.cluster.apimachinery import x509
from apps.cluster.apimachinery.meta import Obj

Names = tuple[str, tuple[str, ...]]

KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
CLIENT = "kubernetes.io/kube-apiserver-client"
LEGACY = "kubernetes.io/legacy-unknown"
NODE, NODES = "system:node:", "system:nodes"
_OPTIONAL = {"digital signature", "key encipherment"}


def subject(csr: Obj) -> Names | None:
    """The names in the request, None when it cannot be read."""
    try:
        return x509.subject(b64decode(csr["spec"].get("request") or "").decode())
    except (ValueError, UnicodeDecodeError):
        return None


def is_kubelet_client(csr: Obj, names: Names) -> bool:
    return csr["spec"].get("signerName") == KUBELET_CLIENT and not kubelet_client_problem(csr, names)


def kubelet_client_problem(csr: Obj, names: Names) -> str:
    """Why this is no request of a kubelet for a client certificate, "" when it is."""
    return _organization(names) or _common_name(names) or _usages(csr, {"client auth"})


def _organization(names: Names) -> str:
    return "" if names[1] == (NODES,) else "subject organization is not system:nodes"


def _common_name(names: Names) -> str:
    return "" if names[0].startswith(NODE) else "subject common name does not begin with system:node:"


def _usages(csr: Obj, wanted: set[str]) -> str:
    given = set(csr["spec"].get("usages") or ())
    full = {*wanted, "digital signature", "key encipherment"}
    if given in (full, full - {"key encipherment"}):
        return ""
    return f"usages did not match [{' '.join(sorted(full))}]"


def problem(csr: Obj, names: Names) -> str | None:
    """Why a signer of Kubernetes refuses: "" it does not; None the signer is not one of its own."""
    signer = csr["spec"].get("signerName")
    if signer == KUBELET_CLIENT:
        return kubelet_client_problem(csr, names)
    if signer == KUBELET_SERVING:
        return _organization(names) or _usages(csr, {"server auth"}) or _common_name(names)
    if signer == CLIENT:
        usages = csr["spec"].get("usages") or ()
        for usage in usages:
            if usage not in _OPTIONAL and usage != "client auth":
                return f"invalid usage for client certificate: {usage}"
        return "" if "client auth" in usages else "missing required usage for client certificate: client auth"
    return "" if signer == LEGACY else None
