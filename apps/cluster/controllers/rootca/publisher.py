"""The root CA publisher: a ConfigMap kube-root-ca.crt in every namespace, for Pods to trust the API server by.

Models      pkg/controller/certificates/rootcacertpublisher/publisher.go (1.36)
Leaves out  a key behind the certificate, which is the same in every cluster
"""

from __future__ import annotations

from apps.cluster.apimachinery import x509
from apps.cluster.apimachinery.meta import Obj, annotations_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.serviceaccount.serviceaccounts_controller import is_namespace_terminating
from apps.cluster.engine import Engine

CONFIG_MAP = "kube-root-ca.crt"
DESCRIPTION_ANNOTATION = "kubernetes.io/description"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


# What kubeadm init makes: good for ten years, signed by itself.
ROOT_CA = x509.certificate("kubernetes", (), "2026-11-23T00:00:00Z", "2036-11-20T00:00:00Z")


class RootCACertPublisher(Controller):
    """Keys are names of namespaces."""

    name = "root-ca-certificate-publisher-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.namespaces = informers("namespaces")
        self.config_maps = informers("configmaps")
        self.namespaces.add_handler(self._added, lambda _, new: self._added(new))
        self.config_maps.add_handler(None, lambda _, new: self._config_map_changed(new), self._config_map_changed)

    def _added(self, namespace: Obj) -> None:
        if (namespace.get("status") or {}).get("phase") == "Active":
            self.enqueue(name_of(namespace))

    def _config_map_changed(self, config_map: Obj) -> None:
        if name_of(config_map) == CONFIG_MAP:
            self.enqueue(namespace_of(config_map))

    def sync(self, key: str) -> None:
        """Create the ConfigMap, or put it right.

        Raises:
            StatusError: refused for another reason than that the namespace is gone or going.
        """
        data = {"ca.crt": ROOT_CA}
        there = self.config_maps.get(f"{key}/{CONFIG_MAP}")
        if there is None:
            config_map = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": CONFIG_MAP,
                    "namespace": key,
                    "annotations": {DESCRIPTION_ANNOTATION: DESCRIPTION},
                },
                "data": data,
            }
            try:
                self.client.create("configmaps", config_map, why="rootca.create")
            except StatusError as error:
                if error.reason != "NotFound" and not is_namespace_terminating(error):
                    raise
            return
        annotations = annotations_of(there)
        if there.get("data") == data and annotations.get(DESCRIPTION_ANNOTATION):
            return
        metadata = {**there["metadata"], "annotations": {**annotations, DESCRIPTION_ANNOTATION: DESCRIPTION}}
        self.client.update("configmaps", {**there, "metadata": metadata, "data": data}, why="rootca.repair")
