"""The approver of CertificateSigningRequests: kubelets get their client certificates without being asked about.

Models      pkg/controller/certificates/approver/sarapprove.go
Leaves out  the SubjectAccessReview as a request of its own: the authorizers are asked directly
"""

from __future__ import annotations

from apps.cluster.apimachinery.conditions import find
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apiserver.authorization import Ask, User
from apps.cluster.controllers.certificates import requests
from apps.cluster.controllers.certificates.controller import CertificateController

SELF = "Auto approving self kubelet client certificate after SubjectAccessReview."
NODE = "Auto approving kubelet client certificate after SubjectAccessReview."


class CSRApprovingController(CertificateController):
    """Approves what kubelets may have."""

    name = "certificatesigningrequest-approving-controller"

    def handle(self, csr: Obj) -> None:
        conditions = csr.get("status", {}).get("conditions")
        if find(conditions, "Approved") or find(conditions, "Denied"):
            return
        names = requests.subject(csr)
        if names is None or not requests.is_kubelet_client(csr, names):
            return
        own = csr["spec"].get("username") == names[0]
        if own and self._may(csr, "selfnodeclient"):
            self._approve(csr, SELF)
        elif self._may(csr, "nodeclient"):
            self._approve(csr, NODE)

    def _may(self, csr: Obj, subresource: str) -> bool:
        """Whether who asked may have such a certificate."""
        spec = csr["spec"]
        user = User(spec.get("username", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))
        ask = Ask(user, "create", "certificates.k8s.io", "certificatesigningrequests", subresource)
        return self.client.apiserver.authorizer.answer(ask).allowed

    def _approve(self, csr: Obj, message: str) -> None:
        condition = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
        status = csr.get("status", {})
        new = {**csr, "status": {**status, "conditions": [*(status.get("conditions") or ()), condition]}}
        self.client.update("certificatesigningrequests", new, subresource="approval", why="csr.approve")
