"""The EndpointSlice controller: for each Service with a selector, the addresses behind it.

Models      pkg/controller/endpointslice/endpointslice_controller.go (1.36)
Leaves out  the tracker of its own writes (one thread here: a lister is never behind them)
"""

from __future__ import annotations

from typing import Any

from apps.cluster.apimachinery.conditions import is_true
from apps.cluster.apimachinery.meta import EMPTY, Obj, annotations_of, key_of, labels_of, name_of, namespace_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.endpointslice.endpoints import TRIGGER_TIME, ZONE_LABEL
from apps.cluster.controllers.endpointslice.reconcile import (
    MANAGED_BY_LABEL,
    MANAGER,
    SERVICE_LABEL,
    Memo,
    Slices,
    reconcile,
)
from apps.cluster.controllers.endpointslice.services import (
    PodWatch,
    TriggerTimes,
    add_label_index,
    reaction_ms,
    selected_pods,
)
from apps.cluster.controllers.endpointslice.topology import TopologyCache, enabled
from apps.cluster.engine import Engine

SLICE_DELAY_MS = 1_000  # from a stranger's change of a slice to the sync that mends it
SERVICE_INDEX = "service"
NODES = "nodes"  # the key of a turn that looks at the zones of the nodes


def _service_of(endpoint_slice: Obj) -> Any:
    labels = labels_of(endpoint_slice)
    if labels.get(MANAGED_BY_LABEL) != MANAGER:
        return ""
    name = labels.get(SERVICE_LABEL)
    return f"{namespace_of(endpoint_slice)}/{name}" if name else ""


