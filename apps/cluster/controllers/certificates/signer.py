"""The signer of CertificateSigningRequests that were approved.

Models      pkg/controller/certificates/signer/signer.go: the four signers that kubeadm's --cluster-signing-cert-file
            sets up, as one
Leaves out  what `apimachinery/x509` leaves out
"""

from __future__ import annotations

from base64 import b64encode

from apps.cluster.apimachinery import x509
from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.controllers.certificates import requests
from apps.cluster.controllers.certificates.controller import CertificateController

YEAR_S = 365 * 24 * 3600  # --cluster-signing-duration
LEAST_S = 600
BACKDATE_S = 300
SHORT_S = 8 * 3600


class CSRSigningController(CertificateController):
    """Signs what was approved, or says why it cannot."""

    name = "certificatesigningrequest-signing-controller"

    def handle(self, csr: Obj) -> None:
        status = csr.get("status", {})
        conditions = status.get("conditions") or ()
        approved = is_true(conditions, "Approved") and not is_true(conditions, "Denied")
        if not approved or is_true(conditions, "Failed"):
            return
        names = requests.subject(csr)
        problem = requests.problem(csr, names) if names is not None else None
        if names is None or problem is None:
            return
        if problem:
            now = format_ms(self.engine.now_ms)
            failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": problem}
            failed |= {"lastUpdateTime": now, "lastTransitionTime": now}
            self._write(csr, {**status, "conditions": [*conditions, failed]}, "csr.refuse")
            return
        self._write(csr, {**status, "certificate": self._certificate(csr, names)}, "csr.sign")

    def _write(self, csr: Obj, status: Obj, why: str) -> None:
        self.client.update_status("certificatesigningrequests", {**csr, "status": status}, why=why)

    def _certificate(self, csr: Obj, names: requests.Names) -> str:
        asked = csr["spec"].get("expirationSeconds")
        seconds = YEAR_S if asked is None else min(max(int(asked), LEAST_S), YEAR_S)
        now = self.engine.now_ms // 1000
        begins = now - BACKDATE_S
        # What is short-lived is not made shorter still by being dated back.
        ends = now + seconds if seconds < SHORT_S else begins + seconds
        pem = x509.certificate(*names, format_ms(begins * 1000), format_ms(ends * 1000))
        return b64encode(pem.encode()).decode()
