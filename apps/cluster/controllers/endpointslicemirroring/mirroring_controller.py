"""The EndpointSlice mirroring controller: Endpoints that a person keeps by hand, as slices that kube-proxy reads.

Models      pkg/controller/endpointslicemirroring (endpointslicemirroring_controller.go, reconciler.go, utils.go)
Leaves out  the tracker of its own writes (one thread here: a lister is never behind them)
"""

from __future__ import annotations

from ipaddress import ip_address

from apps.cluster.apimachinery.meta import (
    EMPTY,
    Obj,
    annotations_of,
    controller_ref,
    key_of,
    labels_of,
    name_of,
    namespace_of,
)
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.endpointslicemirroring.repack import repack
from apps.cluster.controllers.serviceaccount.serviceaccounts_controller import is_namespace_terminating
from apps.cluster.engine import Engine

MANAGER = "endpointslicemirroring-controller.k8s.io"
MANAGED_BY, SERVICE_NAME = "endpointslice.kubernetes.io/managed-by", "kubernetes.io/service-name"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
NOT_MIRRORED = ("endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration")
MOST = 1000  # --mirroring-max-endpoints-per-subset
MIRROR_INDEX = "mirrored for"
_MAX_NAME = 63


def should_mirror(endpoints: Obj) -> bool:
    """Not the slices' own Endpoints, and not a lock of the old sort."""
    return labels_of(endpoints).get(SKIP) != "true" and LEADER not in annotations_of(endpoints)


def desired(endpoints: Obj) -> tuple[dict[tuple[str, str], tuple[list[Obj], list[Obj]]], int, int]:
    """(ports and endpoints by address type and ports, addresses that are none, addresses too many). Pure."""
    groups: dict[tuple[str, str], tuple[list[Obj], list[Obj]]] = {}
    invalid = skipped = 0
    for subset in repack(endpoints.get("subsets") or []):
        ports = [_port(port) for port in subset.get("ports") or ()]
        added = 0
        addresses = [(one, True) for one in subset.get("addresses") or ()]
        addresses += [(one, False) for one in subset.get("notReadyAddresses") or ()]
        for address, ready in addresses:
            if added >= MOST:
                break
            try:
                ip = ip_address(address["ip"])
            except ValueError:
                invalid += 1
                continue
            endpoint: Obj = {"addresses": [str(ip)], "conditions": {"ready": ready}}
            if address.get("hostname"):
                endpoint["hostname"] = address["hostname"]
            if address.get("targetRef"):
                endpoint["targetRef"] = address["targetRef"]
            if address.get("nodeName"):
                endpoint["nodeName"] = address["nodeName"]
            key = (f"IPv{ip.version}", _ports_key(ports))
            groups.setdefault(key, (ports, []))[1].append(endpoint)
            added += 1
        skipped += len(addresses) - added
    return groups, invalid, skipped


def _port(port: Obj) -> Obj:
    out: Obj = {"name": port.get("name", ""), "port": port["port"], "protocol": port.get("protocol", "TCP")}
    if port.get("appProtocol"):
        out["appProtocol"] = port["appProtocol"]
    return out


def _ports_key(ports: list[Obj]) -> str:
    return repr(sorted(sorted(port.items()) for port in ports))


