"""The Endpoints controller: the same addresses once more, as the older Endpoints object of the Service's name.

Models      pkg/controller/endpoint/endpoints_controller.go, pkg/api/v1/endpoints/util.go (1.36)
Leaves out  removing Endpoints whose Service went while the controller was down
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.cluster.apimachinery.meta import (
    Obj,
    annotations_of,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    split_key,
    uid_of,
)
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.endpointslice.endpoints import (
    HEADLESS_LABEL,
    TRIGGER_TIME,
    addresses,
    belongs,
    find_port,
    is_headless,
    shows_hostname,
)
from apps.cluster.controllers.endpointslice.services import PodWatch, TriggerTimes, add_label_index, selected_pods
from apps.cluster.controllers.pod_helpers import is_pod_ready
from apps.cluster.engine import Engine

MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MAX_CAPACITY = 1_000

_PortKey = tuple[str, str, int, str]


def subsets_of(service: Obj, pods: Sequence[Obj]) -> list[Obj]:
    """`Endpoints.subsets`: addresses with the same ports together, ready ones apart from the others."""
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    family = (service["spec"].get("ipFamilies") or ("IPv4",))[0]
    ports: dict[_PortKey, Obj] = {}
    by_address: dict[tuple[str, str], tuple[Obj, bool, list[_PortKey]]] = {}
    for pod in pods:
        if not belongs(pod, include_terminating=published):
            continue
        found = addresses(pod, family)
        if not found:
            continue
        keys = [_add_port(ports, port, number) for port, number in _pod_ports(service, pod)]
        if not keys and (service["spec"].get("ports") or not is_headless(service)):
            continue
        ready = published or is_pod_ready(pod)
        by_address[found[0], uid_of(pod)] = (_address(pod, service, found[0]), ready, sorted(set(keys)))
    groups: dict[tuple[_PortKey, ...], tuple[list[Obj], list[Obj]]] = {}
    for _, (address, ready, keys) in sorted(by_address.items(), key=lambda item: item[0]):
        group = groups.setdefault(tuple(keys), ([], []))
        group[0 if ready else 1].append(address)
    subsets = []
    for key, (ready_ones, others) in sorted(groups.items(), key=lambda item: item[0]):
        subset: Obj = {}
        if ready_ones:
            subset["addresses"] = ready_ones
        if others:
            subset["notReadyAddresses"] = others
        if key:
            subset["ports"] = [ports[one] for one in key]
        subsets.append(subset)
    return subsets


def _pod_ports(service: Obj, pod: Obj) -> list[tuple[Obj, int]]:
    found = ((port, find_port(pod, port)) for port in service["spec"].get("ports") or ())
    return [(port, number) for port, number in found if number is not None]


def _add_port(ports: dict[_PortKey, Obj], port: Obj, number: int) -> _PortKey:
    name, protocol = port.get("name") or "", port.get("protocol") or "TCP"
    key = (name, protocol, number, port.get("appProtocol") or "")
    if key not in ports:
        entry: Obj = {"name": name} if name else {}
        entry.update(port=number, protocol=protocol)
        if key[3]:
            entry["appProtocol"] = key[3]
        ports[key] = entry
    return key


def _address(pod: Obj, service: Obj, ip: str) -> Obj:
    address: Obj = {"ip": ip}
    if shows_hostname(pod, service):
        address["hostname"] = pod["spec"]["hostname"]
    address["nodeName"] = pod["spec"].get("nodeName", "")
    address["targetRef"] = {
        "kind": "Pod",
        "namespace": namespace_of(pod),
        "name": name_of(pod),
        "uid": uid_of(pod),
    }
    return address


def truncate(subsets: list[Obj]) -> tuple[list[Obj], bool]:
    """At most MAX_CAPACITY addresses, ready ones first, in proportion to the subsets; whether any were cut."""
    ready = sum(len(subset.get("addresses") or ()) for subset in subsets)
    others = sum(len(subset.get("notReadyAddresses") or ()) for subset in subsets)
    if ready + others <= MAX_CAPACITY:
        return subsets, False
    cut_ready = ready > MAX_CAPACITY
    name = "addresses" if cut_ready else "notReadyAddresses"
    budget = left = MAX_CAPACITY if cut_ready else MAX_CAPACITY - ready
    total = ready if cut_ready else others
    out = []
    for subset in subsets:
        there = subset.get(name) or []
        count = min(-(-len(there) * budget // total), left)  # rounded up
        left -= min(count, len(there))
        kept = {field: value for field, value in subset.items() if field != "notReadyAddresses" or not cut_ready}
        kept[name] = there[:count]
        out.append({field: value for field, value in kept.items() if value})
    return out, True


class EndpointsController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "endpoints-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, Recorder(engine, client, MANAGER))
        self.services = informers("services")
        self.pods = informers("pods")
        self.endpoints = informers("endpoints")
        self.trigger_times = TriggerTimes()
        add_label_index(self.pods)
        self.services.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        PodWatch(self.services, self.pods, self.enqueue)
        self.endpoints.add_handler(on_delete=self._endpoints_deleted)

    def _changed(self, service: Obj) -> None:
        self.enqueue(key_of(service))

    def _endpoints_deleted(self, endpoints: Obj) -> None:
        if self.services.get(key_of(endpoints)) is not None:
            self.enqueue(key_of(endpoints))

    def sync(self, key: str) -> None:
        """Bring the Endpoints of one Service in line; delete them when the Service is gone.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        service = self.services.get(key)
        there = self.endpoints.get(key)
        if service is None:
            self.trigger_times.forget(key)
            if there is not None:
                namespace, name = split_key(key)
                self.client.delete("endpoints", namespace, name, why="endpoints.delete")
            return
        if service["spec"].get("type") == "ExternalName" or not service["spec"].get("selector"):
            return
        pods = selected_pods(self.pods, service)
        triggered = self.trigger_times.compute(key, service, pods)
        subsets, cut = truncate(subsets_of(service, pods))
        labels = {**labels_of(service), MANAGED_BY_LABEL: MANAGER}
        if is_headless(service):
            labels[HEADLESS_LABEL] = ""
        else:
            labels.pop(HEADLESS_LABEL, None)
        same = there is not None and (there.get("subsets") or []) == subsets and labels_of(there) == labels
        if there is not None and same and cut == (OVER_CAPACITY in annotations_of(there)):
            return
        annotations = dict(annotations_of(there)) if there is not None else {}
        annotations.pop(TRIGGER_TIME, None)
        annotations.pop(OVER_CAPACITY, None)
        if triggered:
            annotations[TRIGGER_TIME] = triggered
        if cut:
            annotations[OVER_CAPACITY] = "truncated"
        self._write(service, there, {"labels": labels, "annotations": annotations}, subsets)

    def _write(self, service: Obj, there: Obj | None, wanted: Obj, subsets: list[Obj]) -> None:
        base: Obj = (
            there["metadata"] if there is not None else {"name": name_of(service), "namespace": namespace_of(service)}
        )
        new: Obj = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {**base, **wanted}}
        if subsets:
            new["subsets"] = subsets
        ready = sum(len(subset.get("addresses") or ()) for subset in subsets)
        try:
            if there is None:
                self.client.create("endpoints", new, why="endpoints.create", ready=ready)
            else:
                self.client.update("endpoints", new, why="endpoints.update", ready=ready)
        except StatusError as error:
            if any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ()):
                return
            verb, link = ("Create", "for service ") if there is None else ("Update", "")
            message = f"Failed to {verb.lower()} endpoint {link}{key_of(service)}: {error.message}"
            self.recorder.event(new, "Warning", f"FailedTo{verb}Endpoint", message)
            raise

    def stop(self) -> None:
        super().stop()
        self.trigger_times.seen.clear()

    def state(self) -> dict[str, Any]:
        return {"seen": {key: [created, dict(pods)] for key, (created, pods) in self.trigger_times.seen.items()}}

    def set_state(self, data: dict[str, Any]) -> None:
        self.trigger_times.seen = {key: [created, dict(pods)] for key, (created, pods) in data["seen"].items()}
