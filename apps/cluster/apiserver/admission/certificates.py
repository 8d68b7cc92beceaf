"""The plugins of certificates: who may approve or sign for a signer, and what no client certificate may say.

Models      plugin/pkg/admission/certificates (approval, signing, subjectrestriction), pkg/certauthorization
Leaves out  the subject inside a request is not decoded: CertificateSubjectRestriction looks for the group's name in it;
            ClusterTrustBundleAttest (the kind is behind a feature gate that is off)
"""

from __future__ import annotations

import base64
import binascii

from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Plugin

GROUP = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_CSR = "certificatesigningrequests"


def authorized_for_signer(a: Attributes, verb: str, signer: str) -> bool:
    """By the signer's own name, or by its domain's `/*`."""
    if a.allowed is None:
        return True
    return a.allowed(a.user, verb, GROUP, "signers", "", signer) or a.allowed(
        a.user, verb, GROUP, "signers", "", f"{signer.partition('/')[0]}/*"
    )


def _signer(a: Attributes) -> str:
    return str(((a.old or NOTHING).get("spec") or NOTHING).get("signerName", ""))


def approve(a: Attributes) -> None:
    """Raises: StatusError 403."""
    signer = _signer(a)
    if not authorized_for_signer(a, "approve", signer):
        raise a.forbidden(f'user not permitted to approve requests with signerName "{signer}"')


def sign(a: Attributes) -> None:
    """Raises: StatusError 403."""
    before, after = (a.old or NOTHING).get("status") or NOTHING, a.obj.get("status") or NOTHING
    if before.get("certificate") == after.get("certificate") and before.get("conditions") == after.get("conditions"):
        return
    signer = _signer(a)
    if not authorized_for_signer(a, "sign", signer):
        raise a.forbidden(f'user not permitted to sign requests with signerName "{signer}"')


def restrict_subject(a: Attributes) -> None:
    """Raises: StatusError 403."""
    spec = a.obj.get("spec") or NOTHING
    if spec.get("signerName") != CLIENT_SIGNER:
        return
    if b"system:masters" in _der(str(spec.get("request", ""))):
        raise a.forbidden(f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed")


def _der(request: str) -> bytes:
    """What a PEM block in base64 holds; nothing when it is none."""
    try:
        pem = base64.b64decode(request).decode("ascii", "replace")
        body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        return b""


APPROVAL = Plugin("CertificateApproval", frozenset({UPDATE}), frozenset({f"{_CSR}/approval"}), None, approve)
SIGNING = Plugin("CertificateSigning", frozenset({UPDATE}), frozenset({f"{_CSR}/status"}), None, sign)
SUBJECT_RESTRICTION = Plugin(
    "CertificateSubjectRestriction", frozenset({CREATE}), frozenset({_CSR}), None, restrict_subject
)