class EndpointSliceMirroringController(Controller):
    """Keys are those of Endpoints."""

    name = "endpointslice-mirroring-controller"
    source = "endpoint-slice-mirroring-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.services = informers("services")
        self.endpoints = informers("endpoints")
        self.slices = informers("endpointslices")
        self.slices.add_index(MIRROR_INDEX, _mirrored_for)
        self.services.add_handler(self._service, self._service_changed, self._service)
        self.endpoints.add_handler(self._endpoints, lambda _, new: self._endpoints(new), self._endpoints)
        self.slices.add_handler(None, lambda _, new: self._slice(new), self._slice)

    def _service(self, service: Obj) -> None:
        if not service["spec"].get("selector"):
            self.enqueue(key_of(service))

    def _service_changed(self, old: Obj, new: Obj) -> None:
        if bool(old["spec"].get("selector")) != bool(new["spec"].get("selector")):
            self.enqueue(key_of(new))

    def _endpoints(self, endpoints: Obj) -> None:
        # Those of a Service with a selector are many and none of its business, so they are passed over at once.
        service = self.services.get(key_of(endpoints))
        if service is None or not service["spec"].get("selector"):
            self.enqueue(key_of(endpoints))

    def _slice(self, part: Obj) -> None:
        key = _mirrored_for(part)
        if key:
            self.enqueue(key)

    def sync(self, key: str) -> None:
        """Raises: StatusError, a write was refused; the turn is tried again later."""
        endpoints, service = self.endpoints.get(key), self.services.get(key)
        existing = self.slices.by_index(MIRROR_INDEX, key)
        if endpoints is None or service is None or not should_mirror(endpoints) or service["spec"].get("selector"):
            for part in existing:
                self._delete(part)
            return
        groups, invalid, skipped = desired(endpoints)
        if invalid:
            told = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
            self.recorder.event(endpoints, "Warning", "InvalidIPAddress", told)
        if skipped > invalid:
            told = (
                f"A max of {MOST} addresses can be mirrored to EndpointSlices per Endpoints subset. "
                f"{skipped} addresses were skipped"
            )
            self.recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", told)
        self._reconcile(endpoints, groups, existing)

    def _reconcile(
        self, endpoints: Obj, groups: dict[tuple[str, str], tuple[list[Obj], list[Obj]]], existing: list[Obj]
    ) -> None:
        by_key: dict[tuple[str, str], list[Obj]] = {}
        for part in existing:
            by_key.setdefault((part["addressType"], _ports_key(part.get("ports") or [])), []).append(part)
        create: list[Obj] = []
        update: list[tuple[Obj, Obj]] = []
        delete = [part for key, parts in by_key.items() if key not in groups for part in parts]
        for key, (ports, wanted) in groups.items():
            parts = by_key.get(key, [])
            delete += parts[1:]
            new = _slice_of(endpoints, key[0], ports, wanted)
            if not parts:
                create.append(new)
            elif not _same(parts[0], new):
                update.append((parts[0], new))
        while create and delete:
            update.append((delete.pop(0), create.pop(0)))  # one that would go is used again for one to come
        namespace = namespace_of(endpoints)
        for new in create if "deletionTimestamp" not in endpoints["metadata"] else ():
            name = name_of(endpoints)
            metadata = {"generateName": f"{name}-" if len(name) < _MAX_NAME else name, "namespace": namespace}
            body = {**new, "metadata": {**metadata, **new["metadata"]}}
            try:
                self.client.create("endpointslices", body, why="mirroring.create", owner=name)
            except StatusError as error:
                if is_namespace_terminating(error):
                    return
                raise
        for old, new in update:
            body = {**new, "metadata": {**old["metadata"], **new["metadata"]}}
            self.client.update("endpointslices", body, why="mirroring.update", owner=name_of(endpoints))
        for part in delete:
            self._delete(part)

    def _delete(self, part: Obj) -> None:
        self.client.delete(
            "endpointslices",
            namespace_of(part),
            name_of(part),
            why="mirroring.delete",
            owner=labels_of(part).get(SERVICE_NAME, ""),
        )


def _mirrored_for(part: Obj) -> str:
    """An index value: the Endpoints that a slice mirrors."""
    labels = labels_of(part)
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return ""
    return f"{namespace_of(part)}/{labels[SERVICE_NAME]}"


def _slice_of(endpoints: Obj, address_type: str, ports: list[Obj], wanted: list[Obj]) -> Obj:
    """A slice without its name."""
    annotations = {name: text for name, text in annotations_of(endpoints).items() if name not in NOT_MIRRORED}
    labels = {**labels_of(endpoints), SERVICE_NAME: name_of(endpoints), MANAGED_BY: MANAGER}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [controller_ref(endpoints)],
        },
        "addressType": address_type,
        "endpoints": wanted[:MOST],
        "ports": ports,
    }


def _same(part: Obj, new: Obj) -> bool:
    """Whether a slice already says what it should; in which order it says it does not matter."""
    metadata = part["metadata"]
    wanted = new["metadata"]
    if metadata.get("labels") != wanted["labels"] or (metadata.get("annotations") or EMPTY) != wanted["annotations"]:
        return False
    if [ref["uid"] for ref in metadata.get("ownerReferences") or ()] != [wanted["ownerReferences"][0]["uid"]]:
        return False
    old = {one["addresses"][0]: one for one in part.get("endpoints") or ()}
    return old == {one["addresses"][0]: one for one in new["endpoints"]}
