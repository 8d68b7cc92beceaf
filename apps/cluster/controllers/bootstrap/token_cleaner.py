"""The token cleaner: bootstrap tokens go when their time is up.

Models      pkg/controller/bootstrap/tokencleaner.go, which kubeadm switches on
Leaves out  nothing

A cluster that only waits for a token to end is at rest.
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, key_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import REACTION_MS, Client, Controller, Informers, Recorder
from apps.cluster.controllers.bootstrap import tokens
from apps.cluster.engine import Engine


class TokenCleaner(Controller):
    """Keys are Secrets in kube-system."""

    name = "token-cleaner-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.secrets = informers("secrets")
        self.secrets.add_handler(self._changed, lambda _, new: self._changed(new))

    def _changed(self, secret: Obj) -> None:
        if secret.get("type") == tokens.TYPE and namespace_of(secret) == "kube-system":
            left = tokens.expires_in_ms(secret, self.engine.now_ms)
            if left is not None:
                self.enqueue(key_of(secret), max(left, REACTION_MS), quiet=left > 0)

    def sync(self, key: str) -> None:
        secret = self.secrets.get(key)
        if secret is None:
            return
        left = tokens.expires_in_ms(secret, self.engine.now_ms)
        if left is None:
            return
        if left > 0:
            self._changed(secret)
            return
        try:
            self.client.delete(
                "secrets", namespace_of(secret), name_of(secret), uid=uid_of(secret), why="bootstrap.expire"
            )
        except StatusError as error:
            if error.reason not in ("Conflict", "NotFound"):
                raise
