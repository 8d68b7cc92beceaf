"""The Endpoints controller: the same addresses once more, as the older Endpoints object of the Service's name.

Models      pkg/controller/endpoint/endpoints_controller.go, pkg/api/v1/endpoints/util.go (1.36)
Leaves out  nothing that shows
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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
from apps.cluster.controllers.endpointslice.services import (
    PodWatch,
    TriggerTimes,
    add_label_index,
    reaction_ms,
    selected_pods,
)
from apps.cluster.controllers.pod_helpers import is_pod_ready
from apps.cluster.engine import Engine

MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
LEADER = "control-plane.alpha.kubernetes.io/leader"  # Endpoints that are a lock have no Service
LEFTOVERS = "leftovers"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MAX_CAPACITY = 1_000

_PortKey = tuple[str, str, int, str]


class Part(NamedTuple):
    """What one Pod contributes, and the Pod it was worked out from."""

    pod: Obj
    address: Obj | None  # None: nothing
    order: tuple[str, str]
    ready: bool
    ports: dict[_PortKey, Obj]
    group: tuple[_PortKey, ...]


Memo = dict[str, Part]  # by Pod uid


def _part(service: Obj, pod: Obj) -> Part:
    spec = service["spec"]
    published = bool(spec.get("publishNotReadyAddresses"))
    family = (spec.get("ipFamilies") or ("IPv4",))[0]
    found = addresses(pod, family) if belongs(pod, include_terminating=published) else []
    ports: dict[_PortKey, Obj] = {}
    for port, number in _pod_ports(service, pod):
        _add_port(ports, port, number)
    if not found or (not ports and (spec.get("ports") or not is_headless(service))):
        return Part(pod, None, ("", ""), False, {}, ())
    order = (found[0], uid_of(pod))
    ready = published or is_pod_ready(pod)
    return Part(pod, _address(pod, service, found[0]), order, ready, ports, tuple(sorted(ports)))


def subsets_of(service: Obj, pods: Sequence[Obj], memo: Memo | None = None) -> list[Obj]:
    """`Endpoints.subsets`: addresses with the same ports together, ready ones apart from the others.

    `memo` is a caller's, for the same Service spec: Pods that are still the same objects are not looked at again.
    """
    memo = {} if memo is None else memo
    parts: list[Part] = []
    fresh: Memo = {}
    for pod in pods:
        uid = uid_of(pod)
        part = memo.get(uid)
        if part is None or part.pod is not pod:
            part = _part(service, pod)
        fresh[uid] = part
        if part.address is not None:
            parts.append(part)
    memo.clear()
    memo.update(fresh)
    parts.sort(key=_order)
    ports: dict[_PortKey, Obj] = {}
    groups: dict[tuple[_PortKey, ...], tuple[list[Obj], list[Obj]]] = {}
    for part in parts:
        group = groups.get(part.group)
        if group is None:
            group = groups[part.group] = ([], [])
            ports.update(part.ports)
        group[0 if part.ready else 1].append(part.address)  # type: ignore[arg-type]
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


def _order(part: Part) -> tuple[str, str]:
    return part.order


def _pod_ports(service: Obj, pod: Obj) -> list[tuple[Obj, int]]:
    found = ((port, find_port(pod, port)) for port in service["spec"].get("ports") or ())
    return [(port, number) for port, number in found if number is not None]


def _add_port(ports: dict[_PortKey, Obj], port: Obj, number: int) -> None:
    name, protocol = port.get("name") or "", port.get("protocol") or "TCP"
    key = (name, protocol, number, port.get("appProtocol") or "")
    if key not in ports:
        entry: Obj = {"name": name} if name else {}
        entry.update(port=number, protocol=protocol)
        if key[3]:
            entry["appProtocol"] = key[3]
        ports[key] = entry


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
    source = "endpoint-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.services = informers("services")
        self.pods = informers("pods")
        self.endpoints = informers("endpoints")
        self.trigger_times = TriggerTimes()
        self._memos: dict[str, tuple[Obj, Memo]] = {}  # by Service key, good for one Service spec
        add_label_index(self.pods)
        self.services.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        PodWatch(self.services, self.pods, self._pod_changed)
        self.endpoints.add_handler(on_delete=self._endpoints_deleted)

    def _changed(self, service: Obj) -> None:
        self.enqueue(key_of(service))

    def _pod_changed(self, key: str) -> None:
        there = self.endpoints.get(key)
        count = 0
        for subset in (there.get("subsets") or ()) if there is not None else ():
            count += len(subset.get("addresses") or ()) + len(subset.get("notReadyAddresses") or ())
        self.enqueue(key, reaction_ms(count))

    def _endpoints_deleted(self, endpoints: Obj) -> None:
        if self.services.get(key_of(endpoints)) is not None:
            self.enqueue(key_of(endpoints))

    def sync(self, key: str) -> None:
        """Bring the Endpoints of one Service in line; delete them when the Service is gone.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        if key == LEFTOVERS:
            for endpoints in self.endpoints.list():
                if LEADER not in annotations_of(endpoints):
                    self.enqueue(key_of(endpoints))
            return
        service = self.services.get(key)
        there = self.endpoints.get(key)
        if service is None:
            self.trigger_times.forget(key)
            self._memos.pop(key, None)
            if there is not None:
                namespace, name = split_key(key)
                self.client.delete("endpoints", namespace, name, why="endpoints.delete")
            return
        if service["spec"].get("type") == "ExternalName" or not service["spec"].get("selector"):
            return
        pods = selected_pods(self.pods, service)
        triggered = self.trigger_times.compute(key, service, pods)
        memo = self._memos.get(key)
        if memo is None or memo[0] is not service["spec"]:
            memo = self._memos[key] = (service["spec"], {})
        subsets, cut = truncate(subsets_of(service, pods, memo[1]))
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

    def start(self) -> None:
        """The process is back: a Service may have gone meanwhile, and its Endpoints have to follow."""
        super().start()
        self.enqueue(LEFTOVERS)

    def stop(self) -> None:
        super().stop()
        self.trigger_times.seen.clear()

    def state(self) -> dict[str, Any]:
        return {"seen": {key: [created, dict(pods)] for key, (created, pods) in self.trigger_times.seen.items()}}

    def set_state(self, data: dict[str, Any]) -> None:
        self.trigger_times.seen = {key: [created, dict(pods)] for key, (created, pods) in data["seen"].items()}
