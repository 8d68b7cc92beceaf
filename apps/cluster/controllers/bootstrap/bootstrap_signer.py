"""The bootstrap signer: what a machine that joins learns of the cluster is signed with every token.

Models      pkg/controller/bootstrap/bootstrapsigner.go, which kubeadm switches on
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.apimachinery.meta import Obj, key_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.bootstrap import tokens
from apps.cluster.engine import Engine

CLUSTER_INFO = "kube-public/cluster-info"
SIGNATURE = "jws-kubeconfig-"


class BootstrapSigner(Controller):
    """One key: the ConfigMap cluster-info."""

    name = "bootstrap-signer-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.config_maps = informers("configmaps")
        self.secrets = informers("secrets")
        self.config_maps.add_handler(self._config_map, lambda _, new: self._config_map(new))
        self.secrets.add_handler(self._secret, lambda _, new: self._secret(new), self._secret)

    def _config_map(self, config_map: Obj) -> None:
        if key_of(config_map) == CLUSTER_INFO:
            self.enqueue(CLUSTER_INFO)

    def _secret(self, secret: Obj) -> None:
        if secret.get("type") == tokens.TYPE and namespace_of(secret) == "kube-system":
            self.enqueue(CLUSTER_INFO)

    def sync(self, key: str) -> None:
        config_map = self.config_maps.get(CLUSTER_INFO)
        data = (config_map or {}).get("data") or {}
        if config_map is None or "kubeconfig" not in data:
            return
        signed = {name: text for name, text in data.items() if not name.startswith(SIGNATURE)}
        for secret in self.secrets.list("kube-system"):
            token = tokens.signing(secret, self.engine.now_ms) if secret.get("type") == tokens.TYPE else None
            if token is not None:
                signed.setdefault(SIGNATURE + token[0], tokens.signature(data["kubeconfig"], *token))
        if signed != data:
            try:
                self.client.update("configmaps", {**config_map, "data": signed}, why="bootstrap.sign")
            except StatusError as error:
                if error.reason not in ("Conflict", "NotFound"):
                    raise
