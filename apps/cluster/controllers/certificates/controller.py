"""What the controllers of CertificateSigningRequests have in common: each request is looked at when it changes.

Models      pkg/controller/certificates/certificate_controller.go
Leaves out  nothing known
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine


class CertificateController(Controller):
    """Keys are names of requests."""

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.requests = informers("certificatesigningrequests")
        self.requests.add_handler(lambda obj: self.enqueue(name_of(obj)), lambda _, new: self.enqueue(name_of(new)))

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        csr = self.requests.get(key)
        if csr is not None and not csr.get("status", {}).get("certificate"):
            self.handle(csr)

    def handle(self, csr: Obj) -> None:
        """A request that has no certificate yet. Raises: StatusError."""
        raise NotImplementedError
