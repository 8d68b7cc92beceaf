"""The plugins of certificates: who may approve or sign for a signer, and what no client certificate may say.

Models      plugin/pkg/admission/certificates (approval, signing, subjectrestriction), pkg/certauthorization
Leaves out  ClusterTrustBundleAttest (the kind is behind a feature gate that is off)
"""

from __future__ import annotations

import base64

from apps.cluster.apimachinery import x509
from apps.cluster.apiserver.admission.attributes import CREATE, NOTHING, UPDATE, Attributes, Obj, Plugin
from apps.cluster.apiserver.authentication import MASTERS

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
    if (a.obj.get("spec") or NOTHING).get("signerName") != CLIENT_SIGNER:
        return
    try:
        _, organizations = subject_of(a.obj)
    except ValueError as error:
        raise a.forbidden(f"failed to parse CSR: {error}") from None
    if MASTERS in organizations:
        raise a.forbidden(f"use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed")


def subject_of(csr: Obj) -> tuple[str, tuple[str, ...]]:
    """The common name and the organizations that a CertificateSigningRequest asks for.

    Raises: ValueError: it cannot be read.
    """
    return x509.subject(base64.b64decode(str((csr.get("spec") or NOTHING).get("request", ""))).decode())


APPROVAL = Plugin("CertificateApproval", frozenset({UPDATE}), frozenset({f"{_CSR}/approval"}), None, approve)
SIGNING = Plugin("CertificateSigning", frozenset({UPDATE}), frozenset({f"{_CSR}/status"}), None, sign)
SUBJECT_RESTRICTION = Plugin(
    "CertificateSubjectRestriction", frozenset({CREATE}), frozenset({_CSR}), None, restrict_subject
)
