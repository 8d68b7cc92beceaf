"""The Service `kubernetes`, its Endpoints and their slice are made again when somebody deletes them.

Models      pkg/controlplane/controller/kubernetesservice (UpdateKubernetesService), pkg/controlplane/reconcilers
Leaves out  nothing

Who is listed in them is for controlplane/records.py. The real one looks every ten seconds; here the look that finds
something missing is the only one that takes place.
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.meta import Obj, key_of
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

KEY = "default/kubernetes"
INTERVAL_MS = 10_000
RESOURCES = ("services", "endpoints", "endpointslices")
MANAGED = ("creationTimestamp", "uid", "resourceVersion", "generation", "managedFields", "deletionTimestamp")


class KubernetesService(Controller):
    """Keys are resources. What is gone is made again as it was first made."""

    name = "bootstrap-controller"
    source = ""

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.gone: dict[str, Obj] = {}
        for resource in RESOURCES:
            self._look_after(resource, informers)

    def _look_after(self, resource: str, informers: Informers) -> None:
        def deleted(obj: Obj) -> None:
            if key_of(obj) == KEY:
                self.gone[resource] = obj
                self.enqueue(resource, INTERVAL_MS - self.engine.now_ms % INTERVAL_MS)

        informers(resource).add_handler(lambda obj: None, lambda old, new: None, deleted)

    def sync(self, key: str) -> None:
        """Raises: StatusError, it was refused; the turn is tried again later."""
        was = self.gone.pop(key, None)
        if was is None:
            return
        try:
            self.client.create(key, anew(key, was))
        except Exception:
            self.gone[key] = was
            raise

    def state(self) -> Any:
        return dict(self.gone)

    def set_state(self, data: Any) -> None:
        self.gone = dict(data or {})


def anew(resource: str, was: Obj) -> Obj:
    """The object to create: of the Service what kube-apiserver says of it, of the others who was listed."""
    metadata = {name: value for name, value in was["metadata"].items() if name not in MANAGED}
    if resource != "services":
        return {**{name: value for name, value in was.items() if name != "status"}, "metadata": metadata}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    spec = {
        "type": "ClusterIP",
        "clusterIP": was["spec"]["clusterIP"],
        "clusterIPs": was["spec"]["clusterIPs"],
        "ports": [port for port in was["spec"]["ports"] if port.get("name") == "https"] or was["spec"]["ports"],
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }
    return {"metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels}, "spec": spec}