class EndpointSliceController(Controller):
    """Level-triggered: a sync reads the whole state, never the event that woke it."""

    name = "endpointslice-controller"
    source = "endpoint-slice-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.services = informers("services")
        self.pods = informers("pods")
        self.nodes = informers("nodes")
        self.slices = informers("endpointslices")
        self.slices.add_index(SERVICE_INDEX, _service_of)
        add_label_index(self.pods)
        self.trigger_times = TriggerTimes()
        self._memos: dict[str, tuple[Obj, Memo]] = {}  # by Service key, good for one Service spec
        self._writing = False
        self.zones = TopologyCache()
        self._stale = True
        self.nodes.add_handler(lambda _: self._nodes_changed(), self._node_updated, lambda _: self._nodes_changed())
        self.services.add_handler(self._changed, lambda _, new: self._changed(new), self._changed)
        PodWatch(self.services, self.pods, self._pod_changed)
        self.slices.add_handler(None, self._slice_updated, self._slice_gone)

    def _changed(self, service: Obj) -> None:
        self.enqueue(key_of(service))

    def _nodes_changed(self) -> None:
        """Upstream counts the zones' CPU at every change; here it is done when a Service asks for it."""
        self._stale = True
        if self.zones.services:
            self.enqueue(NODES)

    def _look_at_nodes(self) -> None:
        if self._stale:
            self._stale = False
            self.zones.set_nodes(self.nodes.list())

    def _node_updated(self, old: Obj, new: Obj) -> None:
        if labels_of(old).get(ZONE_LABEL) != labels_of(new).get(ZONE_LABEL) or _node_ready(old) != _node_ready(new):
            self._nodes_changed()

    def _pod_changed(self, key: str) -> None:
        slices = self.slices.by_index(SERVICE_INDEX, key)
        self.enqueue(key, reaction_ms(sum(len(one.get("endpoints") or ()) for one in slices)))

    def _slice_updated(self, old: Obj, new: Obj) -> None:
        if not self._writing:
            self._slice_gone(old)
            self._slice_gone(new)

    def _slice_gone(self, endpoint_slice: Obj) -> None:
        if not self._writing:
            key = _service_of(endpoint_slice)
            if key and self.services.get(key) is not None:
                self.enqueue(key, SLICE_DELAY_MS)

    def sync(self, key: str) -> None:
        """Bring the slices of one Service in line with the Pods it selects.

        Raises:
            StatusError: a write was refused; the turn is tried again later.
        """
        if key == NODES:
            self._look_at_nodes()
            for service_key in self.zones.overloaded():
                self.enqueue(service_key)
            return
        service = self.services.get(key)
        if service is None:
            self.trigger_times.forget(key)
            self._memos.pop(key, None)
            return
        if service["spec"].get("type") == "ExternalName" or not service["spec"].get("selector"):
            return
        pods = selected_pods(self.pods, service)
        slices = [one for one in self.slices.by_index(SERVICE_INDEX, key) if "deletionTimestamp" not in one["metadata"]]
        triggered = self.trigger_times.compute(key, service, pods)
        memo = self._memos.get(key)
        if memo is None or memo[0] is not service["spec"]:
            memo = self._memos[key] = (service["spec"], {})
        if enabled(service):
            self._look_at_nodes()
        decided = reconcile(service, pods, slices, self.nodes.get, memo[1], self.zones)
        if not (decided.create or decided.update or decided.delete or decided.nodeless):
            self._tell_of_hints(service, decided)
            return
        self._writing = True
        try:
            for one in decided.create:
                self._create(service, _at(one, triggered))
            for one in decided.update:
                count = _ready(one)
                why = "endpointslice.update"
                self.client.update(
                    "endpointslices", _at(one, triggered), why=why, service=name_of(service), ready=count
                )
            for one in decided.delete:
                why, owner = "endpointslice.delete", name_of(service)
                self.client.delete("endpointslices", namespace_of(one), name_of(one), why=why, service=owner)
        except StatusError as error:
            self._tell(service, error.message)
            raise
        finally:
            self._writing = False
        self._tell_of_hints(service, decided)
        if decided.nodeless:
            where = key
            texts = [f"skipping Pod {pod} for Service {where}: Node {node} Not Found" for pod, node in decided.nodeless]
            self._tell(service, texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]")
            self.enqueue(key, SLICE_DELAY_MS, quiet=True)  # until the Pod collector has removed the Pod

    def _create(self, service: Obj, endpoint_slice: Obj) -> None:
        try:
            count, why = _ready(endpoint_slice), "endpointslice.create"
            self.client.create("endpointslices", endpoint_slice, why=why, service=name_of(service), ready=count)
        except StatusError as error:
            if any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ()):
                return
            raise

    def _tell_of_hints(self, service: Obj, decided: Slices) -> None:
        for type_, reason, message in decided.events:
            self.recorder.event(service, type_, reason, message)

    def _tell(self, service: Obj, text: str) -> None:
        message = f"Error updating Endpoint Slices for Service {key_of(service)}: {text}"
        self.recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message)

    def stop(self) -> None:
        super().stop()
        self.trigger_times.seen.clear()
        self.zones, self._stale = TopologyCache(), True

    def state(self) -> dict[str, Any]:
        return {
            "zones": self.zones.save(),
            "stale": self._stale,
            "seen": {key: [created, dict(pods)] for key, (created, pods) in self.trigger_times.seen.items()},
        }

    def set_state(self, data: dict[str, Any]) -> None:
        self.zones.load(data["zones"])
        self._stale = data["stale"]
        self.trigger_times.seen = {key: [created, dict(pods)] for key, (created, pods) in data["seen"].items()}


def _node_ready(node: Obj) -> bool:
    return is_true((node.get("status") or EMPTY).get("conditions"), "Ready")


def _ready(endpoint_slice: Obj) -> int:
    return sum(1 for endpoint in endpoint_slice["endpoints"] if endpoint["conditions"].get("ready"))


def _at(endpoint_slice: Obj, triggered: str) -> Obj:
    """The slice saying when the change happened that it answers."""
    annotations = {key: value for key, value in annotations_of(endpoint_slice).items() if key != TRIGGER_TIME}
    if triggered:
        annotations[TRIGGER_TIME] = triggered
    metadata = {**endpoint_slice["metadata"], "annotations": annotations}
    return {**endpoint_slice, "metadata": metadata}
