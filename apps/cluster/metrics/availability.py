"""Whether the server behind an APIService can be had.

Models      k8s.io/kube-aggregator controllers/status/remote, controllers/status/local
Leaves out  the look at the server's own discovery (FailedDiscoveryCheck): who has a Ready address answers
"""

from __future__ import annotations

from apps.cluster.apimachinery.conditions import is_true, set_condition
from apps.cluster.apimachinery.meta import EMPTY, Obj, labels_of, name_of
from apps.cluster.apimachinery.timestamps import format_ms
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.engine import Engine

SERVICE_NAME = "kubernetes.io/service-name"


def _service_of(api_service: Obj) -> str:
    ref = api_service["spec"].get("service")
    return f"{ref.get('namespace')}/{ref.get('name')}" if ref is not None else ""


class AvailableConditionController(Controller):
    """Part of the API server. It sleeps until an APIService, its Service or that one's endpoints change."""

    name = "available-condition-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.api_services = informers("apiservices")
        self.services = informers("services")
        self.slices = informers("endpointslices")
        self.api_services.add_index("service", _service_of)
        self.api_services.add_handler(self._changed, lambda _, new: self._changed(new))
        self.services.add_handler(self._service, lambda _, new: self._service(new), self._service)
        self.slices.add_handler(self._slice, lambda _, new: self._slice(new), self._slice)

    def _service(self, service: Obj) -> None:
        self._wake(service["metadata"]["namespace"], name_of(service))

    def _slice(self, part: Obj) -> None:
        self._wake(part["metadata"]["namespace"], labels_of(part).get(SERVICE_NAME, ""))

    def _wake(self, namespace: str, name: str) -> None:
        for obj in self.api_services.by_index("service", f"{namespace}/{name}"):
            self.enqueue(name_of(obj))

    def _changed(self, obj: Obj) -> None:
        conditions = (obj.get("status") or EMPTY).get("conditions")
        if obj["spec"].get("service") is not None or not is_true(conditions, "Available"):
            self.enqueue(name_of(obj))

    def sync(self, key: str) -> None:
        obj = self.api_services.get(key)
        if obj is None:
            return
        status = obj.get("status") or EMPTY
        verdict, reason, message = self._judge(obj["spec"].get("service"))
        new = {"type": "Available", "status": verdict, "reason": reason, "message": message}
        now = format_ms(self.engine.now_ms)
        conditions = set_condition(status.get("conditions"), new, now)
        if conditions != status.get("conditions"):
            self.client.update_status("apiservices", {**obj, "status": {**status, "conditions": conditions}})

    def _judge(self, ref: Obj | None) -> tuple[str, str, str]:
        if ref is None:
            return "True", "Local", "Local APIServices are always available"
        namespace, name, number = ref["namespace"], ref["name"], ref.get("port", 443)
        where = f'service/{name} in "{namespace}"'
        service = self.services.get(f"{namespace}/{name}")
        if service is None:
            return "False", "ServiceNotFound", f"{where} is not present"
        if service["spec"].get("type") == "ExternalName":
            return "True", "Passed", "all checks passed"
        port = next((one for one in service["spec"].get("ports") or () if one["port"] == number), None)
        if port is None:
            return "False", "ServicePortError", f"{where} is not listening on port {number}"
        slices = [part for part in self.slices.list(namespace) if labels_of(part).get(SERVICE_NAME) == name]
        if not slices:
            return "False", "EndpointsNotFound", f'cannot find endpointslices for service/{name} in "{namespace}"'
        wanted = port.get("name", "")
        for part in slices:
            if any((one.get("name") or "") == wanted for one in part.get("ports") or ()) and any(
                (endpoint.get("conditions") or EMPTY).get("ready") is not False and endpoint.get("addresses")
                for endpoint in part.get("endpoints") or ()
            ):
                return "True", "Passed", "all checks passed"
        told = f'endpointslices for service/{name} in "{namespace}" have no addresses with port name "{wanted}"'
        return "False", "MissingEndpoints", told
