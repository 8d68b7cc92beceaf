"""The cleaner of CertificateSigningRequests that have had their day.

Models      pkg/controller/certificates/cleaner/cleaner.go
Leaves out  certificates that expired: every one outlives its request
"""

from __future__ import annotations

from apps.cluster.apimachinery import timestamps
from apps.cluster.apimachinery.meta import Obj, name_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

POLL_MS = HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def is_old(csr: Obj, now_ms: int) -> bool:
    """An hour after it was issued, denied or failed; a day after it was made or approved in vain. Pure."""

    def older(text: str | None, limit: int) -> bool:
        return bool(text) and now_ms - timestamps.parse(str(text)) > limit

    status = csr.get("status", {})
    conditions = status.get("conditions") or ()
    if not conditions:
        return older(csr["metadata"].get("creationTimestamp"), DAY_MS)
    issued = bool(status.get("certificate"))
    limits = {"Denied": HOUR_MS, "Failed": HOUR_MS, "Approved": HOUR_MS if issued else DAY_MS}
    return any(one["type"] in limits and older(one.get("lastUpdateTime"), limits[one["type"]]) for one in conditions)


class CSRCleanerController(Controller):
    """One key: everything, once an hour, while there is anything."""

    name = "certificatesigningrequest-cleaner-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.requests = informers("certificatesigningrequests")
        self.requests.add_handler(lambda _: self._again())

    def _again(self) -> None:
        """Upstream looks every hour from its start on; an hour without requests would find nothing."""
        self.enqueue("", POLL_MS - self.engine.now_ms % POLL_MS, quiet=True)

    def sync(self, key: str) -> None:
        for csr in self.requests.list():
            if is_old(csr, self.engine.now_ms):
                try:
                    self.client.delete("certificatesigningrequests", "", name_of(csr), why="csr.clean")
                except StatusError:
                    self.errors += 1  # the next look is in an hour
        if self.requests.cache:
            self._again()
